"""Who is refused what others have locked: the reduced search has the outcomes of all interleavings of statements."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from tests.gate.inside.sql_interleavings import Side, all_outcomes
from tests.probes.function_sql import explored_outcomes
from ticketlab.lab.artifacts.race_folder import fastest

READER: Final = Side(("open",), None, 0.0)
SIDES: Final = {
    "a reader is why another is refused": ("delete", (READER, Side(("exclusive", "commit"), None, 0.0))),
    "a reader in a transaction": (
        "delete",
        (Side(("begin", "open", "commit"), None, 5.0), Side(("exclusive", "double", "commit"), None, 0.0)),
    ),
    "a reader is no reason in a log": ("wal", (READER, Side(("exclusive", "add", "commit"), None, 0.0))),
    "a commit that a reader keeps out": ("delete", (READER, Side(("immediate", "add", "commit"), None, 0.0))),
    "nobody moves while a change is refused": (
        "delete",
        (Side(("select",), None, 0.0), Side(("add",), None, 0.0), Side(("select",), None, 0.0)),
    ),
    "who is refused a commit keeps new readers out": (
        "delete",
        (Side(("select",), None, 0.0), Side(("immediate", "add", "commit"), None, 0.0), Side(("select",), None, 0.0)),
    ),
    "a change that a reader keeps out": ("delete", (READER, Side(("add", "add"), None, 0.0))),
    "a journal that is switched while a row is fetched": ("delete", (READER, Side(("wal", "select"), None, 0.0))),
}


@pytest.mark.parametrize("name", SIDES)
def test_who_is_refused_is_tried_out(name: str) -> None:
    journal, sides = SIDES[name]
    with TemporaryDirectory(dir=fastest()) as folder, chdir(folder):
        every = all_outcomes(Path(folder), journal, sides)
    assert set(explored_outcomes(journal, sides).outcomes) == every
