// Draws the shops of the list on a map, each under its number; fetched only once somebody is about to see it.

const CLOSEST = 16;
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
  const centre = [Number(her?.latitude ?? area.dataset.latitude), Number(her?.longitude ?? area.dataset.longitude)];
  const items = [...area.querySelectorAll(".near")];
  map.fitBounds(L.latLngBounds([centre, ...items.map(spotOf)]).pad(0.1), { maxZoom: CLOSEST, animate: false });
  L.circleMarker(centre, { radius: 8, className: "map-centre", interactive: false }).addTo(map);
  for (const item of items) {
    mark(L, map, item);
  }
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
