"""Race folders: they hold a race's live files, and none is left behind.

A folder that the user did not name is removed when the race ends. A lab that is killed cannot remove its folder, but
the kernel frees the lock that it held on it: so the next lab knows that nobody uses the folder, and removes it.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.system.lifeline import signals_blocked
from ticketlab.lab.artifacts.files import locked, open_regular

LIVE: Final = Path(".ticketlab") / "live"
IN_MEMORY: Final = Path("/dev/shm") / f"ticketlab-{os.getuid()}"  # noqa: S108 - a file system that no disk slows down
ALIVE: Final = ".alive"
"""The file in a race's folder whose lock its lab holds."""
_DYING: Final = 10.0  # seconds that the kernel may take to end killed processes


@contextmanager
def live_folder(named: Path | None = None, *, under: Path = LIVE) -> Iterator[Path]:
    """Yield a folder for a race's files: the named one, which is kept, or a new one, which is removed at the end.

    New ones stand in the folder `under`.

    Raises:
        UsageError: the named path is a file.
        TicketlabError: the folder cannot be made, or cannot be written in.
    """
    if named is not None:
        yield _make(named)
        return
    with ExitStack() as undo:
        with locked(_make(under) / ".lock"):  # so that no other lab removes the folder before it is locked
            _sweep(under)
            folder = _new_folder(under, undo)
        yield folder


def fastest() -> Path:
    """Return where new folders are made that need no disk: in memory where there is such a place."""
    return IN_MEMORY if os.access(IN_MEMORY.parent, os.W_OK) else LIVE


def _new_folder(under: Path, undo: ExitStack) -> Path:
    """Make a folder that is removed when `undo` ends or, if it never does since it was interrupted, with the lab."""
    with signals_blocked():
        folder = Path(tempfile.mkdtemp(prefix=f"race-{os.getpid()}-", dir=under)).absolute()
        alive = undo.enter_context((folder / ALIVE).open("w"))
        fcntl.flock(alive, fcntl.LOCK_EX)

        def remove(lab: int = os.getpid()) -> None:
            if os.getpid() == lab:
                shutil.rmtree(folder, ignore_errors=True)
                atexit.unregister(remove)

        atexit.register(remove)
        undo.callback(remove)
    return folder


def _make(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (FileExistsError, NotADirectoryError):
        above = (folder, *folder.parents)
        file = next((each for each in above if os.path.lexists(each) and not each.is_dir()), folder)
        raise UsageError(f"{file} is a file: a run folder is needed") from None
    except OSError as error:
        raise TicketlabError(f"cannot write in the run folder {folder}: {error.strerror}") from None
    return folder


def folders_of(lab: int) -> list[Path]:
    """Return the new folders that a lab has now, given its process number."""
    return [folder for under in (LIVE, IN_MEMORY) for folder in under.glob(f"race-{lab}-*")]


def remove_folders_of(labs: Collection[int]) -> None:
    """Remove the folders of labs that were killed, given by their process numbers, once those that they started end."""
    deadline = time.monotonic() + _DYING
    while left := [folder for lab in labs for folder in folders_of(lab)]:
        for folder in left:
            with suppress(OSError, UsageError):
                _remove_abandoned(folder)
        if time.monotonic() > deadline:
            return  # the next lab removes it
        time.sleep(0.005)


def _sweep(under: Path) -> None:
    """Remove the folders of labs that were killed."""
    for folder in under.glob("race-*"):
        with suppress(OSError, UsageError):
            _remove_abandoned(folder)


def _remove_abandoned(folder: Path) -> None:
    """Remove a race's folder if its lab has ended; what is no such folder is left alone."""
    mark = folder / ALIVE
    try:
        alive = open_regular(mark)
    except FileNotFoundError:
        folder.rmdir()  # unless it is empty, as if its lab was killed before it made the file, it is somebody else's
        return
    with alive:
        if _try_lock(alive):
            for each in folder.iterdir():
                if each.name != ALIVE:  # last, so that whoever is killed meanwhile leaves a folder that can be known
                    _remove(each)
            mark.unlink()
            folder.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()


def _try_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
