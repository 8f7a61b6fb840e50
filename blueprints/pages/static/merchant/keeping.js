// Keeps an announcement as it is written: on this device at once, and after a pause as a draft of the shop. What a
// colleague kept meanwhile is never overwritten: both versions are shown, and nothing more is kept until one is chosen.

import { forget, forgetOld, found, keep } from "./unsaved.js";

const PAUSE = 1500;
const DIVERGED = 412;
const ON_ITS_WAY = 10_000;
const USUAL = new Set(["radius", "at", "lasts"]);
const OURS = new Set(["key", "seen"]);
const OF_THE_DRAFT = new Set(["draft", "version"]);
const form = document.getElementById("annonce");
const kept = form.querySelector("[data-kept]");
const shop = form.dataset.shop;
let name = form.dataset.name;
let clock = null;
let saving = null;
let stopped = false;
let sentAt = -Infinity;

form.addEventListener("input", () => {
  sentAt = -Infinity;
  keep(shop, name, fields());
  show("[data-found]", false);
  later();
});
form.addEventListener("submit", leave);
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    sentAt = -Infinity;
  }
});
document.querySelector("[data-theirs]")?.addEventListener("click", () => forget(shop, name));
form.querySelector("[data-start-over]").addEventListener("click", () => {
  forget(shop, name);
  name ? location.reload() : location.assign(location.pathname);
});
begin();

/** Take up what was left unsaved; what comes back from the server is newer than that, and not kept there. */
function begin() {
  forgetOld();
  const left = found(shop, name);
  if ("answered" in form.dataset) {
    keep(shop, name, fields());
    stopped = document.getElementById("divergence").childElementCount > 0;
  } else if (left) {
    restore(left.fields);
    show("[data-found]", true);
    form.dispatchEvent(new Event("foresee"));
  }
}

function later() {
  clearTimeout(clock);
  if (!stopped && form.dataset.keeps !== "here") {
    clock = setTimeout(save, PAUSE);
  }
}

/** Keep what is written as a draft, one request at a time. */
async function save() {
  if (saving || stopped || !form.elements.title.value.trim()) {
    return;
  }
  saving = send();
  const again = await saving;
  saving = null;
  if (again) {
    later();
  }
}

/** Send what is written; whether more was written meanwhile. */
async function send() {
  const sent = written();
  const body = new URLSearchParams(sent);
  body.set("wish", "save");
  try {
    const answer = await fetch(form.action, { method: "POST", headers: { Accept: "text/html" }, body });
    show("[data-signed-out]", answer.redirected);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const theirs = page.getElementById("annonce");
    if (answer.ok && theirs) {
      isKept(theirs, sent);
      return written() !== sent;
    }
    if (answer.status === DIVERGED) {
      diverge(page);
    }
  } catch {
    // without a network it stays on this device
  }
  kept.textContent = "";
  show("[data-kept-here]", true);
  return false;
}

function isKept(theirs, sent) {
  const before = name;
  const same = written() === sent;
  for (const field of ["draft", "version"]) {
    form.elements[field].value = theirs.elements[field].value;
  }
  name = theirs.elements.draft.value;
  forget(shop, before);
  if (!same) {
    keep(shop, name, fields());
  }
  history.replaceState(history.state, "", `${location.pathname}?de=${name}`);
  kept.textContent = theirs.querySelector("[data-kept]").textContent;
  show("[data-kept-here]", false);
}

function diverge(page) {
  stopped = true;
  const place = document.getElementById("divergence");
  place.replaceChildren(...document.adoptNode(page.getElementById("divergence")).childNodes);
  place.querySelector("[data-theirs]").addEventListener("click", () => forget(shop, name));
  const theirs = page.getElementById("annonce");
  form.elements.draft.value = theirs.elements.draft.value;
  form.elements.version.value = theirs.elements.version.value;
  place.scrollIntoView({ block: "nearest" });
}

/**
 * Let what is on its way arrive first, so that nobody meets herself; what is sent now is forgotten when it arrived.
 * A second tap would drop the answer to the first: it counts for nothing until she comes back, writes on, or waits long.
 */
async function leave(event) {
  if (performance.now() - sentAt < ON_ITS_WAY) {
    event.preventDefault();
    return;
  }
  clearTimeout(clock);
  if (saving) {
    event.preventDefault();
    await saving;
    clearTimeout(clock);
    const differs = event.submitter?.value !== "mine" && stopped;
    if (!differs) {
      form.requestSubmit(event.submitter);
    }
    return;
  }
  sentAt = performance.now();
  if (found(shop, name)) {
    keep(shop, name, fields(), true);
  }
}

function fields() {
  return [...new FormData(form)].filter(([field, value]) => !OURS.has(field) && typeof value === "string");
}

/** What is written, as it is sent; a file goes with the buttons alone. */
function written() {
  return new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string")).toString();
}

/**
 * Write into the form what was kept; a choice that is offered no more today stays as it is, and so does what the form
 * is of, where that was another draft.
 */
function restore(before) {
  const same = before.some(([field, value]) => field === "draft" && value === form.elements.draft.value);
  const values = before.filter(([field]) => same || !OF_THE_DRAFT.has(field));
  const ticked = new Set(values.map(([field]) => field));
  for (const box of form.querySelectorAll("[type=checkbox]")) {
    box.checked = ticked.has(box.name);
  }
  for (const [field, value] of values) {
    const input = form.elements[field];
    if (input instanceof RadioNodeList) {
      const choice = [...input].find((each) => each.value === value);
      if (choice) {
        choice.checked = true;
      }
    } else if (input && input.type !== "checkbox") {
      input.value = value;
    }
  }
  for (const details of form.querySelectorAll("details")) {
    details.open ||= values.some(([field, value]) => value && isIn(details, field));
  }
}

/** Whether a field that has no usual value stands there. */
function isIn(details, field) {
  return !USUAL.has(field) && details.contains(form.elements[field] instanceof Element ? form.elements[field] : null);
}

function show(what, is) {
  form.querySelector(what).hidden = !is;
}
