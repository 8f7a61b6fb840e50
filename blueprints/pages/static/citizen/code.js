// A scanned code comes after the # of the address, which is never sent: it is written into the field, and taken out of
// the address. Without this module she types it.

const field = document.getElementById("code");
const scanned = location.hash.slice(1);

if (/^[0-9A-Z]{5}(-[0-9A-Z]{5}){1,4}$/.test(scanned)) {
  field.value = scanned;
  field.closest("details")?.setAttribute("open", "");
  history.replaceState(history.state, "", location.pathname + location.search);
  field.form.querySelector("[type=submit]").focus();
}
