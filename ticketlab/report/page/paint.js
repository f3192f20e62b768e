// Painting: lanes, marks, axis and minimap. A span under a pixel is merged with its neighbours of that pixel, which
// takes the state that lasted longest in it, so a picture costs no more rectangles than it has pixels.
"use strict";
const AXIS = 22;
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
    this.lists[state].push(x, thin ? y + height * 0.36 : y, width, thin ? Math.max(1, height * 0.28) : height);
  }
  paint(context, colours) {
    this.lists.forEach((list, state) => {
      context.fillStyle = colours[STATES[state]];
      for (let i = 0; i < list.length; i += 4) context.fillRect(list[i], list[i + 1], list[i + 2], list[i + 3]);
    });
  }
}

function collectLane(out, model, lane, view, frame, y, height) {
  const scale = frame.width / (view.to - view.from);
  const weights = [0, 0, 0, 0];
  let [column, run, runFrom, runTo] = [-1, -1, 0, 0];
  const flushRun = () => {
    if (run >= 0) out.add(run, frame.left + runFrom, y, runTo - runFrom, height);
    run = -1;
  };
  const flushColumn = () => {
    if (column < 0) return;
    let state = 0;
    for (let i = 1; i < 4; i++) if (weights[i] > weights[state]) state = i;
    weights.fill(0);
    if (run !== state || column > runTo) {
      flushRun();
      [run, runFrom] = [state, column];
    }
    runTo = column + 1;
    column = -1;
  };
  const stop = model.offsets[lane + 1];
  for (let i = firstAfter(model, lane, view.from); i < stop; i++) {
    const from = (model.starts[i] - view.from) * scale;
    if (from > frame.width) break;
    const to = (model.ends[i] - view.from) * scale;
    out.seen++;
    if (to - from < 1) {
      out.merged++;
      const at = Math.floor(Math.max(0, from));
      if (at !== column) flushColumn();
      column = at;
      weights[model.states[i]] += to - from + 1e-9;
      continue;
    }
    flushColumn();
    flushRun();
    const left = Math.max(0, from);
    out.add(model.states[i], frame.left + left, y, Math.min(frame.width, to) - left, height);
  }
  flushColumn();
  flushRun();
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
  paintNames(context, model, view, frame, colours);
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

// The minimap's crowd is drawn once a width and theme; only the window moves.
function paintMinimap(canvas, model, view, frame, colours, counts) {
  const [height, columns] = [48, counts[0].length - 1];
  const context = sized(canvas, frame.left + frame.width, height);
  const most = Math.max(1, model.lanes.length);
  const step = frame.width / columns;
  for (let x = 0; x < columns; x++) {
    let y = height;
    for (const state of [3, 1, 0, 2]) {
      const part = (counts[state][x] / most) * height;
      context.fillStyle = colours[STATES[state]];
      if (part > 0.05) context.fillRect(frame.left + x * step, y - part, step + 0.5, part);
      y -= Math.max(0, part);
    }
  }
  context.fillStyle = colours.wrong;
  for (const mark of model.violations) context.fillRect(frame.left + (mark.ns / model.last) * frame.width - 0.5, 0, 1.5, 9);
  context.fillStyle = colours.ink;
  context.font = "11.5px system-ui, sans-serif";
  context.textAlign = "right";
  context.fillText("all", frame.left - 6, height / 2 + 4);
  context.strokeStyle = colours.ink;
  context.lineWidth = 1.5;
  const [from, to] = [view.from, view.to].map((time) => frame.left + (time / model.last) * frame.width);
  context.strokeRect(from + 0.75, 0.75, Math.max(3, to - from - 1.5), height - 1.5);
}
