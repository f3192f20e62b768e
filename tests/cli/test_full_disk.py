"""A disk that is full: one line, exit code 4, the old file whole, and no half of the new one.

A limit on the size of files makes the system refuse a real write in the middle, as a full disk does; /dev/full is one.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.command_line import ENVIRONMENT, ticketlab
from ticketlab.core.errors import TicketlabError
from ticketlab.core.scenario import Scenario
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.artifacts.case_files import save_case
from ticketlab.lab.artifacts.files import write_file
from ticketlab.lab.artifacts.runs import save_baseline, save_run
from ticketlab.lab.exploring.explore import explore_scenario

RACE = ["race", "--store", "json", "--strategy", "lock", "--buyers", "3", "--latency", "none"]
SMALL = 2048


SOURCES_ONLY = ENVIRONMENT | {"PYTHONDONTWRITEBYTECODE": "1"}
"""Python keeps half a compiled module where the disk is full, and every later start would fail on it."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run in it."""
    folder = tmp_path_factory.mktemp("kept")
    assert ticketlab(*RACE, cwd=folder).returncode == 0
    return folder


@pytest.fixture
def one_run(kept: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept / ".ticketlab", tmp_path / ".ticketlab", symlinks=True)
    return tmp_path


def limited(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command whose files cannot grow beyond 2 KiB."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))

    return subprocess.run(
        [sys.executable, "-m", "ticketlab", *words], cwd=cwd, env=SOURCES_ONLY, capture_output=True, text=True,
        check=False, preexec_fn=limit,
    )  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("old", [None, "old"])
@pytest.mark.parametrize("form", ["--html", "--trace"])
def test_a_report_is_written_whole_or_not_at_all(form: str, old: str | None, one_run: Path) -> None:
    if old:
        (one_run / "out").write_text(old)
    before = contents(one_run)
    done = limited("report", form, "out", "--force", cwd=one_run)
    assert done.returncode == 4
    assert done.stderr == "ticketlab: cannot write out: File too large; what was there is unchanged\n"
    assert contents(one_run) == before


def test_a_race_whose_log_has_no_room_says_so(one_run: Path) -> None:
    before = contents(one_run)
    done = limited(*RACE, "--history", "h.jsonl", cwd=one_run)
    assert done.returncode == 4
    assert done.stderr == "ticketlab: cannot make the log of 3 participants: File too large\n"
    assert {name: content for name, content in contents(one_run).items() if "live" not in name} == {
        name: content for name, content in before.items() if "live" not in name
    }


def test_a_database_that_has_no_room_is_named(tmp_path: Path) -> None:
    done = limited("race", "--store", "sqlite", "--strategy", "atomic", "--folder", "books", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert done.stderr.startswith("ticketlab: cannot make the database books/inventory.db: ")


@pytest.mark.parametrize(
    "words",
    [[*RACE, "--json"], RACE, ["explore", "--buyers", "2", "--json"], ["runs"], ["--help"], ["strategies"],
     ["compare", "--stores", "json", "--strategies", "lock", "--rounds", "1", "--seconds", "0.1"]],
)  # fmt: skip
def test_output_that_finds_no_room_is_one_line(words: Sequence[str], tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ticketlab", *words], cwd=tmp_path, env=ENVIRONMENT, stdout=full,
            stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert "No space left on device" in done.stderr
    if words[0] in ("race", "compare", "explore"):
        assert (tmp_path / ".ticketlab/runs/latest/result.json").exists(), "the work was kept all the same"


def test_a_device_is_written_to_and_stays_a_device(tmp_path: Path) -> None:
    done = ticketlab(*RACE, "--history", "/dev/full", "--force", cwd=tmp_path)
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1].startswith("ticketlab: cannot write /dev/full: No space left on device")
    assert Path("/dev/full").is_char_device()
    assert ticketlab(*RACE, "--history", "/dev/null", cwd=tmp_path).returncode == 0
    assert Path("/dev/null").is_char_device()


def _save_run(folder: Path, size: int) -> object:
    return save_run({"what": "x" * size}, "race", root=folder)


def _save_baseline(folder: Path, size: int) -> object:
    return save_baseline({"what": "x" * size}, "main", force=True, root=folder)


def _write(folder: Path, size: int) -> None:
    write_file(folder / "history.jsonl", lambda file: file.writelines(["x" * 100] * (size // 100)), force=True)


def _save_case(folder: Path, size: int) -> object:
    finding = explore_scenario(
        Scenario.of("memory", buyers=2), ExploreOptions(executions=100), command="x" * size
    ).finding
    assert finding is not None
    return save_case(replace(finding.case, found={"what": "x" * size}), folder)


@pytest.mark.parametrize("save", [_save_run, _save_baseline, _write, _save_case])
def test_what_is_kept_is_kept_whole_or_not_at_all(save: Callable[[Path, int], object], tmp_path: Path) -> None:
    save(tmp_path, 100)
    before = contents(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, resource.RLIM_INFINITY))
    try:
        with pytest.raises(TicketlabError, match=r"cannot .*: File too large") as refusal:
            save(tmp_path, 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert "\n" not in str(refusal.value)
    assert contents(tmp_path) == before
