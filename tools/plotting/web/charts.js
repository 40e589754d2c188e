// What all charts share: elements, numbers in words, axes, the readout, and drawing to the width that there is.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const dark = matchMedia("(prefers-color-scheme: dark)");

function element(parent, tag, attributes = {}, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return parent.appendChild(made);
}

function shape(parent, tag, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return parent.appendChild(made);
}

const percent = value => (100 * value).toFixed(2) + " %";
const rate = lr => "2" + [...String(-lr)].map(c => c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");

// The colour of a share of a palette, 0 to 1.
function shade(palette, share) {
  const last = palette.length - 1;
  return palette[Math.round(Math.min(1, Math.max(0, share)) * last)];
}

// A colour for one of several lines, which stands out from the page.
function lineColour(palette, i, count) {
  const [from, to] = dark.matches ? [0.3, 1] : [0, 0.88];
  return shade(palette, from + (to - from) * (count > 1 ? i / (count - 1) : 0.5));
}

// The place of a value on an axis whose entries are drawn one apart; between its entries for a fitted line.
function place(value, entries) {
  const after = entries.findIndex(entry => entry >= value);
  if (after <= 0) return after === 0 && entries[0] === value ? 0 : null;
  return after - (entries[after] - value) / (entries[after] - entries[after - 1]);
}

// [place, label] of entries, thinned so that each label has so many pixels of the length.
function ticksOf(entries, label, length, pixels) {
  const every = Math.max(1, Math.ceil(entries.length * pixels / Math.max(length, 1)));
  return [...entries.keys()].filter(i => i % every === 0).map(i => [i, label(entries[i])]);
}

// The readout, beside the pointer or the cell that the keys have reached.
const tip = {
  show(lines, x, y) {
    const at = document.getElementById("tip");
    at.hidden = false;
    at.replaceChildren();
    for (const line of lines) element(at, "div", {}, line);
    const {width, height} = at.getBoundingClientRect();
    const left = x + 14 + width < innerWidth ? x + 14 : x - 14 - width;
    const top = y + 14 + height < innerHeight ? y + 14 : y - 14 - height;
    at.style.left = `${Math.max(4, Math.min(left, innerWidth - width - 4))}px`;
    at.style.top = `${Math.max(4, top)}px`;
  },
  hide() { document.getElementById("tip").hidden = true; },
};
addEventListener("keydown", event => { if (event.key === "Escape") tip.hide(); });

// Calls draw(svg, width), which returns the height, now and whenever the place's width or the colour scheme changes.
const redraws = [];
function keepDrawn(at, name, draw) {
  let width = 0;
  const again = () => {
    const had = at.firstChild !== null && at.firstChild === document.activeElement;
    at.replaceChildren();
    const svg = shape(at, "svg", {width, tabindex: 0, role: "application", "aria-label": name});
    svg.setAttribute("height", draw(svg, width));
    if (had) svg.focus();
  };
  new ResizeObserver(() => {
    if (at.clientWidth === width || at.clientWidth === 0) return;
    width = at.clientWidth;
    again();
  }).observe(at);
  redraws.push(again);
  width = at.clientWidth;
  again();
  return again;
}
dark.addEventListener("change", () => redraws.forEach(again => again()));

// A frame with axes; ticks are [pixel, label], x along the bottom and y along the left.
function drawAxes(svg, {left, top, right, bottom}, x, y) {
  const axes = shape(svg, "g", {"aria-hidden": "true"});
  shape(axes, "rect", {class: "frame", x: left, y: top, width: right - left, height: bottom - top});
  for (const [at, label] of x.ticks) {
    shape(axes, "line", {class: "frame", x1: at, x2: at, y1: bottom, y2: bottom + 4});
    shape(axes, "text", {x: at, y: bottom + 17, "text-anchor": "middle"}, label);
  }
  for (const [at, label] of y.ticks) {
    shape(axes, "line", {class: "frame", x1: left - 4, x2: left, y1: at, y2: at});
    shape(axes, "text", {x: left - 7, y: at + 4, "text-anchor": "end"}, label);
  }
  shape(axes, "text", {x: (left + right) / 2, y: bottom + 36, "text-anchor": "middle"}, x.title);
  const middle = (top + bottom) / 2;
  if (y.title) shape(axes, "text", {x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})`}, y.title);
}
