// « Autour »: finds where she is once, rounds it before it leaves, sorts by true distance here; and draws the map.
// Without this module a commune is chosen and the list is as complete.

import { drawMap } from "./map.js";
import { metresBetween } from "./distance.js";
import { locates, rounded } from "./position.js";

const ENOUGH = 50;
const MOST_ASKED = 4;
const ROUNDED_BY = 700; // metres by which what leaves the phone may be off at most, as the server knows
const form = document.getElementById("choix");

if ("geolocation" in navigator) {
  locates(form, showAround);
}
drawMap(document.getElementById("resultats"));

async function showAround(her) {
  const fresh = await found(her);
  for (let asked = 1; asked < MOST_ASKED && !isEnough(fresh); asked += 1) {
    const more = await found(her, fresh.dataset.more);
    fresh.querySelector(".near-list").append(...more.querySelectorAll(".near"));
    fresh.dataset.wholeTo = more.dataset.wholeTo ?? Infinity;
    fresh.dataset.more = more.dataset.more;
  }
  putInOrder(fresh, her);
  document.getElementById("resultats").replaceWith(fresh);
  fresh.querySelector("[data-focus]").focus();
  drawMap(fresh, her);
}

/** What the server finds around where she is about, after `cursor`. */
async function found(her, cursor) {
  const asked = new FormData(form);
  asked.delete("commune");
  asked.set("latitude", rounded(her.latitude));
  asked.set("longitude", rounded(her.longitude));
  if (cursor !== undefined) {
    asked.set("cursor", cursor);
  }
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { Accept: "text/html" },
    body: new URLSearchParams(asked),
  });
  if (!answer.ok) {
    throw new Error(`HTTP ${answer.status}`);
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return document.adoptNode(page.getElementById("resultats"));
}

// The server knew her within a kilometre: what it left out may begin that much nearer than where its list ends.
function wholeTo(area, her) {
  return Number(area.dataset.wholeTo ?? Infinity) - metresBetween(her, spot(area));
}

/**
 * Whether all is told, or enough that is certainly nearest wherever she may be. It looks at nothing but what the server
 * knows: how often it is asked says no more of her than what it was told.
 */
function isEnough(area) {
  const whole = Number(area.dataset.wholeTo ?? Infinity);
  const away = [...area.querySelectorAll(".near")].map((item) => metresBetween(spot(area), spot(item)));
  return whole === Infinity || away.filter((metres) => metres <= whole - 2 * ROUNDED_BY).length >= ENOUGH;
}

/** Whether something within the radius may be missing. */
function isCut(area, her) {
  return wholeTo(area, her) < Number(area.dataset.radius);
}

/** What is known within the radius, nearest first. */
function known(area, her) {
  return [...area.querySelectorAll(".near")]
    .map((item) => ({ item, away: metresBetween(her, spot(item)) }))
    .filter(({ away }) => away <= Number(area.dataset.radius))
    .sort((one, other) => one.away - other.away);
}

/** The beginning of it that is whole. */
function certain(area, her) {
  return known(area, her).filter(({ away }) => away <= wholeTo(area, her));
}

// Where so many are so near that nothing is certain, all that is known is better than nothing.
function putInOrder(area, her) {
  const whole = certain(area, her);
  const shown = whole.length > 0 ? whole : known(area, her);
  for (const [index, { item, away }] of shown.entries()) {
    item.querySelector("[data-away]").textContent = words(away);
    item.querySelector(".near-number").textContent = index + 1;
  }
  area.querySelector(".near-list").replaceChildren(...shown.map(({ item }) => item));
  area.querySelector("[data-nothing]").hidden = shown.length > 0;
  area.querySelector("[data-cut]").hidden = !isCut(area, her);
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
