"""A folder that is looked for, then made."""

import os
from pathlib import Path


def bad(who: int) -> None:
    if not os.path.isdir("reports"):
        os.mkdir("reports")
    Path(f"reports/{who}.txt").touch()


def good(who: int) -> None:
    os.makedirs("reports", exist_ok=True)
    Path(f"reports/{who}.txt").touch()


def reset(folder: Path) -> None:
    """There is nothing to begin with."""


def invariant(folder: Path) -> None:
    assert len(list((folder / "reports").iterdir())) == 2
