"""Runs are kept whole or not at all, the oldest go first, and baselines stay."""

from __future__ import annotations

import json
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.comparisons import document
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.result import as_document
from ticketlab.lab.artifacts.listing import kept
from ticketlab.lab.artifacts.result_files import read_document
from ticketlab.lab.artifacts.runs import load_baseline, prune, runs, save_baseline, save_run

GOOD = document({"lock": 1000.0})
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def save(root: Path, name: str = "comparison", *, seconds: int = 0, keep: int = 50) -> Path:
    return save_run(GOOD, name, root=root, keep=keep, now=lambda: NOON + timedelta(seconds=seconds))


def test_a_run_is_a_folder_named_by_time_and_latest_points_to_it(tmp_path: Path) -> None:
    first, second = save(tmp_path), save(tmp_path, seconds=1)
    assert first.name == "2026-01-02T12-00-00Z-comparison"
    assert (tmp_path / "latest").resolve() == second.resolve()
    assert read_document(tmp_path / "latest") == json.loads(json.dumps(GOOD))


def test_runs_of_one_second_are_told_apart(tmp_path: Path) -> None:
    names = [save(tmp_path).name for _ in range(3)]
    assert len(set(names)) == 3
    assert [path.name for path in runs(tmp_path)] == names


@given(st.text(max_size=100))
def test_any_name_makes_a_folder_of_its_own(name: str) -> None:
    with TemporaryDirectory() as root:
        folder = save(Path(root), name)
        assert folder.parent == Path(root)
        assert runs(Path(root)) == [folder]


def test_the_oldest_go_and_what_is_not_a_run_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(parents=True)
    kept = [save(tmp_path, seconds=each, keep=2) for each in range(5)]
    assert runs(tmp_path) == kept[-2:]
    assert prune(1, tmp_path) == [kept[-2]]
    assert (tmp_path / "mine").is_dir()


def test_a_run_that_is_not_to_be_kept_is_still_the_latest(tmp_path: Path) -> None:
    run = save(tmp_path, keep=0)
    assert runs(tmp_path) == [run]
    assert (tmp_path / "latest").resolve() == run.resolve()


def test_a_run_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    def full(_: IO[str]) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(TicketlabError, match=r"cannot keep the run in .*: No space left on device"):
        save_run(GOOD, "race", others={"history.jsonl": full}, root=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_what_a_killed_lab_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".new-abc").mkdir()
    (tmp_path / ".new-latest").symlink_to("nowhere")
    save(tmp_path)
    assert not list(tmp_path.glob(".new-*"))


def _save_many(root: Path) -> None:
    for _ in range(10):
        save(root, keep=15)


def test_two_labs_in_one_folder_do_no_harm(tmp_path: Path) -> None:
    labs = [multiprocessing.get_context("fork").Process(target=_save_many, args=(tmp_path,)) for _ in range(2)]
    for lab in labs:
        lab.start()
    for lab in labs:
        lab.join()
    assert [lab.exitcode for lab in labs] == [0, 0]
    assert len(runs(tmp_path)) == 15
    for path in (*runs(tmp_path), tmp_path / "latest"):
        assert read_document(path)["valid"] is True


def test_a_baseline_is_saved_once_and_replaced_only_by_force(tmp_path: Path) -> None:
    save_baseline(GOOD, "main", force=False, root=tmp_path)
    with pytest.raises(UsageError, match="baseline 'main' exists already"):
        save_baseline(GOOD, "main", force=False, root=tmp_path)
    save_baseline(document({"flock": 1.0}), "main", force=True, root=tmp_path)
    assert load_baseline("main", tmp_path)["rows"][0]["strategy"] == "flock"


@pytest.mark.parametrize("name", ["", "../up", "a/b", "-x", ".hidden", "x" * 65, "a b"])
def test_a_baseline_has_a_plain_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a baseline's name has"):
        save_baseline(GOOD, name, force=False, root=tmp_path)


def test_a_baseline_is_found_by_name_or_by_path(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no baseline 'main': save one with --save main"):
        load_baseline("main", tmp_path)
    path = save_baseline(GOOD, "main", force=False, root=tmp_path)
    with pytest.raises(UsageError, match=r"unknown baseline 'mian': did you mean 'main'\?"):
        load_baseline("mian", tmp_path)
    run = save(tmp_path / "runs")
    assert load_baseline("main", tmp_path) == load_baseline(str(path), tmp_path) == load_baseline(str(run), tmp_path)


def test_only_a_comparison_can_be_a_baseline(tmp_path: Path) -> None:
    story = as_document("tour", {"command": "", "valid": True, "anomalies": [], "environment": {}, "rows": []})
    folder = save_run(story, "tour", root=tmp_path)
    with pytest.raises(UsageError, match="only a comparison can be a baseline"):
        load_baseline(str(folder), tmp_path)


def test_what_is_kept_is_listed_newest_first_and_what_is_damaged_says_so(tmp_path: Path) -> None:
    first, second = save(tmp_path / "runs"), save(tmp_path / "runs", seconds=1)
    (first / "result.json").write_text("{")
    save_baseline(GOOD, "main", force=False, root=tmp_path / "lines")
    found = kept(tmp_path / "runs", tmp_path / "lines")
    assert [each["path"] for each in found["runs"]] == [str(second), str(first)]
    assert (found["runs"][0]["kind"], found["runs"][0]["valid"]) == ("comparison", True)
    assert "is damaged" in found["runs"][1]["error"]
    assert [each["name"] for each in found["baselines"]] == ["main"]
