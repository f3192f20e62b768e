"""A count under the locks of libraries; those that are not installed are left out and named."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, SoftFileLock, Timeout

from tests.plain_programs.files_right import add, as_many_as_returned, counted, lay_out_count
from ticketlab.lab.plain.function import PlainFunction

MISSING: Final = [name for name in ("fasteners", "portalocker") if find_spec(name) is None]


def library(name: str) -> Any:
    """Return a library, or nothing that is ever called if it is not installed."""
    return None if name in MISSING else importlib.import_module(name)


fasteners, portalocker = library("fasteners"), library("portalocker")


def by_filelock() -> None:
    with FileLock("lock"):
        add()


def by_filelock_with_time_out() -> None:
    with FileLock("lock", timeout=30):
        add()


def by_filelock_twice() -> None:
    lock = FileLock("lock")
    with lock, lock:
        add()


def by_filelock_unless_taken() -> bool:
    try:
        with FileLock("lock", timeout=0):
            add()
            return True
    except Timeout:
        return False


def by_soft_filelock() -> None:
    with SoftFileLock("lock"):
        add()


def by_portalocker() -> None:
    with portalocker.Lock("lock", timeout=30):
        add()


def by_portalocker_on_the_file() -> None:
    with open("lock", "a") as file:
        portalocker.lock(file, portalocker.LOCK_EX)
        add()
        portalocker.unlock(file)


def by_portalocker_rlock() -> None:
    lock = portalocker.RLock("lock", timeout=30)
    with lock, lock:
        add()


def by_fasteners() -> None:
    with fasteners.InterProcessLock("lock"):
        add()


def by_fasteners_readers_writer(who: int) -> None:
    lock = fasteners.InterProcessReaderWriterLock("lock")
    with lock.read_lock():
        assert Path("count").read_text()
    with lock.write_lock():
        add()


def by_fasteners_decorator() -> None:
    fasteners.interprocess_locked("lock")(add)()


_ALWAYS: Final = (by_filelock, by_filelock_with_time_out, by_filelock_twice, by_soft_filelock)
_PORTALOCKER: Final = (by_portalocker, by_portalocker_on_the_file, by_portalocker_rlock)
_FASTENERS: Final = (by_fasteners, by_fasteners_readers_writer, by_fasteners_decorator)
_INSTALLED: Final = [
    *_ALWAYS,
    *(_PORTALOCKER if portalocker else ()),
    *(_FASTENERS if fasteners else ()),
]

RIGHT: Final[list[PlainFunction]] = [
    *(PlainFunction(function=each, reset=lay_out_count, invariant=counted) for each in _INSTALLED),
    PlainFunction(function=by_filelock_unless_taken, reset=lay_out_count, invariant=as_many_as_returned),
]
