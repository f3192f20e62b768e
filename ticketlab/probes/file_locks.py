"""Locks on files: `fcntl.flock`, which belongs to an opening, and record locks, which belong to a process and a file.

Who would have to wait tries without waiting, and counts as blocked until somebody gives the lock back.
"""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Callable, Sequence
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED
from ticketlab.core.steps import Action, Step
from ticketlab.probes.files import record_lock
from ticketlab.probes.here import HERE, probed
from ticketlab.probes.kind import ProbeKind
from ticketlab.probes.standins import StandIn

_flock, _lockf = fcntl.flock, fcntl.lockf
_BUSY: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES})


def _number(fd: Any) -> int:
    return fd if isinstance(fd, int) else int(fd.fileno())


def _taken(lock: str, call: Callable[[], None], *, excludes: bool, waits: bool) -> None:
    """Take a lock at its step; `call` raises OSError if somebody else has it."""
    step = Step(Action.ACQUIRE, lock, excludes=excludes)
    if waits:
        pacing.block(step, lambda: _attempt(call), lambda: None)
        return
    pacing.at(step)
    try:
        call()
    except OSError:
        pacing.made(Step(Action.LOOK, lock))
        raise
    pacing.made(step)


def _attempt(call: Callable[[], None]) -> Any:
    try:
        return call()
    except OSError as error:
        if error.errno in _BUSY:
            return BLOCKED
        raise


def _flocking(fd: Any, operation: int) -> None:
    file = HERE.descriptors.of(_number(fd))
    if file is None:
        return _flock(fd, operation)
    lock = f"lock on {file.data}"
    if operation & fcntl.LOCK_UN:
        pacing.at(Step(Action.RELEASE, lock))
        _flock(fd, operation)
        if lock in file.held:
            file.held.remove(lock)
        return None
    _taken(
        lock,
        lambda: _flock(fd, operation | fcntl.LOCK_NB),
        excludes=bool(operation & fcntl.LOCK_EX),
        waits=not operation & fcntl.LOCK_NB,
    )
    if lock not in file.held:
        file.held.append(lock)
    return None


def _record_locking(fd: Any, cmd: int, len: int = 0, start: int = 0, whence: int = 0) -> Any:  # noqa: A002 - its name
    file = HERE.descriptors.of(_number(fd))
    if file is None:
        return _lockf(fd, cmd, len, start, whence)
    lock = record_lock(file)
    if cmd & fcntl.LOCK_UN:
        pacing.at(Step(Action.RELEASE, lock))
        result = _lockf(fd, cmd, len, start, whence)
        HERE.descriptors.dropped.pop(file.data, None)
        return result
    _taken(
        lock,
        lambda: _lockf(fd, cmd | fcntl.LOCK_NB, len, start, whence),
        excludes=False,  # another part of the file may be free
        waits=not cmd & fcntl.LOCK_NB,
    )
    HERE.descriptors.dropped[file.data] = 1
    return None


def _standins() -> Sequence[StandIn]:
    pairs: list[tuple[Any, Any]] = [(_flock, _flocking), (_lockf, _record_locking)]
    return [StandIn(original, probed(original, probe)) for original, probe in pairs]


KIND = ProbeKind(name="file-locks", summary="fcntl.flock and fcntl.lockf", standins=_standins)
