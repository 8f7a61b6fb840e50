// Forgets, on the page of a shop that says what was done, what the form had kept of it on this device.

import { forgetSent } from "./unsaved.js";

const said = document.querySelector("[data-arrived]");
if (said) {
  forgetSent(said.dataset.arrived);
}
