// What every page needs: the theme, copying a command, and showing evidence.
"use strict";
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text; // never innerHTML: names in results are other people's text
  if (className) made.className = className;
  return made;
}

// Canvases cannot follow the style sheet by themselves: whoever draws on one listens here.
const repainters = [];
function themed() {
  for (const repaint of repainters) repaint();
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  themed();
}

// A custom property's value is text such as "light-dark(...)"; only a property that uses it has a colour.
function colour(name) {
  const probe = element("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

async function copy(button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "copied";
  } catch {
    // A page from a disk may not be allowed to write to the clipboard; then the command is selected instead.
    getSelection().selectAllChildren(button.previousElementSibling);
    button.textContent = "selected";
  }
  setTimeout(() => (button.textContent = before), 1500);
}

function showEvidence(cell) {
  const open = cell.getAttribute("aria-expanded") !== "true";
  for (const other of $$("[data-rows]")) other.setAttribute("aria-expanded", String(other === cell && open));
  const shown = open ? cell.dataset.rows.split(",") : [];
  for (const part of $$(".evidence")) part.hidden = !shown.includes(part.id.replace("evidence-", ""));
  const first = open && $(`#evidence-${shown[0]}`);
  if (!first) return;
  first.focus({ preventScroll: true });
  first.scrollIntoView({ block: "nearest" });
}

$("#theme").addEventListener("click", toggleTheme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themed);
for (const cell of $$("[data-rows]")) cell.addEventListener("click", () => showEvidence(cell));
for (const button of $$("[data-copy]")) button.addEventListener("click", () => copy(button));
