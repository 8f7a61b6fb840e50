// « Mes lieux »: sends where she is, rounded, as the form would send a commune. Without this module she chooses one.

import { locates, rounded } from "./position.js";

const form = document.getElementById("lieu");

if (form && "geolocation" in navigator) {
  locates(form, keep);
}

function keep(her) {
  for (const name of ["latitude", "longitude"]) {
    form.elements[name].disabled = false;
    form.elements[name].value = rounded(her[name]);
  }
  form.requestSubmit();
}
