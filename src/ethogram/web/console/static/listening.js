// What happens now, from the server: one connection a page, whatever on it listens.
const light = document.getElementById("light");

function show(on) {
  if (!light) return;
  light.querySelector(".dot").className = `dot ${on ? "good" : "bad"}`;
  const told = [...light.querySelectorAll("span")].find((each) => !each.classList.contains("dot"));
  if (told) told.textContent = on ? light.dataset.on : light.dataset.off;
}

/** Calls `event`, `change` and `count` of a page with what is told; those that are there. */
export function listen(wanted) {
  const source = new EventSource("/console/live/stream");
  source.onopen = () => show(true);
  source.onerror = () => show(false);
  for (const kind of ["event", "change", "count"]) {
    if (wanted[kind]) source.addEventListener(kind, (message) => wanted[kind](JSON.parse(message.data)));
  }
  addEventListener("pagehide", () => source.close());
  return source;
}
