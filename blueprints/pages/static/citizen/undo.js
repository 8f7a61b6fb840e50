// Offers to undo what was just done for some seconds; then only what was done is still said.

const SECOND = 1000;

customElements.define(
  "undo-notice",
  class extends HTMLElement {
    #clock;

    connectedCallback() {
      this.#clock = setTimeout(() => this.#close(), this.dataset.seconds * SECOND);
    }

    disconnectedCallback() {
      clearTimeout(this.#clock);
    }

    #close() {
      const form = this.querySelector("form");
      if (form.getAttribute("aria-busy") === "true") {
        return;
      }
      if (form.contains(document.activeElement)) {
        this.closest("[tabindex]").focus();
      }
      form.hidden = true;
    }
  },
);
