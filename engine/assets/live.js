// Keeps the live parts of a page fresh: asks for the same page every 2 s and puts the elements marked `data-live` of the answer in
// the place of those with the same id: a part that has nothing to show yet has to be there, empty. Never one that holds a form, the
// focus or a selection. Stops while nobody sees the page, and says how old the page is, and why it is old. Without this script a
// page shows the time at which it was made.

const EVERY = 2000; // milliseconds between two answers
const LONGEST = 10000; // milliseconds that an answer may take

// A text becomes markup here and nowhere else: it is this service's own page.
const policy = globalThis.trustedTypes?.createPolicy("weir", { createHTML: (text) => text });
const age = document.querySelector("[data-age]");

let since = performance.now();
let why = "";
let ended = false;
let asking = false;
let held = false;
let timer = 0;

function tell() {
  if (!age) return;
  const seconds = (performance.now() - since) / 1000;
  const where = held ? "; where you are, the page stands still" : "";
  const text = `As of ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s ago${where}`;
  age.textContent = why ? `${text}: ${why}` : text;
  age.classList.toggle("old", why !== "");
}

function isHeld(part) {
  const focus = document.activeElement;
  const selection = document.getSelection();
  return (
    part.querySelector("form") !== null ||
    part.closest("form") !== null ||
    (focus !== null && focus !== part && part.contains(focus)) ||
    (selection !== null && !selection.isCollapsed && selection.containsNode(part, true))
  );
}

function keepOpen(old, fresh) {
  for (const details of old.querySelectorAll("details[id]")) {
    const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
    if (same) same.toggleAttribute("open", details.open);
  }
}

function swap(page) {
  held = false;
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(old.id);
    if (!fresh) continue;
    if (isHeld(old)) {
      held = true;
      continue;
    }
    keepOpen(old, fresh);
    if (!fresh.isEqualNode(old)) {
      const scrolled = [...old.querySelectorAll(".wide")].map((wide) => wide.scrollLeft);
      const put = document.adoptNode(fresh);
      old.replaceWith(put);
      put.querySelectorAll(".wide").forEach((wide, at) => { wide.scrollLeft = scrolled[at] ?? 0; });
    }
  }
}

async function ask() {
  const answer = await fetch(location.href, {
    cache: "no-store",
    headers: { accept: "text/html" },
    redirect: "manual",
    signal: AbortSignal.timeout(LONGEST),
  });
  if (answer.type === "opaqueredirect") {
    ended = true;
    return "the session has ended: open the page again to sign in";
  }
  if (!answer.ok) return `the engine answered ${answer.status}`;
  const text = await answer.text();
  swap(new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/html"));
  since = performance.now();
  return "";
}

async function refresh() {
  clearTimeout(timer);
  if (asking || ended || document.hidden) return;
  asking = true;
  try {
    why = await ask();
  } catch (error) {
    why = error.name === "TimeoutError" ? `the engine did not answer within ${LONGEST / 1000} s` : "the engine does not answer";
  }
  asking = false;
  tell();
  timer = setTimeout(refresh, EVERY);
}

document.addEventListener("visibilitychange", refresh);
// A page that the browser kept, and shows again, is as old as it was.
addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });
setInterval(() => { if (!document.hidden) tell(); }, 200);
tell();
timer = setTimeout(refresh, EVERY);
