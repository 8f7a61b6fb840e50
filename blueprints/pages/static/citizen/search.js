// Looks as one types: what was found takes the place of what was there. Without this module, the form's button does it.

import { replace } from "./in-place.js";
import { keep } from "./recent-searches.js";

const PAUSE = 250;
const LEAST = 2;

const form = document.querySelector("form[data-search]");
const field = form.elements.q;
let shown = asked();
let pause;
let asking;

form.addEventListener("input", () => {
  clearTimeout(pause);
  pause = setTimeout(look, PAUSE);
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(pause);
  shown = null;
  look();
  keep(field.value);
});

document.addEventListener("click", (event) => {
  if (event.target.closest(`#${form.dataset.search} a`)) {
    keep(field.value);
  }
});

// What a browser has put back into the field by itself is looked for too.
window.addEventListener("pageshow", look);

function asked() {
  const wanted = [...new FormData(form)].filter(([, value]) => value.trim());
  return new URLSearchParams(wanted).toString();
}

async function look() {
  const now = asked();
  const letters = field.value.trim().length;
  if (now === shown || (letters > 0 && letters < LEAST)) {
    return;
  }
  shown = now;
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const address = now ? `${form.action}?${now}` : form.action;
  await replace(
    form.dataset.search,
    () => fetch(address, { headers: { Accept: "text/html" }, signal }),
    address,
    () => shown === now,
  );
}
