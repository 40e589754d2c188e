// Lines over numbers, with bands or bars for intervals; the pointer or the arrow keys read all lines at a place, and the
// buttons below show and hide single lines.
"use strict";

// series: {name, colour(), x, y, low, high, dash, quiet}, of which `quiet` has no button and no readout.
class LineChart {
  constructor(at, {name, xTitle, yTitle, xTicks, xRange, xText, bars = false, height = 300}) {
    Object.assign(this, {name, xTitle, yTitle, xTicks, xRange, xText, bars, height});
    this.series = [];
    this.hidden = new Set();
    this.place = element(at, "div", {class: "chart"});
    this.buttons = element(at, "div", {class: "series"});
  }

  show(series) {
    this.series = series;
    if (this.again) this.again();
    else this.again = keepDrawn(this.place, `${this.name}: arrow keys read its lines`, (svg, width) => this.draw(svg, width));
  }

  drawButtons() {
    this.buttons.replaceChildren();
    const named = this.series.filter(one => !one.quiet);
    if (named.length < 2 && !named.some(one => one.name)) return;
    for (const one of named) {
      const button = element(this.buttons, "button", {type: "button", "aria-pressed": !this.hidden.has(one.name),
                                                      style: `border-left-color: ${one.colour()}`}, one.name);
      button.addEventListener("click", () => {
        if (!this.hidden.delete(one.name)) this.hidden.add(one.name);
        this.again();
        this.buttons.children[named.indexOf(one)].focus();
      });
    }
  }

  draw(svg, width) {
    this.drawButtons();
    const box = {left: 62, right: width - 12, top: 8, bottom: this.height};
    const [from, to] = this.xRange(this.series);
    const x = value => box.left + (value - from) / (to - from || 1) * (box.right - box.left);
    const y = value => box.bottom - (value + 0.03) / 1.06 * (box.bottom - box.top);
    shape(svg, "rect", {class: "ground", x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top});
    const levels = [0, 0.2, 0.4, 0.6, 0.8, 1];
    for (const level of levels)
      shape(svg, "line", {class: "rule", x1: box.left, x2: box.right, y1: y(level), y2: y(level)});
    const ticks = this.xTicks(from, to, box.right - box.left).map(([at, text]) => [x(at), text]);
    const shown = this.series.filter(one => !this.hidden.has(one.name));
    for (const one of shown) this.drawSeries(svg, one, x, y);
    drawAxes(svg, box, {title: this.xTitle, ticks},
             {title: this.yTitle, ticks: levels.map(level => [y(level), `${Math.round(100 * level)} %`])});
    this.listen(svg, box, shown.filter(one => !one.quiet), x);
    return this.height + BOTTOM;
  }

  drawSeries(svg, one, x, y) {
    const group = shape(svg, "g", {"data-name": one.name});
    const colour = one.colour();
    const known = [...one.x.keys()].filter(i => one.y[i] !== null);
    const path = (indices, values) => indices.map(i => `${x(one.x[i]).toFixed(1)},${y(values[i]).toFixed(1)}`);
    const ends = one.low ? known.filter(i => one.low[i] !== null && one.high[i] !== null) : [];
    if (this.bars) {
      for (const i of ends)
        shape(group, "line", {x1: x(one.x[i]), x2: x(one.x[i]), y1: y(one.low[i]), y2: y(one.high[i]), stroke: colour});
    } else if (ends.length) {
      const bands = this.series.filter(other => other.low).length;
      shape(group, "polygon", {points: [...path(ends, one.low), ...path(ends.slice().reverse(), one.high)].join(" "),
                               fill: colour, "fill-opacity": Math.min(0.16, 0.9 / bands)});
    }
    shape(group, "polyline", {points: path(known, one.y).join(" "), fill: "none", stroke: colour,
                              "stroke-width": one.quiet ? 1 : 1.8, "stroke-dasharray": one.dash ?? "none"});
    if (!one.quiet && known.length <= 64)
      for (const i of known) shape(group, "circle", {cx: x(one.x[i]), cy: y(one.y[i]), r: 2.4, fill: colour});
  }

  listen(svg, box, shown, x) {
    const stops = [...new Set(shown.flatMap(one => [...one.x]))].sort((a, b) => a - b);
    const line = shape(svg, "line", {class: "frame", y1: box.top, y2: box.bottom, visibility: "hidden"});
    let at = 0;
    const show = i => {
      if (!stops.length) return;
      at = Math.min(stops.length - 1, Math.max(0, i));
      const here = x(stops[at]);
      for (const [key, value] of Object.entries({x1: here, x2: here, visibility: "visible"})) line.setAttribute(key, value);
      const lines = shown.flatMap(one => {
        const i = one.x.indexOf(stops[at]);
        if (i < 0 || one.y[i] === null) return [];
        const interval = one.low && one.low[i] !== null ? ` (${percent(one.low[i])} to ${percent(one.high[i])})` : "";
        return [`${one.name}${one.name ? ": " : ""}${percent(one.y[i])}${interval}${one.after?.[i] ?? ""}`];
      });
      const page = svg.getBoundingClientRect();
      tip.show([this.xText(stops[at]), ...lines], page.left + here, page.top + box.top + 20);
    };
    const hide = () => {
      line.setAttribute("visibility", "hidden");
      tip.hide();
    };
    svg.addEventListener("pointermove", event => {
      const here = event.clientX - svg.getBoundingClientRect().left;
      if (here < box.left - 5 || here > box.right + 5) return hide();
      const distance = stops.map(stop => Math.abs(x(stop) - here));
      show(distance.indexOf(Math.min(...distance)));
    });
    svg.addEventListener("pointerleave", hide);
    svg.addEventListener("blur", hide);
    svg.addEventListener("focus", () => { if (svg.matches(":focus-visible")) show(at); });
    svg.addEventListener("keydown", event => {
      const all = stops.length, far = Math.max(1, Math.round(all / 20));
      const step = {ArrowLeft: -1, ArrowRight: 1, PageUp: far, PageDown: -far, Home: -all, End: all}[event.key];
      if (step === undefined) return;
      show(at + step);
      event.preventDefault();
    });
  }
}
