"""Files' data: `open` and all that reads and writes descriptors.

A file object is made of the real buffers over a raw file whose system calls are steps: so a file is emptied, written
and flushed when a real program does it, in the same pieces. To read a file to its end is one step.
"""

from __future__ import annotations

import builtins
import fcntl
import io
import os
from collections.abc import Callable, Sequence
from functools import cache
from io import FileIO
from typing import Any, Final, NamedTuple

from ticketlab.core import pacing
from ticketlab.core.steps import Action, Step
from ticketlab.probes.file_system.descriptors import OpenFile
from ticketlab.probes.file_system.opening import open_at_step
from ticketlab.probes.file_system.times import stamp
from ticketlab.probes.here import HERE, probed
from ticketlab.probes.kind import ProbeKind
from ticketlab.probes.standins import StandIn

_open = builtins.open
_FLAGS: Final = {
    "r": os.O_RDONLY,
    "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "x": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
    "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
}


class RawFile(FileIO):
    """A raw file whose system calls are steps of the participant that makes them."""

    _opened: OpenFile | None = None

    def __init__(self, file: Any, mode: str = "r", closefd: bool = True, opener: Any = None) -> None:
        if not HERE.acts() or isinstance(file, int):
            super().__init__(file, mode, closefd, opener)
        elif opener is not None:
            self._step(lambda: super(RawFile, self).__init__(file, mode, closefd, _at_work(opener)))
        else:
            self._step(lambda: open_at_step(file, _flags(mode), None, lambda: self._make(file, mode), FileIO.fileno))
        if HERE.acts():
            self._opened = HERE.descriptors.of(self.fileno())

    def _make(self, file: Any, mode: str) -> RawFile:
        super().__init__(file, mode)
        return self

    def _step(self, access: Callable[[], Any]) -> Any:
        HERE.acting = False
        try:
            result = access()
        except Exception:
            HERE.go_on()
            raise
        HERE.go_on()
        return result

    def _at(self, action: Action) -> None:
        """Pass the scheduling point of an access, if it is a participant's."""
        file = self._opened
        if file is not None and HERE.acts():
            HERE.acting = False
            pacing.at(file.step(action))
            HERE.go_on()

    def readall(self) -> Any:
        """Read to the end, as one step."""
        self._at(Action.READ)
        return super().readall()

    def read(self, size: int | None = -1, /) -> Any:
        """Read a piece."""
        self._at(Action.READ)
        return super().read(-1 if size is None else size)

    def readinto(self, buffer: Any, /) -> Any:
        """Read a piece into a buffer."""
        self._at(Action.READ)
        return super().readinto(buffer)

    def write(self, data: Any, /) -> Any:
        """Write a piece."""
        if self._opened is not None:
            self._at(Action.APPEND if self._opened.appends else Action.WRITE)
        return self._stamped(super().write(data))

    def truncate(self, size: int | None = None, /) -> Any:
        """Cut the file."""
        self._at(Action.TRUNCATE)
        return self._stamped(super().truncate(size))

    def _stamped(self, result: Any) -> Any:
        if self._opened is not None and HERE.acts():
            stamp(self.fileno())
        return result

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> Any:
        """Go somewhere; the way to the end depends on how much there is."""
        if whence == os.SEEK_END:
            self._at(Action.READ)
        return super().seek(offset, whence)

    def close(self) -> None:
        """Close, and give back the locks that end with the opening."""
        file, self._opened = self._opened, None
        if file is None or self.closed:
            super().close()
        elif HERE.acts():
            self._step(lambda: _close(self.fileno(), super(RawFile, self).close))
        else:
            HERE.descriptors.close(self.fileno())
            super().close()


def _at_work(opener: Callable[[Any, int], int]) -> Callable[[Any, int], int]:
    """Return an opener of the user's own, which makes its own steps."""

    def opening(path: Any, flags: int) -> int:
        HERE.go_on()
        try:
            return opener(path, flags)
        finally:
            HERE.acting = False

    return opening


class _Mode(NamedTuple):
    """What a mode of `open` means: for the raw file, and for the buffer over it."""

    raw: str
    binary: bool
    buffer: Any


@cache
def _flags(mode: str) -> int:
    return next((flag for letter, flag in _FLAGS.items() if letter in mode), os.O_RDONLY)


@cache
def _mode(mode: str) -> _Mode | None:
    """Return what a mode means; None if it is none, which is for `open` to say."""
    raw = mode.replace("b", "").replace("t", "")
    if raw.replace("+", "", 1) not in _FLAGS or len(set(mode)) < len(mode) or {"b", "t"} <= set(mode):
        return None
    buffer = io.BufferedRandom if "+" in raw else io.BufferedReader if raw == "r" else io.BufferedWriter
    return _Mode(raw, "b" in mode, buffer)


def open_file(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """Stand in for `open`."""
    known = _mode(mode)
    if known is None or (known.binary and (encoding or errors or newline)) or (buffering == 0 and not known.binary):
        return _open(file, mode, buffering, encoding, errors, newline, closefd, opener)  # which says what is wrong
    HERE.acting = True  # the raw file makes its own steps
    try:
        raw = RawFile(file, known.raw, closefd, opener)
        try:
            return _buffered(raw, mode, known, buffering, encoding, errors, newline)
        except BaseException:
            raw.close()
            raise
    finally:
        HERE.acting = False


def _buffered(
    raw: RawFile,
    mode: str,
    known: _Mode,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
) -> Any:
    """Return the real buffers over a raw file, as `open` puts them there."""
    if buffering == 0:
        return raw
    size: int = buffering if buffering > 1 else raw._blksize  # type: ignore[attr-defined]  # which `open` asks, too
    buffer = known.buffer(raw, size)
    if known.binary:
        return buffer
    wrapper = io.TextIOWrapper(buffer, encoding, errors, newline, line_buffering=buffering == 1)
    wrapper.mode = mode  # type: ignore[misc]  # as `open` does
    return wrapper


def _close(descriptor: int, close: Callable[[], None]) -> None:
    """Close a descriptor; what it gives back is a step."""
    file = HERE.descriptors.of(descriptor)
    ended = HERE.descriptors.close(descriptor)
    for lock in [] if ended is None else ended.held:
        pacing.at(Step(Action.RELEASE, lock))
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    if file is not None and HERE.descriptors.dropped.pop(file.data, 0):
        pacing.at(Step(Action.RELEASE, record_lock(file)))
        fcntl.lockf(descriptor, fcntl.LOCK_UN)
    close()


def record_lock(file: OpenFile) -> str:
    """Return the resource of the locks that belong to a file and a process."""
    return f"record lock on {file.data}"


_os_open, _os_close, _os_read, _os_write = os.open, os.close, os.read, os.write
_dup, _dup2, _lseek = os.dup, os.dup2, os.lseek


def _open_descriptor(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    return open_at_step(path, flags, dir_fd, lambda: _os_open(path, flags, mode, dir_fd=dir_fd), int)


def _close_descriptor(fd: int) -> None:
    _close(fd, lambda: _os_close(fd))


def _at_data(original: Callable[..., Any], action: Action) -> Callable[..., Any]:
    """Return the probe of a call whose first argument is a descriptor, and which does something to its data."""

    def probe(fd: int, *args: Any, **kwargs: Any) -> Any:
        file = HERE.descriptors.of(fd if isinstance(fd, int) else -1)
        if file is not None:
            pacing.at(file.write if action is Action.WRITE else file.step(action))
        result = original(fd, *args, **kwargs)
        if file is not None and action in (Action.WRITE, Action.TRUNCATE):
            stamp(fd)
        return result

    return probe


def _seek(fd: int, position: int, how: int, /) -> int:
    file = HERE.descriptors.of(fd) if how == os.SEEK_END else None
    if file is not None:
        pacing.at(file.read)
    return _lseek(fd, position, how)


def _duplicate(fd: int, /) -> int:
    another = _dup(fd)
    HERE.descriptors.duplicate(fd, another)
    return another


def _duplicate_to(fd: int, fd2: int, inheritable: bool = True) -> int:
    if fd != fd2:
        _close(fd2, lambda: None)
    another = _dup2(fd, fd2, inheritable)
    HERE.descriptors.duplicate(fd, another)
    return another


def _copying(original: Callable[..., Any], *, into_first: bool) -> Callable[..., Any]:
    """Return the probe of a call that copies from one descriptor to another within the kernel."""

    def probe(one: int, other: int, *args: Any, **kwargs: Any) -> Any:
        target, source = (one, other) if into_first else (other, one)
        written, read = HERE.descriptors.of(target), HERE.descriptors.of(source)
        if written is not None and read is not None:
            pacing.at(written.write._replace(also=((Action.READ, read.data),)))
        elif written is not None:
            pacing.at(written.write)
        elif read is not None:
            pacing.at(read.read)
        result = original(one, other, *args, **kwargs)
        if written is not None:
            stamp(target)
        return result

    return probe


def _standins() -> Sequence[StandIn]:
    pairs: list[tuple[Any, Any]] = [(_open, open_file), (_os_open, _open_descriptor), (_os_close, _close_descriptor)]
    pairs += [(_dup, _duplicate), (_dup2, _duplicate_to), (_lseek, _seek)]
    for action, names in _DATA.items():
        pairs += [(call, _at_data(call, action)) for name in names if (call := getattr(os, name, None))]
    pairs.append((os.sendfile, _copying(os.sendfile, into_first=True)))
    pairs += [(call, _copying(call, into_first=False)) for call in [getattr(os, "copy_file_range", None)] if call]
    return [StandIn(FileIO, RawFile), *(StandIn(original, probed(original, probe)) for original, probe in pairs)]


_DATA: Final = {
    Action.READ: ("read", "pread", "readv", "preadv"),
    Action.WRITE: ("write", "pwrite", "writev", "pwritev"),
    Action.TRUNCATE: ("ftruncate",),
    Action.FLUSH: ("fsync", "fdatasync"),
}


KIND = ProbeKind(name="files", summary="what is in files: open, and os.read to os.copy_file_range", standins=_standins)
