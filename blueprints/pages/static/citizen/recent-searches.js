// The last searches, kept on this phone and nowhere else, until she clears them.

const KEPT = "citylife.searches";
const MOST = 6;
const LEAST = 2;

/** Keep what was sought, the last first, each once. */
export function keep(words) {
  const sought = words.trim();
  if (sought.length < LEAST) {
    return;
  }
  const others = kept().filter((one) => one.toLowerCase() !== sought.toLowerCase());
  try {
    localStorage.setItem(KEPT, JSON.stringify([sought, ...others].slice(0, MOST)));
  } catch {
    // A browser that keeps nothing is one that remembers nothing.
  }
}

function kept() {
  try {
    const searches = JSON.parse(localStorage.getItem(KEPT));
    return Array.isArray(searches) ? searches.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

customElements.define(
  "recent-searches",
  class extends HTMLElement {
    connectedCallback() {
      this.querySelector("button").addEventListener("click", () => this.#clear());
      this.#show();
    }

    #show() {
      const pattern = this.querySelector("template").content;
      const lines = kept().map((words) => {
        const line = document.importNode(pattern, true);
        const link = line.querySelector("a");
        link.search = new URLSearchParams({ q: words });
        link.firstElementChild.textContent = words;
        return line;
      });
      this.querySelector("[data-list]").replaceChildren(...lines);
      this.hidden = lines.length === 0;
    }

    #clear() {
      localStorage.removeItem(KEPT);
      this.#show();
      document.querySelector("form[data-search] input").focus();
    }
  },
);
