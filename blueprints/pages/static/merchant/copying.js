// Copies a text that is shown, where the browser can. Without this module it stays there to be copied by hand.

customElements.define(
  "copy-text",
  class extends HTMLElement {
    connectedCallback() {
      const button = this.querySelector("[data-copy]");
      if (!navigator.clipboard) {
        return;
      }
      button.hidden = false;
      button.addEventListener("click", () => this.#copy());
    }

    async #copy() {
      const said = this.querySelector("[data-copied]");
      said.textContent = "";
      try {
        await navigator.clipboard.writeText(this.querySelector("[data-text]").textContent);
        said.textContent = said.dataset.copied;
      } catch {
        // The browser refuses: what is shown is selected, so that one key copies it.
        getSelection().selectAllChildren(this.querySelector("[data-text]"));
      }
    }
  },
);
