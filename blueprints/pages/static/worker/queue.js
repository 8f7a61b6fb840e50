// Part of the service worker: notes what she taps without a network, « Suivre » or « Ne plus suivre », and sends it
// once when there is one again, with a key, in the name of who tapped. The last tap on a shop is the one that counts.
"use strict";

const queue = (() => {
  const PATHS = /^\/(?:s\/([^/]+)\/(follow|unfollow)|mes-commerces\/([^/]+)\/leave)$/;
  const NOBODY = "nobody";
  const KEY = "Idempotency-Key";
  const TAG = "citylife-queue";
  const ACCEPTED = 202;
  const TOO_MANY = 429;
  let sending = null;

  /** Send a change that a page asks for; without a network it is noted where it can wait, and 202 says so. */
  async function send(event) {
    let answer;
    try {
      answer = await fetch(event.request);
    } catch (problem) {
      if (!(await note(event.request))) {
        throw problem;
      }
      return new Response(null, { status: ACCEPTED });
    }
    await keeping.heed(answer);
    event.waitUntil(keeping.keep(answer.clone()));
    return answer;
  }

  // A tap that was sent with a key waits under it: it may have been done, and only its answer lost.
  async function note(request) {
    const said = PATHS.exec(new URL(request.url).pathname);
    const reader = said && (await keeping.reader());
    if (!reader) {
      return false;
    }
    const [, slug, wanted, left] = said;
    const item = { slug: slug ?? left, wanted: wanted ?? "unfollow", reader, key: request.headers.get(KEY) ?? crypto.randomUUID() };
    await stored("readwrite", (items) => items.put(item));
    await self.registration.sync?.register(TAG).catch(() => null);
    return true;
  }

  /** Send all that waits, one at a time and never twice at once; tells the pages what became of it. */
  function sendAll() {
    sending ??= emptied().finally(() => {
      sending = null;
    });
    return sending;
  }

  async function emptied() {
    for (const item of await waiting()) {
      try {
        const done = await sent(item);
        await tell({ slug: item.slug, became: done ? "done" : "refused" });
      } catch {
        break;
      }
    }
    const left = await waiting();
    await Promise.all(left.map(({ slug }) => tell({ slug, became: "waiting" })));
    return left.length === 0;
  }

  /** Whether it was done; throws where it may be tried again. */
  async function sent({ slug, wanted, reader, key }) {
    const headers = { Accept: "application/json", "Citylife-Reader": reader, [KEY]: key };
    const answer = await fetch(`/s/${slug}/${wanted}`, { method: "POST", headers, redirect: "manual" });
    if (answer.status >= 500 || answer.status === TOO_MANY || answer.headers.has("Retry-After")) {
      throw new Error(String(answer.status));
    }
    await forget(slug, key);
    const done = answer.ok || answer.type === "opaqueredirect";
    await keeping.refresh([`/s/${slug}`, "/mes-commerces"]).catch(() => null);
    return done;
  }

  /** Take back what waits for a shop; with a key, only what was noted under it. */
  async function forget(slug, key = null) {
    const item = await stored("readonly", (items) => items.get(slug));
    if (item && (key === null || item.key === key)) {
      await stored("readwrite", (items) => items.delete(slug));
    }
  }

  /** Drop what others of this browser had tapped; who was nobody yet is whoever she has become. */
  async function keepOnlyOf(reader) {
    const others = (await waiting()).filter((item) => item.reader !== reader && item.reader !== NOBODY);
    await Promise.all(others.map(({ slug, key }) => forget(slug, key)));
  }

  function waiting() {
    return stored("readonly", (items) => items.getAll());
  }

  async function tell(message) {
    const windows = await self.clients.matchAll({ type: "window" });
    windows.forEach((client) => client.postMessage(message));
  }

  async function stored(mode, work) {
    const base = await opened();
    try {
      return await new Promise((resolve, reject) => {
        const transaction = base.transaction("queue", mode);
        const asked = work(transaction.objectStore("queue"));
        transaction.oncomplete = () => resolve(asked.result);
        transaction.onabort = () => reject(transaction.error);
      });
    } finally {
      base.close();
    }
  }

  function opened() {
    return new Promise((resolve, reject) => {
      const asked = indexedDB.open("citylife", 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore("queue", { keyPath: "slug" });
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  }

  return { TAG, send, sendAll, forget, keepOnlyOf };
})();
