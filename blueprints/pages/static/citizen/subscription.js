// Keeps three things in step: what the browser may show, what its push service sends, and what Citylife knows of it.

import { Refused, call } from "./api.js";

const KEPT = "citylife.device";
const WORKER = "/service-worker.js";

/** Whether this browser can be pushed to at all. */
export function supported() {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

/** Where this browser stands: "unsupported", "denied", "on" or "off". What has slipped apart is repaired in silence. */
export async function standing() {
  if (!supported()) {
    return "unsupported";
  }
  const kept = read();
  if (Notification.permission === "denied") {
    await forget(kept);
    return "denied";
  }
  if (Notification.permission !== "granted" || !kept) {
    return "off";
  }
  return (await repaired(kept)) ? "on" : "off";
}

/**
 * Ask for everything in order: her consent, the browser's permission, the subscription. Answers the new standing, or
 * "unanswered" where she put the browser's question away.
 * Nothing slow comes before the permission: browsers only ask within seconds of a tap.
 */
export async function start(textVersion, asking) {
  await answer(true, textVersion);
  asking();
  if ((await Notification.requestPermission()) !== "granted") {
    await withdrawIfNowhere(textVersion);
    return Notification.permission === "denied" ? "denied" : "unanswered";
  }
  try {
    await register(await subscribed(await worker()));
  } catch (problem) {
    await withdrawIfNowhere(textVersion).catch(() => null);
    throw problem;
  }
  return "on";
}

/** Undo it all on this browser; the consent goes with the last device. */
export async function stop(textVersion) {
  const subscription = await (await worker()).pushManager.getSubscription();
  await subscription?.unsubscribe();
  await forget(read());
  await withdrawIfNowhere(textVersion);
  return "off";
}

async function repaired(kept) {
  const registration = await worker();
  const subscription = await registration.pushManager.getSubscription();
  try {
    const { items } = await call("GET", "/me/devices");
    const known = items.some((device) => device.id === kept.id);
    if (subscription && known && subscription.endpoint === kept.endpoint) {
      if (!(await outdated(subscription))) {
        return true;
      }
      // The house signs with another key now: only a new subscription can be written to with it.
      await register(await subscribed(registration), kept.id);
      return true;
    }
    if (!known && subscription?.endpoint === kept.endpoint) {
      // Citylife let this device go: the push service no longer took its messages, or she removed it from elsewhere.
      await subscription.unsubscribe();
      localStorage.removeItem(KEPT);
      return false;
    }
    await register(subscription ?? (await subscribed(registration)), known ? kept.id : undefined);
    return true;
  } catch (problem) {
    if (problem instanceof Refused) {
      await subscription?.unsubscribe();
      localStorage.removeItem(KEPT);
      return false;
    }
    return subscription !== null;
  }
}

async function register(subscription, replaces) {
  const applicationServerKey = encoded(subscription.options.applicationServerKey);
  try {
    const device = await call("POST", "/me/devices", { ...subscription.toJSON(), applicationServerKey, replaces });
    localStorage.setItem(KEPT, JSON.stringify({ id: device.id, endpoint: subscription.endpoint }));
  } catch (problem) {
    await subscription.unsubscribe();
    throw problem;
  }
}

async function subscribed(registration) {
  const { key } = await call("GET", "/push/key");
  const options = { userVisibleOnly: true, applicationServerKey: key };
  const former = await registration.pushManager.getSubscription();
  if (former && encoded(former.options.applicationServerKey) !== key) {
    await former.unsubscribe();
  }
  return registration.pushManager.subscribe(options);
}

async function outdated(subscription) {
  const { key } = await call("GET", "/push/key");
  return encoded(subscription.options.applicationServerKey) !== key;
}

async function worker() {
  await navigator.serviceWorker.register(WORKER, { updateViaCache: "none" });
  return navigator.serviceWorker.ready;
}

async function forget(kept) {
  localStorage.removeItem(KEPT);
  if (kept) {
    await dropDevice(kept.id);
  }
}

async function dropDevice(id) {
  await call("DELETE", `/me/devices/${id}`).catch(ignoreAbsence);
}

async function withdrawIfNowhere(textVersion) {
  const { items } = await call("GET", "/me/devices");
  if (items.length === 0) {
    await answer(false, textVersion);
  }
}

function answer(granted, textVersion) {
  const locale = document.documentElement.lang;
  return call("POST", "/me/consents", { purpose: "notifications", granted, text_version: textVersion, locale });
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

function encoded(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function ignoreAbsence(problem) {
  if (!(problem instanceof Refused) || problem.status !== 404) {
    throw problem;
  }
}
