// An interleaving, step by step. The table is there without us: we dim what has not happened yet, and say what is shared
// after the step that is shown. Each row has only what differs from the row before.
"use strict";
const PACE = 1100; // ms a step, while it plays by itself

function factsAfter(rows, last) {
  const facts = new Map();
  for (let row = 0; row <= last; row++) {
    for (const [kind, name, text] of JSON.parse(rows[row].dataset.state)) {
      const key = `${kind} ${name}`;
      if (text) facts.set(key, { kind, name, text, fresh: row === last });
      else facts.delete(key);
    }
  }
  return [...facts.values()];
}

function showShared(place, rows, now) {
  const title = now < 0 ? "Before the first step" : rows[now].dataset.says.split(":")[0].replace(/^step/, "After step");
  $(".when", place).textContent = now >= 0 && !rows[now].dataset.says.startsWith("step") ? "At the end" : title;
  const facts = factsAfter(rows, now);
  for (const part of $$("[data-kind]", place)) {
    const mine = facts.filter((fact) => part.dataset.kind.split("|").includes(fact.kind));
    part.hidden = !mine.length;
    $("ul", part).replaceChildren(...mine.map(({ kind, name, text, fresh }) => {
      const item = element("li", "", fresh ? "fresh" : "");
      const [said, old] = text.split("; old since");
      item.append(element("b", name), ` ${kind} `, element("span", said));
      if (old) item.append(element("span", `; old since${old}`, "wrong"));
      return item;
    }));
  }
}

class Walk {
  constructor(section) {
    this.section = section;
    this.rows = $$(".steps tbody tr", section);
    this.shared = $(".shared", section);
    this.listen();
    this.go(-1);
  }

  go(to) {
    const { rows, section } = this;
    const now = (this.now = Math.max(-1, Math.min(rows.length - 1, to)));
    rows.forEach((row, number) => {
      row.classList.toggle("now", number === now);
      row.classList.toggle("later", number > now && now >= 0);
    });
    $(".status", section).textContent = now < 0 ? `${rows.length} steps` : `${now + 1} of ${rows.length}`;
    $(".saying", section).textContent = now < 0 ? "" : rows[now].dataset.says;
    if (this.shared) showShared(this.shared, rows, now);
    if (now >= 0) rows[now].scrollIntoView({ block: "nearest" });
    if (now === rows.length - 1) this.pause();
  }

  // At the end it begins again, with the state before the first step.
  play() {
    if (this.ticking) return this.pause();
    if (this.now === this.rows.length - 1) this.go(-1);
    this.ticking = setInterval(() => this.go(this.now + 1), PACE);
    this.say();
  }

  pause() {
    clearInterval(this.ticking);
    this.ticking = undefined;
    this.say();
  }

  say() {
    const button = $(".play", this.section);
    button.textContent = this.ticking ? "❚❚ pause" : "▶ play";
    button.setAttribute("aria-pressed", String(Boolean(this.ticking)));
  }

  marked() {
    const next = this.rows.findIndex((row, number) => number > this.now && row.classList.contains("marked"));
    this.go(next >= 0 ? next : this.rows.findIndex((row) => row.classList.contains("marked")));
  }

  listen() {
    $(".play", this.section).addEventListener("click", () => this.play());
    for (const button of $$("[data-step]", this.section)) {
      button.addEventListener("click", () => {
        this.pause();
        if (button.dataset.step === "mark") this.marked();
        else this.go(this.now + Number(button.dataset.step));
      });
    }
    this.section.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: this.now - 1, ArrowRight: this.now + 1, Home: -1, End: this.rows.length - 1 }[event.key];
      const plays = event.key === " " && event.target.tagName !== "BUTTON";
      if (event.ctrlKey || event.metaKey || event.altKey || (to === undefined && !plays)) return;
      event.preventDefault();
      if (plays) return this.play();
      this.pause();
      this.go(to);
    });
  }
}

for (const section of $$(".interleaving")) new Walk(section);
