// Part of the service worker: keeps what pages are made of, by edition, and the pages last seen, of one reader alone.
// Pages come from the network first; one that was kept says since when (`data-kept-at` on its root). It is shown where
// nothing answers, or not soon; what comes late is kept, and the page is told.
"use strict";

const keeping = (() => {
  const SHELL = "citylife-shell-";
  const PAGES = "citylife-pages-";
  const READER = "Citylife-Reader";
  const KEEP = "Citylife-Keep";
  const KEPT_AT = "Citylife-Kept-At";
  /** Firefox without a network answers from its cache whatever its age, and does not say since when. */
  const PAST_THE_CACHE = { cache: "no-store" };
  const CHANGED = "changed";
  const MOST = 40;
  const AWAY = [502, 503, 504];
  const PATIENCE = 5_000; // milliseconds until a page that is kept is shown instead of one that does not come
  const ANY = { ignoreVary: true };
  let latest = Promise.resolve();

  /** Change what is kept one after the other: a page that is late must not bring back what was dropped meanwhile. */
  function inTurn(change) {
    const done = latest.then(change);
    latest = done.catch(() => null);
    return done;
  }

  /** Fetch the whole shell of this edition; the installation fails with it, and the browser tries again. */
  async function install() {
    const shell = await caches.open(SHELL + EDITION);
    const withoutNetwork = Object.values(WITHOUT_NETWORK).map((address) => new Request(address, { credentials: "omit" }));
    await shell.addAll([...FILES, ...withoutNetwork]);
  }

  /** Let the shells of other editions go. The kept pages stay: they are shown with the files of this one. */
  async function activate() {
    const former = (await caches.keys()).filter((name) => name.startsWith(SHELL) && name !== SHELL + EDITION);
    await Promise.all(former.map((name) => caches.delete(name)));
  }

  /** Whose pages are kept; null before any page has said. */
  async function reader() {
    const name = (await caches.keys()).find((one) => one.startsWith(PAGES));
    return name === undefined ? null : name.slice(PAGES.length);
  }

  /** The page from the network; without one, or without one soon, as it was kept, else a page that says so. */
  async function page(event) {
    const address = plain(event.request.url);
    const coming = fromNetwork(event, address);
    const late = keptAfter(PATIENCE, address);
    const shown = await Promise.race([coming, late.answer]);
    late.cancel();
    if (late.isShown()) {
      event.waitUntil(coming.then((answer) => tellOfFresh(event, answer)));
    }
    return shown;
  }

  async function fromNetwork(event, address) {
    let answer;
    try {
      answer = await fetch(event.request, navigator.onLine ? undefined : PAST_THE_CACHE);
    } catch {
      return (await kept(address)) ?? (await withoutNetwork());
    }
    if (AWAY.includes(answer.status)) {
      return (await kept(address)) ?? answer;
    }
    if (answer.status === 404 || answer.status === 410) {
      event.waitUntil(drop(address));
    }
    await heed(answer);
    event.waitUntil(keep(answer.clone()));
    return answer;
  }

  /** Tell a page that was kept that the present one has come after all; an answer made here has no address. */
  async function tellOfFresh(event, answer) {
    const client = answer.url && (await self.clients.get(event.resultingClientId));
    client?.postMessage({ became: "fresh" });
  }

  /** The page as it was kept, once so much time has passed; for ever on its way where none is. */
  function keptAfter(milliseconds, address) {
    let timer;
    let shown = false;
    const answer = new Promise((resolve) => {
      timer = setTimeout(async () => {
        const found = await kept(address).catch(() => null);
        if (found) {
          shown = true;
          resolve(found);
        }
      }, milliseconds);
    });
    return { answer, cancel: () => clearTimeout(timer), isShown: () => shown };
  }

  /** A file of the shell; of another edition from the network, and the present one's where there is none. */
  async function asset(request) {
    const shell = await caches.open(SHELL + EDITION);
    const held = await shell.match(request.url, ANY);
    if (held) {
      return held;
    }
    try {
      return await fetch(request);
    } catch (problem) {
      const name = new URL(request.url).pathname.split("/").slice(3).join("/");
      const present = await shell.match(`/assets/${EDITION}/${name}`, ANY);
      if (!present) {
        throw problem;
      }
      return present;
    }
  }

  /** Drop what was kept of anybody but who reads now. */
  async function heed(answer) {
    const said = answer.headers.get(READER);
    if (said !== null) {
      await inTurn(() => keepOnlyOf(said));
    }
  }

  async function keepOnlyOf(said) {
    const others = (await caches.keys()).filter((name) => name.startsWith(PAGES) && name !== PAGES + said);
    await Promise.all(others.map((name) => caches.delete(name)));
    await queue.keepOnlyOf(said);
    if (said !== CHANGED) {
      await caches.open(PAGES + said);
    }
  }

  /** Keep a page that says it may be, under its address; the oldest goes when there are too many. */
  async function keep(answer) {
    const said = answer.headers.get(READER);
    if (!answer.ok || said === null || !answer.headers.has(KEEP)) {
      return;
    }
    const headers = new Headers(answer.headers);
    headers.set(KEPT_AT, new Date().toISOString());
    const html = await answer.text();
    await inTurn(() => put(said, plain(answer.url), new Response(html, { headers })));
  }

  async function put(said, address, page) {
    if ((await reader()) !== said) {
      return;
    }
    const pages = await caches.open(PAGES + said);
    await pages.delete(address, ANY);
    await pages.put(address, page);
    const addresses = await pages.keys();
    await Promise.all(addresses.slice(0, -MOST).map((one) => pages.delete(one, ANY)));
  }

  /** Read again those of these pages that are kept, so that they show what was done meanwhile. */
  async function refresh(addresses) {
    for (const address of addresses) {
      if (await found(plain(new URL(address, self.location.origin)))) {
        const answer = await fetch(address, { headers: { Accept: "text/html" } });
        await heed(answer);
        await keep(answer);
      }
    }
  }

  async function kept(address) {
    const answer = await found(address);
    if (!answer) {
      return null;
    }
    const headers = new Headers(answer.headers);
    ["Content-Encoding", "Content-Length"].forEach((name) => headers.delete(name));
    const since = `data-kept-at="${headers.get(KEPT_AT)}"`;
    const html = await answer.text();
    return new Response(html.replace("<html", (root) => [root, since].join(" ")), { headers });
  }

  async function found(address) {
    const whose = await reader();
    return whose === null ? undefined : (await caches.open(PAGES + whose)).match(address, ANY);
  }

  async function drop(address) {
    const whose = await reader();
    return whose !== null && (await caches.open(PAGES + whose)).delete(address, ANY);
  }

  /** The page that says there is no network, in the language last read. */
  async function withoutNetwork() {
    const whose = await reader();
    const pages = whose === null ? null : await caches.open(PAGES + whose);
    const last = (await pages?.keys())?.at(-1);
    const language = last && (await pages.match(last, ANY))?.headers.get(KEEP);
    const spoken = language ?? (navigator.language.startsWith("en") ? "en" : "fr");
    const shown = await (await caches.open(SHELL + EDITION)).match(WITHOUT_NETWORK[spoken], ANY);
    return shown ? new Response(shown.body, { headers: shown.headers }) : Response.error();
  }

  function plain(address) {
    const url = new URL(address);
    TRANSIENT.forEach((name) => url.searchParams.delete(name));
    url.hash = "";
    return url.href;
  }

  return { install, activate, page, asset, heed, keep, reader, refresh };
})();
