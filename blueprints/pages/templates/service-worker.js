// Shows the notification a message describes where the browser does not by itself, opens what it points to on a tap,
// and tells Citylife when the browser has changed its subscription. Keeps the app for the moments without a network.
// A new version takes over at once: pages come from the network first, so no older one is ever in its way.
"use strict";

const DECLARATIVE = 8030;
const LAST_RESORT = {{ last_resort | tojson }};
const EDITION = {{ edition | tojson }};
const FILES = {{ files | tojson }};
const WITHOUT_NETWORK = {{ without_network | tojson }};
const TRANSIENT = {{ transient | tojson }};
const CHANGES = ["/api/v1/me", "/api/v1/citizens", "/api/v1/citizens/transfer"];

importScripts({{ asset("worker/keeping.js") | tojson }}, {{ asset("worker/queue.js") | tojson }});

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(keeping.install());
});
self.addEventListener("activate", (event) => event.waitUntil(keeping.activate().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => answer(event));
self.addEventListener("sync", (event) => event.waitUntil(event.tag === queue.TAG ? synchronised() : null));
self.addEventListener("message", (event) => {
  const { ask, slug } = event.data;
  event.waitUntil(ask === "forget" ? queue.forget(slug) : queue.sendAll());
});
self.addEventListener("push", (event) => event.waitUntil(show(event.data)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.navigate));
});
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event.newSubscription)));

// A form that is sent by itself, without our modules, goes its own way: its origin is for the browser alone to say.
function answer(event) {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin) {
    return;
  }
  const api = pathname.startsWith("/api/");
  if (request.method !== "GET") {
    if (request.mode !== "navigate" && (!api || CHANGES.includes(pathname))) {
      event.respondWith(queue.send(event));
    }
  } else if (pathname.startsWith("/assets/")) {
    event.respondWith(keeping.asset(request));
  } else if (request.mode === "navigate" && !api) {
    event.respondWith(keeping.page(event));
  }
}

async function synchronised() {
  if (!(await queue.sendAll())) {
    throw new Error("queue");
  }
}

function show(data) {
  const { title, body, navigate, lang, tag, silent } = described(data);
  return self.registration.showNotification(title, { body, lang, tag, silent, data: { navigate } });
}

function described(data) {
  try {
    const message = data.json();
    if (message.web_push === DECLARATIVE && message.notification.title) {
      return message.notification;
    }
  } catch {
    // Not a message of ours: something is shown all the same, since a silent push costs the subscription.
  }
  const lang = navigator.language.startsWith("en") ? "en" : "fr";
  return { title: "Citylife", body: LAST_RESORT[lang], navigate: "/", lang, tag: "citylife", silent: false };
}

async function open(navigate) {
  const wanted = new URL(navigate ?? "/", self.location.origin);
  if (wanted.origin !== self.location.origin) {
    return;
  }
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((client) => new URL(client.url).pathname === wanted.pathname);
  if (!there) {
    await self.clients.openWindow(wanted.href);
    return;
  }
  await there.focus();
  await there.navigate(wanted.href).catch(() => null);
}

async function renew(given) {
  const subscription = given ?? (await subscribeAgain());
  const applicationServerKey = encoded(subscription.options.applicationServerKey);
  const answer = await fetch("/api/v1/me/devices", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...subscription.toJSON(), applicationServerKey }),
  });
  if (!answer.ok) {
    await subscription.unsubscribe();
  }
}

function encoded(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function subscribeAgain() {
  const answer = await fetch("/api/v1/push/key");
  const { key } = await answer.json();
  return self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}
