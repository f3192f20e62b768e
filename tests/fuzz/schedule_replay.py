"""The own replay of an explored schedule: who holds what, whose write follows on what it read, what the record said.

It knows the steps as the result has them, who made each, and nothing of the store. A *write* is all that one
participant does to one resource from its first write, truncation or rename on, until the step that says what is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

WRITES: Final = frozenset({"write", "truncate", "rename", "commit", "compare-and-set", "apply", "update"})
TAKES: Final = frozenset({"acquire", "begin"})
GIVES: Final = frozenset({"release"})
VAIN: Final = "unchanged"


class Row(NamedTuple):
    """One row of a table: its number (None for one that waits), the lane, the step, what was learnt, and the mark."""

    number: int | None
    lane: int
    action: str
    resource: str
    note: str
    marked: bool

    @property
    def left(self) -> int | None:
        """How many tickets the step read or wrote."""
        return int(self.note.split()[0]) if re.fullmatch(r"-?\d+( left)?", self.note) else None

    @property
    def learnt(self) -> str:
        """What was learnt, in the form that tables and interleavings share."""
        return self.note if self.left is None else str(self.left)

    @property
    def fault(self) -> bool:
        """Whether somebody is struck here."""
        return self.action.startswith("fault injected") or self.action.startswith("struck")

    @property
    def waits(self) -> bool:
        """Whether this is no step: somebody waits for one."""
        return self.action.startswith("waits")

    @property
    def step(self) -> str:
        """The step as cases have it."""
        return f"{self.action} {self.resource}".strip()


@dataclass(frozen=True, slots=True)
class Write:
    """One participant's write: the rows from the first to the last, and what was left then."""

    lane: int
    rows: tuple[int, ...]
    left: int | None

    @property
    def first(self) -> int:
        """The row at which it begins."""
        return self.rows[0]

    @property
    def last(self) -> int:
        """The row at which it ends."""
        return self.rows[-1]


def writes(rows: Sequence[Row]) -> list[Write]:
    """Return the writes to the books, in the order of their beginnings."""
    found: list[Write] = []
    open_by_lane: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        if row.action in WRITES and not row.waits and not row.fault and _of_books(row):
            open_by_lane.setdefault(row.lane, []).append(place)
            if row.left is not None or row.action == "rename":
                found.append(Write(row.lane, tuple(open_by_lane.pop(row.lane)), row.left))
        elif row.action in ("read", "release") and row.lane in open_by_lane:
            found.append(Write(row.lane, tuple(open_by_lane.pop(row.lane)), None))
    found += [Write(lane, tuple(places), None) for lane, places in open_by_lane.items()]
    return sorted(found, key=lambda write: write.first)


def _of_books(row: Row) -> bool:
    return not any(word in row.resource for word in ("fence", "lease", "lock", "soft", "new file", "orders", "book of"))


def holders(rows: Sequence[Row], resource: str, before: int) -> list[int]:
    """Return the lanes that hold a resource before a row: took it, not in vain, and did not give it back."""
    held: list[int] = []
    for row in rows[:before]:
        if row.resource != resource or row.note.startswith(VAIN):
            continue
        if row.action in TAKES and row.lane not in held:
            held.append(row.lane)
        elif row.action in GIVES and row.lane in held:
            held.remove(row.lane)
    return held


def can_be_read(rows: Sequence[Row], place: int, opening: int) -> set[int]:
    """Return the counts that a read in this row can find: the last complete write's, or that of one under way."""
    lane, found = rows[place].lane, {opening}
    for write in writes(rows):
        if write.left is None or write.first > place:
            continue
        if write.last < place and not any(
            other.first < write.last < other.last for other in writes(rows) if other is not write
        ):
            found = {write.left}
        else:
            found.add(write.left)
    own = [write.left for write in writes(rows) if write.lane == lane and write.last < place and write.left is not None]
    return found | set(own[-1:])


def stale_writes(rows: Sequence[Row]) -> Iterator[tuple[int, Write, Write]]:
    """Yield each read, change and overwriting: whoever read writes after somebody else has written."""
    for place, row in enumerate(rows):
        if row.action != "read" or row.left is None:
            continue
        own = [write for write in writes(rows) if write.lane == row.lane and write.first > place]
        if not own or any(
            later.action == "read" and later.lane == row.lane and later.left is not None
            for later in rows[place + 1 : own[0].first]
        ):
            continue
        for other in writes(rows):
            if other.lane != row.lane and place < other.last < own[0].last:
                yield place, other, own[0]
