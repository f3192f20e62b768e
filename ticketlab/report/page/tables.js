// A crash matrix that can be used: rows are filtered by outcome and by name, and sorted by any column.
"use strict";

function filterRows() {
  const [which, named] = [$(".which").value, $(".named").value.trim().toLowerCase()];
  const rows = $$("tr[data-name]");
  for (const row of rows) {
    const outcomes = row.dataset.style ? [row.dataset.style] : $$(".cell", row).map((cell) => cell.className.replace("cell ", ""));
    const labels = row.dataset.style ? "" : $$("[data-label]", row).filter((place) => $(".cell", place)).map((place) => place.dataset.label).join(" ");
    const name = `${row.dataset.name} ${labels}`.toLowerCase();
    row.hidden = (which && !outcomes.includes(which)) || !name.includes(named);
  }
  const combinations = rows.filter((row) => row.dataset.style);
  const shown = combinations.filter((row) => !row.hidden).length;
  $(".filters .status").textContent = shown === combinations.length ? "" : `${shown} of ${combinations.length} combinations`;
}

function sortable(button) {
  const head = button.closest("th");
  const body = $("tbody", head.closest("table"));
  const column = head.cellIndex;
  const numeric = head.classList.contains("number");
  const value = (row) => {
    const text = row.cells[column].textContent.trim();
    return numeric ? parseFloat(text.replaceAll(",", "")) || 0 : text;
  };
  button.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of $$("th", head.parentElement)) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const order = (a, b) => (numeric ? value(a) - value(b) : value(a).localeCompare(value(b)));
    body.append(...[...body.rows].sort((a, b) => (down ? -1 : 1) * order(a, b)));
  });
}

// A single combination needs no filters.
$(".named")?.addEventListener("input", filterRows);
$(".which")?.addEventListener("change", filterRows);
for (const button of $$(".sort")) sortable(button);
