"""Movers that take turns, one move at a time: how the second judges of SQLite run one schedule."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread
from typing import Protocol


class TakesTurns(Protocol):
    """A participant in a thread of its own, which moves when it is let."""

    thread: Thread
    parked: bool  # it waits for a lock, until its time-out
    stirred: bool  # whether somebody else has moved since it was parked
    wake: float

    @property
    def is_over(self) -> bool:
        """Whether it has made its last move."""

    @property
    def timeout(self) -> float:
        """How long it waits for a lock, in seconds."""

    def move(self, *, expires: bool = False) -> None:
        """Let it make its next move, or go on with the one that has to wait; `expires` ends that wait."""


def take_turns(movers: Sequence[TakesTurns], choices: Sequence[int]) -> list[list[int]]:
    """Play one schedule: its first choices are given, and then the first who can move does; return who could when."""
    could: list[list[int]] = []
    clock = 0.0
    while not all(mover.is_over for mover in movers):
        able = [n for n, one in enumerate(movers) if not one.is_over and (not one.parked or one.stirred)]
        expires = not able
        if expires:
            clock, who = min((one.wake, n) for n, one in enumerate(movers) if one.parked)
        else:
            place = len(could)
            who = choices[place] if place < len(choices) else able[0]
            could.append(able)
        mover, waited = movers[who], movers[who].parked
        mover.move(expires=expires)
        if mover.parked:
            mover.wake = mover.wake if waited else clock + mover.timeout
        if not mover.parked or not waited:
            for other in movers:
                other.stirred = other.stirred or other is not mover
    for mover in movers:
        mover.thread.join()
    return could


def other_beginnings(choices: Sequence[int], could: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return how the schedules begin that branch off from one that was played, after the choices that it was given."""
    taken = [*choices, *(able[0] for able in could[len(choices) :])]
    return [[*taken[:place], other] for place in range(len(choices), len(could)) for other in could[place][1:]]
