"""`ticketlab check-lock`: the laws of locks from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command_line import ticketlab

LOCK = """
import contextlib, fcntl

@contextlib.contextmanager
def locked(path):
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
"""


def test_a_lock_is_held_to_one_law_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(LOCK)
    told = ticketlab("check-lock", "mine:locked", "--law", "taken again", "--json", cwd=tmp_path)
    assert told.returncode == 0
    found = json.loads(told.stdout)
    assert (found["kind"], found["valid"]) == ("lock", True)
    assert [law["facts"] for law in found["laws"]] == [["a holder that takes it again waits for ever"]]
