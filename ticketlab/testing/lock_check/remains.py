"""What a holder leaves in the folder if it dies: seen once, for real, and laid out again before each execution."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

from ticketlab.core.errors import UsageError
from ticketlab.core.system.fork import ForkedProcess
from ticketlab.testing.lock_check.subject import LockSubject

LONGEST_CHECK: Final = 30.0  # seconds
YEAR: Final = 365 * 86_400  # seconds
_HIDDEN: Final = ("fcntl.fcntl", "socket.bind", "socket.connect", "mmap.", "ctypes.call", "os.fork")
_NUMBER: Final = re.compile(rb"\d+")


@dataclass(frozen=True, slots=True)
class LockRemains:
    """What was in the folder while a process had the lock: a copy of it, the holder's number, and the names.

    `hidden` names the calls that it made and that no probe sees, as Python's audit events do. `releases` says whether
    somebody can release the lock who does not have it.
    """

    copy: Path
    pid: int
    names: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    releases: bool = True

    @property
    def names_holder(self) -> bool:
        """Whether the holder's process number is in a name, in a file or in where a link leads."""
        files = [self.copy / name for name in self.names]
        texts = [os.fsencode(path.readlink()) for path in files if path.is_symlink()]
        texts += [path.read_bytes() for path in files if path.is_file() and not path.is_symlink()]
        numbers = [number for text in (*map(os.fsencode, self.names), *texts) for number in _NUMBER.findall(text)]
        return str(self.pid).encode() in numbers

    def lay_out(self, folder: Path, pid: int) -> None:
        """Put all that into a folder, a year old, with a process number in place of the holder's."""
        shutil.copytree(self.copy, folder, symlinks=True, dirs_exist_ok=True)
        said = {str(self.pid).encode(): str(pid).encode()}
        old = time.time() - YEAR
        for name in sorted(self.names, reverse=True):  # what is in a folder before the folder
            path = folder / os.fsdecode(_renumbered(os.fsencode(name), said))
            if path.name != Path(name).name:
                (folder / name).rename(path)
            if path.is_symlink():
                target = _renumbered(os.fsencode(path.readlink()), said)
                path.unlink()
                path.symlink_to(os.fsdecode(target))
            elif path.is_file():
                path.write_bytes(_renumbered(path.read_bytes(), said))
            os.utime(path, (old, old), follow_symlinks=False)

    def remove_from(self, folder: Path) -> None:
        """Remove what the lock keeps in a folder."""
        for name in sorted(self.names, reverse=True):
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)


def remains_of(subject: LockSubject, home: Path) -> LockRemains:
    """Have one process take the lock and let it go, alone, and return what was there while it had it.

    Raises:
        UsageError: it cannot take the lock, cannot let it go, or is not done in time.
    """
    folder, copy = home / "alone", home / "left"
    folder.mkdir()
    here, there = Pipe(duplex=False)
    process = ForkedProcess(_hold_alone, subject, folder, copy, there)
    process.start()
    there.close()
    with here:
        told = _told_by(here)
    process.kill()
    process.join()
    if told.wrong:
        raise UsageError(f"a process that is alone cannot take {subject.title} and let it go: {told.wrong}")
    names = tuple(str(path.relative_to(copy)) for path in sorted(copy.rglob("*")))
    assert process.pid is not None
    return LockRemains(copy, process.pid, names, told.hidden, told.releases)


class _Told(NamedTuple):
    """What the process says that was alone: what went wrong, which calls no probe sees, and whether it can release."""

    wrong: str
    hidden: tuple[str, ...] = ()
    releases: bool = False


def _told_by(process: Connection) -> _Told:
    try:
        told: _Told = (
            process.recv() if process.poll(LONGEST_CHECK) else _Told(f"it was not done after {LONGEST_CHECK:g} s")
        )
    except EOFError:
        return _Told("it ended without a word")
    return told


def _hold_alone(subject: LockSubject, folder: Path, copy: Path, told: Connection) -> None:
    """Take the lock and let it go, in a process of its own, and tell what went wrong and what no probe sees."""
    hidden: set[str] = set()

    def hear(event: str, _args: object) -> None:
        if event.startswith(_HIDDEN):
            hidden.add(event)

    os.chdir(folder)
    releases = False
    try:
        lock = subject.handle(folder, 1)
        sys.addaudithook(hear)
        releases, taken = lock.releases, lock.take()
        if taken.admitted:
            shutil.copytree(folder, copy, symlinks=True)
        wrong = lock.let_go() if taken.admitted else taken.why
    except Exception as error:
        wrong = str(error) or type(error).__name__
    told.send(_Told(wrong, tuple(sorted(hidden)), releases))


def _renumbered(text: bytes, said: Mapping[bytes, bytes]) -> bytes:
    return _NUMBER.sub(lambda match: said.get(match[0], match[0]), text)
