"""Programs that look again and again whether something is there, and sleep in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.programs.explore import explore_program
from ticketlab.lab.programs.program import Program

WAITS = "import os, time\nwhile not os.path.exists('flag'): time.sleep(0.01)\nopen('seen', 'w').close()\n"
OPENS = """
import time
while True:
    try:
        with open("flag") as file:
            if file.read() == "go": break
    except FileNotFoundError: pass
    time.sleep(0.5)
open("seen", "w").close()
"""
MAKES = "with open('flag', 'w') as file: file.write('go')\n"


@pytest.mark.parametrize("waits", [WAITS, OPENS])
def test_who_waits_for_a_file_is_passed_by_who_makes_it(waits: str, tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text(waits)
    (tmp_path / "makes.py").write_text(MAKES)
    (tmp_path / "check.py").write_text("import os\nassert os.path.exists('seen')\n")
    program = Program(
        commands=(("python", "waits.py"), ("python", "makes.py")), folder=tmp_path, invariant=("python", "check.py")
    )
    found = explore_program(program, ExploreOptions(executor="program"))
    assert not found.verdict.anomalies
    assert found.executions > 1


def test_who_waits_for_what_nobody_makes_is_stuck(tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text(WAITS)
    program = Program(commands=(("python", "waits.py"),) * 2, folder=tmp_path)
    found = explore_program(program, ExploreOptions(executor="program"))
    assert [each.name for each in found.verdict.anomalies] == ["livelock"]
