"""Faults: what can be injected into a participant at a scheduling point, as values in cases and on command lines.

A fault comes just before one of a participant's own steps, or after the last step and before the answer to its request.
`kill`, `pause` and `terminate` are signals. Accesses to files fail by limits that the kernel enforces, or by an error
in place of the access (`ticketlab.core.system.failing_io`).

One grammar names them all: `kind[:share][:time]`, such as `kill`, `pause:2s`, `kill:0.1`, `pause:0.2:2s`. The share is
that of the buyers that get the fault in a live race. An exploration tries every point, and takes no share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from ticketlab.core.duration import UNITS, parse_seconds
from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.steps import Action, Step


class FaultKind(Enum):
    """What a fault does; the value is its name."""

    KILL = "kill"
    KILL_SERVICE = "kill-service"
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
        """What the fault does, in words."""
        return _MEANINGS[self]

    @property
    def takes_time(self) -> bool:
        """Whether its name has a time after a colon, as that of a pause has."""
        return self in _SECONDS

    @property
    def in_files(self) -> bool:
        """Whether it makes accesses to files fail, so that it cannot be injected where a store has no files."""
        return self in _ON_FILES

    @property
    def is_step(self) -> bool:
        """Whether it is a step of its own, before and after which others may move; else it makes one step fail."""
        return self not in _ON_FILES and self is not FaultKind.LOCKED

    def applies_to(self, step: Step | None) -> bool:
        """Return whether it can be injected at a step or, if that is None, before the answer."""
        if self in _ON_FILES:
            return step is not None and step.action in _ON_FILES[self]
        if self is FaultKind.LOCKED:
            return step is not None and step.action in _ASKS
        return step is not None or self in (FaultKind.KILL, FaultKind.TERMINATE)


_MEANINGS: Final = {
    FaultKind.KILL: "the buyer is killed, and cleans nothing up",
    FaultKind.KILL_SERVICE: "a clerk is killed, and cleans nothing up",
    FaultKind.KILL_SERVER: "the store's server process is killed",
    FaultKind.TERMINATE: "the buyer is told to end, and cleans up first",
    FaultKind.PAUSE: "the buyer stands still, and time passes for all",
    FaultKind.CLOCK: "the wall clock jumps",
    FaultKind.DISK_FULL: "nothing more can be written",
    FaultKind.IO_ERROR: "a write, flush or rename fails",
    FaultKind.SHORT_WRITE: "a write ends after its first bytes",
    FaultKind.NO_FILES: "no file can be opened any more",
    FaultKind.LOCKED: "a program outside the race keeps the database locked",
}
_SECONDS: Final = {FaultKind.PAUSE: 60.0, FaultKind.CLOCK: 3600.0}  # the times by default
_LIVE_SECONDS: Final = {FaultKind.PAUSE: 1.0, FaultKind.CLOCK: 3600.0}  # in a live race, where they really pass
_ASKS: Final = frozenset({Action.READ, Action.WRITE, Action.BEGIN, Action.COMMIT})
_WRITES: Final = frozenset({Action.WRITE, Action.APPEND, Action.TRUNCATE, Action.COMMIT})
_ON_FILES: Final = {
    FaultKind.DISK_FULL: _WRITES,
    FaultKind.IO_ERROR: _WRITES | {Action.FLUSH, Action.RENAME},
    FaultKind.SHORT_WRITE: _WRITES,
    FaultKind.NO_FILES: frozenset(Action)
    - {Action.FAULT, Action.TIME_PASSES, Action.ADVANCE, Action.SEND, Action.RECEIVE},
}

_FORMER_NAMES: Final = {"kill-staff": "kill-service"}  # in cases and runs of earlier versions
_LONGEST_SECONDS: Final = 366 * 86_400.0
_SHARE: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_FEW: Final = frozenset({FaultKind.KILL_SERVICE, FaultKind.KILL_SERVER})
DEFAULT_SHARE: Final = 0.1
"""The share of buyers that get a fault by default; of services and servers, of which there are few, all get it."""


@dataclass(frozen=True, slots=True, repr=False)
class Fault:
    """One fault; `seconds` is how long a buyer is paused, or how far a clock jumps."""

    kind: FaultKind
    seconds: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read `kill`, `pause:2s` or `clock:-1h`; raises UsageError for anything else."""
        fault, share = _parse(text)
        if share is not None:
            raise UsageError(
                f"{text.strip()!r} gives a share of the buyers, which only a live race takes: write {fault}"
            )
        return fault

    def __repr__(self) -> str:
        return f"Fault.parse({str(self)!r})"

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.seconds:g}s" if self.kind.takes_time else self.kind.value


@dataclass(frozen=True, slots=True)
class FaultRate:
    """A fault of a live race, and the probability, from 0 to 1, with which each participant that can get it does."""

    fault: Fault
    share: float

    @classmethod
    def parse(cls, text: str) -> FaultRate:
        """Read `kill`, `kill:0.1`, `pause:2s` or `pause:0.2:2s`; raises UsageError for anything else."""
        fault, share = _parse(text, _LIVE_SECONDS)
        if share is None:
            share = 1.0 if fault.kind in _FEW else DEFAULT_SHARE
        if share > 1:
            raise UsageError(f"{text.strip()!r} is for {share:g} of the buyers: a share from 0 to 1 is needed")
        return cls(fault, share)

    def __str__(self) -> str:
        name, _, time = str(self.fault).partition(":")
        return ":".join(filter(None, (name, f"{self.share:g}", time)))


def _parse(text: str, seconds_of: Mapping[FaultKind, float] = _SECONDS) -> tuple[Fault, float | None]:
    """Read `kind[:share][:time]`; the share is None if the text has none."""
    name, *rest = text.strip().split(":")
    try:
        kind = FaultKind(_FORMER_NAMES.get(name, name))
    except ValueError:
        raise unknown_name("fault", name, [each.value for each in FaultKind]) from None
    share = float(rest.pop(0)) if rest and _SHARE.fullmatch(rest[0]) else None
    if not kind.takes_time:
        if rest:
            raise UsageError(f"the fault {name} takes no time, but {text.strip()!r} gives {rest[0]!r}: write {name}")
        return Fault(kind), share
    seconds = (parse_seconds(":".join(rest)) or 0.0) if rest else seconds_of[kind]
    if not 0 < abs(seconds) <= _LONGEST_SECONDS or (seconds < 0 and kind is FaultKind.PAUSE):
        raise UsageError(f"{text.strip()!r} has no time that makes sense: write {name}:2s ({UNITS})")
    return Fault(kind, seconds), share


class FaultPoint(NamedTuple):
    """A fault and where it is injected: at the `point`-th, from 0, of the participant's steps that it applies to.

    Participants are numbered from 0, buyers first, then services.
    """

    who: int
    point: int
    fault: Fault
