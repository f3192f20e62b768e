"""`ticketlab isolation`: the published tables, reproduced on real databases by trying every schedule."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import ENVIRONMENT, refused, ticketlab
from ticketlab.lab.isolation.anomalies import ANOMALIES

KEYS = [anomaly.key for anomaly in ANOMALIES]
QUICK = [word for key in KEYS if key != "OTV" for word in ("--anomaly", key)]


def measured(*words: str, cwd: Path) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code of a measurement, and its cells."""
    done = ticketlab("isolation", *words, "--json", cwd=cwd)
    assert not done.stderr
    return done.returncode, json.loads(done.stdout)["cells"]


def possible(cells: list[dict[str, Any]], level: str) -> list[str]:
    """Return the anomalies that were shown at a level."""
    return [cell["anomaly"] for cell in cells if cell["level"] == level and cell["result"] == "possible"]


def proofs_missing(cells: list[dict[str, Any]]) -> list[str]:
    """Return the cells with neither a schedule that shows the anomaly nor an exhausted search in every scenario."""
    return [
        f"{cell['anomaly']} at {cell['level']}"
        for cell in cells
        if not any(each["smallest"] for each in cell["scenarios"])
        and not (cell["result"] == "prevented" and all(each["exhausted"] for each in cell["scenarios"]))
    ]


@pytest.mark.slow
def test_every_published_cell_of_postgresql_is_reproduced_and_a_second_run_says_the_same(tmp_path: Path) -> None:
    code, cells = measured("--store", "postgres", cwd=tmp_path)
    assert [cell for cell in cells if cell["result"] != cell["published"]] == []
    assert (code, len(cells), proofs_missing(cells)) == (0, 33, [])
    assert possible(cells, "read committed") == ["PMP", "P4", "G-single", "G2-item", "G2", "G2-RO"]
    assert possible(cells, "repeatable read") == ["G2-item", "G2", "G2-RO"]
    assert possible(cells, "serializable") == []
    again = measured("--store", "postgres", *QUICK, cwd=tmp_path)
    assert again == (0, [cell for cell in cells if cell["anomaly"] != "OTV"])


@pytest.mark.slow
def test_sqlite_is_serializable_but_for_a_shared_cache_and_a_second_run_says_the_same(tmp_path: Path) -> None:
    code, cells = measured(cwd=tmp_path)
    levels = list(dict.fromkeys(cell["level"] for cell in cells))
    assert (code, len(levels), len(cells), proofs_missing(cells)) == (0, 7, 77, [])
    weak = "shared-cache read_uncommitted"
    assert [level for level in levels if possible(cells, level)] == [weak]
    assert set(KEYS) - set(possible(cells, weak)) == {"G0", "G1c"}
    assert measured(cwd=tmp_path) == (code, cells)


def test_a_search_that_is_cut_short_is_undecided(tmp_path: Path) -> None:
    told = ticketlab("isolation", "--level", "wal deferred", "--anomaly", "p4", "--executions", "5", cwd=tmp_path)
    assert told.returncode == 3
    assert "? P4 at wal deferred, two who read a row and write it: only 5 schedules were run" in told.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--store", "json"), "json has no isolation levels: choose from postgres, sqlite"),
        (("--store", "sqlite:journal=wal"), "sqlite:journal=wal is measured in each journal mode: write sqlite"),
        (("--level", "wal defered"), "unknown isolation level 'wal defered': did you mean 'wal deferred'?"),
        (("--anomaly", "G3"), "unknown anomaly 'G3'"),
    ],
)
def test_a_wrong_request_is_refused_in_one_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    told = refused("isolation", *words, cwd=tmp_path)
    assert told.returncode == 2
    assert told.stderr.startswith(f"ticketlab: {said}")
    assert told.stderr.count("\n") == 1


def test_a_missing_driver_is_told_in_one_line(tmp_path: Path) -> None:
    program = "import sys; sys.modules['psycopg'] = None\nfrom ticketlab.__main__ import main\nmain()"
    told = subprocess.run(
        [sys.executable, "-c", program, "isolation", "--store", "postgres"],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (
        2,
        "ticketlab: postgres needs its driver: pip install 'ticketlab[postgres]'\n",
    )
