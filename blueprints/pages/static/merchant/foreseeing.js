// Shows, while an announcement is written, what the page itself would answer: who hears of it, how a phone shows it, and
// the price before. Without this module a button asks for the same.

const PAUSE = 400;
const ASIDE = ["key", "draft", "version", "seen", "description", "quantity"];
const form = document.getElementById("annonce");
const prior = form.elements.prior_price;
const spoken = document.querySelector("[data-foreseen]");
let clock = null;
let ongoing = null;
let shown = null;

document.documentElement.classList.add("lively");
form.addEventListener("input", soon);
form.addEventListener("foresee", soon);

function soon() {
  clearTimeout(clock);
  clock = setTimeout(ask, PAUSE);
}

/** Ask once more where it may change anything, and give up what was asked before: that is no longer written. */
async function ask() {
  const body = written();
  if (!ongoing && about(body) === shown) {
    return;
  }
  ongoing?.abort();
  const mine = (ongoing = new AbortController());
  const area = document.getElementById("apercu");
  area.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "text/html" },
      body,
      signal: mine.signal,
    });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("apercu");
    if (mine === ongoing) {
      if (answer.ok && fresh) {
        shown = about(body);
        show(fresh, page);
      } else {
        isOld();
      }
    }
  } catch {
    if (mine === ongoing) {
      isOld();
    }
  } finally {
    if (mine === ongoing) {
      document.getElementById("apercu").removeAttribute("aria-busy");
      ongoing = null;
    }
  }
}

/** What is written; a price that was only suggested is left for the answer to suggest again. */
function written() {
  const sent = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));
  sent.set("wish", "look");
  if (prior.value === prior.dataset.suggested) {
    sent.set("prior_price", "");
  }
  return sent;
}

/** The part of what is written that what is shown depends on. */
function about(body) {
  const said = new URLSearchParams(body);
  ASIDE.forEach((field) => said.delete(field));
  return said.toString();
}

function show(fresh, page) {
  const area = document.getElementById("apercu");
  const open = area.querySelector("[data-stays-open]")?.open;
  area.replaceChildren(...document.adoptNode(fresh).childNodes);
  if (open) {
    area.querySelector("[data-stays-open]")?.setAttribute("open", "");
  }
  suggest(page.getElementById("prior_price"), page.getElementById("prior_price-source"));
  const words = page.querySelector("[data-foreseen]").textContent;
  if (spoken.textContent !== words) {
    spoken.textContent = words;
  }
}

function suggest(theirs, source) {
  document.getElementById("prior_price-source").textContent = source.textContent;
  if (prior.value === prior.dataset.suggested && document.activeElement !== prior) {
    prior.dataset.suggested = theirs.dataset.suggested;
    prior.value = theirs.dataset.suggested;
  }
}

/** The network was silent, or the session is over: what stands there is not of what is written now. */
function isOld() {
  shown = null;
  document.querySelector("#apercu [data-not-known]").hidden = false;
}
