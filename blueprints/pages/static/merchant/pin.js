// Lets the map be moved under a pin that stays: by finger, by a touch on the spot, or by the arrow keys.
// Without this module the shop stands where the address says, or at the centre of its commune.

import { metresBetween } from "../citizen/distance.js";
import { ground } from "../citizen/map.js";

const NEAR = 17;
const WIDE = 14;
const STEP = 15;
const THERE = 2;
const PLACES = ["at", "commune"];
const form = document.getElementById("revendication");
const section = form.querySelector("[data-pin]");
const said = section?.querySelector("[data-said]");

if (section) {
  section.hidden = false;
  ground(section, { keyboardPanDelta: STEP }).then(begin, () => {
    section.hidden = true; // the map's own files did not come: the address stands as it is
  });
}

function begin(map) {
  // A key that is pressed while the map still glides would be lost: it does not glide.
  map.panBy = (by, options) => window.L.Map.prototype.panBy.call(map, by, { ...options, animate: false });
  const moved = form.elements.pin.value.split(",").map(Number);
  const start = spot();
  if (moved.length === 2 && moved.every(Number.isFinite)) {
    map.setView(moved, NEAR, { animate: false });
  } else if (start) {
    map.setView([start.latitude, start.longitude], closeness(), { animate: false });
  } else {
    map.setView([50.53, 2.64], 11, { animate: false });
  }
  note(map);
  map.on("moveend", () => note(map));
  map.on("click", (event) => map.panTo(event.latlng));
  form.addEventListener("change", (event) => {
    if (PLACES.includes(event.target.name)) {
      back(map);
    }
  });
  section.querySelector("[data-back]").addEventListener("click", () => back(map));
}

function spot() {
  const chosen = form.querySelector("[name=at]:checked") ?? form.elements.commune?.selectedOptions[0];
  const { latitude, longitude } = chosen?.dataset ?? {};
  return latitude === undefined ? null : { latitude: Number(latitude), longitude: Number(longitude) };
}

function closeness() {
  return form.elements.commune ? WIDE : NEAR;
}

function back(map) {
  const there = spot();
  if (there) {
    map.setView([there.latitude, there.longitude], closeness(), { animate: false });
  }
}

function note(map) {
  const there = spot();
  const { lat, lng } = map.getCenter();
  const away = there ? metresBetween(there, { latitude: lat, longitude: lng }) : 0;
  form.elements.pin.value = away < THERE ? "" : `${lat.toFixed(6)},${lng.toFixed(6)}`;
  if (there) {
    const { saysThere, saysMoved } = section.dataset;
    said.textContent = away < THERE ? saysThere : saysMoved.replace("{distance}", metres(away));
  }
}

function metres(away) {
  const style = { style: "unit", unit: "meter", unitDisplay: "short", maximumFractionDigits: 0 };
  return new Intl.NumberFormat(document.documentElement.lang, style).format(away);
}
