"""All calls that are stopped, by the kernel's name: those that are taken as steps, and those that start somebody."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from ticketlab.gate.calls import channels, files, locks, looks, names, polling, processes, signals, uncontrolled
from ticketlab.gate.calls.family import Classify
from ticketlab.gate.leader import STARTS
from ticketlab.gate.numbers import numbers

ALL_STOPPED: Final[Mapping[str, Classify]] = {
    **files.STOPPED,
    **looks.STOPPED,
    **names.STOPPED,
    **locks.STOPPED,
    **channels.STOPPED,
    **polling.STOPPED,
    **processes.STOPPED,
    **signals.STOPPED,
    **uncontrolled.STOPPED,
}


class KindOfCall(NamedTuple):
    """A kind of call: its name, how it is taken (None: it starts a thread or a process), and whether it only looks."""

    name: str
    take: Classify | None
    looks: bool


@cache
def kinds(column: int) -> Mapping[int, KindOfCall]:
    """Return the kinds of calls by their numbers on a machine."""
    stopped = {name: number for name, number in numbers(column).items() if name in STARTS or name in ALL_STOPPED}
    return {number: KindOfCall(name, ALL_STOPPED.get(name), "stat" in name) for name, number in stopped.items()}
