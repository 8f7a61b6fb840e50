// Uses a code without leaving the page, so that reloading it uses nothing; scans a code where the browser can.

const LOOK_EVERY = 200;
const scanner = document.querySelector("[data-scanner]");
const lost = document.querySelector("[data-lost]");
const blind = document.querySelector("[data-blind]");
let stream = null;

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-till]")) {
    event.preventDefault();
    use(event.target);
  }
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-scan]")) {
    scan();
  } else if (event.target.closest("[data-stop]")) {
    stop();
  }
});
offer();

/** Send the code once, and show the answer, whichever it is; a session that is over leads to the way in. */
async function use(form) {
  if (form.getAttribute("aria-busy") === "true") {
    return;
  }
  form.setAttribute("aria-busy", "true");
  lost.hidden = true;
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.action, { method: "POST", headers: { Accept: "text/html" }, body });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("caisse");
    if (answer.redirected || !fresh) {
      location.assign(answer.redirected ? answer.url : location.href);
      return;
    }
    document.getElementById("caisse").replaceChildren(...document.adoptNode(fresh).childNodes);
    offer();
    document.querySelector("#caisse [data-focus]")?.focus();
  } catch {
    lost.hidden = false;
  } finally {
    form.removeAttribute("aria-busy");
  }
}

/** Show the button that scans, where the browser reads codes and has a camera to ask for. */
async function offer() {
  const formats = (await globalThis.BarcodeDetector?.getSupportedFormats?.().catch(() => [])) ?? [];
  document.querySelector("[data-scan]").hidden = !(formats.includes("qr_code") && navigator.mediaDevices);
}

async function scan() {
  blind.hidden = true;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    blind.hidden = false;
    document.getElementById("code").focus();
    return;
  }
  const video = scanner.querySelector("video");
  scanner.hidden = false;
  video.srcObject = stream;
  await video.play();
  scanner.querySelector("[data-stop]").focus();
  const code = await seen(video, new BarcodeDetector({ formats: ["qr_code"] }));
  stop();
  if (code) {
    const form = document.querySelector("[data-till]");
    form.elements.code.value = code;
    form.requestSubmit();
  }
}

/** What is written in the first code that the camera sees; nothing once it is stopped. */
async function seen(video, detector) {
  while (stream) {
    const [found] = await detector.detect(video).catch(() => []);
    if (found) {
      return found.rawValue;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
  }
  return null;
}

function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  scanner.hidden = true;
}
