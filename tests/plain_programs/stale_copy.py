"""A list of notes, saved whole from a copy that was read at the start; each save is a rename of a private file."""

import fcntl
import json
import os
from pathlib import Path


def save(notes: list[str]) -> None:
    new = Path(f"notes.{os.getpid()}")
    new.write_text(json.dumps(notes))
    new.replace("notes.json")


def bad(who: int) -> None:
    notes = json.loads(Path("notes.json").read_text())
    for number in (1, 2):
        notes.append(f"{who} {number}")
        save(notes)


def good(who: int) -> None:
    for number in (1, 2):
        with open("notes.lock", "w") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            save([*json.loads(Path("notes.json").read_text()), f"{who} {number}"])


def reset(folder: Path) -> None:
    (folder / "notes.json").write_text("[]")


def invariant(folder: Path) -> None:
    assert len(set(json.loads((folder / "notes.json").read_text()))) == 4
