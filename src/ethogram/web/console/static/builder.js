// The builder: a text and rows that say the same. The text is the truth; the server turns each into the other, says what
// is wrong and whom it describes. What is asked anew makes what was asked before void, here and on the server.
import { announce } from "./console.js";
import { completions } from "./completing.js";
import { rowsEditor } from "./rows.js";

const form = document.getElementById("builder");
const text = document.getElementById("text");
const behind = document.getElementById("behind");
const problems = document.getElementById("problems");
const english = document.getElementById("english");
const size = document.getElementById("size");
const compared = document.getElementById("compared");
const rowProblem = document.getElementById("visual-problem");
const nothing = english.textContent;
const mark = crypto.randomUUID?.() ?? String(Math.random());
let turn = 0;
let anyway = false;
let counted = null;

/** Asks the server; a later question of the same kind aborts an earlier one. */
const running = new Map();
export async function ask(kind, path, body, type = "json") {
  running.get(kind)?.abort();
  const control = new AbortController();
  running.set(kind, control);
  const asForm = body instanceof URLSearchParams;
  try {
    const answer = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: { accept: type === "json" ? "application/json" : "text/html", "hx-request": "true", ...(asForm || body === undefined ? {} : { "content-type": "application/json" }) },
      body: asForm || body === undefined ? body : JSON.stringify(body),
      signal: control.signal,
    });
    if (answer.status === 401) location.reload();
    if (!answer.ok && type === "json") return null;
    return type === "json" ? await answer.json() : await answer.text();
  } catch (error) {
    if (error.name !== "AbortError") announce("The server does not answer");
    return null;
  }
}

// The server counts characters, a page counts UTF-16 units.
const units = (characters) => [...text.value].slice(0, characters).join("").length;
export const characters = (at) => [...text.value.slice(0, at)].length;

const later = (wait, action) => {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), wait);
  };
};

function showProblems(review) {
  const empty = !text.value.trim();
  const shown = empty ? [] : review.problems;
  problems.replaceChildren(...shown.map((problem) => {
    const item = document.createElement("li");
    item.className = problem.warning ? "warn" : "bad";
    item.append(icon("triangle-alert"));
    const told = document.createElement("div");
    const place = document.createElement("button");
    place.type = "button";
    place.className = "link";
    place.textContent = `Line ${problem.line}, column ${problem.column}`;
    place.addEventListener("click", () => { text.focus(); text.setSelectionRange(units(problem.start), units(problem.end)); });
    told.append(place, `: ${problem.message.replace(/^line \d+, column \d+: /, "").split("\n")[0]}`);
    if (problem.hint) told.append(" ", Object.assign(document.createElement("span"), { className: "faint", textContent: problem.hint }));
    if (problem.fixes.length) {
      const actions = document.createElement("div");
      actions.className = "actions";
      for (const fix of problem.fixes) {
        const button = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: fix.label });
        button.addEventListener("click", () => {
          replace(units(fix.start), units(fix.end), fix.text);
          text.focus();
        });
        actions.append(button);
      }
      told.append(actions);
    }
    item.append(told);
    return item;
  }));
  text.setAttribute("aria-invalid", String(shown.some((problem) => !problem.warning)));
  // The text once more behind itself, with marks where something is wrong.
  behind.replaceChildren();
  let at = 0;
  for (const problem of [...shown].sort((a, b) => a.start - b.start)) {
    const start = Math.max(units(problem.start), at);
    const end = Math.max(units(problem.end), start);
    const marked = document.createElement("mark");
    marked.textContent = text.value.slice(start, end) || " ";
    if (problem.warning) marked.className = "warn";
    behind.append(text.value.slice(at, start), marked);
    at = end;
  }
  behind.append(text.value.slice(at), "\n");
}

function icon(name) {
  const source = document.querySelector("svg.icon use").getAttribute("href").split("#")[0];
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawn.setAttribute("class", "icon");
  drawn.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${source}#${name}`);
  drawn.append(use);
  return drawn;
}

/** Puts a text in place of a part, so that the browser's own undo takes it back. */
export function replace(start, end, with_, caret = with_.length) {
  text.focus();
  text.setSelectionRange(start, end);
  // What is inserted like this can be undone with Ctrl+Z, which setRangeText cannot.
  if (!document.execCommand("insertText", false, with_) && (with_ || start !== end)) text.setRangeText(with_);
  text.setSelectionRange(start + caret, start + caret);
  text.dispatchEvent(new Event("input", { bubbles: true }));
}

function show(review, { rows = true } = {}) {
  english.textContent = review.english || (text.value.trim() ? "This cannot be read yet: see what is marked." : nothing);
  english.classList.toggle("faint", !review.english);
  showProblems(review);
  if (rows && review.rows) editor.show(review.rows);
  editor.stale(Boolean(text.value.trim()) && !review.rows);
  if (review.ok) count(text.value);
  else {
    running.get("size")?.abort();
    counted = null;
    size.replaceChildren();
  }
}

const count = later(250, async (value) => {
  if (value === counted && !anyway) return;
  turn += 1;
  size.classList.add("busy");
  const answer = await ask("size", "/console/drafts/size", { text: value, name: form.dataset.name, page: mark, turn, anyway }, "html");
  if (answer === null) return; // a newer question is on its way
  anyway = false;
  if (!answer.trim()) return;
  counted = value;
  size.innerHTML = answer;
  size.classList.remove("busy");
  compare();
});

size.addEventListener("click", (event) => {
  if (!event.target.closest("[data-anyway]")) return;
  anyway = true;
  count(text.value);
});

const checkText = later(120, async () => {
  const review = await ask("check", "/console/drafts/check", { text: text.value });
  if (review) show(review);
});

text.addEventListener("input", checkText);
text.addEventListener("scroll", () => { behind.scrollTop = text.scrollTop; });

const editor = rowsEditor(document.getElementById("visual"), {
  ask,
  changed: later(80, async (rows) => {
    if (!rows.items.length) {
      text.value = "";
      rowProblem.hidden = true;
      show({ text: "", english: "", problems: [], ok: false, rows: null }, { rows: false });
      return;
    }
    const review = await ask("check", "/console/drafts/check", { rows });
    if (!review) return;
    const missing = !review.written;
    rowProblem.hidden = !missing;
    if (missing) {
      rowProblem.textContent = [review.problems[0]?.message, review.problems[0]?.hint].filter(Boolean).join(". ");
      return;
    }
    text.value = review.written;
    // Other rows than those that are being edited would move under the cursor.
    show(review, { rows: false });
  }),
});

const compare = later(300, async () => {
  if (!compared) return;
  const chosen = [...form.querySelectorAll("[data-compare]:checked")].map((box) => box.value);
  for (const box of form.querySelectorAll("[data-compare]:not(:checked)")) box.disabled = chosen.length >= 5;
  if (counted === null || (!chosen.length && !compared.querySelector("figure"))) return; // a text that cannot be read overlaps with nothing
  const body = new URLSearchParams([["text", text.value], ...chosen.map((name) => ["with", name])]);
  const answer = await ask("compare", "/console/drafts/compare", body, "html");
  if (answer !== null) compared.innerHTML = answer;
});
form.addEventListener("change", (event) => { if (event.target.matches("[data-compare]")) compare(); });

completions(text, document.getElementById("offers"), { ask, characters, units, replace });
checkText();
