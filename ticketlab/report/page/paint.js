// Painting: lanes, marks, axis and minimap. A span under a pixel is merged with its neighbours of that pixel, which
// takes the state that lasted longest in it, so a picture costs no more rectangles than it has pixels.
"use strict";
const AXIS = 22;
const MINIMAP = 48;
const HEAD = 6; // room for the upper half of the first lane's name and marks
const UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];

function palette() {
  return Object.fromEntries([...STATES, "ink", "dim", "line", "wrong", "card", "bar"].map((name) => [name, colour(name)]));
}

// As many decimals as the window needs to tell its ends apart.
function clock(ns, window) {
  const [size, unit] = UNITS.find(([each]) => window >= each * 2) ?? UNITS[3];
  const decimals = Math.max(0, Math.min(6, 3 - Math.floor(Math.log10(window / size))));
  return `${(ns / size).toLocaleString("en", { maximumFractionDigits: decimals })} ${unit}`;
}

function ticks(from, to, most) {
  const rough = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
  return found;
}

// Canvas pixels are the device's, coordinates are the style sheet's.
function sized(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// Rectangles by state: changing the colour for each of them costs more than painting it.
class Rectangles {
  constructor() {
    this.lists = STATES.map(() => []);
    this.merged = 0;
    this.seen = 0;
  }
  add(state, x, y, width, height) {
    // Waiting is a thin line, so that what happens stands out.
    const thin = state === 2;
    this.lists[state].push(x, thin ? y + height * 0.35 : y, width, thin ? Math.max(1.5, height * 0.3) : height);
  }
  paint(context, colours) {
    this.lists.forEach((list, state) => {
      context.fillStyle = colours[STATES[state]];
      for (let i = 0; i < list.length; i += 4) context.fillRect(list[i], list[i + 1], list[i + 2], list[i + 3]);
    });
  }
}

// Gathers one lane's spans into as few rectangles as show the same: runs of one state without a visible gap.
class Runs {
  constructor(out, left, y, height) {
    Object.assign(this, { out, left, y, height, state: -1, from: 0, to: 0, column: -1 });
    this.weights = STATES.map(() => 0);
  }
  span(state, from, to) {
    this.endColumn();
    this.extend(state, from, to);
  }
  // A span under a pixel votes for its pixel's state with the time that it lasts.
  speck(state, at, length) {
    if (at !== this.column) this.endColumn();
    this.column = at;
    this.weights[state] += length + 1e-9;
    this.out.merged++;
  }
  extend(state, from, to) {
    if (state !== this.state || from - this.to > 0.5) {
      this.endRun();
      [this.state, this.from] = [state, from];
    }
    this.to = to;
  }
  endColumn() {
    if (this.column < 0) return;
    const state = this.weights.indexOf(Math.max(...this.weights));
    this.weights.fill(0);
    this.extend(state, Math.max(this.column, this.state < 0 ? 0 : this.to), this.column + 1);
    this.column = -1;
  }
  endRun() {
    if (this.state < 0) return;
    let [from, to] = [this.from, this.to];
    // Whole pixels for small ones: a picture full of blurred edges takes several times as long to paint.
    if (to - from < 6) [from, to] = [Math.round(from), Math.max(Math.round(from) + 1, Math.round(to))];
    this.out.add(this.state, this.left + from, this.y, to - from, this.height);
    this.state = -1;
  }
}

function collectLane(out, model, lane, view, frame, y, height) {
  const { starts, ends, states, offsets } = model;
  const [scale, origin, stop, width] = [frame.width / (view.to - view.from), view.from, offsets[lane + 1], frame.width];
  const runs = new Runs(out, frame.left, y, height);
  let i = firstAfter(model, lane, origin);
  for (const first = i; ; i++) {
    const from = i < stop ? (starts[i] - origin) * scale : Infinity;
    if (from > width) {
      out.seen += i - first;
      break;
    }
    const to = (ends[i] - origin) * scale;
    if (to - from < 1) runs.speck(states[i], from > 0 ? from | 0 : 0, to - from);
    else runs.span(states[i], from > 0 ? from : 0, to < width ? to : width);
  }
  runs.endColumn();
  runs.endRun();
}

function paintAxis(context, view, frame, colours) {
  const window = view.to - view.from;
  context.font = "11.5px system-ui, sans-serif";
  context.textAlign = "center";
  for (const at of ticks(view.from, view.to, Math.max(2, frame.width / 140))) {
    const x = frame.left + ((at - view.from) / window) * frame.width;
    context.fillStyle = colours.line;
    context.fillRect(x, 0, 1, frame.height);
    context.fillStyle = colours.ink;
    if (x > frame.left + 8) context.fillText(clock(at, window), Math.min(x, frame.left + frame.width - 22), frame.height + 16);
  }
}

function paintNames(context, model, view, frame, colours) {
  const every = Math.ceil(13 / view.lane);
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.font = "11.5px system-ui, sans-serif";
  for (let lane = Math.ceil(view.top); lane < Math.min(model.lanes.length, view.top + frame.lanes); lane++) {
    const chosen = lane === view.chosenLane;
    if (lane % every && !chosen) continue;
    context.fillStyle = chosen ? colours.bar : colours.ink;
    // Beside a chosen lane its neighbours' names would overlap.
    if (!chosen && every > 1 && view.chosenLane >= 0 && Math.abs(lane - view.chosenLane) < every) continue;
    context.fillText(model.lanes[lane], frame.left - 6, (lane - view.top + 0.5) * view.lane, frame.left - 8);
  }
  context.textBaseline = "alphabetic";
}

function paintMark(context, x, y, radius, colours, strong) {
  context.lineWidth = strong ? 2.6 : 1.6;
  context.strokeStyle = colours.wrong;
  context.beginPath();
  context.arc(x, y, radius, 0, 7);
  for (const way of [-1, 1]) {
    context.moveTo(x - radius * 0.55, y - way * radius * 0.55);
    context.lineTo(x + radius * 0.55, y + way * radius * 0.55);
  }
  context.stroke();
}

// A sign at each mark: a dagger where a fault came, so that the dead are told from those that wait, and a small arrow
// where a try was refused. One says it for its neighbours.
function paintSigns(context, sign, size, marks, view, frame, colours) {
  const scale = frame.width / (view.to - view.from);
  const last = new Map();
  context.font = `bold ${size}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  [context.strokeStyle, context.fillStyle] = [colours.card, colours.ink];
  for (const mark of marks) {
    const [x, row] = [(mark.ns - view.from) * scale, mark.lane - view.top];
    if (x < -1 || x > frame.width + 1 || row < 0 || row >= frame.lanes || x - (last.get(mark.lane) ?? -99) < 9) continue;
    last.set(mark.lane, x);
    for (const draw of ["strokeText", "fillText"]) context[draw](sign, frame.left + x, (row + 0.5) * view.lane);
  }
  context.textBaseline = "alphabetic";
}

// Who holds a lock, written into its lane where there is room; and a line under the lanes of locks.
function paintHolders(context, model, view, frame, colours) {
  if (!model.locks || view.top >= model.locks) return;
  const scale = frame.width / (view.to - view.from);
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillStyle = isDark() ? colours.card : colours.ink;
  for (let lane = Math.ceil(view.top); lane < model.locks; lane++) {
    for (let i = firstAfter(model, lane, view.from); i < model.offsets[lane + 1] && model.starts[i] < view.to; i++) {
      const from = Math.max(0, (model.starts[i] - view.from) * scale);
      const room = Math.min(frame.width, (model.ends[i] - view.from) * scale) - from - 6;
      if (room < 40 || STATES[model.states[i]] === "blocked") continue;
      const queue = model.strings[model.details[i]].replace(" for it", "");
      const text = model.strings[model.labels[i]].replace("held by ", "") + (queue ? ` · ${queue}` : "");
      if (context.measureText(text).width < room) context.fillText(text, frame.left + from + 4, (lane - view.top + 0.5) * view.lane);
    }
  }
  context.fillStyle = colours.line;
  context.fillRect(0, (model.locks - view.top) * view.lane - 1, frame.left + frame.width, 1);
  context.textBaseline = "alphabetic";
}

// The moment that the counts are of.
function paintCursor(context, view, frame, colours) {
  const x = frame.left + ((view.cursor - view.from) / (view.to - view.from)) * frame.width;
  context.fillStyle = colours.bar;
  context.fillRect(x, 0, 1, frame.height);
}

function paintMarks(context, model, view, frame, colours) {
  const scale = frame.width / (view.to - view.from);
  const last = new Map();
  model.violations.forEach((mark, number) => {
    const [x, row] = [(mark.ns - view.from) * scale, mark.lane - view.top];
    if (x < -1 || x > frame.width + 1 || row < 0 || row >= frame.lanes) return;
    const chosen = number === view.mark;
    if (!chosen && x - (last.get(mark.lane) ?? -99) < 3) return; // one circle says it for its neighbours
    last.set(mark.lane, x);
    paintMark(context, frame.left + x, (row + 0.5) * view.lane, chosen ? 8 : 6, colours, chosen);
  });
}

function paintLanes(canvas, model, view, frame, colours) {
  const context = sized(canvas, frame.left + frame.width, HEAD + frame.height + AXIS);
  context.translate(0, HEAD);
  paintAxis(context, view, frame, colours);
  const out = new Rectangles();
  const height = Math.max(2, view.lane * 0.68);
  for (let lane = Math.floor(view.top); lane < Math.min(model.lanes.length, Math.ceil(view.top + frame.lanes)); lane++) {
    collectLane(out, model, lane, view, frame, (lane - view.top + 0.5) * view.lane - height / 2, height);
  }
  out.paint(context, colours);
  if (view.span >= 0) paintChosen(context, model, view, frame, colours);
  context.clearRect(0, -HEAD, frame.left, HEAD + frame.height);
  paintHolders(context, model, view, frame, colours);
  paintCursor(context, view, frame, colours);
  paintNames(context, model, view, frame, colours);
  paintSigns(context, "↻", Math.max(10, Math.min(15, view.lane)), model.retries, view, frame, colours);
  paintSigns(context, "†", Math.max(11, Math.min(20, view.lane)), model.faults, view, frame, colours);
  paintMarks(context, model, view, frame, colours);
  return out;
}

function paintChosen(context, model, view, frame, colours) {
  const scale = frame.width / (view.to - view.from);
  const from = Math.max(-2, (model.starts[view.span] - view.from) * scale);
  const to = Math.min(frame.width + 2, (model.ends[view.span] - view.from) * scale);
  context.strokeStyle = colours.ink;
  context.lineWidth = 1.5;
  context.strokeRect(frame.left + from - 1, (view.spanLane - view.top) * view.lane + 0.5, Math.max(2, to - from) + 2, view.lane - 1);
}

// The crowd is painted once a width and theme; only the window moves.
function paintCrowd(model, frame, colours, counts, height) {
  const canvas = document.createElement("canvas");
  const context = sized(canvas, frame.width, height);
  const columns = counts[0].length - 1;
  const [step, most] = [frame.width / columns, Math.max(1, model.lanes.length - model.locks)];
  for (let x = 0; x < columns; x++) {
    let y = height;
    for (const state of [4, 3, 1, 0, 2]) {
      const part = (counts[state][x] / most) * height;
      context.fillStyle = colours[STATES[state]];
      if (part > 0.05) context.fillRect(x * step, y - part, step + 0.5, part);
      y -= Math.max(0, part);
    }
  }
  context.fillStyle = colours.wrong;
  for (const mark of model.violations) context.fillRect((mark.ns / model.last) * frame.width - 0.5, 0, 1.5, 9);
  return canvas;
}

function paintMinimap(canvas, model, view, frame, colours, crowd) {
  const height = MINIMAP;
  const context = sized(canvas, frame.left + frame.width, height);
  context.drawImage(crowd, frame.left, 0, frame.width, height);
  context.fillStyle = colours.ink;
  context.font = "11.5px system-ui, sans-serif";
  context.textAlign = "right";
  context.fillText("all", frame.left - 6, height / 2 + 4);
  context.strokeStyle = colours.ink;
  context.lineWidth = 1.5;
  const [from, to] = [view.from, view.to].map((time) => frame.left + (time / model.last) * frame.width);
  context.strokeRect(from + 0.75, 0.75, Math.max(3, to - from - 1.5), height - 1.5);
}
