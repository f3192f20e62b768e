"""The data of the page's tables: the lines of races, and the matrix of strategies (rows) and stores (columns)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ticketlab.report.document import Document, Row
from ticketlab.report.rows import number_text


@dataclass(frozen=True, slots=True)
class RaceLine:
    """One line of the table of races: the row, its metrics as text, and the length of its bar in percent."""

    number: int
    row: Row
    verdict: str
    cells: Mapping[str, str]
    bar: float


@dataclass(slots=True)
class MatrixCell:
    """One cell of the matrix: the rows of races that ran, or the reason why none can; both are empty if none ran."""

    rows: list[int] = field(default_factory=list)
    valid: bool | None = True
    text: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MatrixView:
    """The matrix: strategies (rows) by stores (columns)."""

    stores: Sequence[str]
    strategies: Sequence[str]
    cells: Mapping[tuple[str, str], MatrixCell]


def race_lines(document: Document) -> list[RaceLine]:
    """Return the lines of the table of races, in the document's order; a history has none."""
    speeds = [(row.metrics.get("sales_per_s", 0.0), row.kept) for row in document.rows]
    # A wrong strategy's speed must not make those of the right ones look small.
    fastest = max((speed for speed, kept in speeds if kept), default=max((speed for speed, _ in speeds), default=0.0))
    return [
        RaceLine(
            number,
            row,
            row.verdict,
            {
                "speed": number_text(row.metrics.get("sales_per_s")),
                "ratio": "-" if row.ratio is None else f"{row.ratio:.0%}",
                "p50": number_text(row.metrics.get("p50_ms")),
                "p99": number_text(row.metrics.get("p99_ms")),
                "fairness": f"{row.metrics['fairness']:.2f}" if "fairness" in row.metrics else "-",
            },
            min(100.0, round(100 * row.metrics.get("sales_per_s", 0.0) / fastest, 1)) if fastest > 0 else 0.0,
        )
        for number, row in enumerate(document.rows)
        if row.metrics
    ]


def matrix_view(document: Document) -> MatrixView:
    """Return the matrix, empty for a single race; a cell with several races shows the worst of them."""
    if len(document.rows) < 2:
        return MatrixView([], [], {})
    pairs = [(row.strategy, row.store) for row in document.rows if row.store]
    pairs += [(strategy, store) for store, strategy, _ in document.unsupported]
    cells: dict[tuple[str, str], MatrixCell] = {}
    for number, row in enumerate(document.rows):
        if row.store:
            cells.setdefault((row.strategy, row.store), MatrixCell()).rows.append(number)
    for cell in cells.values():
        _sum_up(cell, [document.rows[number] for number in cell.rows])
    for store, strategy, reason in document.unsupported:
        cells.setdefault((strategy, store), MatrixCell(valid=None, text="unsupported", reason=reason))
    return MatrixView(list(dict.fromkeys(s for _, s in pairs)), list(dict.fromkeys(s for s, _ in pairs)), cells)


def _sum_up(cell: MatrixCell, rows: Sequence[Row]) -> None:
    wrong = [row for row in rows if row.valid is False]
    if wrong:
        names = list(dict.fromkeys(name for row in wrong for name in row.names))
        more = f" +{len(names) - 1}" if len(names) > 1 else ""
        cell.valid, cell.text = False, (names[0] if names else "anomalous") + more
    elif any(row.valid is None for row in rows):
        cell.valid, cell.text = None, "undecided"
    elif any(row.lucky for row in rows):
        cell.valid, cell.text = None, "correct by luck"
    else:
        cell.valid, cell.text = True, "correct"
