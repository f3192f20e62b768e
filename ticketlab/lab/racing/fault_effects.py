"""The effects of faults on a live race: the victims, the locks that they held, and whether the survivors went on.

A victim is no anomaly; survivors that are blocked for ever are. Each participant's log survives its death, and has the
locks that it held and the one that it waited for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.verdict import Anomaly
from ticketlab.lab.racing.held_locks import awaited_locks, held_locks
from ticketlab.launch import recorder
from ticketlab.launch.launcher import Exit
from ticketlab.launch.track import Track

_WAYS: Final = {
    FaultKind.KILL: "was killed",
    FaultKind.KILL_SERVICE: "was killed",
    FaultKind.TERMINATE: "was terminated",
}
_DEADLY: Final = frozenset(_WAYS)
_SIDE_FILES: Final = re.compile(r"-(wal|shm|journal)$")
_SHARED_MEMORY: Final = "psm_*"  # the standard library's only files there that keep a name


class Victim(NamedTuple):
    """A participant into which a fault was injected: its next step, the time in ns since the start, the locks held."""

    participant: int
    who: str
    fault: Fault
    before: str
    ns: int
    held: frozenset[str]

    def to_json(self) -> dict[str, Any]:
        """Return the victim as it is saved."""
        held = sorted(self.held)
        return {"who": self.who, "fault": str(self.fault), "before": self.before, "at_ms": self.ns / 1e6, "held": held}


@dataclass(frozen=True)
class FaultEffects:
    """The effects of faults on a race; the tracks must have kept their records, and come with the buyers' first."""

    tracks: Sequence[Track]
    buyers: int
    exits: Sequence[Exit]

    @cached_property
    def victims(self) -> list[Victim]:
        """All participants into which a fault was injected, in the order of time."""
        found = []
        for participant, track in enumerate(self.tracks):
            for number, record in enumerate(track.records):
                if record[0] == recorder.FAULT:
                    held, _ = held_locks(track.records[:number])
                    fault = Fault.parse(record[2])
                    found.append(Victim(participant, self._named(participant), fault, record[3], record[1], held))
        return sorted(found, key=lambda victim: victim.ns)

    def _named(self, participant: int) -> str:
        return f"buyer {participant + 1}" if participant < self.buyers else f"clerk {participant + 1 - self.buyers}"

    @cached_property
    def _hung(self) -> list[Exit]:
        return [each for each in self.exits if each.how == "hung"]

    @cached_property
    def _waits(self) -> dict[int, str]:
        """The lock that each participant that hung waited for, if it waited for one."""
        waits = {each.participant: held_locks(self.tracks[each.participant].records)[1] for each in self._hung}
        return {participant: lock for participant, lock in waits.items() if lock is not None}

    @property
    def interrupted(self) -> bool:
        """Whether the lab had to stop a participant that was working, and not only waiting for a lock."""
        return any(each.participant not in self._waits and self.tracks[each.participant].records for each in self._hung)

    @property
    def unexplained(self) -> list[Exit]:
        """The exits that no fault explains."""
        if any(victim.fault.kind is FaultKind.KILL_SERVER for victim in self.victims):
            return []  # without its server, nobody can buy from the store, and each buyer may end in its own way
        victims = {victim.participant for victim in self.victims}
        return [each for each in self.exits if not victims or not (each.how == "hung" or each.participant in victims)]

    def anomalies(self) -> list[Anomaly]:
        """Return the anomaly that blocks the survivors, if they are blocked."""
        if not self._hung or not self.victims:
            return []
        left_behind = {
            lock: victim for victim in self.victims if victim.fault.kind in _DEADLY for lock in self._kept_by(victim)
        }
        if self._waits and all(lock in left_behind for lock in self._waits.values()):
            (first, lock), *others = self._waits.items()
            holder = left_behind[lock]
            whose = f"{holder.who}, which {_WAYS[holder.fault.kind]} while holding it"
            more = f" ({len(others)} more wait for locks that are never released)" if others else ""
            sentence = f"{self._named(first)} waits for {lock}, held by {whose}: nobody can ever have it again{more}"
            return [Anomaly("lock never released", sentence, self._evidence())]
        hung, victim = self._hung[0], self.victims[0]
        last = self.tracks[hung.participant].last
        more = f" (nor did {len(self._hung) - 1} more)" if len(self._hung) > 1 else ""
        sentence = f"{hung.who} {last}, and never went on: {victim.who} had the fault {victim.fault}{more}"
        return [Anomaly("survivors blocked for ever", sentence, self._evidence())]

    def _evidence(self) -> dict[str, Any]:
        waiting = [
            {
                "who": each.who,
                "detail": each.detail,
                "last": self.tracks[each.participant].last,
                "waits": self._waits.get(each.participant),
            }
            for each in self._hung
        ]
        return {"participants": waiting, "injected": [victim.to_json() for victim in self.victims]}

    def _kept_by(self, victim: Victim) -> set[str]:
        """Return the locks that a victim held and that no other participant was given afterwards."""
        return {lock for lock in victim.held if self._next_taken_ns(victim, {lock}) is None}

    def _next_taken_ns(self, victim: Victim, locks: Collection[str]) -> int | None:
        """Return when another participant was first given one of the locks after the victim's fault."""
        taken = (each for track in self.tracks for each in awaited_locks(track.records))
        return min((ns for lock, ns in taken if lock in locks and ns > victim.ns), default=None)

    def recovery_ns(self) -> int:
        """Return the longest time from a death until another participant had a lock of the dead one; 0 if none had."""
        dead = [victim for victim in self.victims if victim.fault.kind in _DEADLY]
        times = ((victim.ns, self._next_taken_ns(victim, victim.held)) for victim in dead)
        return max((taken - died for died, taken in times if taken is not None), default=0)


class Leftovers:
    """The files and processes that a race leaves behind: call `begin` when it is set up, `end` when it is closed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before: set[str] = set()
        self.found: list[str] = []

    def begin(self) -> None:
        """List what is there before the race; a database's side files are not listed, as it removes them."""
        self._before = {name for name in self._present() if not _SIDE_FILES.search(name)}

    def end(self) -> None:
        """Set `found` to what is there now and was not there before."""
        self.found = sorted(self._present() - self._before)

    def _present(self) -> set[str]:
        files = {str(path.relative_to(self._folder)) for path in self._folder.rglob("*")}
        memory = set(map(str, Path("/dev/shm").glob(_SHARED_MEMORY)))  # noqa: S108
        return files | memory | {f"process {pid}" for pid in _children()}


def _children() -> set[int]:
    """Return this process's children, but for the helpers that `multiprocessing` keeps running."""
    from multiprocessing import active_children, forkserver, resource_tracker

    active_children()  # which also reaps those that have ended
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:
        return set()
    kept = {
        getattr(forkserver._forkserver, "_forkserver_pid", None),
        getattr(resource_tracker._resource_tracker, "_pid", None),
    }
    return {int(pid) for pid in text.split()} - kept
