"""Published faults are convicted by the models that allow them, and their fixes are cleared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.powercuts.published import CHECK_BEGINS, FILES_MODULE, FIXED_CHECKS, PUBLISHED
from ticketlab.lab.powercuts.explore import PowerCutExploration, explore_power_cuts
from ticketlab.lab.powercuts.subject import PowerCutSubject
from ticketlab.lab.programs.program import Program


def searched(folder: Path, name: str, does: str, check: str) -> PowerCutExploration:
    files = {"files.py": FILES_MODULE, "app.py": f"from files import *\n{does}\n", "check.py": CHECK_BEGINS + check}
    for path, content in PUBLISHED[name].files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
    for path, text in files.items():
        (folder / path).write_text(text)
    program = Program.of("app.py", folder=folder, invariant="python -I -S check.py")
    return explore_power_cuts(PowerCutSubject("app.py", program=program))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_fault_is_convicted(tmp_path: Path, name: str) -> None:
    fault = PUBLISHED[name]
    found = searched(tmp_path, name, fault.does, fault.check)
    verdicts = {each.model: each.verdict.valid for each in found.models}
    assert verdicts == {model: model not in fault.convicted_by for model in ("ext4", "strict")}
    assert found.finding is not None
    assert found.finding.anomalies[0].name == "invariant broken"


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_cure_of_a_published_fault_is_cleared(tmp_path: Path, name: str) -> None:
    fault = PUBLISHED[name]
    found = searched(tmp_path, name, fault.fixed, FIXED_CHECKS.get(name, fault.check))
    assert found.verdict.valid is True, found.finding
