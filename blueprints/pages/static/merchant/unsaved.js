// What was written of announcements and is not kept by the shop yet, in this browser's own storage.

const PREFIX = "citylife:annonce:";
const LONGEST = 14 * 24 * 3600 * 1000;

/** What was left unsaved under a name, or null. */
export function found(shop, name) {
  try {
    return JSON.parse(localStorage.getItem(keyOf(shop, name)));
  } catch {
    return null;
  }
}

/** Keep fields under a name; `sent` says that they are on their way. False where the browser keeps nothing. */
export function keep(shop, name, fields, sent = false) {
  try {
    localStorage.setItem(keyOf(shop, name), JSON.stringify({ at: Date.now(), fields, sent }));
    return true;
  } catch {
    return false;
  }
}

export function forget(shop, name) {
  try {
    localStorage.removeItem(keyOf(shop, name));
  } catch {
    // nothing is kept there
  }
}

/** Forget what was on its way to a shop, now that it has arrived. */
export function forgetSent(shop) {
  forgetWhere(keyOf(shop, ""), (entry) => entry.sent);
}

/** Forget, of every shop, what is older than any announcement lasts. */
export function forgetOld() {
  forgetWhere(PREFIX, (entry) => Date.now() - entry.at > LONGEST);
}

function forgetWhere(prefix, is) {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(prefix) && is(JSON.parse(localStorage.getItem(key)))) {
        localStorage.removeItem(key);
      }
    }
  } catch {
    // nothing is kept there
  }
}

function keyOf(shop, name) {
  return `${PREFIX}${shop}:${name}`;
}
