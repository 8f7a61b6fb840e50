// « Près de moi, maintenant »: sends where she is, rounded, and shows what became of it where she tapped.
// Without this module she is told of the commune that the page shows.

import { locates, rounded } from "./position.js";

const PART = "maintenant";

begin(document.getElementById(PART));

function begin(part) {
  const form = part.querySelector("form");
  if (form && "geolocation" in navigator) {
    locates(form, (her) => tell(part, form, her));
  }
}

async function tell(part, form, her) {
  const asked = new FormData(form);
  asked.set("latitude", rounded(her.latitude));
  asked.set("longitude", rounded(her.longitude));
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { Accept: "text/html" },
    body: new URLSearchParams(asked),
  });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = document.adoptNode(page.getElementById(PART));
  part.replaceWith(fresh);
  begin(fresh);
  (fresh.querySelector("[data-focus], [aria-invalid=true]") ?? fresh.querySelector("button:not([hidden])"))?.focus();
}
