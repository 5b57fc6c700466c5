// Tables whose rows are all on the page: sorted by their headings, narrowed, and kept as a file. What is chosen stands in
// the address, so that a link shows the same. Where the server sorts, headings have links, and those are kept; a table that
// holds a part of what there is says so (`data-part`), and is only kept as a file; one that repeats what stands elsewhere
// is left as it is (`data-plain`).

const SEARCHED_FROM = 8; // rows that one no longer sees at a glance
const plain = (cell) => cell.textContent.replace(/\s+/g, " ").trim();
const isAction = (heading) => plain(heading) === "" || heading.querySelector(".unseen") !== null;
const parts = new Intl.NumberFormat().formatToParts(-12345.6);
const [group, point] = ["group", "decimal"].map((type) => parts.find((part) => part.type === type)?.value ?? "");

/** What a cell holds, for sorting and for files: its own value, a name with something below it, an instant, or its text. */
function held(cell) {
  const inside = cell.querySelector(".title-cell > a, time[datetime]");
  return cell.dataset.value ?? inside?.dateTime ?? plain(inside ?? cell);
}

function numberOf(text) {
  const bare = text.replace(/[\s\u00a0\u202f%\p{Sc}]/gu, "").replaceAll(group, "").replace(point, ".");
  return /^[-+\u2212]?\d+(\.\d+)?$/.test(bare) ? Number(bare.replace("\u2212", "-")) : NaN;
}

function comparison(values) {
  const numbers = values.map((value) => (value === "" ? NaN : /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(value) ? Number(value) : numberOf(value)));
  const numeric = values.every((value, at) => value === "" || !Number.isNaN(numbers[at]));
  return (one, other) => (numeric ? numbers[one] - numbers[other] : values[one].localeCompare(values[other], undefined, { numeric: true, sensitivity: "base" }));
}

// A spreadsheet takes what begins so for a formula (see model/spreadsheets.py).
const harmless = (text) => (/^[=+\-@\t\r\n]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text);
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function asFile(columns, rows) {
  const lines = [columns.map(plain), ...rows.map((row) => columns.map((column) => (row.cells[column.cellIndex] ? held(row.cells[column.cellIndex]) : "")))];
  const text = lines.map((line) => line.map((cell) => quoted(harmless(cell))).join(",")).join("\r\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`\ufeff${text}\r\n`], { type: "text/csv;charset=utf-8" }));
  link.download = `${document.title.split(" · ")[0].replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").toLowerCase() || "table"}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function prepare(table, name) {
  const body = table.tBodies[0];
  const original = [...(body?.rows ?? [])];
  const headings = [...(table.tHead?.rows[0]?.cells ?? [])];
  if (!original.length || !headings.length || body.querySelector("input:not([type=hidden]), select, textarea")) return;
  const whole = table.tBodies.length === 1 && table.tHead.rows.length === 1 && !body.querySelector("[colspan], [rowspan]");
  const ours = whole && !table.tHead.querySelector("a") && !table.matches("[data-part], .chart table");
  const columns = headings.filter((heading) => !isAction(heading) && original.some((row) => row.cells[heading.cellIndex] && held(row.cells[heading.cellIndex])));
  let sorted = "";
  let sought = "";

  const shown = () => [...body.rows].filter((row) => !row.hidden);
  const remember = () => {
    const address = new URL(location.href);
    for (const [key, value] of [["sort", sorted], ["q", sought]]) {
      if (value) address.searchParams.set(`${name}.${key}`, value);
      else address.searchParams.delete(`${name}.${key}`);
    }
    history.replaceState(history.state, "", address);
  };

  function sort(wanted) {
    sorted = wanted;
    const at = headings.findIndex((heading) => plain(heading) === wanted.replace(/^-/, ""));
    let rows = original;
    if (at >= 0) {
      const values = original.map((row) => (row.cells[at] ? held(row.cells[at]) : "")).map((value) => (value === "–" ? "" : value));
      const compare = comparison(values);
      const places = original.map((_, place) => place);
      const sign = wanted.startsWith("-") ? -1 : 1;
      places.sort((one, other) => (values[one] === "") - (values[other] === "") || sign * compare(one, other) || one - other);
      rows = places.map((place) => original[place]);
    }
    body.append(...rows);
    headings.forEach((heading, place) => {
      if (place === at) heading.setAttribute("aria-sort", wanted.startsWith("-") ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    });
  }

  const tools = document.getElementById("table-tools").content.firstElementChild.cloneNode(true);
  const [field, told, file] = [tools.querySelector("input"), tools.querySelector("[data-told]"), tools.querySelector("button")];

  function narrow(text) {
    sought = text.trim();
    const wanted = sought.toLocaleLowerCase();
    for (const row of original) row.hidden = !plain(row).toLocaleLowerCase().includes(wanted);
    const count = shown().length;
    told.textContent = sought ? told.dataset.told.replace("{shown}", count.toLocaleString()).replace("{all}", original.length.toLocaleString()) : "";
  }

  if (ours && original.length > 1) {
    for (const heading of columns) {
      const title = plain(heading);
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sorts";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => {
        sort(sorted === title ? `-${title}` : sorted === `-${title}` ? "" : title);
        remember();
      });
      heading.append(button);
    }
  }
  if (ours && original.length >= SEARCHED_FROM && !document.querySelector("main form.finder")) {
    field.addEventListener("input", () => {
      narrow(field.value);
      remember();
    });
  } else field.closest("label").remove();
  file?.addEventListener("click", () => asFile(columns, shown())); // who may not export has no such button
  const around = table.closest(".scroll") ?? table;
  if (tools.contains(field)) around.before(tools);
  else if (file && around.previousElementSibling?.matches(".toolbar")) around.previousElementSibling.append(file);
  else if (file && table.closest(".card")) around.after(tools); // a few numbers first, and what one may do with them below
  else if (file) around.before(tools);

  const asked = new URLSearchParams(location.search);
  if (ours && asked.has(`${name}.sort`)) sort(asked.get(`${name}.sort`));
  if (ours && asked.has(`${name}.q`) && field.isConnected) {
    field.value = asked.get(`${name}.q`);
    narrow(field.value);
  }
}

/** Makes every table that is new on the page one's own. */
export function prepareTables() {
  document.querySelectorAll("main table:not([data-prepared], [data-plain])").forEach((table) => {
    table.dataset.prepared = "";
    const place = table.closest("[id]:not(main)")?.id ?? "table";
    const before = [...document.querySelectorAll("main table[data-prepared]")].indexOf(table);
    prepare(table, before > 0 ? `${place}${before + 1}` : place);
  });
}
