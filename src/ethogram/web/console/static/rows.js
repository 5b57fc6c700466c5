// The rows of the builder: groups of tests that one clicks together. They are plain values (segment/rows.py says what
// they hold); this draws them as ordinary fields, and tells whenever one changes.

const MEASURES = [["did", "at least once"], ["count", "times"], ["active_days", "on different days"], ["streak", "days in a row"], ["sum", "sum of"], ["avg", "mean of"], ["max", "largest"], ["min", "smallest"], ["median", "median of"], ["distinct", "different values of"], ["hour", "at the usual hour"]];
const WITH_PROPERTY = new Set(["sum", "avg", "max", "min", "median", "distinct", "favorite"]);
const NUMBERS = [[">=", "at least"], [">", "more than"], ["<=", "at most"], ["<", "less than"], ["=", "exactly"], ["!=", "not"]];
const TESTS = [["=", "is"], ["!=", "is not"], ["in", "is one of"], ["not in", "is none of"], [">=", "is at least"], [">", "is more than"], ["<=", "is at most"], ["<", "is less than"], ["between", "is between"], ["exists", "is known"], ["not exists", "is not known"], ["contains", "contains"], ["~contains", "contains (any case)"], ["starts with", "starts with"], ["~starts with", "starts with (any case)"], ["ends with", "ends with"], ["~ends with", "ends with (any case)"], ["~=", "is (any case)"], ["!~=", "is not (any case)"], ["~in", "is one of (any case)"], ["not ~in", "is none of (any case)"], ["matches", "matches"], ["~matches", "matches (any case)"]];
const COMMON = 13;
const EVENT_WINDOWS = [["ever", "any time"], ["last", "in the last"], ["before", "longer ago than"], ["this", "in this"], ["previous", "in the previous"], ["since", "since"], ["until", "before"], ["between", "between"]];
const DATE_WINDOWS = [...EVENT_WINDOWS.slice(1, 2), ["next", "in the next"], ...EVENT_WINDOWS.slice(2)];
const UNITS = ["minute", "hour", "day", "week", "month", "year"];
const PERIODS = ["day", "week", "month", "quarter", "year"];
const SOURCES = [["last", "last"], ["first", "first"], ["trait", "date in"], ["anniversary", "anniversary of"]];

let ids = 0;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
}

const select = (label, options, value, change) => {
  const known = options.some((option) => (option[0] ?? option) === value);
  const made = element("select", { "aria-label": label, onchange: (event) => change(event.target.value) },
    ...(known ? options : [...options, [value, value]]).map((option) => {
      const [key, title] = Array.isArray(option) ? option : [option, option];
      return element("option", { value: key }, title);
    }));
  made.value = value;
  return made;
};

const input = (label, value, change, attributes = {}) =>
  element("input", { type: "text", "aria-label": label, value: value ?? "", autocomplete: "off", oninput: (event) => change(event.target.value), ...attributes });

const remove = (label, action) => element("button", { type: "button", class: "quiet small", "aria-label": label, onclick: action }, "✕");

/** Values as one writes them in a row: separated by commas, except inside single quotes. */
export function splitValues(typed) {
  const found = typed.match(/\s*('(?:[^']|'')*'|[^,]*)\s*(?:,|$)/g) ?? [];
  return found.map((part) => part.replace(/,\s*$/, "").trim()).filter(Boolean);
}
export const joinValues = (values) => values.map((value) => (value.includes(",") && !/^'.*'$/.test(value) ? `'${value.replaceAll("'", "''")}'` : value)).join(", ");

export function rowsEditor(root, { ask, changed }) {
  let rows = { kind: "group", join: "and", not: false, items: [] };
  let known = { events: [], traits: [], account_traits: [], segments: [] };
  const lists = element("div", { hidden: true });
  const problem = element("p", { class: "faint small", hidden: true }, "The text cannot be read yet, so the rows show how it was before.");

  ask("names", "/console/drafts/names").then((names) => {
    if (!names) return;
    known = names;
    list("known-events", names.events.map((event) => [event.name, event.count]));
    list("known-traits", [...names.traits.map((trait) => [trait.name, trait.count])]);
    list("known-account-traits", names.account_traits.map((name) => [name, ""]));
    list("known-segments", names.segments.map((name) => [name, ""]));
  });

  function list(id, options) {
    const made = element("datalist", { id }, ...options.map(([value, count]) => element("option", { value }, typeof count === "number" ? count.toLocaleString() : count)));
    lists.querySelector(`#${CSS.escape(id)}`)?.remove();
    lists.append(made);
    return id;
  }

  const tell = () => changed(rows);
  const redraw = (focus) => {
    draw();
    tell();
    if (focus) root.querySelector(`[data-row="${focus}"] :is(input, select, button)`)?.focus();
  };

  function propertiesOf(event) {
    const names = event == null ? [...new Set(known.events.flatMap((each) => each.properties))] : known.events.find((each) => each.name === event)?.properties ?? [];
    return names.length ? list(`properties-${event ?? ""}`, names.map((name) => [name, ""])) : null;
  }

  /** Offers the values of a property or trait once its field is gone into. */
  const offerValues = (field, about) => field.addEventListener("focus", async () => {
    const { name, event, trait } = about();
    if (!name || field.dataset.of === `${event}/${name}`) return;
    field.dataset.of = `${event}/${name}`;
    const query = new URLSearchParams({ name, ...(event ? { event } : {}), ...(trait ? { of: "trait" } : {}) });
    const found = await ask("values", `/console/drafts/values?${query}`);
    if (!found) return;
    const id = `values-${++ids}`;
    list(id, found.values.slice(0, 30).map(([value, count]) => [found.kind === "text" && /^(-?\d+(\.\d+)?|true|false)$/.test(value) ? `'${value}'` : value, count]));
    field.setAttribute("list", id);
  });

  function test(row, about, label) {
    const options = TESTS.slice(0, COMMON).some(([key]) => key === row.op) ? TESTS.slice(0, COMMON + 2) : TESTS;
    const parts = [select(`${label}: comparison`, options, row.op, (value) => {
      row.op = value;
      redraw(row.row);
    })];
    const none = row.op.endsWith("exists");
    if (row.op === "between") {
      parts.push(input(`${label}: lowest`, row.values[0], (value) => { row.values[0] = value; tell(); }, { class: "amount", inputmode: "decimal" }), element("span", { class: "faint" }, "and"),
        input(`${label}: highest`, row.values[1], (value) => { row.values[1] = value; tell(); }, { class: "amount", inputmode: "decimal" }));
    } else if (!none) {
      const many = row.op.endsWith("in");
      const field = input(many ? `${label}: values, separated by commas` : `${label}: value`, many ? joinValues(row.values) : row.values[0], (value) => {
        row.values = many ? splitValues(value) : [value];
        tell();
      }, { class: "value", placeholder: many ? "one, another" : "value" });
      offerValues(field, about);
      parts.push(field);
    }
    return parts;
  }

  function windowParts(row, options) {
    const window = row.window;
    const parts = [select("When", options, window.kind, (kind) => {
      const amount = window.amount ?? 30;
      row.window = ["last", "before", "next"].includes(kind) ? { kind, amount, unit: UNITS.includes(window.unit) ? window.unit : "day" }
        : ["this", "previous"].includes(kind) ? { kind, unit: PERIODS.includes(window.unit) ? window.unit : "month" }
        : { kind, start: window.start ?? "", end: window.end ?? "" };
      redraw(row.row);
    })];
    if (["last", "before", "next"].includes(window.kind)) {
      parts.push(input("How many", window.amount, (value) => { window.amount = value; tell(); }, { class: "amount", inputmode: "numeric" }),
        select("Unit", UNITS.map((unit) => [unit, `${unit}s`]), window.unit, (value) => { window.unit = value; tell(); }));
    } else if (["this", "previous"].includes(window.kind)) {
      parts.push(select("Period", PERIODS, window.unit, (value) => { window.unit = value; tell(); }));
    } else if (window.kind !== "ever") {
      const date = (key, label) => input(label, window[key], (value) => { window[key] = value; tell(); }, { type: /^$|^\d{4}-\d\d-\d\d$/.test(window[key] ?? "") ? "date" : "text" });
      if (window.kind !== "until") parts.push(date("start", "First day"));
      if (window.kind === "between") parts.push(element("span", { class: "faint" }, "and"));
      if (window.kind !== "since") parts.push(date("end", window.kind === "until" ? "Before day" : "Last day"));
    }
    return parts;
  }

  function eventRow(row) {
    const any = row.event === null;
    const has = select("Whether", [["yes", "has done"], ["no", "has not done"]], row.not ? "no" : "yes", (value) => { row.not = value === "no"; tell(); });
    const name = any ? select("Event", [["", "any event"], ["one", "one event …"]], "", (value) => { if (value) { row.event = ""; redraw(row.row); } })
      : input("Event", row.event, (value) => { row.event = value; tell(); }, { class: "name", list: "known-events", placeholder: "event" });
    const parts = [has, name, select("How", MEASURES, row.measure, (value) => { row.measure = value; redraw(row.row); })];
    if (WITH_PROPERTY.has(row.measure)) parts.push(input("Property", row.property, (value) => { row.property = value; tell(); }, { class: "name", list: propertiesOf(row.event), placeholder: "property" }));
    if (row.measure !== "did") parts.push(select("Comparison", NUMBERS, row.op, (value) => { row.op = value; tell(); }), input("Number", row.value, (value) => { row.value = value; tell(); }, { class: "amount", inputmode: "decimal" }));
    parts.push(...windowParts(row, EVENT_WINDOWS));
    const filters = row.where.map((filter, at) => {
      filter.row = row.row;
      return element("div", { class: "filter" }, element("span", {}, at ? "and" : "where"),
        input("Property", filter.name, (value) => { filter.name = value; tell(); }, { class: "name", list: propertiesOf(row.event), placeholder: "property" }),
        ...test(filter, () => ({ name: filter.name, event: row.event }), filter.name || "property"),
        remove(`Remove the test of ${filter.name || "a property"}`, () => { row.where.splice(at, 1); redraw(row.row); }));
    });
    const add = element("button", { type: "button", class: "quiet small", onclick: () => { row.where.push({ name: "", op: "=", values: [""] }); redraw(row.row); root.querySelector(`[data-row="${row.row}"] .filter:last-of-type input`)?.focus(); } }, row.where.length ? "+ and" : "+ where");
    return [element("div", { class: "parts" }, ...parts, add), ...filters];
  }

  function traitRow(row) {
    const of = known.account_traits.length || row.of === "account"
      ? select("Whose", [["profile", "person's"], ["account", "account's"]], row.of ?? "profile", (value) => { row.of = value; redraw(row.row); }) : null;
    const parts = [of, input("Trait", row.name, (value) => { row.name = value; tell(); }, { class: "name", list: row.of === "account" ? "known-account-traits" : "known-traits", placeholder: "trait" }),
      ...test(row, () => ({ name: row.of === "account" ? `account.${row.name}` : row.name, trait: true }), row.name || "trait")];
    if (row.not) parts.unshift(negated(row));
    return [element("div", { class: "parts" }, ...parts.filter(Boolean))];
  }

  const negated = (row) => select("Whether", [["no", "not so that"], ["yes", "so that"]], row.not ? "no" : "yes", (value) => { row.not = value === "no"; redraw(row.row); });

  function dateRow(row) {
    const event = row.source === "first" || row.source === "last";
    return [element("div", { class: "parts" }, row.not ? negated(row) : null,
      select("Which date", SOURCES, row.source, (value) => { row.source = value; redraw(row.row); }),
      input(event ? "Event" : "Trait", row.name, (value) => { row.name = value; tell(); }, { class: "name", list: event ? "known-events" : "known-traits", placeholder: event ? "event" : "trait with a date" }),
      ...windowParts(row, DATE_WINDOWS))];
  }

  function segmentRow(row) {
    return [element("div", { class: "parts" }, select("Whether", [["yes", "is in"], ["no", "is not in"]], row.not ? "no" : "yes", (value) => { row.not = value === "no"; tell(); }),
      input("Segment", row.name, (value) => { row.name = value; tell(); }, { class: "name", list: "known-segments", placeholder: "segment" }))];
  }

  function textRow(row) {
    return [element("div", {}, element("code", {}, `${row.not ? "not " : ""}${row.text}`)), element("p", { class: "why-text" }, "Rows have no form for this: it is kept as it is, and edited in the text.")];
  }

  const kinds = { event: eventRow, trait: traitRow, date: dateRow, segment: segmentRow, text: textRow };

  function item(group, row, at) {
    row.row = `r${++ids}`;
    const taken = () => { group.items.splice(at, 1); redraw(); root.querySelector(".adding button")?.focus(); };
    if (row.kind === "group") return element("li", { "data-row": row.row }, drawGroup(row, taken));
    const inside = kinds[row.kind](row);
    const what = row.kind === "event" ? row.event ?? "any event" : row.name ?? row.kind;
    const [first, ...others] = inside;
    return element("li", { "data-row": row.row }, element("div", { class: `condition ${row.kind}`, role: "group", "aria-label": `Condition: ${what || row.kind}` }, first, remove(`Remove the condition ${what}`, taken), ...others));
  }

  function drawGroup(group, taken) {
    const made = {
      event: () => ({ kind: "event", measure: "did", event: "", property: "", op: ">=", value: "1", where: [], window: { kind: "ever" }, not: false }),
      trait: () => ({ kind: "trait", name: "", of: "profile", op: "=", values: [""], not: false }),
      date: () => ({ kind: "date", of: "profile", source: "last", name: "", window: { kind: "last", amount: 30, unit: "day" }, not: false }),
      segment: () => ({ kind: "segment", name: "", not: false }),
      group: () => ({ kind: "group", join: group.join === "and" ? "or" : "and", not: false, items: [{ kind: "event", measure: "did", event: "", property: "", op: ">=", value: "1", where: [], window: { kind: "ever" }, not: false }] }),
    };
    const add = (kind) => () => {
      const row = made[kind]();
      group.items.push(row);
      redraw();
      const fresh = (row.kind === "group" ? row.items[0] : row).row;
      root.querySelector(`[data-row="${fresh}"] .name, [data-row="${fresh}"] input`)?.focus();
    };
    const several = group.items.length > 1 || group.not || taken;
    return element("div", { class: "group", role: "group", "aria-label": group.join === "or" ? "Any of these" : "All of these" },
      several ? element("div", { class: "group-head" },
        select("How they are joined", [["and", "All of these"], ["or", "Any of these"], ["not and", "Not all of these"], ["not or", "None of these"]], `${group.not ? "not " : ""}${group.join}`, (value) => {
          group.not = value.startsWith("not ");
          group.join = value.replace("not ", "");
          tell();
        }), taken ? remove("Remove the group", taken) : null) : null,
      group.items.length ? element("ol", { class: "rows" }, ...group.items.map((row, at) => item(group, row, at))) : null,
      element("div", { class: "adding" }, ...[["event", "+ Event"], ["trait", "+ Trait"], ["date", "+ Date"], ["segment", "+ Segment"], ["group", "+ Group"]].map(([kind, label]) => element("button", { type: "button", class: "small", onclick: add(kind) }, label))));
  }

  function draw() {
    root.replaceChildren(problem, drawGroup(rows, null), lists);
  }

  draw();
  return {
    /** Shows other rows, unless they are the ones that are there. */
    show(other) {
      const bare = (value) => JSON.stringify(value, (key, held) => (key === "row" ? undefined : held));
      if (bare(other) === bare(rows) || root.contains(document.activeElement)) return;
      rows = other;
      draw();
    },
    /** Says that the text cannot be read, so the rows are old. */
    stale(old) { problem.hidden = !old; },
  };
}
