"""The table of races for a terminal: whatever its width, no figure is cut off or broken in two.

Names and figures have columns as wide as the widest of them, so that they can be copied. Verdicts are folded into what
is left. If that is too little, there are two tables, one of verdicts and one of metrics; if one of these is still too
wide, each race has a few lines of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ticketlab.core.result import Result
from ticketlab.core.verdict import Verdict
from ticketlab.report.rows import number_text

_WIDE: Final = 100
_VERDICT: Final = 16
_METRICS: Final = ("p50", "p99", "longest", "fair", "time")


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of cells under a title.

    `least` is the fewest characters into which words may be folded, 0 for none. `roomy` is how wide the column is made
    where there is room, so that the tables of several races line up.
    """

    title: str
    cells: Sequence[Text]
    least: int = 0
    roomy: int = 0
    number: bool = False

    @property
    def widest(self) -> int:
        return max(cell_len(self.title), *(each.cell_len for each in self.cells))

    @property
    def narrowest(self) -> int:
        return min(self.widest, self.least) if self.least else self.widest


def race_tables(rows: Sequence[Result], width: int) -> Iterator[RenderableType]:
    """Yield what shows the races in so many characters: one table, or two, or lines."""
    names = [_column("store", [row.store for row in rows], 7), _column("strategy", [row.strategy for row in rows], 11)]
    sold = _column("sold", [f"{row.sold} of {row.tickets}" for row in rows], 8)
    told = [sold, _Column("verdict", [race_verdict(row) for row in rows], _VERDICT)]
    figures = zip(_METRICS, zip(*map(_metrics, rows), strict=True), strict=True)
    metrics = [_column(name, cells, number=True) for name, cells in figures]
    gap = 2 if width >= _WIDE else 1
    whole = [*names, *told, *metrics]
    parts = [whole] if _fits(whole, gap, width) else [[*names, *told], [*names, *metrics]]
    if all(_fits(columns, gap, width) for columns in parts):
        yield from (_table(columns, gap, width) for columns in parts)
    else:
        yield from _lines(whole)


def verdict_text(verdict: Verdict) -> Text:
    """Return a verdict in a few words; an undecided one never looks like a pass."""
    if verdict.valid is None:
        return Text(f"? undecided: {verdict.reason}", style="yellow")
    if verdict.valid:
        return Text("✓ correct", style="green")
    return Text("✗ " + ", ".join(dict.fromkeys(anomaly.name for anomaly in verdict.anomalies)), style="red")


def race_verdict(row: Result) -> Text:
    """Return the verdict of a race in a few words; a strategy that claims no safety was correct by luck."""
    if row.valid and not row.claims_safety:
        return Text("correct by luck", style="yellow")
    return verdict_text(row.verdict)


def milliseconds_text(milliseconds: float) -> str:
    """Return a time to three digits, in milliseconds or in seconds."""
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{number_text(milliseconds)} ms"


def _column(title: str, cells: Sequence[str], roomy: int = 0, *, number: bool = False) -> _Column:
    return _Column(title, list(map(Text, cells)), roomy=roomy, number=number)


def _metrics(row: Result) -> list[str]:
    found = row.metrics
    if not found.longest_ms:  # no order was answered
        return ["-", "-", "-", "-", f"{found.wall_s:.2f} s"]
    times = [milliseconds_text(each) for each in (found.p50_ms, found.p99_ms, found.longest_ms)]
    return [*times, f"{found.fairness:.2f}", f"{found.wall_s:.2f} s"]


def _fits(columns: Sequence[_Column], gap: int, width: int) -> bool:
    return sum(column.narrowest + gap for column in columns) - gap <= width


def _table(columns: Sequence[_Column], gap: int, width: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, gap, 0, 0))
    room = width - sum(column.narrowest + gap for column in columns) + gap
    for column in columns:
        more = min(room, max(column.roomy, column.widest) - column.narrowest)
        room -= more
        wide = column.narrowest + more
        table.add_column(column.title, justify="right" if column.number else "left", overflow="fold", width=wide)
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def _lines(columns: Sequence[_Column]) -> Iterator[Text]:
    """Yield a line for each figure of each race: what has no room for a table."""
    for cells in zip(*(column.cells for column in columns), strict=True):
        yield Text(f"{cells[1].plain} on {cells[0].plain}", style="bold")
        for column, cell in zip(columns[2:], cells[2:], strict=True):
            yield Text.assemble(f"  {column.title}: ", cell)
