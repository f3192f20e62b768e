"""The source lines of a program's steps: from a second execution, as far as it makes the same steps as the first."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.programs.explore import explore_program
from ticketlab.lab.programs.program import Program

NOTICES = """
import sys

seen = int(open("hits").read())
open("hits", "w").write(str(seen + 1))
if sys.gettrace():
    print("kept lines", open("hits").read())
"""


@pytest.mark.slow
def test_a_program_that_goes_another_way_while_lines_are_kept_has_lines_up_to_there(tmp_path: Path) -> None:
    (tmp_path / "notices.py").write_text(dedent(NOTICES))
    (tmp_path / "hits").write_text("0")
    commands = (("python", "notices.py"),) * 2
    found = explore_program(Program(commands=commands, folder=tmp_path), ExploreOptions(executor="program"))
    assert [anomaly.name for anomaly in found.verdict.anomalies] == ["lost update"]
    assert found.finding is not None
    lines = {note.step: str(note.value) for note in found.finding.execution.notes if note.what == "line"}
    ends = [node for node, step in enumerate(found.finding.execution.steps) if step.startswith("end ")]
    reads = [node for node, step in enumerate(found.finding.execution.steps) if step == "read hits"]
    assert lines[reads[0]] == 'notices.py:4  seen = int(open("hits").read())'
    assert lines.keys() <= set(range(ends[0])), "the traced one reads once more before it ends"
    assert list(found.finding.printed) == [], "nor does it say what only the traced one prints"
