// « Sur l’écran d’accueil »: on an iPhone only an app that stands there is notified, and it shares nothing with Safari.
// So the manifest that Safari reads when it installs is given a code, which works once, for ten minutes.

import { call } from "./api.js";

const APPLE = /iPhone|iPad|iPod/;
const OTHERS = /CriOS|FxiOS|EdgiOS|OPT\//;

/**
 * How a phone or tablet of Apple's comes to be notified: "home-screen" in Safari, "in-safari" in another browser, null in
 * an installed app and elsewhere. iPads call themselves Macintosh.
 */
export function way() {
  const { userAgent, standalone, maxTouchPoints } = navigator;
  const apple = APPLE.test(userAgent) || (userAgent.includes("Macintosh") && maxTouchPoints > 1);
  if (!apple || standalone === true) {
    return null;
  }
  if (OTHERS.test(userAgent)) {
    return "in-safari";
  }
  return standalone === false ? "home-screen" : null;
}

customElements.define(
  "home-screen",
  class extends HTMLElement {
    connectedCallback() {
      this.querySelector("button").addEventListener("click", () => this.#prepare());
    }

    async #prepare() {
      const trouble = this.querySelector("[data-home-trouble]");
      trouble.hidden = true;
      try {
        const { code } = await call("POST", "/me/transfer");
        const manifest = document.querySelector("link[rel=manifest]");
        const address = new URL(manifest.href);
        address.searchParams.set("code", code);
        manifest.href = address;
        this.querySelector(".actions").hidden = true;
        const steps = this.querySelector("[data-steps]");
        steps.hidden = false;
        steps.focus();
      } catch {
        trouble.hidden = false;
      }
    }
  },
);
