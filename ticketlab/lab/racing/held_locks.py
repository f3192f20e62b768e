"""Which locks a participant holds, waits for and was given, by its records.

A lock is whatever a step acquires or begins: a lock of a strategy, or a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ticketlab.core.pacing import RETRY
from ticketlab.core.steps import Action
from ticketlab.launch import recorder
from ticketlab.launch.log import Event

_REFUSALS: Final = (recorder.INVOKE, recorder.NO_EFFECT, recorder.UNKNOWN_EFFECT)
"""Records after which a participant no longer waits for the lock that it asked for."""


def held_locks(records: Sequence[Event]) -> tuple[frozenset[str], str | None]:
    """Return the locks that a participant holds after its records, and the one that it waits for."""
    held: set[str] = set()
    asked: str | None = None
    for record in records:
        tag = record[0]
        if tag == recorder.STEP:
            if asked is not None:  # a lock that was free has no record of its own that it was taken
                held.add(asked)
            asked = record[3] if Action(record[2]).takes else None
            if Action(record[2]).gives_back:
                held.discard(record[3])
        elif tag == recorder.GOT and asked is not None:
            held.add(asked)
            asked = None
        elif tag in _REFUSALS or (tag == recorder.NOTED and record[1] == RETRY):
            asked = None
    return frozenset(held), asked


def awaited_locks(records: Sequence[Event]) -> Iterator[tuple[str, int]]:
    """Yield each lock that a participant had to wait for and was given, and when, in nanoseconds."""
    asked = None
    for record in records:
        if record[0] == recorder.STEP:
            asked = record[3] if Action(record[2]).takes else None
        elif record[0] == recorder.GOT and asked is not None:
            yield asked, record[1]
