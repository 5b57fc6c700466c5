// Pictures from tables: `<figure data-chart>` holds its numbers as a table, and this draws them with uPlot above it and
// folds the table. Colours are the page's, so a picture follows light and dark.
const UPLOT = new URL("./vendor/uplot/uPlot.iife.min.js", import.meta.url);
const STYLE = new URL("./vendor/uplot/uPlot.min.css", import.meta.url);
let loading;

function load() {
  loading ??= new Promise((done, failed) => {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = STYLE;
    const script = document.createElement("script");
    script.src = UPLOT;
    script.onload = done;
    script.onerror = failed;
    document.head.append(style, script);
  });
  return loading;
}

/** Draws every chart of a part of the page that is not drawn yet. */
export async function drawAll(root) {
  const figures = [...root.querySelectorAll("figure[data-chart]:not([data-drawn])")];
  if (!figures.length) return;
  figures.forEach((figure) => (figure.dataset.drawn = "soon"));
  await load();
  figures.forEach(draw);
}

function colour(name) {
  // A token is light-dark(…): asking an element for it gives the one in use.
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function read(figure) {
  const table = figure.querySelector("table");
  const titles = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells]);
  const first = rows.map((cells) => cells[0].dataset.value);
  const isTime = first.length > 0 && first.every((value) => /^\d{4}-\d{2}-\d{2}/.test(value));
  const isNumber = !isTime && first.every((value) => value !== "" && Number.isFinite(Number(value)));
  const xs = first.map((value, index) => (isTime ? Date.parse(value) / 1000 : isNumber ? Number(value) : index));
  const columns = titles.slice(1).map((_, at) => rows.map((cells) => {
    const value = cells[at + 1]?.dataset.value;
    return value === "" || value === undefined ? null : Number(value);
  }));
  return { titles, xs, columns, isTime, isNumber, labels: rows.map((cells) => cells[0].textContent.trim()) };
}

/** Cuts the lines to the last point, whose time is still going on, into dashes. */
function dash(plot, background) {
  const [before, last] = plot.data[0].slice(-2);
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = background;
  ctx.lineWidth = 3 * devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const values of plot.data.slice(1)) {
    const [from, to] = values.slice(-2);
    if (from == null || to == null) continue;
    ctx.beginPath();
    ctx.moveTo(plot.valToPos(before, "x", true), plot.valToPos(from, "y", true));
    ctx.lineTo(plot.valToPos(last, "x", true), plot.valToPos(to, "y", true));
    ctx.stroke();
  }
  ctx.restore();
}

function draw(figure) {
  const data = read(figure);
  const plot = figure.querySelector(".plot");
  if (data.xs.length < 2) return; // one number is no picture: the table says it
  plot.hidden = false;
  figure.querySelector("details")?.removeAttribute("open");
  const percents = "percents" in figure.dataset;
  const kind = figure.dataset.chart;
  const language = navigator.language;
  const numbers = new Intl.NumberFormat(language, percents ? { style: "percent", maximumFractionDigits: 1 } : { notation: "compact", maximumFractionDigits: 1 });
  const whole = new Intl.NumberFormat(language, percents ? { style: "percent", maximumFractionDigits: 2 } : { maximumFractionDigits: 2 });
  const faint = colour("--faint"), line = colour("--line");
  const series = data.columns.map((_, at) => {
    const stroke = colour(`--series-${(at % 6) + 1}`);
    return {
      label: data.titles[at + 1], stroke, width: 1.75, ...(at > 5 ? { dash: [6, 4] } : {}), points: { show: data.xs.length < 40, size: 4 },
      value: (_plot, value) => (value == null ? "–" : whole.format(value)),
      ...(kind === "area" && at === 0 ? { fill: stroke.replace("rgb(", "rgba(").replace(")", ", .12)") } : {}),
      ...(kind === "bars" ? { paths: window.uPlot.paths.bars({ size: [0.7, 48] }), fill: stroke, points: { show: false } } : {}),
    };
  });
  const axis = { stroke: faint, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui, sans-serif" };
  const options = {
    width: plot.clientWidth || 600, height: 224, cursor: { y: false }, legend: { live: true },
    scales: {
      x: { time: data.isTime, ...(kind === "bars" ? { range: (_p, low, high) => [low - (high - low) / data.xs.length / 1.5 - 0.5 * !data.isTime, high + (high - low) / data.xs.length / 1.5 + 0.5 * !data.isTime] } : {}) },
      y: { range: (_p, low, high) => [Math.min(0, low ?? 0), (high ?? 1) * 1.08 || 1] },
    },
    hooks: "unfinished" in figure.dataset && kind !== "bars" ? { draw: [(plot) => dash(plot, colour("--paper"))] } : {},
    series: [{ label: data.titles[0], ...(data.isTime || data.isNumber ? {} : { value: (_p, at) => data.labels[at] ?? "" }) }, ...series],
    axes: [
      { ...axis, ...(data.isTime || data.isNumber ? {} : { values: (_p, splits) => splits.map((at) => (Number.isInteger(at) ? data.labels[at] ?? "" : "")) }) },
      { ...axis, size: 56, values: (_p, splits) => splits.map((value) => numbers.format(value)) },
    ],
  };
  const drawn = new window.uPlot(options, [data.xs, ...data.columns], plot);
  figure.dataset.drawn = "yes";
  new ResizeObserver(() => drawn.setSize({ width: plot.clientWidth, height: 224 })).observe(plot);
}

// Another scheme: draw anew with its colours.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  document.querySelectorAll("figure[data-drawn]").forEach((figure) => {
    figure.querySelector(".plot").replaceChildren();
    delete figure.dataset.drawn;
  });
  drawAll(document);
});
