// « Sur l’écran d’accueil »: on an iPhone only an app that stands there is notified, and it shares nothing with Safari.
// So the manifest that Safari reads when it installs is given a code, which works once, for ten minutes.

import { call } from "./api.js";

const APPLE = /iPhone|iPad|iPod/;
const OTHERS = /CriOS|FxiOS|EdgiOS|OPT\//;

/** Whether this is Safari on a phone or tablet of Apple's, outside an installed app; iPads call themselves Macintosh. */
export function installable() {
  const { userAgent, standalone, maxTouchPoints } = navigator;
  const apple = APPLE.test(userAgent) || (userAgent.includes("Macintosh") && maxTouchPoints > 1);
  return apple && standalone === false && !OTHERS.test(userAgent);
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
