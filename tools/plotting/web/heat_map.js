// A heat map over learning rate and precision. Its cells are read by the pointer and by the arrow keys, and picked by a
// click or by Enter. Cells are one a grid entry, drawn one apart, so that axes may have gaps.
"use strict";

const LEFT = 56, RIGHT = 8, BOTTOM = 46, FLOAT_ROW = 16, FLOAT_GAP = 5;

// `colourAt(l, c)` is a cell's colour, "none" for none, or null where it is not trained; `floatAt(l)` is that of the row of
// binary64, or null, and `hasRoom` leaves the room of such a row; `readout(l, c)` are lines of text, of that row with the
// column null.
function heatMap(at, {table, name, colourAt, floatAt, hasRoom, readout, pick}) {
  const {lr, columns} = table;
  const rows = columns.length + (floatAt ? 1 : 0);  // the last is that of binary64
  const cursor = {l: 0, c: 0};

  return keepDrawn(at, `${name}: arrow keys read its cells`, (svg, width) => {
    const top = floatAt || hasRoom ? 4 + FLOAT_ROW + FLOAT_GAP : 4;
    const height = columns.length > 1 ? Math.min(width * 0.72, 330) : 40;
    const box = {left: LEFT, right: width - RIGHT, top, bottom: top + height};
    const [cellWidth, cellHeight] = [(box.right - box.left) / lr.length, height / columns.length];
    const x = l => box.left + (l + 0.5) * cellWidth;
    const y = c => box.bottom - (c + 0.5) * cellHeight;

    drawCells(svg, box, lr.length, columns.length, colourAt);
    if (floatAt) {
      const row = {left: box.left, right: box.right, top: 4, bottom: 4 + FLOAT_ROW};
      drawCells(svg, row, lr.length, 1, floatAt);
      shape(svg, "rect", {class: "frame", x: row.left, y: row.top, width: row.right - row.left, height: FLOAT_ROW});
      shape(svg, "text", {x: row.left - 4, y: row.bottom - 4, "text-anchor": "end", "font-size": 10}, "binary64");
    }
    drawAxes(svg, box,
             {title: "learning rate", ticks: ticksOf(lr, rate, width - LEFT, 40).map(([l, text]) => [x(l), text])},
             {title: titleOf(table.axis), ticks: table.axis ?
               ticksOf(columns, String, height, 17).map(([c, text]) => [y(c), text]) : []});
    drawCliffs(svg, table, box, l => l === null ? null : x(l), c => c === null ? null : y(c));

    const mark = shape(svg, "rect", {fill: "none", stroke: "#ff3b30", "stroke-width": 2.5, visibility: "hidden"});
    const show = (l, c) => {
      Object.assign(cursor, {l, c});
      const isFloat = c === columns.length;
      const cell = {x: box.left + l * cellWidth, y: isFloat ? 4 : y(c) - cellHeight / 2, width: cellWidth,
                    height: isFloat ? FLOAT_ROW : cellHeight, visibility: "visible"};
      for (const [key, value] of Object.entries(cell)) mark.setAttribute(key, value);
      const page = svg.getBoundingClientRect();
      tip.show(readout(l, isFloat ? null : c), page.left + cell.x + cellWidth / 2, page.top + cell.y + cell.height / 2);
    };
    const hide = () => {
      mark.setAttribute("visibility", "hidden");
      tip.hide();
    };
    const cellAt = event => {
      const page = svg.getBoundingClientRect();
      const l = Math.floor((event.clientX - page.left - box.left) / cellWidth);
      const fromTop = event.clientY - page.top;
      const c = floatAt && fromTop < box.top ? columns.length : Math.floor((box.bottom - fromTop) / cellHeight);
      return l >= 0 && l < lr.length && c >= 0 && c < rows && fromTop >= 4 ? [l, c] : null;
    };
    svg.addEventListener("pointermove", event => {
      const cell = cellAt(event);
      if (cell) show(...cell); else hide();
    });
    svg.addEventListener("pointerleave", hide);
    svg.addEventListener("blur", hide);
    svg.addEventListener("focus", () => { if (svg.matches(":focus-visible")) show(cursor.l, cursor.c); });
    svg.addEventListener("click", event => {
      const cell = cellAt(event);
      if (cell && cell[1] < columns.length) pick(...cell);
    });
    svg.addEventListener("keydown", event => {
      const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
      if (step) {
        const within = (value, count) => Math.min(count - 1, Math.max(0, value));
        show(within(cursor.l + step[0], lr.length), within(cursor.c + step[1], rows));
      } else if ((event.key === "Enter" || event.key === " ") && cursor.c < columns.length) {
        pick(cursor.l, cursor.c);
      } else {
        return;
      }
      event.preventDefault();
    });
    return box.bottom + BOTTOM;
  });
}

// One pixel a cell, stretched: a page of many maps stays light.
function drawCells(svg, box, across, up, colourAt) {
  const size = {x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top};
  shape(svg, "rect", {class: "none", ...size});
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [across, up];
  const paint = canvas.getContext("2d");
  for (let l = 0; l < across; ++l)
    for (let c = 0; c < up; ++c) {
      const colour = colourAt(l, c);
      if (colour === "none") continue;
      paint.fillStyle = colour ?? getComputedStyle(document.documentElement).getPropertyValue("--paper");
      paint.fillRect(l, up - 1 - c, 1, 1);
    }
  shape(svg, "image", {class: "cells", ...size, preserveAspectRatio: "none", href: canvas.toDataURL()});
}

// Knees with their intervals, the fitted diagonal cliff and the left cliff.
function drawCliffs(svg, table, box, x, y) {
  const over = shape(svg, "g", {"aria-hidden": "true", "pointer-events": "none"});
  const line = (points, dashes, width = 2) => {
    const path = points.filter(([px, py]) => px !== null && py !== null).map(point => point.join(",")).join(" ");
    shape(over, "polyline", {points: path, fill: "none", stroke: "black", "stroke-width": width + 2});
    shape(over, "polyline", {points: path, fill: "none", stroke: "white", "stroke-width": width, "stroke-dasharray": dashes});
  };
  if (table.left_cliff) {
    const [a, b] = table.left_cliff.map(lr => x(place(lr, table.lr)));
    if (a !== null && b !== null) line([[(a + b) / 2, box.top], [(a + b) / 2, box.bottom]], "2 2");
  }
  if (table.cliff.length) line(table.cliff.map(([lr, c]) => [x(place(lr, table.lr)), y(place(c, table.columns))]), "none");
  for (const [lr, ...ends] of table.intervals)
    line(ends.map(end => [x(place(lr, table.lr)), y(place(end, table.columns))]), "none", 1.2);
  for (const [lr, knee, cutOff] of table.knees) {
    const [cx, cy] = [x(place(lr, table.lr)), y(place(knee, table.columns))];
    if (cx === null || cy === null) continue;
    shape(over, "circle", {cx, cy, r: 4.5, fill: "white", stroke: "black"});
    if (cutOff) shape(over, "circle", {cx, cy, r: 1.6, fill: "black"});
  }
}
