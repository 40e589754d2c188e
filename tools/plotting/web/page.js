// Draws `study` of page.py: {sources, tables, ranges, palettes, labels}, part by part, so that the same part of each table is
// beside those of the others.
"use strict";

const study = JSON.parse(document.getElementById("study").textContent);
const {sources, tables, ranges, palettes, labels} = study;
const CURVE_COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8a8a"];  // Okabe and Ito
const NO_CURVE = 65535;
const TITLES = {
  accuracy: "accuracy", recent_accuracy: "recent accuracy", test_accuracy: "test accuracy",
  update: "update: log₂(mean |u| / 2^fraction)", error: "quantization error: log₂(mean error · 2^(lr − fraction))",
  fraction: "fraction bits", bits: "bits of a word",
};
const titleOf = name => TITLES[name] ?? name;
const isShare = name => name.endsWith("accuracy");
const capital = text => text[0].toUpperCase() + text.slice(1);

function columnText(table, column) {
  if (!table.axis) return "";
  return {fraction: `, ${column} bits`, bits: `, words of ${column} bits`}[table.axis] ?? `, ${table.axis} ${column}`;
}
const cellName = (table, l, c) => rate(table.lr[l]) + columnText(table, table.columns[c]);

function estimate([middle, low, high], text) {
  return low === high ? text(middle) : `${text(middle)} (${text(low)} to ${text(high)})`;
}

// What the readout says of a cell, or with the column null of the network in binary64.
function readout(table, l, c, map) {
  const metric = titleOf(table.metric);
  if (c === null)
    return [`learning rate ${rate(table.lr[l])}, binary64`,
            table.baseline[l] === null ? "not trained" : `${metric} ${percent(table.baseline[l])}`];
  const lines = [`learning rate ${cellName(table, l, c)}`];
  const value = table.maps[table.metric][c][l];
  if (value === null) return [...lines, "not trained"];
  const interval = table.low ? ` (${percent(table.low[c][l])} to ${percent(table.high[c][l])})` : "";
  const seeds = table.seeds ? `, mean of ${table.seeds[c][l]} ${table.seeds[c][l] === 1 ? "seed" : "seeds"}` : "";
  lines.push(`${metric} ${percent(value)}${interval}${seeds}`);
  if (map && map !== table.metric) {
    const shown = table.maps[map][c][l];
    lines.push(`${titleOf(map)}: ${shown === null ? "none (zero)" :
      isShare(map) ? percent(shown) : shown.toFixed(3)}`);
  }
  if (table.baseline && table.baseline[l] !== null) lines.push(`binary64 ${percent(table.baseline[l])}`);
  const counts = Object.entries(table.labels?.[c][l] ?? {});
  if (counts.length) lines.push(table.seeds ? counts.map(([label, count]) => `${label} ${count}`).join(", ") : counts[0][0]);
  return lines;
}

function section(title, about = "", kind = "") {
  const made = element(document.getElementById("page"), "section", {class: kind});
  element(made, "h2", {}, title);
  if (about) element(made, "p", {}, about);
  return made;
}

function panels(parent, least) {
  return element(parent, "div", {class: tables.length > 3 ? "panels" : "panels few", style: `--least: ${least}px`});
}

// A place for a chart, titled by its table.
function panel(parent, kind, title, id) {
  const figure = element(parent, "figure", {class: kind});
  element(figure, "figcaption", {}, title);
  return element(figure, "div", {class: "chart", id});
}

function colourBar(parent, name) {
  const bar = element(parent, "div", {class: "bar"});
  const [low, high] = ranges[name];
  const text = value => isShare(name) ? `${Math.round(100 * value)} %` : value.toFixed(1);
  element(bar, "span", {}, text(low));
  element(bar, "i", {style: `background: linear-gradient(90deg, ${paletteOf(name).join(",")})`});
  element(bar, "span", {}, text(high));
}
const paletteOf = name => isShare(name) ? palettes.viridis : palettes.cividis;

// The heat map of a table; `curves` take what is picked.
function drawMap(parent, i, name, curves) {
  const table = tables[i];
  const [low, high] = ranges[name];
  const colour = value => shade(paletteOf(name), (value - low) / (high - low));
  const values = table.maps[name];
  heatMap(panel(parent, "map", table.title, `${name}-${i}`), {
    table, name: `${table.title}, ${titleOf(name)}`,
    colourAt: (l, c) => table.maps[table.metric][c][l] === null ? null : values[c][l] === null ? "none" : colour(values[c][l]),
    floatAt: name !== table.metric || !table.baseline ? null :
      l => table.baseline[l] === null ? null : colour(table.baseline[l]),
    readout: (l, c) => readout(table, l, c, name),
    pick: (l, c) => curves.toggle(i, l, c)});
}

function drawLabelMap(parent, i, curves) {
  const table = tables[i];
  const first = (l, c) => Object.keys(table.labels[c][l])[0];
  heatMap(panel(parent, "labels", "how training went" + (table.seeds ? " in most seeds" : ""), `labels-${i}`), {
    table, name: `${table.title}, how training went`, floatAt: null, hasRoom: table.baseline,
    colourAt: (l, c) => table.maps[table.metric][c][l] === null ? null : first(l, c) ? labelColour(first(l, c)) : "none",
    readout: (l, c) => readout(table, l, c),
    pick: (l, c) => curves.toggle(i, l, c)});
}
const labelColour = label => labels.colours[label] ?? labels.other;

function drawSwatches(parent) {
  const swatches = element(parent, "div", {class: "swatches"});
  const seen = new Set(tables.flatMap(table => (table.labels ?? []).flat().flatMap(counts => Object.keys(counts))));
  for (const label of [...Object.keys(labels.colours).filter(label => seen.has(label)),
                       ...[...seen].filter(label => !(label in labels.colours))]) {
    const one = element(swatches, "span");
    element(one, "i", {style: `background: ${labelColour(label)}`});
    one.append(label);
  }
}

function drawHead() {
  const head = element(document.getElementById("page"), "section", {class: "wide"});
  for (const {name, run, tables: count, trained, networks} of sources) {
    element(head, "h1", {}, name);
    element(head, "p", {}, `${trained === networks ? networks : `${trained} of ${networks}`} networks` +
      `${count > 1 ? ` in ${count} tables of learning rate and precision` : ""}, ${run.dataset.samples} samples; ` +
      `engine ${run.engine} on ${run.device}`);
  }
}

function drawAnswers() {
  const at = section("Answers", "", "wide");
  if (tables.length > 1) drawComparison(at);
  tables.forEach((table, i) => {
    const one = tables.length > 1 ? element(at, "details", tables.length <= 3 ? {open: ""} : {}) : at;
    if (tables.length > 1) element(one, "summary", {}, table.title);
    if (!table.answers) return element(one, "p", {}, "No answers: not all networks of this table are trained.");
    const parts = element(one, "div", {class: "answers", id: `answers-${i}`});
    const list = element(parts, "dl");
    for (const [name, text] of table.answers.lines) {
      element(list, "dt", {}, name);
      element(list, "dd", {}, text);
    }
    if (table.answers.rows.length) drawRows(parts, table);
  });
}

// The rows of a new table, which scrolls where it does not fit.
function tableIn(parent, kind = "") {
  return element(element(element(parent, "div", {class: "scroll"}), "table", {class: kind}), "tbody");
}

const oneDigit = value => (100 * value).toFixed(1);
const number = value => String(Math.round(100 * value) / 100);

function drawComparison(at) {
  const rows = tableIn(at);
  const head = element(rows, "tr");
  for (const title of ["table", "metric"]) element(head, "th", {}, title);
  for (const title of ["best, %", "fewest bits"]) element(head, "th", {class: "number"}, title);
  for (const table of tables) {
    const row = element(rows, "tr");
    element(row, "td", {}, table.title);
    element(row, "td", {}, titleOf(table.metric));
    element(row, "td", {class: "number"}, table.answers ? estimate(table.answers.best, oneDigit) : "–");
    element(row, "td", {class: "number"}, table.answers?.fewest ? estimate(table.answers.fewest, number) : "–");
  }
}

function drawRows(parent, table) {
  const rows = tableIn(parent);
  const columns = [["learning rate", row => rate(row.lr)], ["plateau, %", row => estimate(row.plateau, oneDigit)]];
  if (table.baseline) columns.push(["binary64, %", row => row.baseline ? estimate(row.baseline, oneDigit) : "–"]);
  if (table.axis) columns.push(["knee, bits", row => row.knee ? estimate(row.knee, number) + (row.cut_off ? "+" : "") : "–"]);
  const head = element(rows, "tr");
  for (const [title] of columns) element(head, "th", {class: "number"}, title);
  for (const one of table.answers.rows) {
    const row = element(rows, "tr");
    for (const [, text] of columns) element(row, "td", {class: "number"}, text(one));
  }
}

function drawMetric(curves) {
  const metrics = [...new Set(tables.map(table => table.metric))];
  const hasLabels = tables.some(table => table.labels);
  const notTrained = tables.some(table => table.maps[table.metric].flat().includes(null));
  const marks = Object.entries({
    "○ knee": table => table.knees.some(knee => !knee[2]),
    "⊙ knee cut off by the grid": table => table.knees.some(knee => knee[2]),
    "bar: interval of the knee over seeds": table => table.intervals.length,
    "solid line: diagonal cliff as fitted": table => table.cliff.length,
    "dotted line: left cliff": table => table.left_cliff,
    "blank: not trained": () => notTrained}).filter(([, isThere]) => tables.some(isThere)).map(([mark]) => mark);
  const at = section(capital(metrics.map(titleOf).join(" and ")),
    [...(tables.some(table => table.seeds) ? ["Means over seeds; knees and cliffs are medians."] : []),
     ...(marks.length ? [marks.join(", ") + "."] : []), "Arrow keys read the cells of a map that has the focus."].join(" "));
  colourBar(at, metrics[0]);
  if (hasLabels) drawSwatches(at);
  const grid = panels(at, hasLabels ? 660 : 340);
  tables.forEach((table, i) => {
    const pair = element(grid, "div", {class: table.labels ? "pair" : ""});
    drawMap(pair, i, table.metric, curves);
    if (table.labels) drawLabelMap(pair, i, curves);
  });
}

function drawSurfaces() {
  const drawn = [...tables.keys()].filter(i => Math.min(tables[i].lr.length, tables[i].columns.length) > 1);
  if (!drawn.length) return;
  const grid = panels(section("Surface", "Drag it, or use the arrow keys, to turn it."), 380);
  for (const i of drawn)
    surface(panel(grid, "surface", tables[i].title, `surface-${i}`), {
      table: tables[i], name: `${tables[i].title}, surface`, zTitle: titleOf(tables[i].metric), palette: palettes.viridis,
      readout: (l, c) => readout(tables[i], l, c)});
}

function drawLines() {
  const hasPrecision = tables.some(table => table.axis);
  const about = hasPrecision ? ["One line a learning rate"] : [];
  if (tables.some(table => table.low)) about.push("bands are 95 % intervals of the mean over seeds");
  if (tables.some(table => table.baseline)) about.push("dashed lines are the same networks in binary64");
  const at = section(hasPrecision ? "By precision" : "By learning rate", about.length ? capital(about.join("; ")) + "." : "");
  const grid = panels(at, 380);
  tables.forEach((table, i) => {
    const values = table.maps[table.metric];
    const count = table.axis ? table.columns.length : table.lr.length;
    const x = [...Array(count).keys()];
    const row = (array, l) => table.axis ? array.map(column => column[l]) : array[0];
    const chart = new LineChart(panel(grid, "lines", table.title, `lines-${i}`), {
      name: `${table.title}, ${titleOf(table.metric)}`, yTitle: titleOf(table.metric),
      xTitle: table.axis ? titleOf(table.axis) : "learning rate", xRange: () => [-0.2, count - 0.8],
      xTicks: (from, to, length) => table.axis ? ticksOf(table.columns, String, length, 26) :
        ticksOf(table.lr, rate, length, 40),
      xText: at => table.axis ? columnText(table, table.columns[at]).slice(2) : `learning rate ${rate(table.lr[at])}`});
    const lines = table.axis ? table.lr.map((lr, l) => [rate(lr), l]) : [["", 0]];
    chart.show(lines.flatMap(([name, l]) => {
      const colour = () => lineColour(palettes.viridis, l, lines.length);
      const drawn = [{name, colour, x, y: row(values, l), low: table.low && row(table.low, l),
                      high: table.high && row(table.high, l)}];
      const float = table.baseline && (table.axis ? x.map(() => table.baseline[l]) : table.baseline);
      if (!float) return drawn;
      drawn[0].after = float.map(value => value === null ? "" : `, binary64 ${percent(value)}`);
      return [{name, colour, x, y: float, dash: "5 4", quiet: true}, ...drawn];
    }));
  });
}

// A value of an axis, or several, {axis: value}, in words.
const cellText = cell => Object.entries(cell ?? {}).map(([name, value]) =>
  `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
const kilobits = point => (point.weight_bits + point.activation_bits) / 1000;

function drawFronts() {
  sources.forEach((source, i) => {
    const {front} = source;
    if (!front.length) return;
    const at = section(sources.length > 1 ? `Pareto front of ${source.name}` : "Pareto front",
      "The networks of which none with as few bits reaches as much: bits of all weights, and of the inputs and activations " +
      "of one sample." + (front.some(point => point.low < point.high) ? " Bars are 95 % intervals over seeds." : ""));
    const x = front.map(kilobits);
    const [from, to] = [Math.min(...x), Math.max(...x)];
    const room = (to - from || 1) * 0.04;
    const chart = new LineChart(panel(at, "front", source.name, `front-${i}`), {
      name: `${source.name}, Pareto front`, yTitle: titleOf(tables.find(table => table.source === i).metric),
      xTitle: "kilobits", bars: true, xRange: () => [from - room, to + room], xText: at => `${number(at)} kilobits`,
      xTicks: (first, last, length) => roundNumbers(first, last, length, 70).map(at => [at, number(at)])});
    const ends = name => front.some(point => point[name] != null) ? front.map(point => point[name] ?? null) : null;
    chart.show([{name: "", colour: () => lineColour(palettes.viridis, 1, 3), x, y: front.map(point => point.value),
                 low: ends("low"), high: ends("high"),
                 after: front.map(point => point.cell ? ` at ${cellText(point.cell)}` : "")}]);
    drawFrontTable(at, front);
  });
}

function drawFrontTable(at, front) {
  const details = element(at, "details");
  element(details, "summary", {}, front.length === 1 ? "the network" : `the ${front.length} networks`);
  const rows = tableIn(details);
  const head = element(rows, "tr");
  for (const title of ["bits of weights", "of inputs and activations", "value, %"])
    element(head, "th", {class: "number"}, title);
  for (const title of ["network", "formats"]) element(head, "th", {}, title);
  for (const point of front) {
    const row = element(rows, "tr");
    element(row, "td", {class: "number"}, point.weight_bits.toLocaleString("en"));
    element(row, "td", {class: "number"}, point.activation_bits.toLocaleString("en"));
    const interval = [point.value, point.low ?? point.value, point.high ?? point.value];
    element(row, "td", {class: "number"}, estimate(interval, oneDigit));
    element(row, "td", {}, cellText(point.cell));
    element(row, "td", {}, point.formats ?? "");
  }
}

function drawOtherMaps(curves) {
  const metrics = new Set(tables.map(table => table.metric));
  for (const name of Object.keys(ranges)) {
    const drawn = [...tables.keys()].filter(i => name in tables[i].maps && name !== tables[i].metric);
    if (!drawn.length) continue;
    const none = drawn.some(i => tables[i].maps[name].some((row, c) => row.some((value, l) =>
      value === null && tables[i].maps[tables[i].metric][c][l] !== null)));
    const at = section(capital(titleOf(name)) + (metrics.has(name) ? ", where it is not the metric" : ""),
                       none ? "Grey: none, the logarithm of zero." : "");
    colourBar(at, name);
    const grid = panels(at, 340);
    for (const i of drawn) drawMap(grid, i, name, curves);
  }
}

// Learning curves of chosen cells: those that page.py chose, and what is picked in heat maps or by number.
class Curves {
  constructor() {
    this.of = [...tables.keys()].filter(i => tables[i].curves);
    this.chosen = this.of.flatMap(i => tables[i].curves.chosen.map(([l, c]) => [i, l, c]));
    this.values = new Map(this.of.map(i => [i, decoded(tables[i].curves.accuracy)]));
  }

  toggle(i, l, c) {
    if (!this.chart || !this.values.has(i)) return;
    const others = this.chosen.filter(cell => cell.join() !== [i, l, c].join());
    this.chosen = others.length < this.chosen.length ? others : [...others, [i, l, c]];
    this.draw();
  }

  show() {
    if (!this.of.length) return;
    const at = section("Learning curves", tables.some(table => table.seeds) ? "Means over seeds." : "", "wide");
    this.drawPickers(element(at, "div", {class: "choose"}));
    this.chart = new LineChart(element(at, "div", {class: "chart", id: "curves"}), {
      name: "Learning curves", xTitle: "step", yTitle: "smoothed accuracy", height: 340,
      xRange: series => [0, Math.max(1, ...series.map(one => one.x[one.x.length - 1]))],
      xTicks: (_, to, length) => roundNumbers(0, Math.max(to, 60), length).map(step => [step, String(step)]),
      xText: step => `step ${step}`});
    this.draw();
  }

  drawPickers(choose) {
    const picker = (name, texts) => {
      const select = element(element(choose, "label", {}, name + " "), "select");
      texts.forEach((text, value) => element(select, "option", {value}, text));
      return select;
    };
    const table = picker("table", this.of.map(i => tables[i].title));
    table.parentElement.hidden = this.of.length === 1;
    const most = name => Math.max(...this.of.map(i => tables[i][name].length));
    const lr = picker("learning rate", Array(most("lr")).fill(""));
    const column = picker(titleOf(tables[this.of[0]].axis), Array(most("columns")).fill(""));
    const fit = () => {
      const of = tables[this.of[table.value]];
      for (const [select, texts] of [[lr, of.lr.map(rate)], [column, of.columns.map(String)]])
        [...select.options].forEach((option, k) => {
          option.textContent = texts[k] ?? "";
          option.hidden = option.disabled = k >= texts.length;
          if (option.disabled && option.selected) select.value = 0;
        });
      column.parentElement.hidden = !of.axis;
    };
    fit();
    table.addEventListener("change", fit);
    element(choose, "button", {type: "button"}, "show or hide").addEventListener(
      "click", () => this.toggle(this.of[table.value], Number(lr.value), Number(column.value)));
    element(choose, "button", {type: "button"}, "clear").addEventListener("click", () => { this.chosen = []; this.draw(); });
    element(choose, "span", {}, "or click cells of the heat maps, or press Enter on them");
  }

  draw() {
    this.chart.show(this.chosen.map(([i, l, c], k) => {
      const {steps} = tables[i].curves;
      const from = (l * tables[i].columns.length + c) * steps.length;
      const y = [...this.values.get(i).slice(from, from + steps.length)].map(
        code => code === NO_CURVE ? null : code / (NO_CURVE - 1) * 2 - 0.5);
      return {name: cellName(tables[i], l, c) + (this.of.length > 1 ? `; ${tables[i].title}` : ""), x: steps, y,
              colour: () => CURVE_COLOURS[k % CURVE_COLOURS.length],
              dash: ["none", "6 4", "2 3"][Math.floor(k / CURVE_COLOURS.length) % 3]};
    }));
  }
}

// Of little-endian integers of 16 bits in base64.
function decoded(text) {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Uint16Array.from({length: bytes.length / 2}, (_, i) => view.getUint16(2 * i, true));
}

// Round numbers from one to another, each with room for its label.
function roundNumbers(from, to, length, pixels = 60) {
  const least = (to - from) * pixels / Math.max(length, pixels) || 1;
  const power = 10 ** Math.floor(Math.log10(least));
  const every = power * [1, 2, 5, 10].find(factor => factor * power >= least * 0.999);
  const first = Math.ceil(from / every);
  return Array.from({length: Math.floor(to / every) - first + 1}, (_, i) => (first + i) * every);
}

// The leaves of a nested object as ["train.seed", text].
function leaves(value, path = "") {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[path, JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path ? `${path}.${key}` : key));
}

// A column a run; rows in which they differ are marked.
function drawConfiguration() {
  const all = sources.map(source => new Map(leaves(source.run)));
  const rows = tableIn(section(sources.length > 1 ? "Runs" : "Run", "", "wide"), "run");
  if (sources.length > 1) {
    const head = element(rows, "tr");
    element(head, "th");
    for (const {name} of sources) element(head, "th", {}, name);
  }
  for (const key of new Set(all.flatMap(one => [...one.keys()]))) {
    const values = all.map(one => one.get(key));
    const differs = !key.startsWith("seconds") && new Set(values).size > 1;
    const row = element(rows, "tr", differs ? {class: "differs"} : {});
    element(row, "td", {}, key);
    for (const value of values) element(row, "td", {}, value ?? "");
  }
}

const curves = new Curves();
if (tables.length === 1) document.getElementById("page").classList.add("one");
drawHead();
drawAnswers();
drawMetric(curves);
drawLines();
drawFronts();
drawSurfaces();
drawOtherMaps(curves);
curves.show();
drawConfiguration();
document.body.setAttribute("data-drawn", "yes");
