"""The folder of a program's executions: what is in it is read once, and laid out anew before each."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from ticketlab.core.errors import TicketlabError, UsageError

_MOST_COPIED: Final = 256 << 20
_LEFT_OUT: Final = frozenset({".git", ".ticketlab", "__pycache__", ".venv", "node_modules"})


class Layout:
    """What is in a folder before each execution: read once, and laid out anew each time."""

    def __init__(self, source: Path | None) -> None:
        self._source = source
        self._folders: list[tuple[str, int]] = []
        self._files: list[tuple[str, bytes, os.stat_result]] = []
        self._pipes: list[tuple[str, int]] = []
        self._links: list[tuple[str, str]] = []
        self._further_names: list[tuple[str, str]] = []
        if source is not None:
            self._read(source)

    def _read(self, source: Path) -> None:
        size = 0
        first_names: dict[tuple[int, int], str] = {}
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
                here = os.stat(path)
                if not stat.S_ISREG(here.st_mode):
                    self._leave_out(place, here)
                    continue
                if (first := first_names.setdefault((here.st_dev, here.st_ino), place)) != place:
                    self._further_names.append((place, first))
                    continue
                size += here.st_size
                if size > _MOST_COPIED:
                    raise UsageError(
                        f"{source} holds more than {_MOST_COPIED >> 20} MiB, and is copied for each execution: name a "
                        "smaller folder with --in"
                    )
                with suppress(PermissionError), open(path, "rb") as file:
                    self._files.append((place, file.read(), here))

    def _leave_out(self, place: str, found: os.stat_result) -> None:
        """Take in a pipe that has a name; a socket without its server is of no use to anybody."""
        if stat.S_ISFIFO(found.st_mode):
            self._pipes.append((place, stat.S_IMODE(found.st_mode)))

    def lay_out(self, folder: Path) -> None:
        """Empty a folder, and put everything into it as it was at the beginning."""
        empty(folder)
        for place, mode in self._folders:
            os.mkdir(folder / place)
            os.chmod(folder / place, mode | 0o700)
        for place, mode in self._pipes:
            os.mkfifo(folder / place, mode)
        for place, data, was in self._files:
            mode = stat.S_IMODE(was.st_mode)
            descriptor = os.open(folder / place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode | 0o200)
            try:
                os.write(descriptor, data)
                os.fchmod(descriptor, mode)
                os.utime(descriptor, ns=(was.st_atime_ns, was.st_mtime_ns))  # caches and make(1) look at the times
            finally:
                os.close(descriptor)
        for place, first in self._further_names:
            with suppress(FileNotFoundError):  # nobody may read it
                os.link(folder / first, folder / place)
        for place, target in self._links:
            os.symlink(target, folder / place)


class ProgramFolders(NamedTuple):
    """Where a program is run: the folder that it stands in, that of what its commands print, and its TMPDIR."""

    work: Path
    outputs: Path
    temporary: Path

    @classmethod
    def below(cls, home: Path) -> ProgramFolders:
        """Make the folders below another."""
        folders = cls(home / "work", home / "out", home / "tmp")
        for folder in folders:
            folder.mkdir()
        return folders

    @property
    def paths(self) -> tuple[str, str, str]:
        """The folders as text."""
        return str(self.work), str(self.outputs), str(self.temporary)

    def lay_out(self, layout: Layout) -> None:
        """Put everything as it was at the beginning."""
        layout.lay_out(self.work)
        empty(self.temporary)


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
