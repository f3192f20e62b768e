"""A lock under test: what was given, and how a process makes it its own, takes it and lets it go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import isclass, signature
from pathlib import Path
from typing import Any, Final, NamedTuple

from filelock import BaseFileLock, FileLock

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.pacing import UNCHANGED, at, note
from ticketlab.core.steps import Action, Step
from ticketlab.lab.plain.function import arguments, bound
from ticketlab.strategies.purchase import Guard
from ticketlab.testing.locks import ThreadsLock, acquired

LOCK_FILE: Final = "app.lock"
"""What the file is called whose path a lock is given that asks for one."""
_PATHS: Final = ("path", "lock_file", "filename")  # what locks call the parameter for the path of their file
MOST_ADMITTED: Final = 3
_MOST_TAKEN: Final = 100
_IN_MEMORY: Final = ("_thread", "threading")  # what no process shares, so no probe tells its steps
_FILELOCK_SETTINGS: Final = ("timeout", "blocking", "poll_interval", "lifetime")


class Taken(NamedTuple):
    """What came of an attempt to take a lock; `why` says why it was refused."""

    admitted: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class LockSubject:
    """A lock as it was given to `check_lock`.

    A callable (a class is one) is called by each process, and may ask for `folder`, `path` and `who`; `lock_file` and
    `filename` are other names for the path. A lock of filelock's, or the path of one, becomes a lock on a file of that
    name in the processes' own folder, with the same settings. Any other object is what all processes inherit.
    """

    given: Any
    title: str

    @classmethod
    def of(cls, given: Any) -> LockSubject:
        """Take what was given; raises UsageError if it is no lock and makes none."""
        name = given if isinstance(given, str) else getattr(given, "__name__", "") or _kind_name(given)
        if isinstance(given, str | Path) or _is_lock(given):
            return cls(given, str(name))
        if not callable(given):
            raise UsageError(f"{given!r} is no lock: it can neither be acquired and released, nor entered by `with`")
        if _tells_parameters(given):
            arguments(given, str(name), dict.fromkeys(("folder", "who", *_PATHS)))
        return cls(given, str(name))

    def handle(self, folder: Path, who: int) -> LockHandle:
        """Return what a process takes the lock by; it stands in `folder`, and is the process number `who`."""
        return LockHandle(self._maker(folder, who))

    def _maker(self, folder: Path, who: int) -> Callable[[], Any]:
        given = self.given
        if isinstance(given, str | Path):
            return lambda: FileLock(folder / Path(given).name)
        if isinstance(given, BaseFileLock):
            settings = {name: getattr(given, name) for name in _FILELOCK_SETTINGS if hasattr(given, name)}
            return lambda: type(given)(folder / Path(given.lock_file).name, **settings)
        if not _is_lock(given):
            known = {"folder": folder, "who": who, **dict.fromkeys(_PATHS, folder / LOCK_FILE)}
            return bound(given, known) if _tells_parameters(given) else given
        return lambda: given

    def balance(self) -> Callable[[], None]:
        """Return what puts back how many a lock in memory admits; it is called before each execution."""
        given = self.given
        if type(given).__module__ not in _IN_MEMORY or not hasattr(given, "release"):
            return lambda: None
        admits = _fill(given, MOST_ADMITTED)
        _give_back(given, admits)

        def put_back() -> None:
            _fill(given, _MOST_TAKEN if admits < MOST_ADMITTED else MOST_ADMITTED)
            _give_back(given, admits)

        return put_back


def _tells_parameters(make: Callable[..., Any]) -> bool:
    """Whether a callable says what it takes; one that is written in C may not, and is then given nothing."""
    try:
        signature(make)
    except ValueError:
        return False
    return True


def _kind_name(given: Any) -> str:
    return type(given).__name__


def _is_lock(given: Any) -> bool:
    """Whether something can be taken as it is; a class cannot, but what it makes can."""
    pairs = (("acquire", "release"), ("__enter__", "__exit__"))
    return not isclass(given) and any(all(hasattr(given, name) for name in pair) for pair in pairs)


def _fill(lock: Any, most: int) -> int:
    """Take a lock in memory as often as it admits somebody, at most so often; return how often that was."""
    taken = 0
    while taken < most and acquired(lock, wait=False):
        taken += 1
    return taken


def _give_back(lock: Any, times: int) -> None:
    try:
        for _ in range(times):
            lock.release()
    except (AssertionError, RuntimeError, ValueError) as error:
        raise TicketlabError(f"the lock cannot be freed again for the next execution: {error}") from None


class _SteppingLock:
    """A lock in memory whose attempts and releases are steps; whether it admits somebody is tried."""

    _step: Final = Step(Action.ACQUIRE, "the lock", in_memory=True)

    def __init__(self, lock: Any) -> None:
        self._lock = ThreadsLock(lock)
        self._guard = Guard("the lock", self._lock.acquire, self._lock.release, in_memory=True)

    def acquire(self, blocking: bool = True) -> bool:
        if blocking:
            self._guard.take()
            return True
        at(self._step)
        admitted = self._lock.acquire(False)
        if not admitted:
            note(UNCHANGED, "taken")
        return admitted

    def release(self) -> None:
        self._guard.__exit__()


class LockHandle:
    """A process's own way to a lock. What can be acquired and released is made once; any other is made for each take.

    So a lock that is written for `with make_lock():` is used in this way, and one that counts its takes can.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None
        self._entered: list[Any] = []

    @property
    def releases(self) -> bool:
        """Whether somebody can release it who does not have it."""
        return hasattr(self._lock(), "release")

    def take(self) -> Taken:
        """Take the lock, and wait for it if that is its way."""
        return self._attempt(self._enter)

    def try_to_take(self) -> Taken:
        """Take the lock without waiting, if it can do so."""
        return self._attempt(self._enter_at_once)

    def let_go(self) -> str:
        """Give the lock back; return what it said against that."""
        lock = self._entered.pop()
        return _complaint(lock.release if hasattr(lock, "release") else lambda: lock.__exit__(None, None, None))

    def release(self) -> str:
        """Release the lock as somebody who does not have it; return what it said against that."""
        return _complaint(self._lock().release)

    def _attempt(self, enter: Callable[[], object]) -> Taken:
        try:
            return Taken(enter() is not False, "acquire returned False")
        except TicketlabError:
            raise
        except Exception as error:
            return Taken(False, _told(error))

    def _lock(self) -> Any:
        if self._made is None:
            made = self._make()
            if not _is_lock(made):
                raise UsageError(f"{made!r} was made as a lock: it can neither be acquired and released, nor entered")
            self._made = _SteppingLock(made) if type(made).__module__ in _IN_MEMORY else made
        return self._made

    def _enter(self) -> bool:
        lock = self._lock()
        if hasattr(lock, "release"):
            admitted = lock.acquire() is not False
        else:
            self._made = None
            lock.__enter__()
            admitted = True
        if admitted:
            self._entered.append(lock)
        return admitted

    def _enter_at_once(self) -> bool:
        lock = self._lock()
        admitted = acquired(lock, wait=False)
        if admitted:
            self._entered.append(lock)
        return admitted


def _complaint(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception as error:
        return _told(error)
    return ""


def _told(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error).partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
