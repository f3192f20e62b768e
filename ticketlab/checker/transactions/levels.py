"""Isolation levels, from the weakest to the strongest, and what of them is known of a history.

What the levels forbid is Adya's (1999), by cycles in the dependency graph; snapshot isolation is that of Cerone and
Gotsman (2018): every cycle has two anti-dependencies in a row. A history of reads and writes of single keys shows no
predicate; so its repeatable reads are those of a serializable one, and no anomaly of predicates (G2, phantoms) shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

READ_UNCOMMITTED: Final = "read-uncommitted"
READ_COMMITTED: Final = "read-committed"
SNAPSHOT_ISOLATION: Final = "snapshot-isolation"
REPEATABLE_READ: Final = "repeatable-read"
SERIALIZABLE: Final = "serializable"
STRONG_SESSION: Final = "strong-session-serializable"
STRICT_SERIALIZABLE: Final = "strict-serializable"

_NEXT_WEAKER: Final[Mapping[str, tuple[str, ...]]] = {
    READ_UNCOMMITTED: (),
    READ_COMMITTED: (READ_UNCOMMITTED,),
    SNAPSHOT_ISOLATION: (READ_COMMITTED,),
    REPEATABLE_READ: (READ_COMMITTED,),
    SERIALIZABLE: (SNAPSHOT_ISOLATION, REPEATABLE_READ),
    STRONG_SESSION: (SERIALIZABLE,),
    STRICT_SERIALIZABLE: (STRONG_SESSION,),
}
ISOLATION_LEVELS: Final = tuple(_NEXT_WEAKER)
TIMED_LEVELS: Final = (STRONG_SESSION, STRICT_SERIALIZABLE)
"""The levels that ask what was over before what began."""


def weaker(level: str) -> set[str]:
    """Return a level and all that it implies."""
    return {level}.union(*(weaker(each) for each in _NEXT_WEAKER[level]))


class Standing:
    """What is known of each level: True if a proof says that it holds, False if an anomaly contradicts it, or None."""

    def __init__(self, levels: Iterable[str]) -> None:
        self.of: dict[str, bool | None] = dict.fromkeys(levels)

    def refute(self, levels: Iterable[str]) -> None:
        """Note that these levels do not hold, nor any that implies one of them."""
        wrong = set(levels)
        for each in self.of:
            if weaker(each) & wrong:
                self.of[each] = False

    def prove(self, level: str) -> None:
        """Note that a level holds, and all that it implies."""
        for each in weaker(level):
            if self.of[each] is None:
                self.of[each] = True

    def strongest(self) -> list[str]:
        """Return the levels that nothing contradicts, without those that another of them implies."""
        left = [each for each, holds in self.of.items() if holds is not False]
        return [each for each in left if not any(each in weaker(other) for other in left if other != each)]
