// The timeline: which window is shown, and how mouse, finger and keyboard move it.
"use strict";
const SHORTEST = 200; // ns: a narrower window than that shows nothing more
const TABLE = 100; // spans in the table beside the picture; it says how many there are
const CROWD = 400; // columns of the minimap

class TimelineView {
  constructor(section, timelines) {
    this.section = section;
    this.timelines = timelines;
    this.stage = $(".stage", section);
    this.canvas = $(".lanes", section);
    this.map = $(".minimap", section);
    this.tip = $(".tip", section);
    this.open(0);
    this.listen();
  }

  open(number) {
    this.model = readSpans(this.timelines[number]);
    this.counts = crowd(this.model, CROWD);
    const lanes = this.model.lanes.length;
    this.view = { cursor: 0, hovered: -1, from: 0, to: this.model.last, top: 0, lane: lanes <= 12 ? 26 : lanes <= 40 ? 16 : 8, chosenLane: -1, span: -1, spanLane: -1, mark: -1 };
    $(".which", this.section).textContent = this.model.title;
    const next = $(".next", this.section);
    next.hidden = !this.model.violations.length;
    next.textContent = `⊗ ${this.model.violations.length.toLocaleString("en")} violation${this.model.violations.length === 1 ? "" : "s"}: next`;
    const there = new Set(this.model.states);
    $$(".state", this.section).forEach((chip, state) => (chip.hidden = !there.has(state)));
    $(".critical-legend", this.section).hidden = !there.has(3) && !there.has(4);
    $(".overlapping-legend", this.section).hidden = !there.has(4);
    $(".lock-legend", this.section).hidden = !this.model.locks;
    $(".faulted", this.section).hidden = !this.model.faults.length;
    $(".retried", this.section).hidden = !this.model.retries.length;
    const left = $(".left-out", this.section);
    left.hidden = !this.model.left_out;
    left.textContent = this.model.left_out;
    this.hideTip();
    this.fit();
    this.fillMarks();
    this.say("");
    if (this.model.violations.length) this.goToMark(0);
    this.draw();
  }

  fit() {
    const width = this.stage.clientWidth;
    const long = this.model.lanes.some((name) => name.length > 12);
    const left = width < 500 ? (long ? 84 : 62) : long ? 132 : 84;
    const lanes = Math.min(this.model.lanes.length, Math.floor(800 / this.view.lane));
    this.frame = { left, width: Math.max(50, width - left), lanes, height: lanes * this.view.lane };
    this.colours = palette();
    this.crowd = paintCrowd(this.model, this.frame, this.colours, this.counts, MINIMAP);
    this.soon();
  }

  soon() {
    this.pending ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    if (this.pending) cancelAnimationFrame(this.pending);
    this.pending = undefined;
    const { view, model, frame } = this;
    view.cursor = view.hovered >= view.from && view.hovered <= view.to ? view.hovered : (view.from + view.to) / 2;
    this.count();
    const out = paintLanes(this.canvas, model, view, frame, this.colours);
    paintMinimap(this.map, model, view, frame, this.colours, this.crowd);
    const merged = out.merged ? ` · ${out.merged.toLocaleString("en")} under a pixel, merged` : "";
    $(".status", this.section).textContent = `${out.seen.toLocaleString("en")} of ${model.total.toLocaleString("en")} spans · ${clock(view.to - view.from, view.to - view.from)} shown${merged}`;
    Object.assign(this.section.dataset, { from: view.from, to: view.to, mark: view.mark, spans: out.seen });
    clearTimeout(this.settled);
    if ($(".window", this.section).open) this.settled = setTimeout(() => this.fillWindow(), 150);
  }

  // The diagram of states, with how many participants are in each at the cursor.
  count() {
    const counts = countsAt(this.model, this.view.cursor);
    const critical = counts.critical + counts.overlapping;
    const shown = { ...counts, critical };
    for (const place of $$(".states [data-count]", this.section)) place.textContent = shown[place.dataset.count];
    $(".states .red", this.section).classList.toggle("overlap", counts.overlapping > 0);
    const red = counts.overlapping ? `, of which ${counts.overlapping} overlap` : "";
    const said = ["new", "ready", "running", "critical", "blocked", "ended"].map((name) => `${shown[name]} ${name}${name === "critical" ? red : ""}`);
    $(".states .moment", this.section).textContent = `at ${clock(this.view.cursor, this.view.to - this.view.from)}: ${said.join(", ")}`;
  }

  // Keep the window inside the run, and its lanes too.
  show(from, to) {
    const length = Math.min(this.model.last, Math.max(SHORTEST, to - from));
    this.view.from = Math.max(0, Math.min(this.model.last - length, from));
    this.view.to = this.view.from + length;
    this.soon();
  }

  zoom(factor, at = (this.view.from + this.view.to) / 2) {
    const length = Math.min(this.model.last, Math.max(SHORTEST, (this.view.to - this.view.from) * factor));
    const share = (at - this.view.from) / (this.view.to - this.view.from);
    this.show(at - share * length, at + (1 - share) * length);
  }

  pan(share) {
    const by = (this.view.to - this.view.from) * share;
    this.show(this.view.from + by, this.view.to + by);
  }

  scroll(top) {
    this.view.top = Math.max(0, Math.min(this.model.lanes.length - this.frame.lanes, top));
    this.soon();
  }

  reset() {
    this.hideTip();
    this.view.mark = -1;
    this.show(0, this.model.last);
  }

  reveal(lane) {
    if (lane < this.view.top || lane >= this.view.top + this.frame.lanes) this.scroll(lane - this.frame.lanes / 2);
  }

  // A window around a mark: some times as long as the operation that it ends, and never the whole run.
  goToMark(number) {
    const { model, view } = this;
    if (!model.violations.length) return;
    view.mark = (number + model.violations.length) % model.violations.length;
    const mark = model.violations[view.mark];
    const span = spanAt(model, mark.lane, mark.ns, model.last / 100);
    const length = span < 0 ? 0 : model.ends[span] - model.starts[span];
    const window = Math.min(model.last, Math.max(view.to - view.from < model.last ? Math.min(view.to - view.from, length * 8) : 0, length * 2.5, model.last / 200));
    this.reveal(mark.lane);
    this.show(mark.ns - window * 0.6, mark.ns + window * 0.4);
    this.choose(mark.lane, span);
    this.say(`✗ ${mark.name}, ${model.lanes[mark.lane]} at ${clock(mark.ns, view.to - view.from)}: ${mark.sentence}`, true);
  }

  choose(lane, span) {
    Object.assign(this.view, { chosenLane: lane, span, spanLane: lane });
    this.soon();
  }

  say(text, wrong = false) {
    const place = $(".saying", this.section);
    place.textContent = text;
    place.classList.toggle("wrong", wrong);
  }

  chooseLane(by) {
    const lanes = this.model.lanes.length;
    const lane = Math.max(0, Math.min(lanes - 1, this.view.chosenLane + by));
    const middle = (this.view.from + this.view.to) / 2;
    this.reveal(lane);
    this.choose(lane, spanAt(this.model, lane, middle, Infinity));
    this.showChosen();
  }

  walk(by) {
    const lane = Math.max(0, this.view.chosenLane);
    const [first, last] = [this.model.offsets[lane], this.model.offsets[lane + 1] - 1];
    if (last < first) return;
    const span = this.view.span < 0 ? firstAfter(this.model, lane, this.view.from) : this.view.span + by;
    this.choose(lane, Math.max(first, Math.min(last, span)));
    const [from, to] = [this.model.starts[this.view.span], this.model.ends[this.view.span]];
    const window = this.view.to - this.view.from;
    if (to < this.view.from || from > this.view.to) this.show(from - window / 3, from + (window * 2) / 3);
    this.showChosen();
  }

  showChosen() {
    const { view, model, frame } = this;
    if (view.span < 0) return;
    const time = Math.max(view.from, Math.min(view.to, (model.starts[view.span] + model.ends[view.span]) / 2));
    this.showTip(view.spanLane, view.span, frame.left + ((time - view.from) / (view.to - view.from)) * frame.width);
    this.say(`${model.lanes[view.spanLane]}: ${this.told(view.span).join(", ")}`);
  }

  told(span) {
    const { starts, ends, states, labels, details, strings } = this.model;
    const length = ends[span] - starts[span];
    const window = Math.max(length, (this.view.to - this.view.from) / 100);
    const said = [STATES[states[span]], `${clock(starts[span], window)} → ${clock(ends[span], window)} (${clock(length, Math.max(2, length))})`];
    return [...said, strings[labels[span]], strings[details[span]]].filter(Boolean);
  }

  showTip(lane, span, x) {
    const [state, times, ...rest] = this.told(span);
    const head = element("div");
    head.append(element("b", this.model.lanes[lane]), " ", element("i", "", `swatch ${state}`), state);
    this.tip.replaceChildren(head, element("div", times), ...rest.map((text, n) => element(n ? "div" : "b", text)));
    this.tip.hidden = false;
    const room = this.stage.clientWidth - this.tip.offsetWidth - 4;
    this.tip.style.left = `${Math.max(0, Math.min(room, x + 12))}px`;
    const below = HEAD + (lane - this.view.top + 1) * this.view.lane + 10;
    const above = below - this.view.lane - 20 - this.tip.offsetHeight;
    this.tip.style.top = `${below + this.tip.offsetHeight > this.frame.height && above > 0 ? above : below}px`;
  }

  hideTip() {
    this.tip.hidden = true;
    this.view.span = -1;
    this.soon();
  }

  timeAt(x) {
    return this.view.from + ((x - this.frame.left) / this.frame.width) * (this.view.to - this.view.from);
  }

  hover(event) {
    const lane = Math.floor((event.offsetY - HEAD) / this.view.lane + this.view.top);
    const pixel = (this.view.to - this.view.from) / this.frame.width;
    this.view.hovered = event.offsetX >= this.frame.left ? this.timeAt(event.offsetX) : -1;
    const inside = event.offsetX >= this.frame.left && event.offsetY < HEAD + this.frame.height && lane < this.model.lanes.length;
    const span = inside ? spanAt(this.model, lane, this.timeAt(event.offsetX), pixel * 3) : -1;
    if (span < 0) return this.hideTip();
    Object.assign(this.view, { span, spanLane: lane });
    this.showTip(lane, span, event.offsetX);
    this.soon();
  }

  fillWindow() {
    const found = spansWithin(this.model, this.view.from, this.view.to);
    const ms = (ns) => (ns / 1e6).toLocaleString("en", { minimumFractionDigits: 3, maximumFractionDigits: 6 });
    const { starts, ends, states, labels, details, strings, lanes } = this.model;
    const rows = found.slice(0, TABLE).map(([lane, i]) => [lanes[lane], ms(starts[i]), ms(ends[i]), STATES[states[i]], strings[labels[i]], strings[details[i]]]);
    fillTable($(".window", this.section), rows, found.length, "spans in this window; zoom in to see the others");
  }

  fillMarks() {
    const tables = [[".marks", this.model.violations, "violations"], [".injected", this.model.faults, "faults"], [".tries", this.model.retries, "retries"]];
    for (const [place, marks, what] of tables) {
      const rows = marks.slice(0, TABLE).map((mark) => [this.model.lanes[mark.lane], (mark.ns / 1e6).toFixed(3), mark.name, mark.sentence]);
      fillTable($(place, this.section), rows, marks.length, what);
      $(place, this.section).hidden = !rows.length;
    }
  }

  listen() {
    listenToMouse(this);
    listenToKeys(this);
    const acts = { in: () => this.zoom(0.6), out: () => this.zoom(1 / 0.6), reset: () => this.reset() };
    for (const button of $$("[data-do]", this.section)) button.addEventListener("click", acts[button.dataset.do]);
    $(".next", this.section).addEventListener("click", () => this.goToMark(this.view.mark + 1));
    $(".window", this.section).addEventListener("toggle", () => this.fillWindow());
    $(".choose", this.section)?.addEventListener("change", (event) => this.open(Number(event.target.value)));
    for (const button of this.section.id === "timeline" ? $$("[data-timeline]") : []) button.addEventListener("click", () => this.jump(Number(button.dataset.timeline)));
    // It also fires once when it begins to observe, for a width that is drawn already.
    new ResizeObserver(() => this.stage.clientWidth !== this.frame.left + this.frame.width && this.fit()).observe(this.stage);
    repainters.push(() => this.fit());
  }

  jump(number) {
    const choice = $(".choose", this.section);
    if (choice) choice.value = String(number);
    this.open(number);
    this.section.scrollIntoView();
    this.stage.focus({ preventScroll: true });
  }
}

function fillTable(place, rows, total, what) {
  const body = $("tbody", place);
  body.replaceChildren(...rows.map((cells) => {
    const row = element("tr");
    row.append(...cells.map((cell, n) => element("td", cell, n === 1 || (n === 2 && cells.length > 4) ? "number" : "")));
    return row;
  }));
  $("p", place).textContent = rows.length < total ? `The first ${rows.length} of ${total.toLocaleString("en")} ${what}.` : "";
}

function listenToMouse(timeline) {
  const { canvas, map } = timeline;
  let grabbed = null;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) return timeline.pan(event.deltaX / timeline.frame.width);
    const lines = event.deltaMode === 1 ? 30 : 1;
    timeline.zoom(1.0018 ** (event.deltaY * lines), timeline.timeAt(Math.max(timeline.frame.left, event.offsetX)));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    grabbed = { x: event.clientX, y: event.clientY, from: timeline.view.from, to: timeline.view.to, top: timeline.view.top };
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.add("dragged");
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!grabbed) return timeline.hover(event);
    const by = ((grabbed.x - event.clientX) / timeline.frame.width) * (grabbed.to - grabbed.from);
    if (Math.abs(grabbed.x - event.clientX) > 3) timeline.hideTip();
    timeline.show(grabbed.from + by, grabbed.to + by);
    timeline.scroll(grabbed.top + (grabbed.y - event.clientY) / timeline.view.lane);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => {
    grabbed = null;
    canvas.classList.remove("dragged");
  });
  canvas.addEventListener("pointerleave", () => {
    timeline.view.hovered = -1;
    timeline.hideTip();
  });
  canvas.addEventListener("dblclick", () => timeline.reset());
  map.addEventListener("pointerdown", (event) => { map.setPointerCapture(event.pointerId); toMap(event); });
  map.addEventListener("pointermove", (event) => event.buttons && toMap(event));
  function toMap(event) {
    const middle = ((event.offsetX - timeline.frame.left) / timeline.frame.width) * timeline.model.last;
    const half = (timeline.view.to - timeline.view.from) / 2;
    timeline.show(middle - half, middle + half);
  }
}

function listenToKeys(timeline) {
  const keys = {
    ArrowLeft: () => timeline.pan(-0.15), ArrowRight: () => timeline.pan(0.15),
    ArrowUp: () => timeline.chooseLane(-1), ArrowDown: () => timeline.chooseLane(1),
    "+": () => timeline.zoom(0.6), "=": () => timeline.zoom(0.6), "-": () => timeline.zoom(1 / 0.6),
    ",": () => timeline.walk(-1), ".": () => timeline.walk(1),
    n: () => timeline.goToMark(timeline.view.mark + 1), p: () => timeline.goToMark(timeline.view.mark - 1),
    Home: () => timeline.pan(-1e9), End: () => timeline.pan(1e9), 0: () => timeline.reset(), Escape: () => timeline.hideTip(),
  };
  timeline.stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}

// A second timeline beside the first, of another race: an unsynchronized one and one under a lock, say.
function beside(timelines) {
  const [second, choice] = [$("#timeline-beside"), $(".other")];
  let view;
  choice?.addEventListener("change", () => {
    second.hidden = choice.value === "";
    $(".timelines").classList.toggle("two", !second.hidden);
    if (second.hidden) return;
    view ??= new TimelineView(second, timelines);
    view.open(Number(choice.value));
  });
}

unpacked($("#timelines").textContent).then(
  (timelines) => {
    new TimelineView($("#timeline"), timelines);
    beside(timelines);
    performance.mark("timeline");
  },
  (error) => ($("#timeline .saying").textContent = `The timeline cannot be drawn in this browser: ${error.message}`),
);
