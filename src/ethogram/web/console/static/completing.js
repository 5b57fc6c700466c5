// What could stand at the cursor of a text: a list below it, moved through with the arrow keys, taken with Enter or Tab.
// Nothing is chosen by itself, so Enter and Tab do what they always do until one goes into the list.
import { announce } from "./console.js";

const NAMES = { event: "event", property: "property", trait: "trait", segment: "segment", score: "score", value: "value", function: "", word: "" };

export function completions(text, list, { ask, characters, units, replace }) {
  let offers = [];
  let place = { start: 0, end: 0 };
  let chosen = -1;
  let timer;

  text.setAttribute("aria-autocomplete", "list");
  text.setAttribute("aria-controls", list.id);

  function close() {
    list.hidden = true;
    chosen = -1;
    text.removeAttribute("aria-activedescendant");
  }

  function choose(at) {
    chosen = (at + offers.length) % offers.length;
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === chosen)));
    list.children[chosen].scrollIntoView({ block: "nearest" });
    text.setAttribute("aria-activedescendant", list.children[chosen].id);
  }

  function take(at) {
    const offer = offers[at];
    close();
    replace(units(place.start), units(place.end), offer.insert, offer.insert.slice(0, [...offer.insert].slice(0, offer.caret).join("").length).length);
    // A function, a word or a name leads on to what goes there.
    if (offer.kind !== "value") open(60);
  }

  async function show(asked) {
    if (text.selectionStart !== text.selectionEnd || document.activeElement !== text) return close();
    const found = await ask("complete", "/console/drafts/complete", { text: text.value, cursor: characters(text.selectionStart) });
    if (!found || document.activeElement !== text) return;
    const typed = text.value.slice(units(found.start), text.selectionStart);
    const done = found.offers.length === 1 && found.offers[0].insert === typed;
    // Behind what is complete stand only words that lead on: they wait until one asks for them.
    const idle = !asked && !typed && found.offers.every((offer) => offer.kind === "word");
    if (!found.offers.length || done || idle) return close();
    offers = found.offers;
    place = found;
    chosen = -1;
    text.removeAttribute("aria-activedescendant");
    list.replaceChildren(...offers.map((offer, at) => {
      const item = document.createElement("li");
      item.id = `offer-${at}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      const label = document.createElement("code");
      label.textContent = offer.label;
      const note = document.createElement("span");
      note.textContent = offer.note || NAMES[offer.kind];
      const count = document.createElement("span");
      count.className = "kind-name";
      count.textContent = offer.count == null ? "" : offer.count.toLocaleString();
      item.append(label, note, count);
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(at); });
      return item;
    }));
    list.hidden = false;
    list.scrollTop = 0;
    announce(`${offers.length} suggestions`);
  }

  function open(wait = 80, asked = false) {
    clearTimeout(timer);
    timer = setTimeout(() => show(asked), wait);
  }

  text.addEventListener("input", (event) => { if (event.isTrusted) open(); });
  text.addEventListener("blur", close);
  text.addEventListener("click", () => { if (!list.hidden) close(); });
  text.addEventListener("keydown", (event) => {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      open(0, true);
    } else if (list.hidden) {
      return;
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(event.key === "ArrowDown" ? chosen + 1 : chosen < 0 ? offers.length - 1 : chosen - 1);
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      close();
    }
  });
}
