// A town hall's screen: its pages turn, its clock goes, what is new is fetched; without a network the last stays.

const TICK = 1000;
const FETCH_EVERY = 60_000;

const area = document.querySelector("[data-screen]");
const pause = document.querySelector("[data-pause]");
const away = document.querySelector("[data-away]");
const clock = document.querySelector("[data-clock]");
const time = new Intl.DateTimeFormat(document.documentElement.lang, {
  timeZone: "Europe/Paris",
  hour: "2-digit",
  minute: "2-digit",
});

// The screen's own clock may be wrong: the server's decides what is over.
let ahead = Number(area.dataset.moment) * 1000 - Date.now();
let turned = Date.now();
let fetched = Date.now();

const now = () => Date.now() + ahead;
const paused = () => pause.getAttribute("aria-pressed") === "true";
const pages = () => [...area.querySelectorAll("[data-page]")];
const shown = () => pages().findIndex((page) => !page.hidden);

function show(number) {
  pages().forEach((page, at) => {
    page.hidden = at !== number;
    page.classList.toggle("turned", at === number);
  });
}

function turn(by) {
  const count = pages().length;
  if (count > 0) show((Math.max(shown(), 0) + by + count) % count);
  turned = Date.now();
}

function forgetWhatIsOver() {
  for (const offer of area.querySelectorAll("[data-ends]")) {
    if (Number(offer.dataset.ends) * 1000 <= now()) offer.remove();
  }
  for (const page of pages()) {
    if (page.querySelector("[data-ends]") === null) page.remove();
  }
  area.querySelector("[data-empty]").hidden = pages().length > 0;
  if (pages().length > 0 && shown() < 0) turn(0);
}

function script(within) {
  return within.querySelector("script[type=module]").getAttribute("src");
}

function take(fresh) {
  if (script(fresh) !== script(document)) {
    location.reload();
    return;
  }
  const place = Math.max(shown(), 0);
  const found = fresh.querySelector("[data-screen]");
  ahead = Number(found.dataset.moment) * 1000 - Date.now();
  area.replaceChildren(...found.children);
  pages().forEach((page, at) => {
    page.hidden = at !== Math.min(place, pages().length - 1);
  });
  const updated = "[data-updated]";
  document.querySelector(updated).textContent = fresh.querySelector(updated).textContent;
}

async function refresh() {
  fetched = Date.now();
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    away.hidden = true;
  } catch {
    away.hidden = false;
  }
}

function tick() {
  clock.textContent = time.format(now());
  if (paused()) return;
  forgetWhatIsOver();
  if (Date.now() - turned >= Number(area.dataset.seconds) * 1000) turn(1);
  if (Date.now() - fetched >= FETCH_EVERY) refresh();
}

pause.addEventListener("click", () => {
  pause.setAttribute("aria-pressed", String(!paused()));
  turned = Date.now();
});
for (const way of document.querySelectorAll("[data-turn]")) {
  way.addEventListener("click", (event) => {
    event.preventDefault();
    turn(Number(way.dataset.turn));
  });
}
addEventListener("online", refresh);
document.querySelector("[data-still]").hidden = true;
pause.hidden = false;
setInterval(tick, TICK);
