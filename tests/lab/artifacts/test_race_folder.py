"""Race folders: what others put where the lab keeps its files is neither emptied nor waited for nor removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.core.result import as_document
from ticketlab.core.scenario import Scenario
from ticketlab.lab.artifacts.case_files import load_case, save_case
from ticketlab.lab.artifacts.race_folder import LIVE, live_folder
from ticketlab.lab.artifacts.runs import save_baseline, save_run
from ticketlab.lab.exploring.explore import explore_scenario

pytestmark = pytest.mark.usefixtures("in_tmp_path")

PRECIOUS = "what was there"


def link(path: Path) -> None:
    Path("precious").write_text(PRECIOUS)
    path.symlink_to(Path("precious").absolute())


def dangling(path: Path) -> None:
    path.symlink_to(Path("nowhere").absolute())


@pytest.mark.parametrize("put", [link, dangling, os.mkfifo])
def test_a_link_or_a_pipe_in_place_of_a_lock_is_refused(put: Callable[[Path], None]) -> None:
    LIVE.mkdir(parents=True)
    runs = Path("runs")
    runs.mkdir()
    put(LIVE / ".lock")
    with pytest.raises(UsageError, match=r"\.lock is not a regular file"), live_folder():
        pass
    (LIVE / ".lock").rename(runs / ".lock")
    with pytest.raises(UsageError, match=r"\.lock is not a regular file"):
        save_run(as_document("race", {}), "name", root=runs)
    assert not Path("nowhere").exists()
    assert not Path("precious").exists() or Path("precious").read_text() == PRECIOUS


@pytest.mark.parametrize("put", [link, dangling, os.mkfifo])
def test_a_link_or_a_pipe_in_place_of_a_case_or_a_baseline_is_replaced(put: Callable[[Path], None]) -> None:
    found = explore_scenario(Scenario.of("memory", "none", buyers=2))
    assert found.finding is not None
    path = save_case(found.finding.case)
    path.unlink()
    put(path)
    save_case(found.finding.case)
    assert load_case(path).schedule == found.finding.case.schedule
    Path("baselines").mkdir()
    baseline = Path("baselines/main.json")
    put(baseline) if not Path("precious").exists() else baseline.symlink_to(Path("precious").absolute())
    save_baseline({"kind": "comparison"}, "main", force=True, root=Path("baselines"))
    assert baseline.is_file()
    assert not baseline.is_symlink()
    assert not Path("nowhere").exists()
    assert not Path("precious").exists() or Path("precious").read_text() == PRECIOUS


def test_the_folders_of_killed_labs_are_removed_and_no_others() -> None:
    abandoned, empty, mine, linked = (LIVE / f"race-{name}" for name in ("abandoned", "empty", "mine", "linked"))
    for folder in (abandoned, empty, mine):
        folder.mkdir(parents=True)
    (abandoned / ".alive").touch()
    (abandoned / "inventory.json").touch()
    (mine / "notes").write_text(PRECIOUS)
    Path("elsewhere").mkdir()
    Path("elsewhere/notes").write_text(PRECIOUS)
    linked.symlink_to(Path("elsewhere").absolute())
    os.mkfifo(LIVE / "race-pipe")
    with live_folder() as folder:
        assert sorted(LIVE.glob("race-*")) == sorted([mine, linked, LIVE / "race-pipe", LIVE / folder.name])
    assert not folder.exists()
    assert (mine / "notes").read_text() == (linked / "notes").read_text() == PRECIOUS
