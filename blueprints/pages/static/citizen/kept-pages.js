// Lists the pages that this browser's service worker keeps, the last seen first, where another one is missing.

const place = document.querySelector("[data-kept-pages]");
const name = (await caches.keys()).find((one) => one.startsWith("citylife-pages-"));
const pages = name && (await caches.open(name));

for (const { url } of ((await pages?.keys()) ?? []).reverse()) {
  const answer = await pages.match(url, { ignoreVary: true });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const link = document.createElement("a");
  link.href = url;
  link.textContent = page.querySelector("h1").textContent.trim();
  const line = document.createElement("li");
  line.append(link);
  place.querySelector("ul").append(line);
  place.hidden = false;
}
