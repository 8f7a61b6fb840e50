// Sends a form, or follows a link, without leaving its page: the same part of the page that answers takes its place.
// Without this module each does the same by itself, and what is chosen from a list waits for its button.

const PATIENCE = 400;
const NOTED = 202;

document.documentElement.classList.add("lively");

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.inPlace) {
    event.preventDefault();
    send(form);
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-at-once]")) {
    event.target.form.requestSubmit();
  }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-in-place]");
  if (link && event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) {
    event.preventDefault();
    replace(link.dataset.inPlace, () => fetch(link.href, { headers: { Accept: "text/html" } }), link.href);
  }
});

async function send(form) {
  if (form.getAttribute("aria-busy") === "true") {
    return;
  }
  const buttons = form.querySelectorAll("button");
  const sent = written(form);
  const busy = (is) => {
    form.setAttribute("aria-busy", is);
    buttons.forEach((button) => (is ? button.setAttribute("aria-disabled", "true") : button.removeAttribute("aria-disabled")));
  };
  busy(true);
  await replace(
    form.dataset.inPlace,
    () => post(form, sent),
    null,
    () => written(form) === sent,
  );
  busy(false);
  if (form.isConnected && written(form) !== sent && !shownProblem(form)) {
    send(form);
  }
}

/** Send a form; « noted » says of it that the service worker keeps it until there is a network. */
async function post(form, sent) {
  const body = new URLSearchParams(sent);
  const headers = { Accept: "text/html", ...keyOf(form) };
  const answer = await fetch(form.action, { method: "POST", headers, body });
  if (answer.status === NOTED) {
    form.dispatchEvent(new Event("noted", { bubbles: true }));
  }
  return answer;
}

/** What tells the same tap sent again from another one: its answer may have been lost after all was done. */
function keyOf(form) {
  if (!("once" in form.dataset) || !isSecureContext) {
    return {};
  }
  form.dataset.once ||= crypto.randomUUID();
  return { "Idempotency-Key": form.dataset.once };
}

/** Ask, and put the answer's part of the page in the place of ours, unless what was asked has changed meanwhile. */
export async function replace(id, ask, address = null, still = () => true) {
  const area = document.getElementById(id);
  const problem = area.querySelector("[data-problem]");
  const waiting = area.querySelector("[data-waiting]");
  const focused = document.activeElement.id;
  problem.hidden = true;
  area.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => waiting && (waiting.hidden = false), PATIENCE);
  try {
    const answer = await ask();
    if (!answer.ok) {
      throw new Error(`HTTP ${answer.status}`);
    }
    if (answer.status === NOTED) {
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (still()) {
      const fresh = document.adoptNode(page.getElementById(id));
      area.replaceWith(fresh);
      (fresh.querySelector("[data-focus]") ?? document.getElementById(focused))?.focus();
      tell(fresh);
      if (address) {
        history.replaceState(history.state, "", address);
      }
    }
  } catch {
    problem.hidden = !still();
  } finally {
    clearTimeout(slow);
    area.removeAttribute("aria-busy");
    if (waiting) {
      waiting.hidden = true;
    }
  }
}

/** Say aloud what the answer has to say, where nothing moved that would be read by itself. */
function tell(fresh) {
  const said = document.querySelector("[data-said]");
  if (said) {
    said.textContent = fresh.querySelector("[data-says]")?.textContent.trim() ?? "";
  }
}

function written(form) {
  return new URLSearchParams(new FormData(form)).toString();
}

function shownProblem(form) {
  return document.getElementById(form.dataset.inPlace).querySelector("[data-problem]:not([hidden])") !== null;
}
