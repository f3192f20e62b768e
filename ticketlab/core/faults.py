"""Faults: what may strike a participant at a scheduling point, as values that cases hold and command lines name.

A fault strikes just before one of a participant's own steps, or after its last, before it could say what came of its
request. `kill`, `pause` and `terminate` are signals; input and output fail by limits that the kernel keeps, or by an
error in place of the access.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.pacing import Action, Step


class Harm(Enum):
    """What a fault does."""

    KILL = "kill"
    KILL_STAFF = "kill-staff"
    KILL_SERVER = "kill-server"
    TERMINATE = "terminate"
    PAUSE = "pause"
    CLOCK = "clock"
    DISK_FULL = "disk-full"
    IO_ERROR = "io-error"
    SHORT_WRITE = "short-write"
    NO_FILES = "no-files"
    LOCKED = "locked"

    @property
    def meaning(self) -> str:
        """What it does, in words."""
        return _MEANINGS[self]

    @property
    def takes_time(self) -> bool:
        """Whether it is named with a time, as in `pause:2s`."""
        return self in _SECONDS

    @property
    def in_files(self) -> bool:
        """Whether it befalls files, so that a store without any cannot meet it."""
        return self in _ON_FILES

    @property
    def is_step(self) -> bool:
        """Whether it is a step of its own, which others may move before and after; else it befalls one step."""
        return self not in _ON_FILES and self is not Harm.LOCKED

    def befalls(self, step: Step | None) -> bool:
        """Whether it can strike before a step, or, where there is None, before the answer."""
        if self in _ON_FILES:
            return step is not None and step.action in _ON_FILES[self]
        if self is Harm.LOCKED:
            return step is not None and step.action in _ASKS
        return step is not None or self in (Harm.KILL, Harm.TERMINATE)


_MEANINGS: Final = {
    Harm.KILL: "the buyer is killed: nothing of it is cleaned up",
    Harm.KILL_STAFF: "the same happens to a clerk",
    Harm.KILL_SERVER: "the store's server process is killed",
    Harm.TERMINATE: "the buyer is told to end, and cleans up on its way out",
    Harm.PAUSE: "the buyer stands still, and time passes for all",
    Harm.CLOCK: "the clock on the wall jumps",
    Harm.DISK_FULL: "nothing more can be written",
    Harm.IO_ERROR: "a write, flush or rename fails",
    Harm.SHORT_WRITE: "a write ends after its first bytes",
    Harm.NO_FILES: "no file can be opened any more",
    Harm.LOCKED: "somebody else keeps the database locked",
}
_SECONDS: Final = {Harm.PAUSE: 60.0, Harm.CLOCK: 3600.0}  # and how much, where nothing is said
_ASKS: Final = frozenset({Action.READ, Action.WRITE, Action.BEGIN, Action.COMMIT})
_ON_FILES: Final = {
    Harm.DISK_FULL: frozenset({Action.WRITE, Action.TRUNCATE, Action.COMMIT}),
    Harm.IO_ERROR: frozenset({Action.WRITE, Action.TRUNCATE, Action.FLUSH, Action.RENAME, Action.COMMIT}),
    Harm.SHORT_WRITE: frozenset({Action.WRITE, Action.TRUNCATE, Action.COMMIT}),
    Harm.NO_FILES: frozenset(Action) - {Action.STRUCK, Action.LET, Action.TAKE, Action.SEND, Action.RECEIVE},
}

_FORM: Final = re.compile(r"(-?\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of harm; `seconds` says for how long a buyer is paused, or how far a clock jumps."""

    harm: Harm
    seconds: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read `kill`, `pause:2s` or `clock:-1h`; raises UsageError for anything else."""
        name, colon, time = text.strip().partition(":")
        try:
            harm = Harm(name)
        except ValueError:
            raise unknown_name("fault", name, [each.value for each in Harm]) from None
        if not harm.takes_time:
            if colon:
                raise UsageError(f"the fault {name} takes no time, but {text!r} gives one: write {name}")
            return cls(harm)
        if not colon:
            return cls(harm, _SECONDS[harm])
        form = _FORM.fullmatch(time)
        seconds = float(form[1]) * _UNITS[form[2]] if form else 0.0
        if not seconds or (seconds < 0 and harm is Harm.PAUSE):
            raise UsageError(f"{text!r} has no time that makes sense: write {name}:2s (ms, s, m or h)")
        return cls(harm, seconds)

    def __str__(self) -> str:
        return f"{self.harm.value}:{self.seconds:g}s" if self.harm.takes_time else self.harm.value


class Strike(NamedTuple):
    """A fault and where it strikes: before which step of its victim, the steps that it can befall counted from 0.

    The victim is a participant, numbered from 0, buyers first, staff after them.
    """

    who: int
    point: int
    fault: Fault
