// Draws `study`: {runs, ranges} from page.py. Heat maps have one cell a grid entry, drawn one apart,
// so that axes may have gaps; a run's own numbers are in its labels.
"use strict";

const study = JSON.parse(document.getElementById("study").textContent);
const NONE_COLOUR = "#d9d9d9";
const MOST_LEARNING_RATES = 8, MOST_COLUMNS = 16;  // that an axis has labels for
const MOST_SURFACES = 15;  // a browser draws 16 at once, with WebGL
const SETTINGS = {responsive: true, displaylogo: false};
const STILL = {...SETTINGS, displayModeBar: false};
const FONT = {family: '"DejaVu Sans", "Segoe UI", Helvetica, Arial, sans-serif', size: 12, color: "#1c1e21"};
const CURVE_COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000"];  // Okabe & Ito

const HEAT_MAPS = [
  {name: "accuracy", title: "accuracy", colours: "Viridis",
   text: value => (100 * value).toFixed(2) + " %"},
  {name: "update", title: "update: log<sub>2</sub>(mean |u| / 2<sup>fraction</sup>)", colours: "Cividis",
   text: value => value.toFixed(3)},
  {name: "error", title: "quantization error: log<sub>2</sub>(mean error · 2<sup>lr − fraction</sup>)",
   colours: "Cividis", text: value => value.toFixed(3)},
  {name: "test_accuracy", title: "accuracy on the held-out samples", colours: "Viridis",
   text: value => (100 * value).toFixed(2) + " %"},
  {name: "fraction", title: "fraction bits", colours: "Cividis", text: value => String(value)},
  {name: "bits", title: "bits of a word", colours: "Cividis", text: value => String(value)},
];
const AXES = {  // of a table's columns: their title, and a column in words
  fraction: {title: "fraction bits", text: value => `, ${value} bits`},
  bits: {title: "bits of a word", text: value => `, words of ${value} bits`},
  "": {title: "", text: () => ""},  // one column, of no axis
};

function element(parent, tag, attributes = {}, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return parent.appendChild(made);
}

// The place of a value on a drawn axis; between its entries for a fitted line.
function place(value, entries) {
  const after = entries.findIndex(entry => entry >= value);
  if (after <= 0) return after === 0 && entries[0] === value ? 0 : null;
  return after - (entries[after] - value) / (entries[after] - entries[after - 1]);
}

function axis(title, entries, most, label) {
  const every = Math.ceil(entries.length / most);
  const shown = [...entries.keys()].filter(i => i % every === 0);
  return {title: {text: title}, tickvals: shown, ticktext: shown.map(i => label(entries[i])), showgrid: false,
          zeroline: false, ticks: "outside", tickangle: 0, range: [-0.5, entries.length - 0.5]};
}
const rate = lr => lr > 0 ? `2<sup>−${lr}</sup>` : `2<sup>${-lr}</sup>`;
const rateAxis = run => axis("learning rate", run.lr, MOST_LEARNING_RATES, rate);
const columnAxis = (run, most) => axis(AXES[run.axis].title, run.columns, most, run.axis ? String : () => "");
const cellName = (run, lr, column) => rate(lr) + AXES[run.axis].text(column);

// Knees and cliffs as traces over a heat map; they leave the pointer to the cells below.
function cliffTraces(run) {
  const traces = [];
  const add = (points, trace) => traces.push({type: "scatter", x: points.map(([x]) => x), y: points.map(([, y]) => y),
                                              hoverinfo: "skip", ...trace});
  const onGrid = points => points.map(([lr, column]) => [place(lr, run.lr), place(column, run.columns)]);
  const outlined = (points, dash) => {
    add(points, {mode: "lines", line: {color: "black", width: 5}});
    add(points, {mode: "lines", line: {color: "white", width: 2.5, dash}});
  };
  if (run.left_cliff) {
    const x = (place(run.left_cliff[0], run.lr) + place(run.left_cliff[1], run.lr)) / 2;
    outlined([[x, -0.5], [x, run.columns.length - 0.5]], "dot");
  }
  if (run.cliff.length) outlined(onGrid(run.cliff), "solid");
  for (const cutOff of [false, true]) {
    const knees = run.knees.filter(knee => knee[2] === cutOff);
    if (knees.length)
      add(onGrid(knees), {mode: "markers", marker: {size: 9, color: "white", symbol: cutOff ? "circle-dot" : "circle",
                                                    line: {color: "black", width: 1}}});
  }
  return traces;
}

function drawHeatMap(at, run, map) {
  const values = run.maps[map.name];
  const shown = (value, accuracy) => accuracy === null ? "not trained" : value === null ? "none (zero)" : map.text(value);
  const text = values.map((row, c) => row.map((value, l) =>
    `learning rate ${cellName(run, run.lr[l], run.columns[c])}<br>${map.title}: ` +
    `<b>${shown(value, run.maps.accuracy[c][l])}</b>`));
  const [low, high] = study.ranges[map.name];
  const cells = {type: "heatmap", x: run.lr.map((_, i) => i), y: run.columns.map((_, i) => i), z: values, text,
                 hovertemplate: "%{text}<extra></extra>", hoverongaps: true, colorscale: map.colours, zmin: low,
                 zmax: high, colorbar: {thickness: 12, outlinewidth: 0}};
  const layout = {font: FONT, title: {text: map.title, font: {size: 14}}, xaxis: rateAxis(run),
                  yaxis: columnAxis(run, MOST_COLUMNS), plot_bgcolor: NONE_COLOUR, showlegend: false, hovermode: "closest",
                  margin: {l: 55, r: 10, t: 35, b: 55}};
  return Plotly.newPlot(at, [cells, ...cliffTraces(run)], layout, STILL);
}

function drawSurface(at, run) {
  const {accuracy} = run.maps;
  const [x, y] = [run.lr.map((_, i) => i), run.columns.map((_, i) => i)];
  const text = accuracy.map((row, c) => row.map((value, l) =>
    `learning rate ${cellName(run, run.lr[l], run.columns[c])}<br>accuracy: <b>${(100 * value).toFixed(2)} %</b>`));
  const traces = [];
  if (Math.min(x.length, y.length) > 1 && run.trained === x.length * y.length) {
    traces.push({type: "surface", x, y, z: accuracy, text, hovertemplate: "%{text}<extra></extra>",
                 colorscale: "Viridis", cmin: 0, cmax: 1,
                 colorbar: {thickness: 12, outlinewidth: 0, len: 0.75},
                 contours: {x: {show: true, color: "rgba(255,255,255,.35)", start: 0, end: x.length, size: 1,
                                highlight: false},
                            y: {show: true, color: "rgba(255,255,255,.35)", start: 0, end: y.length, size: 1,
                                highlight: false}}});
  } else {
    traces.push({type: "scatter3d", mode: Math.min(x.length, y.length) > 1 ? "markers" : "lines+markers", x: accuracy.flatMap(() => x),
                 y: accuracy.flatMap((row, c) => row.map(() => c)), z: accuracy.flat(), text: text.flat(),
                 hovertemplate: "%{text}<extra></extra>", marker: {size: 4}});
  }
  const knees = run.knees.map(([lr, knee]) => [run.lr.indexOf(lr), run.columns.indexOf(knee)]);
  traces.push({type: "scatter3d", mode: "markers", name: "knee", x: knees.map(([l]) => l), y: knees.map(([, c]) => c),
               z: knees.map(([l, c]) => accuracy[c][l] + 0.01), hoverinfo: "skip", showlegend: false,
               marker: {size: 4, color: "white", line: {color: "black", width: 1}}});
  const layout = {font: FONT, margin: {l: 0, r: 0, t: 0, b: 0},
                  scene: {xaxis: rateAxis(run), aspectratio: {x: 1, y: 1, z: 0.7},
                          yaxis: columnAxis(run, MOST_COLUMNS / 2),
                          zaxis: {title: {text: "accuracy"}, range: [0, 1], dtick: 0.2},
                          camera: {eye: {x: -1.0, y: -1.25, z: 0.85}, center: {x: 0, y: 0, z: -0.22}}}};
  return Plotly.newPlot(at, traces, layout, SETTINGS);
}

// Learning curves of chosen cells: those that page.py chose, and what is clicked or picked.
class CurveChart {
  constructor(section, index, run) {
    this.run = run;
    this.chosen = run.curves.chosen.slice();
    const choose = element(section, "div", {class: "choose"});
    this.lr = this.picker(choose, "lr", run.lr);
    this.column = run.axis ? this.picker(choose, run.axis, run.columns) : {value: run.columns[0]};
    element(choose, "button", {type: "button"}, "show or hide").addEventListener(
      "click", () => this.toggle(Number(this.lr.value), Number(this.column.value)));
    element(choose, "button", {type: "button"}, "clear").addEventListener(
      "click", () => { this.chosen = []; this.draw(); });
    element(choose, "span", {}, "or click cells of the heat maps");
    this.at = element(section, "div", {class: "curves", id: `curves-${index}`});
  }

  picker(parent, name, entries) {
    const label = element(parent, "label", {}, name + " ");
    const select = element(label, "select");
    for (const entry of entries) element(select, "option", {value: entry}, String(entry));
    return select;
  }

  toggle(lr, column) {
    const others = this.chosen.filter(cell => cell[0] !== lr || cell[1] !== column);
    this.chosen = others.length < this.chosen.length ? others : [...others, [lr, column]];
    return this.draw();
  }

  draw() {
    const {curves, lr, columns} = this.run;
    const traces = this.chosen.map((cell, i) => ({
      type: "scatter", mode: "lines", name: cellName(this.run, ...cell), x: curves.steps,
      y: curves.accuracy[lr.indexOf(cell[0])][columns.indexOf(cell[1])],
      line: {width: 2, color: CURVE_COLOURS[i % CURVE_COLOURS.length],
             dash: ["solid", "dash", "dot"][Math.floor(i / CURVE_COLOURS.length) % 3]},
      hovertemplate: "step %{x}: <b>%{y:.2%}</b>"}));
    const layout = {font: FONT, margin: {l: 60, r: 10, t: 10, b: 50}, hovermode: "x", showlegend: true,
                    legend: {orientation: "h", y: 1.02, yanchor: "bottom"}, xaxis: {title: {text: "step"}},
                    yaxis: {title: {text: "smoothed accuracy"}, range: [-0.03, 1.03], tickformat: ".0%"}};
    return Plotly.react(this.at, traces, layout, STILL);
  }
}

// The leaves of a nested object as ["train.seed", text].
function leaves(value, path = "") {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[path, JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path ? `${path}.${key}` : key));
}

function fillAnswers(section, run) {
  if (!run.answers)
    return element(section, "p", {}, "No answers: not all networks of this table are trained.");
  const text = element(section, "pre");
  for (const line of run.answers.text) {
    element(text, "b", {}, line.slice(0, 16));
    text.append(line.slice(16) + "\n");
  }
}

// Rows in which the runs differ are marked.
function fillConfiguration(section, run) {
  const all = study.runs.map(other => new Map(leaves(other.run)));
  const table = element(section, "table");
  for (const [key, value] of leaves(run.run)) {
    const differs = !key.startsWith("seconds") && all.some(other => other.get(key) !== value);
    const row = element(table, "tr", differs ? {class: "differs"} : {});
    element(row, "td", {}, key);
    element(row, "td", {}, value);
  }
}

function section(title) {
  const made = element(document.getElementById("runs"), "section");
  if (title) element(made, "h2", {}, title);
  return made;
}

// Row by row, so that the same part of each run is side by side.
function drawAll() {
  const {runs} = study;
  const narrowest = runs.length > 1 ? "560px" : "0";
  document.getElementById("runs").style.gridTemplateColumns = `repeat(${runs.length}, minmax(${narrowest}, 1fr))`;
  const drawn = [];
  for (const run of runs) {
    const top = section("");
    element(top, "h1", {}, run.title);
    const {configuration, dataset, device, engine} = run.run;
    const all = run.lr.length * run.columns.length;
    element(top, "p", {}, `${run.trained === all ? all : `${run.trained} of ${all}`} networks, ` +
      `${run.held["train.iterations"] ?? configuration.train.iterations} steps each, ${dataset.samples} samples; ` +
      `engine ${engine} on ${device}`);
    fillAnswers(top, run);
  }
  if (runs.length <= MOST_SURFACES) runs.forEach((run, i) =>
    drawn.push(drawSurface(element(section("Accuracy"), "div", {class: "surface", id: `surface-${i}`}), run)));
  const maps = runs.map((run, i) => {
    const at = section("Heat maps");
    element(at, "p", {}, "○ knee, ⊙ knee cut off by the grid, solid line: diagonal cliff as fitted, dotted line: " +
      "left cliff; grey cells: none, the logarithm of zero" + (run.trained < run.lr.length * run.columns.length ?
        ", or not trained" : ""));
    const grid = element(at, "div", {class: "maps"});
    const shown = HEAT_MAPS.filter(map => map.name in run.maps);
    const places = shown.map(map => element(grid, "div", {id: `${map.name}-${i}`}));  // all, then drawn to size
    shown.forEach((map, j) => drawn.push(drawHeatMap(places[j], run, map)));
    return places;
  });
  if (runs.some(run => run.curves)) runs.forEach((run, i) => {
    const at = section("Learning curves");
    if (!run.curves) return element(at, "p", {}, "None: run with --set report.curves=true.");
    const chart = new CurveChart(at, i, run);
    drawn.push(chart.draw());
    for (const map of maps[i])
      map.on("plotly_click", ({points: [cell]}) => chart.toggle(run.lr[cell.x], run.columns[cell.y]));
  });
  for (const run of runs) fillConfiguration(section("Run"), run);
  return Promise.all(drawn);
}

drawAll().then(() => document.body.setAttribute("data-drawn", "yes"));
