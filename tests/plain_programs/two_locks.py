"""Two locks, taken in opposite order."""

import fcntl
from pathlib import Path

NAMES = ("east", "west")


def locked(first: str, second: str) -> None:
    with open(f"{first}.lock", "w") as one, open(f"{second}.lock", "w") as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        fcntl.flock(two, fcntl.LOCK_EX)
        for name in (first, second):
            Path(f"{name}.txt").write_text("locked")


def bad(who: int) -> None:
    locked(NAMES[who - 1], NAMES[2 - who])


def good(who: int) -> None:
    locked("east", "west")


def reset(folder: Path) -> None:
    """There is nothing to begin with."""


def invariant(folder: Path) -> None:
    assert len(list(folder.glob("*.txt"))) == 2
