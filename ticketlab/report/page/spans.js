// The timeline's data: unpacked into typed arrays, in which a lane's spans lie side by side in order of time.
"use strict";
const STATES = ["ready", "running", "blocked", "critical", "overlapping"];

async function unpacked(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

function readSpans(timeline) {
  const { count, gap, length, state, label, detail } = timeline.spans;
  const total = gap.length;
  const found = {
    ...timeline, total, starts: new Float64Array(total), ends: new Float64Array(total), states: new Uint8Array(total),
    labels: label, details: detail, faults: timeline.faults ?? [], retries: timeline.retries ?? [], locks: timeline.locks ?? 0, offsets: new Int32Array(count.length + 1), last: 1,
  };
  for (let lane = 0, i = 0; lane < count.length; lane++) {
    let time = 0;
    for (const stop = i + count[lane]; i < stop; i++) {
      found.starts[i] = time += gap[i];
      found.ends[i] = time += length[i];
      found.states[i] = state.charCodeAt(i) - 48;
      if (time > found.last) found.last = time;
    }
    found.offsets[lane + 1] = i;
  }
  for (const mark of [...found.violations, ...found.faults]) found.last = Math.max(found.last, mark.ns);
  found.violations.sort((a, b) => a.ns - b.ns);
  return found;
}

// The first span of a lane that ends after a time; spans of a lane end in the order in which they start.
function firstAfter(model, lane, time) {
  let [low, high] = [model.offsets[lane], model.offsets[lane + 1]];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (model.ends[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The span under a time, or the nearest within a distance; -1 for none.
function spanAt(model, lane, time, distance) {
  const stop = model.offsets[lane + 1];
  let [best, gap] = [-1, distance];
  for (let i = Math.max(model.offsets[lane], firstAfter(model, lane, time - distance) - 1); i < stop; i++) {
    if (model.starts[i] > time + distance) break;
    const away = Math.max(0, model.starts[i] - time, time - model.ends[i]);
    if (away < gap || (away === gap && best < 0)) [best, gap] = [i, away];
    if (gap === 0) break;
  }
  return best;
}

// All spans in a window, in order of time.
function spansWithin(model, from, to) {
  const found = [];
  for (let lane = 0; lane < model.lanes.length; lane++) {
    for (let i = firstAfter(model, lane, from); i < model.offsets[lane + 1] && model.starts[i] < to; i++) found.push([lane, i]);
  }
  return found.sort((a, b) => model.starts[a[1]] - model.starts[b[1]]);
}

// How many participants are in each state at a time. Who has no span there yet is new, and who has none any more has ended.
function countsAt(model, time) {
  const counts = { new: 0, ready: 0, running: 0, blocked: 0, critical: 0, overlapping: 0, ended: 0 };
  for (let lane = model.locks; lane < model.lanes.length; lane++) {
    const [first, stop] = [model.offsets[lane], model.offsets[lane + 1]];
    const span = firstAfter(model, lane, Math.min(time, model.last - 0.5));
    if (span === stop) counts.ended++;
    else if (model.starts[span] > time) counts[span === first ? "new" : "ready"]++;
    else counts[STATES[model.states[span]]]++;
  }
  return counts;
}

// How many lanes are in each state, column by column: what the minimap stacks.
function crowd(model, columns) {
  const counts = STATES.map(() => new Float32Array(columns + 1));
  const scale = columns / model.last;
  for (let i = model.offsets[model.locks]; i < model.total; i++) {
    const into = counts[model.states[i]];
    const [from, to] = [model.starts[i] * scale, model.ends[i] * scale];
    // Differences, summed up below: a long span costs no more than a short one.
    const [first, last] = [Math.floor(from), Math.min(columns - 1, Math.floor(to))];
    into[first] += first + 1 - from;
    into[first + 1] += from - first;
    into[last] -= last + 1 - to;
    into[last + 1] -= to - last;
  }
  for (const column of counts) for (let x = 1; x <= columns; x++) column[x] += column[x - 1];
  return counts;
}
