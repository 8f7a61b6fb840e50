// « Autour »: finds where she is once, rounds it before it leaves, sorts by true distance here; and draws the map.
// Without this module a commune is chosen and the list is as complete.

import { drawMap } from "./map.js";
import { metresBetween } from "./distance.js";
import { locates, rounded } from "./position.js";

const form = document.getElementById("choix");

if ("geolocation" in navigator) {
  locates(form, showAround);
}
drawMap(document.getElementById("resultats"));

async function showAround(her) {
  const asked = new FormData(form);
  asked.delete("commune");
  asked.set("latitude", rounded(her.latitude));
  asked.set("longitude", rounded(her.longitude));
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { Accept: "text/html" },
    body: new URLSearchParams(asked),
  });
  if (!answer.ok) {
    throw new Error(`HTTP ${answer.status}`);
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = document.adoptNode(page.getElementById("resultats"));
  putInOrder(fresh, her);
  document.getElementById("resultats").replaceWith(fresh);
  fresh.querySelector("[data-focus]").focus();
  drawMap(fresh, her);
}

// The server knew her within a kilometre: what it left out may begin that much nearer than where its list ends.
function putInOrder(area, her) {
  const off = metresBetween(her, spot(area));
  const wholeTo = area.dataset.wholeTo === undefined ? Infinity : Number(area.dataset.wholeTo) - off;
  const most = Math.min(Number(area.dataset.radius), wholeTo);
  const list = area.querySelector(".near-list");
  const known = [...list.children].map((item) => ({ item, away: metresBetween(her, spot(item)) }));
  const near = known.filter(({ away }) => away <= most).sort((one, other) => one.away - other.away);
  for (const [index, { item, away }] of near.entries()) {
    item.querySelector("[data-away]").textContent = words(away);
    item.querySelector(".near-number").textContent = index + 1;
  }
  list.replaceChildren(...near.map(({ item }) => item));
  area.querySelector("[data-nothing]").hidden = near.length > 0;
}

function spot(element) {
  return { latitude: Number(element.dataset.latitude), longitude: Number(element.dataset.longitude) };
}

function words(metres) {
  const tens = Math.round(metres / 10) * 10;
  const [value, unit, digits] = tens < 1000 ? [tens, "meter", 0] : [metres / 1000, "kilometer", metres < 10_000 ? 1 : 0];
  const style = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits };
  return new Intl.NumberFormat(document.documentElement.lang, style).format(value);
}
