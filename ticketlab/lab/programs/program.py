"""A program as people run it: command lines, the folder that they stand in, and what must hold afterwards."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ticketlab.core.errors import TicketlabError, UsageError

_MOST_COPIED: Final = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Program:
    """Commands that run at once, in a fresh copy of a folder for each execution.

    `folder` is what is copied; None begins with an empty folder. `invariant` is a command that is run in the folder
    afterwards, and ends with 0 if the end is right. `allowed` has the exit codes, beside 0, that are right. `serial`
    says that files, outputs and exit codes must be those of some order of the participants one after another.
    """

    commands: tuple[tuple[str, ...], ...]
    folder: Path | None = None
    invariant: tuple[str, ...] = ()
    allowed: frozenset[int] = frozenset()
    serial: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.commands or not all(self.commands):
            raise UsageError("there is no command to run: name a script, or a command after --")
        if self.folder is not None and not self.folder.is_dir():
            raise UsageError(f"{self.folder} is no folder: --in takes one, and copies it for each execution")

    @property
    def title(self) -> str:
        """How people call the program."""
        lines = list(dict.fromkeys(command_title(command) for command in self.commands))
        return lines[0] if len(lines) == 1 else ", ".join(lines)


def command_title(command: Sequence[str]) -> str:
    """Return a command line without the interpreter."""
    words = list(command)
    if len(words) > 1 and os.path.basename(words[0]).startswith("python") and words[1].endswith(".py"):
        words = words[1:]
    return shlex.join([os.path.basename(words[0]), *words[1:]])


class Layout:
    """What is in a folder before each execution: read once, and laid out anew each time."""

    def __init__(self, source: Path | None) -> None:
        self._source = source
        self._folders: list[tuple[str, int]] = []
        self._files: list[tuple[str, bytes, int]] = []
        self._links: list[tuple[str, str]] = []
        if source is not None:
            self._read(source)

    def _read(self, source: Path) -> None:
        size = 0
        for above, folders, files in os.walk(source):
            within = os.path.relpath(above, source)
            for name in sorted(folders):
                path = os.path.join(above, name)
                if os.path.islink(path):
                    self._links.append((os.path.normpath(os.path.join(within, name)), os.readlink(path)))
                else:
                    self._folders.append((os.path.normpath(os.path.join(within, name)), os.stat(path).st_mode & 0o7777))
            folders[:] = [name for name in folders if name not in _LEFT_OUT]
            for name in sorted(files):
                path = os.path.join(above, name)
                place = os.path.normpath(os.path.join(within, name))
                if os.path.islink(path):
                    self._links.append((place, os.readlink(path)))
                    continue
                size += os.stat(path).st_size
                if size > _MOST_COPIED:
                    raise UsageError(
                        f"{source} holds more than {_MOST_COPIED >> 20} MiB, and is copied for each execution: name a "
                        "smaller folder with --in"
                    )
                with suppress(PermissionError), open(path, "rb") as file:
                    self._files.append((place, file.read(), os.stat(path).st_mode & 0o7777))

    def lay_out(self, folder: Path) -> None:
        """Empty a folder, and put everything into it as it was at the beginning."""
        empty(folder)
        for place, mode in self._folders:
            os.mkdir(folder / place)
            os.chmod(folder / place, mode | 0o700)
        for place, data, mode in self._files:
            descriptor = os.open(folder / place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode | 0o200)
            try:
                os.write(descriptor, data)
                os.fchmod(descriptor, mode)
            finally:
                os.close(descriptor)
        for place, target in self._links:
            os.symlink(target, folder / place)


_LEFT_OUT: Final = frozenset({".git", ".ticketlab", "__pycache__", ".venv", "node_modules"})


def empty(folder: Path) -> None:
    """Remove all that is in a folder."""
    try:
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
    except OSError as error:
        raise TicketlabError(f"cannot empty {folder}: {error.strerror or error}") from error
