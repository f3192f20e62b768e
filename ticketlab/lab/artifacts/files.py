"""Files that users give and get: read up to a bound, and written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from ticketlab.core import strict_json
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.strict_json import brief

LARGEST_FILE: Final = 16 << 20
"""Bytes of the largest file that is read at once; a history may be longer, and is read line by line."""


def read_json(path: Path, what: str, *, largest: int = LARGEST_FILE) -> Any:
    """Read a file with one JSON value, which anybody may have written; messages call it `what`.

    Raises:
        UsageError: the file cannot be read, is too large, or is not JSON.
    """
    return parse_json(read_file(path, what, largest=largest), f"{what} {path}")


def parse_json(content: bytes, name: str) -> Any:
    """Read the JSON value that a file holds; messages call it `name`."""
    try:
        return strict_json.parse(content)
    except ValueError as error:
        raise UsageError(f"the {name} is damaged: it is not JSON ({error})") from None


def read_file(path: Path, what: str, *, largest: int = LARGEST_FILE) -> bytes:
    """Read a regular file of at most `largest` bytes; messages call it `what`.

    Raises:
        UsageError: the file is missing, is no regular file (reading a pipe might never end), or is too large.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"the {what} {path} is not a regular file")
            content = file.read(largest + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise UsageError(f"cannot read the {what} {path}: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > largest:
        raise UsageError(f"the {what} {path} is larger than {largest >> 20} MiB")
    return content


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; an impossible path is none."""
    with suppress(OSError, ValueError):
        return path.is_dir()
    return False


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise UsageError if an output file exists and `force` is not given, or if it cannot be written."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = 0
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise UsageError(f"{brief(str(path))} cannot be written: {getattr(error, 'strerror', error)}") from None
    if stat.S_ISDIR(mode):
        raise UsageError(f"{path} is a directory: name a file")
    if stat.S_ISREG(mode) and not force:
        raise UsageError(f"{path} exists already: name another file, or add --force to replace it")
    if not mode and not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a directory: {path.name} cannot be written there")


def open_regular(path: Path, flags: int = 0) -> IO[bytes]:
    """Open a file of the lab's own to read and write, without emptying it; `flags` are further flags of `os.open`.

    Whoever may write in the folder may have put something else there: no link is followed, and no pipe waited for.

    Raises:
        UsageError: a link, a pipe or a device stands there.
        OSError: it cannot be opened.
    """
    try:
        number = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | flags, 0o666)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):
            raise
    else:
        if stat.S_ISREG(os.fstat(number).st_mode):
            return os.fdopen(number, "r+b")
        os.close(number)
    raise UsageError(f"{path} is not a regular file, and the lab keeps one there: remove it")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which is made if it is not there; raises as `open_regular` does."""
    import fcntl  # not every system has it, and reading files does without

    with open_regular(path, os.O_CREAT) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_file(path: Path, write: Callable[[IO[str]], None], *, force: bool = False, into_streams: bool = True) -> None:
    """Write a file whole or not at all: a new file is written beside it, and renamed.

    A device or a pipe, such as /dev/stdout, is written in place, or replaced if `into_streams` is not set.

    Raises:
        UsageError: the file exists, and `force` is not given.
        TicketlabError: it could not be written; the file that was there is unchanged, and no other is left.
    """
    refuse_existing(path, force=force)
    new = ""
    try:
        if into_streams and _is_stream(path):
            with path.open("w", encoding="utf-8", errors="backslashreplace") as stream:
                write(stream)
            return
        descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(new).chmod(0o666 & ~_umask())
        Path(new).replace(path)
    except OSError as error:
        raise TicketlabError(f"cannot write {path}: {error.strerror or error}; what was there is unchanged") from None
    finally:
        with suppress(OSError):
            os.unlink(new)  # noqa: PTH108 - it is gone unless writing failed


def write_text(path: Path, text: str, *, force: bool = False) -> None:
    """Write a text as `write_file` does."""
    write_file(path, lambda file: file.writelines([text]), force=force)


def _is_stream(path: Path) -> bool:
    return path.exists() and not path.is_file()


def tidy(name: str) -> str:
    """Return a name made fit to be part of a file's name: without folders and spaces, and not too long."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80] or "run"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
