// « Me prévenir »: shows which of its states is true, and moves from one to the next on a tap.

import { Refused } from "./api.js";
import { way } from "./home-screen.js";
import { standing, start, stop } from "./subscription.js";

customElements.define(
  "notify-me",
  class extends HTMLElement {
    #busy = false;

    connectedCallback() {
      this.querySelector('[data-action="start"]').addEventListener("click", () => this.#move(start));
      this.querySelector('[data-action="stop"]').addEventListener("click", () => this.#move(stop));
      this.#settle();
      navigator.permissions
        ?.query({ name: "notifications" })
        .then((permission) => permission.addEventListener("change", () => this.#busy || this.#settle()))
        .catch(() => null);
    }

    async #settle() {
      const now = await standing().catch(() => "off");
      this.#show(now === "unsupported" ? (way() ?? now) : now);
    }

    async #move(action) {
      if (this.#busy) {
        return;
      }
      this.#busy = true;
      const before = this.dataset.now;
      this.#trouble(null);
      try {
        this.#show(await action(this.dataset.textVersion, () => this.#show("asking")));
      } catch (problem) {
        this.#show(before);
        this.#trouble(problem);
      } finally {
        this.#busy = false;
      }
      this.querySelector('[data-state]:not([hidden]) :is(button, [tabindex="-1"])')?.focus();
    }

    #show(state) {
      this.dataset.now = state;
      for (const part of this.querySelectorAll("[data-state]")) {
        part.hidden = !part.dataset.state.split(" ").includes(state);
      }
    }

    #trouble(problem) {
      const place = this.querySelector("[data-trouble]");
      place.dataset.usual ??= place.textContent;
      place.textContent = problem instanceof Refused && problem.message ? problem.message : place.dataset.usual;
      place.hidden = problem === null;
      if (problem !== null) {
        this.querySelector("[data-otherwise]").hidden = false;
      }
    }
  },
);
