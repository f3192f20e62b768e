"""What is left when faults have struck in a live race: who was struck, what they held, and whether others got over it.

Who was struck is no anomaly; what it did to the others is. A buyer holds what it took and has not given back, and waits
for what it tried to take last: both stand in its log, which outlives it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.pacing import RETRY, Action
from ticketlab.core.verdict import Anomaly
from ticketlab.launch import recorder
from ticketlab.launch.launcher import Exit
from ticketlab.launch.log import Event
from ticketlab.launch.track import Track

_WAYS: Final = {
    FaultKind.KILL: "was killed",
    FaultKind.KILL_SERVICE: "was killed",
    FaultKind.TERMINATE: "was terminated",
}
_DEADLY: Final = frozenset(_WAYS)
_OF_DATABASES: Final = re.compile(r"-(wal|shm|journal)$")
_SHARED_MEMORY: Final = "psm_*"  # whatever else the standard library makes there it makes nameless at once


class Victim(NamedTuple):
    """Somebody whom a fault struck: before what, when (nanoseconds since the gun), and with what in hand."""

    participant: int
    who: str
    fault: Fault
    before: str
    ns: int
    held: frozenset[str]

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in results."""
        held = sorted(self.held)
        return {"who": self.who, "fault": str(self.fault), "before": self.before, "at_ms": self.ns / 1e6, "held": held}


@dataclass(frozen=True)
class FaultEffects:
    """What faults did to a race; the tracks have kept their records, the buyers' first."""

    tracks: Sequence[Track]
    buyers: int
    exits: Sequence[Exit]

    @cached_property
    def victims(self) -> list[Victim]:
        """Everybody who was struck, in the order of time."""
        found = []
        for participant, track in enumerate(self.tracks):
            for number, record in enumerate(track.records):
                if record[0] == recorder.FAULT:
                    held, _ = holding(track.records[:number])
                    fault = Fault.parse(record[2])
                    found.append(Victim(participant, self._named(participant), fault, record[3], record[1], held))
        return sorted(found, key=lambda one: one.ns)

    def _named(self, participant: int) -> str:
        return f"buyer {participant + 1}" if participant < self.buyers else f"clerk {participant + 1 - self.buyers}"

    @cached_property
    def _hung(self) -> list[Exit]:
        return [ending for ending in self.exits if ending.how == "hung"]

    @cached_property
    def _waits(self) -> dict[int, str]:
        """What each of those that hung waited for, where it said so."""
        waits = {ending.participant: holding(self.tracks[ending.participant].records)[1] for ending in self._hung}
        return {participant: what for participant, what in waits.items() if what is not None}

    @property
    def interrupted(self) -> bool:
        """Whether the lab had to stop somebody who was at work, and not only waiting."""
        return any(one.participant not in self._waits and self.tracks[one.participant].records for one in self._hung)

    @property
    def unexplained(self) -> list[Exit]:
        """The endings that no fault accounts for."""
        if any(one.fault.kind is FaultKind.KILL_SERVER for one in self.victims):
            return []  # nobody can buy of a store that is gone, and each may end in its own way
        struck = {one.participant for one in self.victims}
        return [one for one in self.exits if not struck or not (one.how == "hung" or one.participant in struck)]

    def anomalies(self) -> list[Anomaly]:
        """Name what keeps the survivors, if anything does."""
        if not self._hung or not self.victims:
            return []
        left_behind = {what: one for one in self.victims if one.fault.kind in _DEADLY for what in self._kept_by(one)}
        if self._waits and all(what in left_behind for what in self._waits.values()):
            (first, what), *others = self._waits.items()
            holder = left_behind[what]
            whose = f"{holder.who}, which {_WAYS[holder.fault.kind]} while holding it"
            more = f" (so do {len(others)} more)" if others else ""
            sentence = f"{self._named(first)} waits for {what}, held by {whose}: nobody can ever have it again{more}"
            return [Anomaly("lock left behind", sentence, self._evidence())]
        ending, victim = self._hung[0], self.victims[0]
        last = self.tracks[ending.participant].last
        more = f" (nor did {len(self._hung) - 1} more)" if len(self._hung) > 1 else ""
        sentence = f"{ending.who} {last}, and never went on: {victim.who} had met {victim.fault}{more}"
        return [Anomaly("survivors blocked for ever", sentence, self._evidence())]

    def _evidence(self) -> dict[str, Any]:
        waiting = [
            {
                "who": ending.who,
                "detail": ending.detail,
                "last": self.tracks[ending.participant].last,
                "waits": self._waits.get(ending.participant),
            }
            for ending in self._hung
        ]
        return {"participants": waiting, "injected": [one.to_json() for one in self.victims]}

    def _kept_by(self, victim: Victim) -> set[str]:
        """Return what a victim held that nobody ever had again."""
        return {what for what in victim.held if self._had_again(victim, {what}) is None}

    def _had_again(self, victim: Victim, what: Collection[str]) -> int | None:
        """Return when, after its victim's death, somebody first had one of those things."""
        taken = (each for track in self.tracks for each in takings(track.records))
        return min((ns for name, ns in taken if name in what and ns > victim.ns), default=None)

    def recovery_ns(self) -> int:
        """Return the longest time from a death until somebody had what the dead had held; 0 where nobody ever had."""
        dead = [one for one in self.victims if one.fault.kind in _DEADLY]
        times = ((one.ns, self._had_again(one, one.held)) for one in dead)
        return max((again - died for died, again in times if again is not None), default=0)


def holding(records: Sequence[Event]) -> tuple[frozenset[str], str | None]:
    """Return what a participant holds after its records, and what it waits for."""
    held: set[str] = set()
    asked: str | None = None
    for record in records:
        tag = record[0]
        if tag == recorder.STEP:
            if asked is not None:  # what need not be waited for has no record of its end
                held.add(asked)
            asked = record[3] if Action(record[2]).takes else None
            if Action(record[2]).gives_back:
                held.discard(record[3])
        elif tag == recorder.GOT and asked is not None:
            held.add(asked)
            asked = None
        elif (tag == recorder.NOTED and record[1] == RETRY) or tag in (
            recorder.INVOKE,
            recorder.NO_EFFECT,
            recorder.UNKNOWN_EFFECT,
        ):
            asked = None  # it was refused
    return frozenset(held), asked


def takings(records: Sequence[Event]) -> Iterator[tuple[str, int]]:
    """Yield what a participant had to wait for and got, and when."""
    asked = None
    for record in records:
        if record[0] == recorder.STEP:
            asked = record[3] if Action(record[2]).takes else None
        elif record[0] == recorder.GOT and asked is not None:
            yield asked, record[1]


class Leftovers:
    """What a race leaves behind: `begin` is called when all is set up, `end` when all is closed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before: set[str] = set()
        self.found: list[str] = []

    def begin(self) -> None:
        """Take down what belongs there; a database's own side files do so only while somebody has it open."""
        self._before = {name for name in self._around() if not _OF_DATABASES.search(name)}

    def end(self) -> None:
        """Take down what is there now and was not."""
        self.found = sorted(self._around() - self._before)

    def _around(self) -> set[str]:
        files = {str(path.relative_to(self._folder)) for path in self._folder.rglob("*")}
        memory = set(map(str, Path("/dev/shm").glob(_SHARED_MEMORY)))  # noqa: S108
        return files | memory | {f"process {pid}" for pid in _children()}


def _children() -> set[int]:
    """Return this process's children, but for those that `multiprocessing` keeps for the next time."""
    from multiprocessing import active_children, forkserver, resource_tracker

    active_children()  # which also buries the dead
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:
        return set()
    kept = {
        getattr(forkserver._forkserver, "_forkserver_pid", None),
        getattr(resource_tracker._resource_tracker, "_pid", None),
    }
    return {int(pid) for pid in text.split()} - kept
