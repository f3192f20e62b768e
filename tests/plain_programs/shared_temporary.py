"""A file replaced by a new one that is written beside it; two writers choose one name for theirs."""

import os
import tempfile
from pathlib import Path


def bad(who: int) -> None:
    Path("active.txt.tmp").write_text(f"{who}\n")
    os.replace("active.txt.tmp", "active.txt")


def good(who: int) -> None:
    with tempfile.NamedTemporaryFile("w", dir=".", prefix="active.", delete=False) as file:
        file.write(f"{who}\n")
    os.replace(file.name, "active.txt")


def reset(folder: Path) -> None:
    (folder / "active.txt").write_text("none\n")


def invariant(folder: Path) -> None:
    assert (folder / "active.txt").read_text().endswith("\n")
    assert [path.name for path in folder.glob("active.*")] == ["active.txt"]
