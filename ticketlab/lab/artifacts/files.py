"""Files that people give and get: bounded on the way in, whole or not at all on the way out."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from ticketlab.core import strict_json
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.strict_json import brief

LARGEST: Final = 16 << 20
"""Bytes of the largest file that is read at once; histories, which may be longer, are read line by line."""


def read_json(path: Path, what: str, *, largest: int = LARGEST) -> Any:
    """Read a file that holds one JSON value and that anybody may have written; `what` is what messages call it.

    Raises:
        UsageError: it cannot be read, is too large or is damaged, each in one line.
    """
    return parse_json(read_file(path, what, largest=largest), f"{what} {path}")


def parse_json(content: bytes, name: str) -> Any:
    """Read what such a file holds; `name` is what messages call it."""
    try:
        return strict_json.parse(content)
    except ValueError as error:
        raise UsageError(f"the {name} is damaged: it is not JSON ({error})") from None


def read_file(path: Path, what: str, *, largest: int = LARGEST) -> bytes:
    """Read a regular file that is not larger than so many bytes.

    Raises:
        UsageError: it is not there, is something else (a pipe would make the lab wait for ever), or is too large.
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
    """Whether a path is a folder; one that cannot be is none."""
    with suppress(OSError, ValueError):
        return path.is_dir()
    return False


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise UsageError where an output would replace something and the user has not asked for that."""
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


def write_file(path: Path, write: Callable[[IO[str]], None], *, force: bool = False) -> None:
    """Write a file whole or not at all: into a new file beside it, which then takes its name.

    A device or a pipe, such as /dev/stdout, is written to and stays what it is.

    Raises:
        UsageError: it would replace something, and `force` is not given.
        TicketlabError: it could not be written; what was there is unchanged, and nothing else is left.
    """
    refuse_existing(path, force=force)
    new = ""
    try:
        if _is_stream(path):
            with path.open("w", encoding="utf-8", errors="backslashreplace") as stream:
                write(stream)
            return
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            errors="backslashreplace",
            dir=path.parent,
            prefix=f".{path.name[:40]}.",
            delete=False,
        ) as file:
            new = file.name
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(new).chmod(0o666 & ~_umask())
        Path(new).replace(path)
    except OSError as error:
        raise TicketlabError(f"cannot write {path}: {error.strerror or error}; what was there is unchanged") from None
    finally:
        with suppress(OSError):
            os.unlink(new)  # noqa: PTH108 - gone already unless something went wrong


def write_text(path: Path, text: str, *, force: bool = False) -> None:
    """Write a whole text as `write_file` does."""
    write_file(path, lambda file: file.writelines([text]), force=force)


def _is_stream(path: Path) -> bool:
    return path.exists() and not path.is_file()


def tidy(name: str) -> str:
    """Return a name as the part of a file's name: no folders, no spaces, not too long."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80] or "run"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
