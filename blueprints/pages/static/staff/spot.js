// Shows on a map where a shop says it is; without this module its coordinates and a link stand there.

import { ground } from "../citizen/map.js";

const NEAR = 17;
const section = document.querySelector("[data-spot]");

if (section) {
  section.hidden = false;
  ground(section).then(
    (map) => {
      const { latitude, longitude } = section.dataset;
      const spot = [Number(latitude), Number(longitude)];
      map.setView(spot, NEAR, { animate: false });
      window.L.circleMarker(spot, { radius: 10, className: "map-centre", interactive: false }).addTo(map);
    },
    () => {
      section.hidden = true; // the map's own files did not come: the coordinates stand above
    },
  );
}
