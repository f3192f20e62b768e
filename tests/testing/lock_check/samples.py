"""Locks as people write them: right ones, and for each mistake one that makes it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

EXCLUSIVE = os.O_CREAT | os.O_EXCL | os.O_WRONLY


@contextmanager
def flocked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def record_locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield


@contextmanager
def flocked_and_unlinked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
        path.unlink(missing_ok=True)


@contextmanager
def created(path: Path) -> Iterator[None]:
    while True:
        try:
            os.close(os.open(path, EXCLUSIVE))
            break
        except FileExistsError:
            time.sleep(0.1)
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def made_directory(path: Path) -> Iterator[None]:
    while True:
        try:
            path.mkdir()
            break
        except FileExistsError:
            time.sleep(0.1)
    try:
        yield
    finally:
        path.rmdir()


@contextmanager
def linked(path: Path, who: int) -> Iterator[None]:
    mine = path.with_name(f"mine.{who}")
    mine.touch()
    while True:
        try:
            os.link(mine, path)
            break
        except FileExistsError:
            time.sleep(0.1)
    try:
        yield
    finally:
        path.unlink()
        mine.unlink()


@contextmanager
def created_or_older_than_a_minute(path: Path) -> Iterator[None]:
    with suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime > 60:
            path.unlink()
    os.close(os.open(path, EXCLUSIVE))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TakesOverFromTheDead:
    """A file with its holder's number; who finds a dead holder's unlinks it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        if not self.create():
            self.look_at(int(self.path.read_text()))

    def look_at(self, holder: int) -> None:
        if is_alive(holder):
            raise BlockingIOError(f"process {holder} has it")
        self.path.unlink()
        if not self.create():
            raise BlockingIOError("somebody else was faster")

    def create(self) -> bool:
        try:
            file = os.open(self.path, EXCLUSIVE)
        except FileExistsError:
            return False
        os.write(file, str(os.getpid()).encode())
        os.close(file)
        return True

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)


class TakesItsOwnNumberForItsLock(TakesOverFromTheDead):
    """Whoever finds its own number in the file takes itself for the holder."""

    def look_at(self, holder: int) -> None:
        if holder != os.getpid():
            super().look_at(holder)


class ReleasesWhatItHasNot:
    """`finally` removes the file, whoever made it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def acquire(self) -> bool:
        try:
            os.close(os.open(self.path, EXCLUSIVE))
        except FileExistsError:
            return False
        return True

    def release(self) -> None:
        self.path.unlink()


class OpensOnce:
    """A flock on a file that is opened when the lock is made."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("a")

    def acquire(self) -> None:
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def release(self) -> None:
        fcntl.flock(self.file, fcntl.LOCK_UN)


class CountsInVain(OpensOnce):
    """It can be taken again, and lets go at the first release."""

    held = False

    def acquire(self) -> None:
        if not self.held:
            super().acquire()
        self.held = True

    def release(self) -> None:
        self.held = False
        super().release()
