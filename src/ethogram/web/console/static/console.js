// What every page has: the menu on small screens, the search's shortcut, and the names of things that change while one
// looks. Pages work without it.
import { drawAll } from "./charts.js";
import { prepareTables } from "./tables.js";

document.documentElement.classList.add("script");

const button = document.querySelector(".menu-button");
const rest = document.getElementById("navigation");
if (button && rest) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const open = rest.classList.toggle("open");
    button.setAttribute("aria-expanded", String(open));
  });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const wanted = document.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
  if (wanted) {
    event.preventDefault();
    if (!wanted.offsetParent && button) button.click();
    wanted.focus();
  }
});

/** Says something to screen readers. */
export function announce(text) {
  const place = document.getElementById("announce");
  if (place) place.textContent = text;
}

// A button that copies what another element holds.
document.addEventListener("click", async (event) => {
  const copy = event.target instanceof Element && event.target.closest("[data-copy]");
  if (!copy) return;
  const source = document.getElementById(copy.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent);
  announce(copy.dataset.copied ?? "Copied");
  copy.classList.add("done");
});

// Selects and boxes that take effect at once.
document.addEventListener("change", (event) => {
  const element = event.target instanceof Element && event.target.closest("[data-submit]");
  if (element) element.form.requestSubmit();
});

// What scrolls sideways can be reached by keyboard, where nothing inside it can.
function reach() {
  for (const each of document.querySelectorAll(".scroll, pre")) {
    const scrolls = each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight + 1;
    if (scrolls && !each.querySelector("a, button, input, select, textarea, [tabindex]")) each.tabIndex = 0;
  }
}
reach();
addEventListener("resize", reach);
document.addEventListener("htmx:after:swap", reach);

drawAll(document);
prepareTables();
document.addEventListener("htmx:after:swap", () => {
  drawAll(document);
  prepareTables();
});
document.addEventListener("htmx:after:settle", () => drawAll(document));
