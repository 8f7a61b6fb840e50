// Where she is, asked of her browser once, and rounded before it leaves it; and why it is not known.

const DECIMALS = 2;
const PATIENCE = { enableHighAccuracy: false, maximumAge: 60_000, timeout: 20_000 };

/** Where she is: { latitude, longitude }, in degrees. */
export async function position() {
  const found = await new Promise((found, failed) => navigator.geolocation.getCurrentPosition(found, failed, PATIENCE));
  return { latitude: found.coords.latitude, longitude: found.coords.longitude };
}

/** Degrees as they may leave the phone: the same within a kilometre or so. */
export function rounded(degrees) {
  return degrees.toFixed(DECIMALS);
}

/** Let a button of a form ask where she is and do something with it; the form says what fails. */
export function locates(form, use) {
  const button = form.querySelector("[data-locate]");
  const trouble = form.querySelector("[data-trouble]");
  const say = (name) => {
    trouble.hidden = name === null;
    trouble.textContent = name === null ? "" : document.querySelector(`[data-say="${name}"]`).textContent;
  };
  button.hidden = false;
  form.querySelector("[data-promise]").hidden = false;
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true" || !form.reportValidity()) {
      return;
    }
    say(null);
    button.setAttribute("aria-disabled", "true");
    try {
      await use(await position());
    } catch (error) {
      say(reason(error));
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
}

function reason(error) {
  if (typeof GeolocationPositionError === "undefined" || !(error instanceof GeolocationPositionError)) {
    return "failed";
  }
  return error.code === error.PERMISSION_DENIED ? "denied" : "unavailable";
}
