"""Race folders: they hold a race's live files, and none is left behind.

A folder that the user did not name is removed when the race ends. A lab that is killed cannot remove its folder, but
the kernel frees the lock that it held on it: so the next lab knows that nobody uses the folder, and removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ticketlab.core.errors import TicketlabError, UsageError

LIVE = Path(".ticketlab") / "live"


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
    with _locked(_make(under) / ".lock"):  # so that no other lab removes the folder before it is locked
        _sweep(under)
        folder = Path(tempfile.mkdtemp(prefix="race-", dir=under)).absolute()
        alive = (folder / ".alive").open("w")
        fcntl.flock(alive, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        alive.close()


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


def _sweep(under: Path) -> None:
    """Remove the folders of labs that were killed."""
    for folder in under.glob("race-*"):
        try:
            alive = (folder / ".alive").open("r+")
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)  # its lab was killed before it had made the file
            continue
        with alive:
            if _try_lock(alive):
                shutil.rmtree(folder, ignore_errors=True)


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
