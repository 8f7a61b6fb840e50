// Draws the shops of the list on a map, each under its number; fetched only once somebody is about to see it.

const CLOSEST = 16;
// Around her: a tile is some 10 km² here, and a cell, which is all that may be told of where she is, some 4.5.
const CLOSEST_TO_HER = 13;
const TILE = 256;
const AHEAD = "200px";

/** Show the map that stands in `area`, around her where her phone says so; nothing where there is none. */
export function drawMap(area, her) {
  const section = area.querySelector("#carte");
  if (!section) {
    return;
  }
  section.hidden = false;
  area.querySelector("[data-to-map]").hidden = false;
  const seen = new IntersectionObserver(
    async ([entry]) => {
      if (entry.isIntersecting) {
        seen.disconnect();
        draw(area, section, await ground(section), her);
      }
    },
    { rootMargin: AHEAD },
  );
  seen.observe(section);
}

let fetched = null;

function leaflet({ script, style }) {
  fetched ??= Promise.all([
    arrived(Object.assign(document.createElement("link"), { rel: "stylesheet", href: style })),
    arrived(Object.assign(document.createElement("script"), { src: script })),
  ]);
  return fetched;
}

function arrived(element) {
  return new Promise((done, failed) => {
    element.addEventListener("load", done);
    element.addEventListener("error", failed);
    document.head.append(element);
  });
}

/** A map without anything on it, in the part of the page that says where its files and its tiles are. */
export async function ground(section, more = {}) {
  await leaflet(section.dataset);
  const { L } = window;
  const { tiles, credit, nearer, farther } = section.dataset;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(section.querySelector("[data-canvas]"), {
    zoomControl: false,
    zoomAnimation: !still,
    fadeAnimation: !still,
    markerZoomAnimation: !still,
    scrollWheelZoom: false,
    ...more,
  });
  map.attributionControl.setPrefix("Leaflet");
  L.control.zoom({ zoomInTitle: nearer, zoomOutTitle: farther }).addTo(map);
  const layer = new (quietTiles(L))(tiles, { attribution: credit, maxZoom: 18, className: "map-tiles" }).addTo(map);
  layer.on("tileerror", () => {
    section.querySelector("[data-no-tiles]").hidden = false;
  });
  return map;
}

// Leaflet gives a tile that leaves the map an empty picture by a data: address, which our policy forbids.
function quietTiles(L) {
  return L.TileLayer.extend({
    _abortLoading() {},
    _removeTile(key) {
      L.GridLayer.prototype._removeTile.call(this, key);
    },
  });
}

function draw(area, section, map, her) {
  const { L } = window;
  const items = [...area.querySelectorAll(".near")];
  if (her) {
    lookAround(L, map, spotOf(area), Number(area.dataset.radius));
  } else {
    const bounds = L.latLngBounds([spotOf(area), ...items.map(spotOf)]);
    map.fitBounds(bounds.pad(0.1), { maxZoom: CLOSEST, animate: false });
  }
  const centre = her ? [her.latitude, her.longitude] : spotOf(area);
  map.on("popupopen", ({ popup }) => {
    popup.getElement().querySelector(".leaflet-popup-close-button").setAttribute("aria-label", section.dataset.close);
  });
  L.circleMarker(centre, { radius: 8, className: "map-centre", interactive: false }).addTo(map);
  for (const item of items) {
    mark(L, map, item);
  }
}

// Whoever serves the tiles learns which are asked for. They follow from one tile and the radius she chose: not from
// where on that tile she is, nor from which shops are the nearest to her.
function lookAround(L, map, rounded, radius) {
  const on = map.project(rounded, CLOSEST_TO_HER).divideBy(TILE).floor();
  const middle = map.unproject(on.add([0.5, 0.5]).multiplyBy(TILE), CLOSEST_TO_HER);
  const zoom = Math.min(CLOSEST_TO_HER, map.getBoundsZoom(middle.toBounds(2 * radius)));
  map.setView(middle, zoom, { animate: false });
}

function spotOf(item) {
  return [Number(item.dataset.latitude), Number(item.dataset.longitude)];
}

// A mark is for the eye and the thumb; the keyboard and the ear have the list, which says and does the same.
function mark(L, map, item) {
  const number = item.querySelector(".near-number").textContent;
  const link = item.querySelector("h3 a");
  const icon = L.divIcon({ className: "map-mark", html: number, iconSize: [30, 30] });
  const marker = L.marker(spotOf(item), { icon, keyboard: false }).addTo(map);
  marker.getElement().setAttribute("aria-hidden", "true");
  const shown = document.createElement("p");
  shown.append(link.cloneNode(true), document.createElement("br"), item.querySelector("[data-away]").textContent);
  marker.bindPopup(shown);
  for (const event of ["pointerenter", "focusin"]) {
    item.addEventListener(event, () => marker.getElement()?.classList.add("here"));
  }
  for (const event of ["pointerleave", "focusout"]) {
    item.addEventListener(event, () => marker.getElement()?.classList.remove("here"));
  }
}
