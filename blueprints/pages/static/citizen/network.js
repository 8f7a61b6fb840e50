// Lets the service worker keep the app for the moments without a network; says that a page is one that was kept, what
// waits for the network, and what became of it.

import { replace } from "./in-place.js";

const worker = navigator.serviceWorker;
const notice = document.querySelector("[data-network]");
const note = document.querySelector("template[data-noted]");
const root = document.documentElement;
const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 60_000;
let pause = FIRST_PAUSE;
let retry = null;

if (root.dataset.keptAt) {
  const moment = notice.querySelector("time");
  moment.dateTime = root.dataset.keptAt;
  const words = new Intl.DateTimeFormat(root.lang, { dateStyle: "full", timeStyle: "short" });
  moment.textContent = words.format(new Date(root.dataset.keptAt));
  say("stale");
}

if (worker) {
  worker.addEventListener("message", ({ data }) => heard(data));
  document.addEventListener("noted", (event) => wait(event.target).focus());
  window.addEventListener("online", () => {
    if (root.dataset.keptAt) {
      say("back");
    }
    pause = FIRST_PAUSE;
    ask("send");
  });
  if (document.readyState === "complete") {
    start();
  } else {
    window.addEventListener("load", start);
  }
}

async function start() {
  await worker.register("/service-worker.js", { updateViaCache: "none" }).catch(() => null);
  ask("send");
}

async function ask(what, slug) {
  (await worker.ready).active.postMessage({ ask: what, slug });
}

async function heard({ slug, became }) {
  const forms = formsOf(slug);
  if (became === "fresh") {
    say(became);
    return;
  }
  if (became === "waiting") {
    forms.filter((form) => !form.hidden).forEach(wait);
    sendLater();
    return;
  }
  pause = FIRST_PAUSE;
  say(became);
  for (const area of new Set(forms.map((form) => form.dataset.inPlace))) {
    await replace(area, () => fetch(location.href, { headers: { Accept: "text/html" } }));
  }
}

/** Try again after a while, each longer than the one before: a browser is online some time before the network is. */
function sendLater() {
  if (retry === null && navigator.onLine) {
    retry = setTimeout(() => {
      retry = null;
      ask("send");
    }, pause);
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  }
}

/** Say in the place of a form that it waits for the network, and let her take it back; what says so. */
function wait(form) {
  const said = note.content.firstElementChild.cloneNode(true);
  form.hidden = true;
  form.after(said);
  said.querySelector("button").addEventListener("click", () => {
    ask("forget", slugOf(form));
    said.remove();
    form.hidden = false;
    form.querySelector("button").focus();
  });
  return said;
}

function formsOf(slug) {
  return [...document.querySelectorAll("form[data-in-place]")].filter((form) => slugOf(form) === slug);
}

function slugOf(form) {
  const { pathname } = new URL(form.action);
  return /^\/(?:s\/([^/]+)\/(?:un)?follow|mes-commerces\/([^/]+)\/leave)$/.exec(pathname)?.slice(1).find(Boolean);
}

function say(what) {
  notice.querySelector(`[data-says-${what}]`).hidden = false;
}
