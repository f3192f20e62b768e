"""`ticketlab compare` and `ticketlab runs` as a user meets them."""

from __future__ import annotations

import csv
import json
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.command_line import ENVIRONMENT, refused, ticketlab

SMALL = (
    "compare",
    "--stores",
    "sqlite",
    "--strategies",
    "lock,none",
    "--buyers",
    "2",
    "--rounds",
    "2",
    "--orders",
    "20",
)
DEADLINE = 30.0
"""Guards against hanging; nothing is expected to take this long."""


@pytest.mark.slow
def test_a_small_comparison_from_the_verdict_to_the_saved_run(tmp_path: Path) -> None:
    outputs = ("--export-json", "r.json", "--export-csv", "r.csv", "--export-markdown", "r.md", "--save", "main")
    done = ticketlab(*SMALL, *outputs, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Fastest correct strategy: lock on sqlite\n")
    found = json.loads((tmp_path / "r.json").read_text())
    assert (found["format"], found["version"], found["kind"]) == ("ticketlab/result", 3, "comparison")
    assert found["command"] == " ".join(["ticketlab", *SMALL])
    assert [row["strategy"] for row in found["rows"]] == ["lock", "none"]
    for saved in (".ticketlab/runs/latest/result.json", ".ticketlab/baselines/main.json"):
        assert json.loads((tmp_path / saved).read_text()) == found
    assert [line["strategy"] for line in csv.DictReader((tmp_path / "r.csv").read_text().splitlines())] == [
        "lock",
        "none",
    ]
    assert "| sqlite | `lock` | 2 | ✓ correct |" in (tmp_path / "r.md").read_text()

    again = ticketlab(*SMALL, "--against", "main", "--fail-if", "sales/s<-99%", "--format", "json", cwd=tmp_path)
    against = json.loads(again.stdout)
    assert (again.returncode, against["against"]["same_machine"], against["lines"][0]["met"]) == (0, True, True)

    join_words = ticketlab("runs", "--json", cwd=tmp_path)
    kept = json.loads(join_words.stdout)
    assert [each["kind"] for each in kept["runs"]] == ["comparison"] * 2
    assert [each["name"] for each in kept["baselines"]] == ["main"]
    assert "main" in ticketlab("runs", "--keep", "1", cwd=tmp_path).stdout
    assert len(json.loads(ticketlab("runs", "--json", cwd=tmp_path).stdout)["runs"]) == 1


@pytest.mark.slow
def test_predictions_are_said_to_be_predictions_in_every_form(tmp_path: Path) -> None:
    words = [word if word != "lock,none" else "lock" for word in SMALL]
    words[words.index("--buyers") + 1] = "4"
    outputs = ("--export-json", "r.json", "--html", "r.html", "--export-markdown", "r.md")
    done = ticketlab(*words, "--predict", "10000,1000000", *outputs, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    title = "Predictions, not measurements, from 1, 2, 3 and 4 buyers"
    added = "1, 2 and 3 buyers were measured only for this"
    found = json.loads((tmp_path / "r.json").read_text())["predictions"]
    assert (found["what"], found["measured"], found["added"]) == ("prediction, not measured", [1, 2, 3, 4], [1, 2, 3])
    assert [(row["method"], row["metric"]) for row in found["rows"]] == [
        ("law", "sales/s"), *(("queue", name) for name in ("sales/s", "p50", "p99", "max")),
    ]  # fmt: skip
    for row in found["rows"]:
        # Which of them fit is up to the machine; what does not predicts nothing, and what does gives a range.
        assert row["reason"] or row["check"]["error"] <= found["bound"]
        assert len(row["predicted"]) == (0 if row["reason"] else 2)
        told = [each for each in row["predicted"] if each["value"] is not None]
        assert all(each["low"] <= each["value"] <= each["high"] <= 100 * each["low"] for each in told)
    for text in (done.stdout, (tmp_path / "r.html").read_text(), (tmp_path / "r.md").read_text()):
        assert title in text
        assert added in " ".join(text.split())
    assert ticketlab("report", "--html", "again.html", cwd=tmp_path).returncode == 0
    assert (tmp_path / "again.html").read_text() == (tmp_path / "r.html").read_text()


def test_a_missed_threshold_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    done = ticketlab(*SMALL, "--threshold", "fairness>=1.5", "--format", "md", cwd=tmp_path)
    assert done.returncode == 5
    assert done.stdout.startswith("**✗ missed: fairness\\>=1.5**\n")


def next_commands(printed: str) -> list[list[str]]:
    """Return the commands that are printed last, as a shell reads them."""
    _, _, steps = printed.partition("\nNext:\n")
    return [shlex.split(line.partition("   # ")[0]) for line in steps.splitlines()]


TINY = ("compare", "--stores", "sqlite", "--strategies", "none,lock", "--buyers", "2", "--rounds", "2", "--orders", "5")


@pytest.mark.slow
def test_the_next_commands_work_as_printed_and_keep_the_settings(tmp_path: Path) -> None:
    settings = ["--strategies", "none,lock", "--rounds", "2", "--orders", "500", "--timeout"]
    overlapping = [*TINY[:-1], "500"]  # a buyer of 5 orders may be done before the other one has begun
    race, grow, save = next_commands(ticketlab(*overlapping, "--timeout", "50", cwd=tmp_path).stdout)
    assert race[:6] == ["ticketlab", "race", "--store", "sqlite", "--strategy", "none"]
    assert ticketlab(*race[1:], cwd=tmp_path).returncode in (0, 1)
    assert grow[:4] == ["ticketlab", "compare", "--buyers", "1,8,100"]
    assert save[:4] == ["ticketlab", "compare", "--save", "main"]
    assert all(word in line for line in (grow, save) for word in settings)
    saved = ticketlab(*save[1:], cwd=tmp_path)
    assert saved.returncode == 0
    held = next_commands(saved.stdout)[-1]
    assert held[:4] == ["ticketlab", "compare", "--against", "main"]
    assert ticketlab(*held[1:], cwd=tmp_path).returncode in (0, 5)  # chance misses are rare, and no errors


@pytest.mark.slow
def test_a_real_change_is_measured_again_before_it_is_a_miss(tmp_path: Path) -> None:
    tiny = [word if word != "none,lock" else "lock" for word in TINY]
    assert ticketlab(*tiny, "--save", "main", "--format", "csv", cwd=tmp_path).returncode == 0
    path = tmp_path / ".ticketlab" / "baselines" / "main.json"
    baseline = json.loads(path.read_text())
    (row,) = baseline["rows"]
    row["metrics"]["p99_ms"] /= 1e6
    row["samples"]["p99_ms"] = [each / 1e6 for each in row["samples"]["p99_ms"]]
    path.write_text(json.dumps(baseline))
    done = ticketlab(*tiny, "--against", "main", "--fail-if", "p99>+20%", "--export-json", "r.json", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[0]) == (5, "✗ missed: p99>+20%")
    found = json.loads((tmp_path / "r.json").read_text())
    assert (found["rounds"], found["rounds_wanted"], len(found["rows"][0]["samples"]["p99_ms"])) == (20, 2, 20)
    assert [each["store"] for each in found["references"]] == ["json:in-place"]
    (miss,) = found["lines"][0]["misses"]
    assert "(limit 20 %): missed by lock on sqlite (process, 2 buyers), from " in miss


def test_a_line_that_could_not_be_judged_is_undecided(tmp_path: Path) -> None:
    only = [word if word != "lock,none" else "none" for word in SMALL]
    assert ticketlab(*only, "--threshold", "fairness>=0", "--format", "csv", cwd=tmp_path).returncode == 3


def test_a_safe_strategy_that_went_wrong_is_an_anomaly_found(tmp_path: Path) -> None:
    words = ["--stores", "private", "--strategies", "lock", "--buyers", "2", "--rounds", "1", "--orders", "5"]
    done = ticketlab("compare", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("✗ claims to be safe, and went wrong: lock on private (")


@pytest.mark.slow
def test_races_and_stories_are_kept_too(tmp_path: Path) -> None:
    words = ["race", "--store", "sqlite", "--strategy", "lock", "--buyers", "2", "--latency", "none"]
    assert ticketlab(*words, cwd=tmp_path).returncode == 0
    latest = tmp_path / ".ticketlab" / "runs" / "latest"
    assert json.loads((latest / "result.json").read_text())["kind"] == "race"
    assert len((latest / "history.jsonl").read_text().splitlines()) == 3
    assert ticketlab(*words[:3], "--latency", "none", "--buyers", "2", cwd=tmp_path).returncode in (0, 1)
    assert json.loads((latest / "result.json").read_text())["kind"] == "tour"
    assert "race-sqlite-lock" in ticketlab("runs", cwd=tmp_path).stdout


BAD: Sequence[tuple[Sequence[str], str]] = [
    (["--stores", "jsn"], "unknown store 'jsn': did you mean 'json'?"),
    (["--stores", "json,,sqlite"], "has an empty entry"),
    (["--stores", "memory"], "memory cannot be raced for"),
    (["--stores", "sqlite:journal=wall"], "unknown journal of sqlite 'wall': did you mean 'wal'?"),
    (["--strategies", "lok"], "unknown strategy 'lok': did you mean 'lock'?"),
    (["--stores", "json", "--strategies", "atomic"], "nothing to compare: atomic needs a conditional update"),
    (["--launchers", "pool"], "pool needs its number of workers"),
    (["--buyers", "1,some"], "--buyers '1,some': 'some' is not a number of buyers"),
    (["--buyers", "0"], "'0' is not a number of buyers"),
    (["--buyers", "99999999999"], "is not a number of buyers from 1 to 2,000"),
    (["--rounds", "0"], "0 is not in the range"),
    (["--seconds", "-1"], "'-1' is no time of up to 3600 seconds"),
    (["--format", "xml"], "'xml' is not one of"),
    (["--threshold", "fairnes>=0.8"], "at character 1, 'fairnes>=0.8': unknown metric 'fairnes'"),
    (["--threshold", "p99<+5%"], "at character 5, '+5%': a change is for --fail-if"),
    (["--against", "r.json", "--fail-if", "p99>20%"], "at character 5, '20%': a change is needed"),
    (["--fail-if", "p99>+20%"], "needs a baseline: name one with --against"),
    (["--against", "main"], "there is no baseline 'main': save one with --save main"),
    (["--against", "damaged.json"], "the result damaged.json is damaged: it is not JSON"),
    (["--against", "newer.json"], "newer.json is of version 9; this lab reads version 3"),
    (["--against", "foreign.json"], "foreign.json is not a result of ticketlab"),
    (["--save", "../main"], "a baseline's name has letters, digits"),
    (["--export-csv", "damaged.json"], "damaged.json exists already: name another file, or add --force"),
    (["--export-json", "no/r.json"], "is not a directory"),
    (["--export-markdown", "."], "is a directory: name a file"),
    (["--predict", "many"], "--predict 'many': 'many' is not a number of buyers up to 1,000,000"),
    (["--predict", "100", "--buyers", "1,100"], "--predict 100: 100 buyers are measured"),
    (["--predict", "100", "--buyers", "3"], "--predict needs 4 numbers of buyers to measure"),
    (["--predict", "100", "--faults"], "--predict is for races"),
]


@pytest.mark.parametrize(
    ("words", "complaint"), BAD, ids=lambda value: "-".join(value) if isinstance(value, list) else ""
)
def test_bad_input_gets_one_clear_line_and_exit_code_2(words: list[str], complaint: str, tmp_path: Path) -> None:
    (tmp_path / "damaged.json").write_text("{")
    (tmp_path / "foreign.json").write_text('{"name": "package"}')
    (tmp_path / "newer.json").write_text('{"format": "ticketlab/result", "version": 9}')
    done = refused("compare", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("ticketlab: ")
    assert complaint in done.stderr
    assert not (tmp_path / ".ticketlab").exists()


def test_an_interrupted_comparison_keeps_the_rounds_it_finished(tmp_path: Path) -> None:
    words = ["--stores", "sqlite", "--strategies", "lock", "--buyers", "2", "--rounds", "1000", "--orders", "20"]
    terminal, stderr = pty.openpty()  # progress is shown on a terminal only
    lab = subprocess.Popen(
        [sys.executable, "-m", "ticketlab", "compare", *words, "--save", "main"],
        cwd=tmp_path, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=stderr,
    )  # fmt: skip
    os.close(stderr)
    _await_text(terminal, "round 3 of 1000")
    lab.send_signal(signal.SIGINT)
    complaint = _await_text(terminal, "no other file was written")
    out, _ = lab.communicate(timeout=DEADLINE)
    os.close(terminal)
    assert lab.returncode == 130
    assert "of 1000 rounds were finished and are kept in .ticketlab/runs/2" in complaint
    found = json.loads((tmp_path / ".ticketlab" / "runs" / "latest" / "result.json").read_text())
    assert 2 <= found["rounds"] == len(found["rows"][0]["samples"]["p99_ms"]) < 1000
    assert "interrupted before round" in out
    assert not (tmp_path / ".ticketlab" / "baselines").exists()


def _await_text(terminal: int, text: str) -> str:
    """Read a terminal until a text has appeared."""
    seen = ""
    while text not in seen:
        assert select.select([terminal], [], [], DEADLINE)[0], seen
        seen += os.read(terminal, 4096).decode()
    return seen


CRASHES = ("compare", "--faults", "--stores", "json:rename,sqlite", "--strategies", "lock,flock")


@pytest.mark.slow
def test_the_crash_matrix_in_every_form_fills_the_column_of_later_comparisons(tmp_path: Path) -> None:
    outputs = ("--export-json", "c.json", "--export-markdown", "c.md", "--html", "c.html")
    done = ticketlab(*CRASHES, *outputs, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("✗ 2 of 4 combinations that claim to be safe went wrong: lock on json:rename (lock")
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:] if line.startswith(("✓", "✗"))] == [
        ["✗", "lock"],
        ["✓", "flock"],
        ["✗", "lock"],
        ["✓", "flock"],
    ]
    found = json.loads((tmp_path / "c.json").read_text())
    assert (found["kind"], found["faults"]) == ("crashes", ["kill", "kill-service"])
    assert {(row["store"], row["strategy"], row["valid"]) for row in found["rows"]} == {
        ("json:rename", "lock", False),
        ("json:rename", "flock", True),
        ("sqlite", "lock", False),
        ("sqlite", "flock", True),
    }
    assert "| sqlite | `flock` | 10 | 28 | ✓ correct at every point |  |" in (tmp_path / "c.md").read_text()
    again = ticketlab("report", "--html", "again.html", "--markdown", "again.md", cwd=tmp_path)
    assert again.returncode == 0
    for one, other in (("c.html", "again.html"), ("c.md", "again.md")):
        assert (tmp_path / one).read_text() == (tmp_path / other).read_text()
    raced = ticketlab(*SMALL, "--format", "json", cwd=tmp_path)
    column = {row["strategy"]: row["crash_safety"] for row in json.loads(raced.stdout)["rows"]}
    assert column == {"lock": "lock never released", "none": "not tested"}


@pytest.mark.slow
def test_the_crash_matrix_is_the_same_twice_for_people_and_for_programs(tmp_path: Path) -> None:
    words = [*CRASHES[:3], "json:rename", *CRASHES[4:], "--export-csv"]
    one, other = (ticketlab(*words, name, cwd=tmp_path) for name in ("one.csv", "other.csv"))
    assert (one.returncode, one.stderr) == (1, "")
    assert one.stdout == other.stdout
    written = (tmp_path / "one.csv").read_text()
    assert written == (tmp_path / "other.csv").read_text()
    rows = [(row["strategy"], row["verdict"]) for row in csv.DictReader(written.splitlines())]
    assert rows == [("lock", "went wrong"), ("flock", "correct")]


def test_faults_that_can_strike_nowhere_are_no_proof(tmp_path: Path) -> None:
    words = ["--faults", "kill-service", "--stores", "sqlite", "--strategies", "flock"]
    refused = ticketlab("compare", *words, cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "kill-service can be injected nowhere here: flock has no service process" in refused.stderr


@pytest.mark.slow
def test_a_default_that_is_meant_for_races_stops_no_crash_matrix_and_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ticketlab]\nbuyers = 4\nseconds = 9\n")
    words = ["--faults", "kill", "--stores", "json:rename", "--strategies", "flock"]
    done = ticketlab("compare", *words, "--format", "json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(json.loads(done.stdout)["command"].split()) == {"ticketlab", "compare", *words}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--faults", "kil"), "unknown fault 'kil': did you mean 'kill'"),
        (("--faults", "--buyers", "8"), "--buyers is for races, and --faults races nothing"),
        (("--faults", "--rounds", "3"), "--rounds is for races, and --faults races nothing"),
        (
            ("--faults", "--stores", "json", "--strategies", "atomic"),
            "no strategy that was named runs on a store",
        ),
    ],
)
def test_what_makes_no_crash_matrix_is_refused(words: Sequence[str], reason: str, tmp_path: Path) -> None:
    done = refused("compare", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
