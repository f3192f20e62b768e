"""Tables in sections: columns line up from one section to the next, and titles may be wider than the columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

TableCell = Text | str

_LEAST: Final = 8
"""The least width of a column of text, in characters."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column; text longer than `most` is folded, and numbers are aligned to the right."""

    name: str
    number: bool = False
    most: int = 24
    style: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a title."""

    title: str
    rows: Sequence[Sequence[TableCell]]


def sectioned(
    columns: Sequence[TableColumn], sections: Sequence[Section], gap: int, room: int
) -> Iterator[RenderableType]:
    """Yield the header, then each section; the last column takes what the others leave of `room`, in characters.

    If the room is too small, columns of text are folded; a number is never cut.
    """
    every = [[column.name for column in columns], *(row for section in sections for row in section.rows)]
    widest = [max(map(_width, cells)) for cells in zip(*every, strict=True)]
    widths = [min(column.most, width) for column, width in zip(columns, widest, strict=True)]
    last = min(widths.pop(), _LEAST)
    _narrow(widths, columns, room - last - gap * len(widths))
    yield _table(columns, widths, gap, [[Text(column.name, style="dim") for column in columns]])
    for section in sections:
        yield Text(section.title, style="bold")
        yield _table(columns, widths, gap, section.rows)


def _narrow(widths: list[int], columns: Sequence[TableColumn], room: int) -> None:
    """Take from the widest columns of text what there is no room for."""
    texts = [place for place in range(len(widths)) if not columns[place].number]
    while sum(widths) > room:
        place = max(texts, key=lambda place: widths[place])
        if widths[place] <= _LEAST:
            return
        widths[place] -= 1


def _table(
    columns: Sequence[TableColumn], widths: Sequence[int], gap: int, rows: Sequence[Sequence[TableCell]]
) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, gap, 0, 0))
    for column, width in zip(columns[:-1], widths, strict=True):
        table.add_column(justify="right" if column.number else "left", width=width, overflow="fold", style=column.style)
    table.add_column(overflow="fold", style=columns[-1].style)
    for row in rows:
        table.add_row(*row)
    return table


def _width(cell: TableCell) -> int:
    return cell.cell_len if isinstance(cell, Text) else cell_len(cell)
