// Proposes addresses while one is typed (a combobox, as ARIA 1.2 has it). Without this module the next page proposes them.

import { call } from "../citizen/api.js";

const PAUSE = 300;
const LEAST = 5;
const part = document.querySelector("[data-proposals]");
const field = part.querySelector("input");
const list = part.querySelector("[role=listbox]");
const said = part.querySelector("[data-said]");
let clock = null;
let asked = "";
let active = -1;

for (const [name, value] of Object.entries({
  role: "combobox",
  "aria-autocomplete": "list",
  "aria-controls": list.id,
  "aria-expanded": "false",
})) {
  field.setAttribute(name, value);
}

field.addEventListener("input", () => {
  clearTimeout(clock);
  close();
  clock = setTimeout(propose, PAUSE);
});

field.addEventListener("keydown", (event) => {
  if (list.hidden) {
    return;
  }
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in steps) {
    event.preventDefault();
    const many = list.children.length;
    point(active < 0 && event.key === "ArrowUp" ? many - 1 : (active + steps[event.key] + many) % many);
  } else if (event.key === "Enter" && active >= 0) {
    event.preventDefault();
    choose(list.children[active]);
  } else if (event.key === "Escape") {
    event.preventDefault();
    close();
  }
});

// The field keeps the focus while an address is pressed, so that leaving it is what closes the list.
list.addEventListener("pointerdown", (event) => event.preventDefault());
list.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) {
    choose(option);
  }
});
field.addEventListener("blur", close);

async function propose() {
  const words = field.value.trim();
  if (words.length < LEAST || words === asked) {
    return;
  }
  asked = words;
  let items;
  try {
    ({ items } = await call("POST", "/merchant/proposals/addresses", { words }));
  } catch {
    return; // a proposal that does not come is missed by nobody
  }
  if (words === field.value.trim() && document.activeElement === field) {
    show(items);
  }
}

function show(items) {
  list.replaceChildren(
    ...items.map(({ label }, index) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${index}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.textContent = label;
      return option;
    }),
  );
  const { saysSome, saysOne, saysNone } = part.dataset;
  said.textContent = items.length > 1 ? saysSome.replace("{count}", items.length) : items.length ? saysOne : saysNone;
  list.hidden = items.length === 0;
  field.setAttribute("aria-expanded", String(items.length > 0));
}

function point(index) {
  list.children[active]?.setAttribute("aria-selected", "false");
  active = index;
  const option = list.children[index];
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", option.id);
}

function choose(option) {
  field.value = option.textContent;
  asked = field.value.trim();
  close();
}

function close() {
  active = -1;
  list.hidden = true;
  list.replaceChildren();
  said.textContent = "";
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}
