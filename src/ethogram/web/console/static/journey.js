// Lays the list of a journey's steps out as a picture: dagre says where, cards stay what they are in the page.
const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** A line through points that leaves and arrives upright. */
function curve(points) {
  let path = `M${points[0].x},${points[0].y}`;
  for (let i = 1; i < points.length; i += 1) {
    const [from, to] = [points[i - 1], points[i]];
    const middle = (from.y + to.y) / 2;
    path += ` C${from.x},${middle} ${to.x},${middle} ${to.x},${to.y}`;
  }
  return path;
}

/** Where a line meets a card: above or below it, as near to where it comes from as the card is wide. */
function meet(node, towards, side) {
  const reach = Math.max(0, node.width / 2 - 24);
  const x = Math.min(Math.max(towards.x, node.x - reach), node.x + reach);
  return { x, y: node.y + (side * node.height) / 2 };
}

export function draw(list) {
  const nodes = [...list.querySelectorAll(":scope > .node")];
  list.querySelector(".wires")?.remove();
  list.classList.add("drawn");
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 36, ranksep: 34, edgesep: 24, marginx: 12, marginy: 8 });
  const known = new Map();
  for (const node of nodes) {
    const card = node.querySelector(".step");
    known.set(node.dataset.node, card);
    graph.setNode(node.dataset.node, { width: card.offsetWidth, height: card.offsetHeight });
  }
  const ways = [];
  for (const node of nodes) {
    [...node.querySelectorAll(".way")].forEach((way, index) => {
      let to = way.dataset.to;
      if (!known.has(to) || to === "*") {
        to = `*end ${node.dataset.node} ${index}`;
        graph.setNode(to, { width: 12, height: 12 });
      }
      const name = `${node.dataset.node} ${index}`;
      graph.setEdge(node.dataset.node, to, { width: way.offsetWidth, height: way.offsetHeight, labelpos: "c" }, name);
      ways.push({ way, edge: { v: node.dataset.node, w: to, name } });
    });
  }
  dagre.layout(graph);
  const { width, height } = graph.graph();
  list.style.width = `${Math.ceil(width)}px`;
  list.style.height = `${Math.ceil(height)}px`;
  for (const [name, card] of known) {
    const { x, y } = graph.node(name);
    card.style.left = `${x - card.offsetWidth / 2}px`;
    card.style.top = `${y - card.offsetHeight / 2}px`;
  }
  const wires = svg("svg", { class: "wires", width: Math.ceil(width), height: Math.ceil(height), "aria-hidden": "true" });
  for (const { way, edge } of ways) {
    const { points, x, y } = graph.edge(edge);
    way.style.left = `${x}px`;
    way.style.top = `${y}px`;
    const [from, to] = [graph.node(edge.v), graph.node(edge.w)];
    const down = to.y >= from.y ? 1 : -1;
    const inner = points.slice(1, -1);
    const end = meet(to, inner.at(-1), -down);
    wires.append(svg("path", { d: curve([meet(from, inner[0], down), ...inner, end]) }));
    if (edge.w.startsWith("*end ")) wires.append(svg("circle", { cx: to.x, cy: to.y, r: 6 }));
    else wires.append(svg("path", { class: "tip", d: `M0,0 l-4,${-8 * down} l8,0 Z`, transform: `translate(${end.x},${end.y})` }));
  }
  list.prepend(wires);
}

export function drawAll() {
  for (const list of document.querySelectorAll(".nodes")) {
    draw(list);
    const canvas = list.parentElement;
    const entry = list.querySelector(".step");
    canvas.scrollLeft = entry.offsetLeft + entry.offsetWidth / 2 - canvas.clientWidth / 2;
  }
}
drawAll();

// --- the editor: each change is posted with the whole draft, and comes back drawn and checked ---
const form = document.getElementById("journey");
const draft = document.getElementById("draft");
let asked = 0;
let swapping = false; // a field that is taken away with a new value in it says that it changed

async function post(act, from) {
  asked += 1;
  const mine = asked;
  const sent = new URLSearchParams(new FormData(form));
  sent.set("act", act);
  const canvas = draft.querySelector(".canvas");
  const [left, top] = [canvas.scrollLeft, canvas.scrollTop];
  const answer = await fetch(form.action, { method: "POST", body: sent, headers: { "hx-request": "true" } });
  if (mine !== asked) return;
  if (!answer.ok) return form.submit();
  const html = await answer.text();
  if (mine !== asked) return;
  const focused = document.activeElement?.name;
  const at = document.activeElement?.selectionStart;
  swapping = true;
  draft.innerHTML = html;
  swapping = false;
  drawAll();
  Object.assign(draft.querySelector(".canvas"), { scrollLeft: left, scrollTop: top });
  if (from === "canvas") draft.querySelector("#side input, #side select")?.focus({ preventScroll: true });
  else if (focused) {
    const again = form.elements.namedItem(focused);
    again?.focus?.({ preventScroll: true });
    if (again?.name === "text") again.setSelectionRange(at, at);
  }
}

form?.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button?.name !== "act") return;
  event.preventDefault();
  post(button.value, button.closest(".canvas") ? "canvas" : "");
});
// Enter in a field applies what it says, and does not save.
form?.addEventListener("keydown", (event) => {
  if (event.key === "Escape") event.target.closest("details[open]")?.removeAttribute("open");
  if (event.key === "Enter" && event.target.matches("input")) {
    event.preventDefault();
    event.target.dispatchEvent(new Event("change", { bubbles: true }));
  }
});
form?.addEventListener("change", (event) => {
  const apply = event.target.closest("#side")?.querySelector(".apply");
  if (apply && !swapping) post(apply.value, "");
});
let later;
form?.addEventListener("input", (event) => {
  if (event.target.name !== "text") return;
  clearTimeout(later);
  later = setTimeout(() => post("text", ""), 500);
});
// One menu at a time.
form?.addEventListener("toggle", (event) => {
  if (!event.target.open) return;
  event.target.querySelector(".menu")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  for (const each of draft.querySelectorAll(".plus[open]")) if (each !== event.target) each.open = false;
}, true);
