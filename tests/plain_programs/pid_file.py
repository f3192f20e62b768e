"""A service that runs once: its process number is looked for in a file, then written."""

import os
from pathlib import Path


def bad(who: int) -> None:
    if Path("service.pid").exists():
        return
    Path("service.pid").write_text(str(os.getpid()))
    Path(f"started.{who}").touch()


def good(who: int) -> None:
    try:
        os.close(os.open("service.pid", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    Path(f"started.{who}").touch()


def reset(folder: Path) -> None:
    """There is nothing to begin with."""


def invariant(folder: Path) -> None:
    assert len(list(folder.glob("started.*"))) == 1
