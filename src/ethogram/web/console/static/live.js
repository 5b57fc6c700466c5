// The live page: events and membership changes as the server tells them. Everything is put in as text.
import { listen } from "./listening.js";

const MOST = 100;
const events = document.getElementById("events");
const changes = document.getElementById("changes");
const pause = document.getElementById("pause");
let paused = false;

pause?.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
});

function row(at, parts, small) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = at;
  time.textContent = new Date(at).toLocaleTimeString(undefined, { hour12: false });
  const body = document.createElement("div");
  const line = document.createElement("p");
  line.append(...parts);
  body.append(line);
  if (small) {
    const told = document.createElement("p");
    told.className = "small";
    told.textContent = small;
    body.append(told);
  }
  item.append(time, body);
  return item;
}

function link(address, text) {
  const found = document.createElement("a");
  found.href = address;
  found.textContent = text;
  return found;
}

function put(list, item, none) {
  document.getElementById(none)?.remove();
  list.prepend(item);
  while (list.children.length > MOST) list.lastElementChild.remove();
}

const person = (id) => link(`/console/people/${encodeURIComponent(id)}`, id);

listen({
  event(told) {
    if (paused) return;
    const what = told.call === "track" ? link(`/console/events/${encodeURIComponent(told.name)}`, told.name) : document.createTextNode(told.name);
    put(events, row(told.at, [what, " · ", person(told.profile_id)], Object.keys(told.content).length ? JSON.stringify(told.content) : ""), "no-events");
  },
  change(told) {
    if (paused) return;
    const who = told.profile_id ? (told.entity === "profile" ? person(told.profile_id) : told.profile_id) : `${told.count}`;
    const verb = document.createElement("span");
    verb.className = `badge ${told.change === "entered" ? "good" : ""}`;
    verb.textContent = told.change;
    put(changes, row(told.at, [who, " ", verb, " ", link(`/console/segments/${encodeURIComponent(told.segment)}`, told.segment)], told.cause), "no-changes");
  },
});
