// What was written of announcements and is not kept by the shop yet, in this browser's own storage.

const PREFIX = "citylife:annonce:";
const LONGEST = 14 * 24 * 3600 * 1000;

/** What was left unsaved under a name, or null; what is older than any announcement lasts is dropped. */
export function found(shop, name) {
  try {
    const entry = JSON.parse(localStorage.getItem(keyOf(shop, name)));
    if (entry && Date.now() - entry.at > LONGEST) {
      forget(shop, name);
      return null;
    }
    return entry;
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
    // nothing was kept there
  }
}

/** Forget what was on its way to a shop, now that it has arrived. */
export function forgetSent(shop) {
  try {
    for (const key of Object.keys(localStorage)) {
      const name = key.slice(keyOf(shop, "").length);
      if (key.startsWith(keyOf(shop, "")) && found(shop, name)?.sent) {
        localStorage.removeItem(key);
      }
    }
  } catch {
    // nothing was kept there
  }
}

function keyOf(shop, name) {
  return `${PREFIX}${shop}:${name}`;
}
