"""Run folders: where a race's live files stand, and how none is left behind.

A folder that nobody named is removed when the race ends. If the lab is killed it cannot do that; but the lock it held
on the folder is gone with it, so the next lab can tell, and removes it.
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
def live_folder(named: Path | None = None) -> Iterator[Path]:
    """Yield a folder for a race's files: the named one, which is kept, or a new one, which is not.

    Raises:
        UsageError: the named folder is a file.
        TicketlabError: no folder can be made or written there.
    """
    if named is not None:
        yield _make(named)
        return
    with _locked(_make(LIVE) / ".lock"):  # against another lab that is sweeping up at this moment
        _sweep()
        folder = Path(tempfile.mkdtemp(prefix="race-", dir=LIVE)).absolute()
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


def _sweep() -> None:
    """Remove the folders of labs that were killed."""
    for folder in LIVE.glob("race-*"):
        try:
            alive = (folder / ".alive").open("r+")
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)  # killed before it had made the file
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
