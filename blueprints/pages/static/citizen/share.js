// Tells others of a page by the phone's own sheet, or copies its address where there is none. Without this module, or
// where a browser has neither, the address stays there to be copied by hand.

customElements.define(
  "share-page",
  class extends HTMLElement {
    connectedCallback() {
      const { address, title } = this.dataset;
      const shared = { url: address, title };
      if (navigator.share && (navigator.canShare?.(shared) ?? true)) {
        this.#offer("share", () => navigator.share(shared));
      } else if (navigator.clipboard) {
        this.#offer("copy", () => this.#copy(address));
      }
    }

    #offer(name, act) {
      const button = this.querySelector(`[data-${name}]`);
      button.hidden = false;
      this.#plain.hidden = true;
      button.addEventListener("click", async () => {
        try {
          await act();
        } catch (error) {
          // Whoever closed the sheet has chosen; anything else leaves the address to be copied by hand.
          this.#plain.hidden = error.name === "AbortError";
        }
      });
    }

    async #copy(address) {
      const said = this.querySelector("[data-copied]");
      said.textContent = "";
      await navigator.clipboard.writeText(address);
      said.textContent = said.dataset.copied;
    }

    get #plain() {
      return this.querySelector("[data-plain]");
    }
  },
);
