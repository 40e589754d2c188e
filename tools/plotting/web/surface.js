// The metric over learning rate and precision as a surface, painted from its farthest part to its nearest; dragging and the
// arrow keys turn it.
"use strict";

const HEIGHT_OF_ONE = 1.15;  // where both axes of the floor go from -1 to 1
const LEFT_OF_BOX = 62, RIGHT_OF_BOX = 34;  // pixels for labels
const STEEPEST = 1.5, FLATTEST = 0.08;  // radians of elevation

function surface(at, {table, name, zTitle, palette, readout}) {
  const {lr, columns} = table;
  const values = table.maps[table.metric];  // [column][lr]
  const view = {turn: 0.66, tilt: 0.5};

  const again = keepDrawn(at, `${name}: arrow keys turn it`, (svg, width) => {
    const height = Math.min(width * 0.72, 440);
    const scale = Math.min((width - LEFT_OF_BOX - RIGHT_OF_BOX) / (2 * Math.SQRT2), height / 2.75);
    const [sin, cos] = [Math.sin(view.turn), Math.cos(view.turn)];
    const away = (u, v) => u * sin + v * cos;
    const project = (u, v, w) => [
      (LEFT_OF_BOX + width - RIGHT_OF_BOX) / 2 + scale * (u * cos - v * sin),
      height * 0.43 - scale * ((w - 0.5) * HEIGHT_OF_ONE * Math.cos(view.tilt) + away(u, v) * Math.sin(view.tilt))];
    const path = points => points.map(point => project(...point).map(n => n.toFixed(1)).join(",")).join(" ");
    const [farU, farV] = [Math.sign(sin) || 1, Math.sign(cos) || 1];
    const along = (i, count) => -1 + 2 * i / (count - 1);

    drawBox(svg, {project, path, farU, farV, zTitle, table, along, width});
    const quads = [];
    for (let c = 0; c + 1 < columns.length; ++c)
      for (let l = 0; l + 1 < lr.length; ++l) {
        const corners = [[l, c], [l + 1, c], [l + 1, c + 1], [l, c + 1]];
        if (corners.some(([i, j]) => values[j][i] === null)) continue;
        const points = corners.map(([i, j]) => [along(i, lr.length), along(j, columns.length), values[j][i]]);
        const middle = points.reduce((sum, point) => sum.map((n, k) => n + point[k] / 4), [0, 0, 0]);
        const depth = away(middle[0], middle[1]) * Math.cos(view.tilt) - middle[2] * HEIGHT_OF_ONE * Math.sin(view.tilt);
        quads.push({corners, points, depth, value: middle[2]});
      }
    quads.sort((a, b) => b.depth - a.depth);
    for (const quad of quads) {
      const drawn = shape(svg, "polygon", {points: path(quad.points), fill: shade(palette, quad.value),
                                           stroke: "rgba(255,255,255,.45)", "stroke-width": 0.6});
      drawn.addEventListener("pointermove", event => {
        if (event.buttons) return;
        const page = svg.getBoundingClientRect();
        const far = quad.points.map(point => {
          const [x, y] = project(...point);
          return Math.hypot(x + page.left - event.clientX, y + page.top - event.clientY);
        });
        tip.show(readout(...quad.corners[far.indexOf(Math.min(...far))]), event.clientX, event.clientY);
      });
    }
    svg.addEventListener("pointerleave", tip.hide);
    return height;
  });

  const turn = (by, tilt) => {
    view.turn += by;
    view.tilt = Math.min(STEEPEST, Math.max(FLATTEST, view.tilt + tilt));
    again();
  };
  at.addEventListener("pointerdown", event => at.setPointerCapture(event.pointerId));  // what is drawn is drawn anew
  at.addEventListener("pointermove", event => {
    if (!event.buttons) return;
    tip.hide();
    turn(event.movementX * 0.01, event.pointerType === "touch" ? 0 : event.movementY * 0.01);
  });
  at.addEventListener("keydown", event => {
    const step = {ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1]}[event.key];
    if (!step) return;
    turn(...step);
    event.preventDefault();
  });
}

// The floor, the two walls behind the surface, and the axes along the edges before it.
function drawBox(svg, {project, path, farU, farV, zTitle, table, along, width}) {
  const box = shape(svg, "g", {"aria-hidden": "true", "pointer-events": "none"});
  const levels = [0, 0.2, 0.4, 0.6, 0.8, 1];
  shape(box, "polygon", {class: "wall", points: path([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])});
  shape(box, "polygon", {class: "wall", points: path([[farU, -1, 0], [farU, 1, 0], [farU, 1, 1], [farU, -1, 1]])});
  shape(box, "polygon", {class: "wall", points: path([[-1, farV, 0], [1, farV, 0], [1, farV, 1], [-1, farV, 1]])});
  for (const level of levels) {
    shape(box, "polyline", {class: "rule", points: path([[farU, -farV, level], [farU, farV, level], [-farU, farV, level]])});
  }
  const label = (point, text, anchor = "middle", more = {}) => {
    const [x, y] = project(...point);
    shape(box, "text", {x, y: y + 4, "text-anchor": anchor, "font-size": 11, ...more}, text);
  };
  const every = entries => Math.ceil(entries.length / (width < 420 ? 5 : 8));
  table.lr.forEach((lr, i) => {
    const u = along(i, table.lr.length);
    if (i % every(table.lr) === 0) label([u, -farV * 1.17, 0], rate(lr));
    shape(box, "polyline", {class: "rule", points: path([[u, -farV, 0], [u, farV, 0]])});
  });
  table.columns.forEach((column, i) => {
    const v = along(i, table.columns.length);
    if (i % every(table.columns) === 0) label([-farU * 1.17, v, 0], String(column));
    shape(box, "polyline", {class: "rule", points: path([[-farU, v, 0], [farU, v, 0]])});
  });
  const title = (from, to, at, text) => {  // along an edge, never upside down
    const [[x1, y1], [x2, y2], [x, y]] = [project(...from), project(...to), project(...at)];
    let angle = Math.atan2(y2 - y1, x2 - x1) * 180 / Math.PI;
    if (Math.abs(angle) > 90) angle -= 180 * Math.sign(angle);
    shape(box, "text", {x, y: y + 4, "text-anchor": "middle", transform: `rotate(${angle.toFixed(1)} ${x} ${y})`}, text);
  };
  title([-1, -farV, 0], [1, -farV, 0], [0, -farV * 1.58, 0], "learning rate");
  title([-farU, -1, 0], [-farU, 1, 0], [-farU * 1.58, 0, 0], titleOf(table.axis));
  const corners = [[-1, -1], [-1, 1], [1, -1], [1, 1]].sort((a, b) => project(...a, 0)[0] - project(...b, 0)[0]);
  const [x] = project(...corners[0], 0);
  for (const level of levels) {
    const [, y] = project(...corners[0], level);
    shape(box, "text", {x: x - 6, y: y + 1, "text-anchor": "end", "font-size": 11}, `${Math.round(100 * level)} %`);
  }
  const [, y] = project(...corners[0], 0.5);
  shape(box, "text", {x: x - 50, y, "text-anchor": "middle", transform: `rotate(-90 ${x - 50} ${y})`}, zTitle);
}
