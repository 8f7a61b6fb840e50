// Makes a passkey on this device, or signs in with one; what needs it stays hidden where the browser has none.

import { call, Refused } from "../citizen/api.js";

const passkeys = window.PublicKeyCredential;

if (passkeys?.parseCreationOptionsFromJSON && passkeys.parseRequestOptionsFromJSON) {
  document.querySelectorAll("[data-passkey]").forEach((area) => {
    area.hidden = false;
    area.querySelector("button").addEventListener("click", () => attempt(area));
  });
  document.querySelectorAll("[data-no-passkey]").forEach((area) => {
    area.hidden = true;
  });
}

/** Do what the area is for, once at a time, and say what hindered it. */
async function attempt(area) {
  const button = area.querySelector("button");
  const problem = area.querySelector("[data-problem]");
  if (button.getAttribute("aria-disabled") === "true") {
    return;
  }
  button.setAttribute("aria-disabled", "true");
  problem.hidden = true;
  try {
    location.assign(area.dataset.passkey === "make" ? await make(area) : await signIn(area));
  } catch (hindrance) {
    problem.textContent = (hindrance instanceof Refused && hindrance.message) || words(area, hindrance);
    problem.hidden = false;
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

/** Make a passkey for who is signed in; where to go then. */
async function make(area) {
  const account = { for: area.dataset.for };
  const publicKey = passkeys.parseCreationOptionsFromJSON(await call("POST", "/passkeys/options", account));
  const made = await navigator.credentials.create({ publicKey });
  await call("POST", "/passkeys", { ...account, credential: made.toJSON() });
  return area.dataset.next;
}

/** Sign in with a passkey; where to go then. */
async function signIn(area) {
  const publicKey = passkeys.parseRequestOptionsFromJSON(await call("POST", "/passkeys/sign-in/options", {}));
  const proved = await navigator.credentials.get({ publicKey });
  const opened = await call("POST", "/passkeys/sign-in", { credential: proved.toJSON(), cookie: true });
  return area.dataset[opened.for];
}

function words(area, hindrance) {
  const known = { InvalidStateError: "saysKept", NotAllowedError: "saysLeft" };
  return area.dataset[known[hindrance.name] ?? "saysFailed"];
}
