// The installed app starts with the code it was installed with, after the # of its address: whoever is nobody here yet
// is led once to where the code is entered. It stays hers to enter it: an address alone makes nobody of anybody.

const LED = "citylife.arrival";
const code = location.hash.slice(1);

if (/^[0-9A-Z]{5}-[0-9A-Z]{5}$/.test(code) && localStorage.getItem(LED) !== code) {
  localStorage.setItem(LED, code);
  const { arrival } = document.querySelector("[data-arrival]").dataset;
  location.replace(`${arrival}#${code}`);
}
