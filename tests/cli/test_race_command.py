"""The command line as a user meets it: real processes, their output, and their exit codes."""

from __future__ import annotations

import json
import os
import re
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.command_line import ENVIRONMENT, refused, ticketlab

DEADLINE = 30.0
"""Guards against hanging; nothing is expected to take this long."""


def test_a_single_race_prints_the_verdict_first_then_two_buyers_and_why(tmp_path: Path) -> None:
    words = ["race", "--store", "json:rename", "--strategy", "none", "--buyers", "10"]
    done = ticketlab(*words, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("none on json:rename: ✗ ")
    said = next(line for line in done.stdout.splitlines() if line.startswith("Why: "))
    found = re.fullmatch(r"Why: buyers (\d+) and (\d+) both read 5 left, so both bought ticket 1\.", said)
    assert found is not None, said
    heading, *steps = done.stdout.split("\n\n")[1].splitlines()
    assert heading.split() == ["buyer", found[1], "buyer", found[2]]
    told = [re.sub(r"^ *[\d.]+ ms +", "", step).strip() for step in steps]
    assert sorted(told) == ["reads 5 left"] * 2 + ["result: ticket 1"] * 2 + ["writes 4 left"] * 2
    assert "The books say:" in done.stdout
    assert "invoked at" not in done.stdout
    assert f"ticketlab {' '.join(words)} --evidence" in done.stdout
    assert len(done.stdout.splitlines()) < 30  # a screen


def test_with_evidence_a_single_race_prints_all_that_proves_its_anomalies(tmp_path: Path) -> None:
    # By rename, since a truncated file may be left torn by its last two writers, and then the books say nothing.
    words = ["--store", "json:rename", "--strategy", "none", "--buyers", "10", "--evidence"]
    done = ticketlab("race", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("none on json:rename: ✗ ")
    assert re.search(r"ticket \d of section 'main' was sold to buyers", done.stdout)
    assert "read 5 left at" in done.stdout
    assert "--evidence" not in done.stdout
    assert "The books say:" in done.stdout
    assert "ticketlab race --store json:rename --strategy none --buyers 10" in done.stdout
    assert done.stderr == ""


def test_a_cure_exits_with_0(tmp_path: Path) -> None:
    done = ticketlab("race", "--store", "json", "--strategy", "lock", "--buyers", "4", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "✓ correct" in done.stdout


@pytest.mark.slow
def test_the_tour_says_of_each_store_what_happened_and_why_and_what_to_type_next(tmp_path: Path) -> None:
    done = ticketlab("race", "--buyers", "6", cwd=tmp_path)
    kept = tmp_path / ".ticketlab" / "runs" / "latest" / "result.json"
    rows = json.loads(kept.read_text(encoding="utf-8"))["rows"]
    wrong = [row for row in rows if not row["valid"]]
    assert len(rows) == 14
    assert {row["strategy"] for row in wrong} <= {"none"}  # how many depends on the machine, in a race of six
    assert done.returncode == 0  # what claims safety was right, and what does not was found out
    fixes = "All 11 races that claim safety are correct"
    assert done.stdout.startswith(f"{fixes}; {len(wrong)} of 3 races that claim none went wrong")
    for title, store in (("JSON file", "json"), ("SQLite", "sqlite"), ("Manager().dict", "manager")):
        told = done.stdout.split(f"\n{title}\n")[1]
        assert "  ✓ clerk: one process does every purchase.\n" in told or store == "sqlite"
        for row in wrong:
            if row["store"] == store and row["sold"] > row["tickets"]:
                assert told.startswith(f"  ✗ none: 6 buyers were sold {row['sold']} of 5 tickets")
    assert done.stdout.splitlines()[-3] == "Next:"


def test_faults_are_listed_with_what_came_of_them_and_raced_again(tmp_path: Path) -> None:
    words = ["--store", "json:rename", "--strategy", "flock", "--faults", "kill:1", "--buyers", "3"]
    done = ticketlab("race", *words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        sum(
            line.startswith("† fault injected into buyer ") and ": kill before " in line
            for line in done.stdout.splitlines()
        )
        == 3
    )
    result = json.loads(ticketlab("race", *words, "--json", cwd=tmp_path).stdout)
    assert [set(each) for each in result["injected"]] == [{"who", "fault", "before", "at_ms", "held"}] * 3
    assert "--faults kill:1" in result["command"]
    latest = tmp_path / ".ticketlab" / "runs" / "latest"
    (timeline,) = json.loads((latest / "timeline.json").read_text(encoding="utf-8"))["timelines"]
    told = [(each["who"], each["at_ms"]) for each in result["injected"]]
    assert [(timeline["lanes"][each["lane"]], each["ns"] / 1e6) for each in timeline["faults"]] == told
    assert ticketlab("report", cwd=tmp_path).returncode == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(f"<li>† {each['who']}: kill before {each['before']}" in page for each in result["injected"])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--faults", "kil"], "unknown fault 'kil': did you mean 'kill'?"),
        (["--faults", "kill:2"], "a share from 0 to 1 is needed"),
        (
            ["--faults", "kill", "--launcher", "threads"],
            "and the launcher threads has none",
        ),
        (
            ["--faults", "kill", "--stall-timeout", "0"],
            "'0' is no time of up to 86400 seconds: write 60, or a number with us, ms, s",
        ),
    ],
)
def test_faults_that_make_no_sense_are_wrong_usage(tmp_path: Path, words: list[str], reason: str) -> None:
    done = refused("race", "--store", "json", "--strategy", "lock", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert reason in done.stderr


def test_json_is_one_document_on_stdout(tmp_path: Path) -> None:
    words = ["--store", "sqlite", "--strategy", "transaction:deferred", "--launcher", "pool:2", "--seed", "7"]
    done = ticketlab("race", *words, "--buyers", "6", "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert (result["valid"], result["sold"], result["launcher"], result["buyers"]) == (True, 5, "pool:2", 6)
    assert set(result["command"].split()) == {"ticketlab", "race", *words, "--buyers", "6"}
    assert {"cores", "python", "file_system"} <= result["environment"].keys()
    tour = json.loads(ticketlab("race", "--store", "manager", "--buyers", "6", "--json", cwd=tmp_path).stdout)
    assert (tour["kind"], tour["valid"], tour["anomalies"]) == ("tour", True, [])
    assert [row["claims_safety"] for row in tour["rows"]] == [False, True, True, True]
    assert [row["strategy"] for row in tour["rows"]] == ["none", "lock", "manager-lock", "clerk"]
    assert all({"store", "strategy", "launcher", "buyers", "sold", "tickets"} <= row.keys() for row in tour["rows"])


def test_defaults_come_from_pyproject_then_the_environment_then_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.ticketlab]\nbuyers = 3\n[tool.ticketlab.race]\nstore = "json"\n')

    def buyers(*words: str, **environment: str) -> int:
        done = ticketlab("race", "--strategy", "lock", "--json", *words, cwd=tmp_path, **environment)
        found: int = json.loads(done.stdout)["buyers"]
        return found

    assert buyers() == 3
    assert buyers(TICKETLAB_BUYERS="4") == 4
    assert buyers("--buyers", "5", TICKETLAB_BUYERS="4") == 5


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("byers = 3", "unknown setting in [tool.ticketlab] of"),
        ("byers = 3", "did you mean 'buyers'?"),
        ("rase = {}", "did you mean 'race'?"),
        ("race = {as-json = true}", "unknown setting in [tool.ticketlab.race] of"),
        ("race = {ledger = 'no'}", "true or false is needed"),
    ],
)
def test_a_misspelt_setting_is_pointed_at(settings: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.ticketlab]\n{settings}\n")
    done = refused("race", "--store", "json", "--strategy", "lock", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr


def test_settings_of_other_commands_are_theirs_and_the_command_to_repeat_is_one_that_runs(tmp_path: Path) -> None:
    settings = "executions = 9\nfail-if = 'p99>+3%'\nexhaust = false\njson = true\nledger = false\n"
    (tmp_path / "pyproject.toml").write_text(f"[tool.ticketlab]\n{settings}")
    raced = ticketlab("race", "--store", "json", "--strategy", "lock", "--buyers", "2", cwd=tmp_path)
    assert json.loads(raced.stdout)["command"] == "ticketlab race --store json --strategy lock --buyers 2 --no-ledger"
    explored = ticketlab("explore", "--strategy", "lock", "--buyers", "2", cwd=tmp_path)
    assert json.loads(explored.stdout)["command"] == "ticketlab explore --strategy lock --buyers 2 --executions 9"


BAD: Sequence[tuple[Sequence[str], str]] = [
    (["race", "--store", "jsn"], "unknown store 'jsn': did you mean 'json'?"),
    (["race", "--store", "SQLite"], "unknown store 'SQLite': did you mean 'sqlite'?"),
    (["race", "--store", "sqlite:journal"], "journal of sqlite needs a value"),
    (["race", "--store", "json", "--strategy", "filelock:hard,stale=3"], "stale is an option of filelock:stale-age"),
    (["race", "--strategy", "lok"], "unknown strategy 'lok': did you mean 'lock'?"),
    (["race", "--store", "json", "--launcher", "proces"], "unknown launcher 'proces': did you mean 'process'?"),
    (["race", "--store", "json", "--launcher", "pool"], "pool needs its number of workers"),
    (["race", "--store", "json:renam"], "unknown variant of json 'renam': did you mean 'rename'?"),
    (["race", "--store", "json", "--strategy", "atomic"], "atomic does not run on json"),
    (["race", "--quantity", "6"], "an order of 6 tickets can never be met: no section has more than 5"),
    (["race", "--quantity", "some"], "is not a number of tickets"),
    (["race", "--buyers", "0"], "0 buyers cannot race"),
    (["race", "--buyers", "-5"], "-5 buyers cannot race"),
    (["race", "--buyers", "many"], "'many' is not a valid integer"),
    (["race", "--tickets", "-1"], "-1 is not a number of tickets: at least 1 is needed"),
    (["race", "--tickets", "0"], "0 is not a number of tickets: at least 1 is needed"),
    (["race", "--tickets", "3", "--stock", "club"], "leave one of them out"),
    (["race", "--timeout", "0"], "'0' is no time of up to 86400 seconds"),
    (["race", "--latency", "raed=1s"], "did you mean 'read'?"),
    (["race", "--stor", "json"], "--store"),
    (["rase"], "unknown command 'rase': did you mean 'race'?"),
    (["race", "--stock", "concrt"], "did you mean 'concert'?"),
    (["race", "--stock", "missing.json"], "No such file or directory"),
    (["race", "--history", "h.jsonl"], "--history needs one race"),
    (["race", "--case", "found.json"], "--case needs one race"),
    (["race", "--store", "json", "--strategy", "none", "--case", "c.json", "--faults", "kill:0.1"], "--case takes no"),
    (["race", "--store", "json", "--strategy", "lock", "--history", "no/where.jsonl"], "is not a directory"),
]


@pytest.mark.parametrize(
    ("words", "complaint"), BAD, ids=lambda value: "-".join(value) if isinstance(value, list) else ""
)
def test_bad_input_gets_one_clear_line_and_exit_code_2(words: list[str], complaint: str, tmp_path: Path) -> None:
    done = refused(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr
    assert done.stderr.startswith("ticketlab: ")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not an opening stock"),
        ('{"sections": {"main": 5}}', "is not an opening stock"),
        ('{"format": "ticketlab/stock", "version": 2, "sections": {"main": 5}}', "this lab reads version 1"),
        ('{"format": "ticketlab/stock", "version": 1, "sections": []}', "sections is []: an object is needed"),
        (
            '{"format": "ticketlab/stock", "version": 1, "sections": {"main": -5}}',
            "sections.main is -5: a whole number from 0 up to 9,007,199,254,740,991 is needed",
        ),
        (
            '{"format": "ticketlab/stock", "version": 1, "sections": {"main": 1.5}}',
            "sections.main is 1.5: a whole number",
        ),
        ('{"format": "ticketlab/stock", "version": 1, "sections": {"": 5}}', "1 to 200 characters"),
        ('"' + "x" * (1 << 20) + '"', "larger than 1 MiB"),
    ],
)
def test_a_malformed_opening_stock_is_pointed_at(content: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(content)
    done = refused("race", "--stock", "mine.json", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr
    assert "mine.json" in done.stderr


def test_our_opening_stock_has_several_sections(tmp_path: Path) -> None:
    words = ["--stock", "concert", "--quantity", "1-4", "--buyers", "5", "--latency", "none", "--json"]
    result = json.loads(ticketlab("race", "--store", "sqlite", "--strategy", "atomic", *words, cwd=tmp_path).stdout)
    assert result["tickets"] == 350
    assert set(result["books"]["stocks"]) == {"floor", "balcony", "boxes"}


def test_a_run_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = ticketlab("race", "--store", "json", "--strategy", "lock", "--folder", "file", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "ticketlab: file is a file: a run folder is needed\n")
    below = ticketlab("race", "--store", "json", "--strategy", "lock", "--folder", "file/books", cwd=tmp_path)
    assert (below.returncode, below.stderr) == (2, "ticketlab: file is a file: a run folder is needed\n")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    done = ticketlab("race", "--store", "json", "--strategy", "lock", "--folder", "/proc/self", cwd=tmp_path)
    assert done.returncode == 4
    assert done.stderr.startswith("ticketlab: cannot write in the run folder /proc/self: ")


def test_too_few_open_files_are_named(tmp_path: Path) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 512))

    done = subprocess.run(
        [sys.executable, "-m", "ticketlab", "race", "--store", "json", "--strategy", "clerk"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )
    assert done.returncode == 4
    assert done.stderr == "ticketlab: 100 buyers need 800 open files, and the limit is 512 (see ulimit -Hn)\n"


def test_a_history_is_written_whole_and_not_over_another(tmp_path: Path) -> None:
    words = ["race", "--store", "json", "--strategy", "lock", "--buyers", "3", "--history", "h.jsonl"]
    assert ticketlab(*words, cwd=tmp_path).returncode == 0
    lines = [json.loads(line) for line in (tmp_path / "h.jsonl").read_text().splitlines()]
    assert lines[0]["meta"]["model"] == "counter"
    assert lines[0]["meta"]["stock"] == 5
    assert [line["result"] for line in lines[1:]] == ["ok"] * 3
    again = ticketlab(*words, cwd=tmp_path)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    assert ticketlab(*words, "--force", cwd=tmp_path).returncode == 0


@pytest.mark.slow
def test_a_race_that_went_wrong_is_written_as_a_case_that_replays(tmp_path: Path) -> None:
    words = ["race", "--store", "json", "--strategy", "none", "--buyers", "20", "--case", "found.json"]
    raced = ticketlab(*words, cwd=tmp_path)
    assert raced.returncode == 1
    assert "The race as a schedule: " in raced.stdout
    assert "ticketlab replay found.json" in raced.stdout
    for _ in range(2):
        assert ticketlab("replay", "found.json", cwd=tmp_path).returncode == 1
    again = ticketlab(*words, cwd=tmp_path)
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_a_race_that_was_right_has_no_case(tmp_path: Path) -> None:
    words = ["race", "--store", "json", "--strategy", "lock", "--buyers", "3", "--case", "found.json"]
    raced = ticketlab(*words, cwd=tmp_path)
    assert raced.returncode == 0
    assert "Nothing went wrong, so found.json was not written." in raced.stdout
    assert not (tmp_path / "found.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_everybody_and_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    lab, children = _in_the_middle_of_a_race(tmp_path)
    lab.send_signal(number)
    _, complaint = lab.communicate(timeout=DEADLINE)
    assert lab.returncode == 130
    assert complaint == "ticketlab: interrupted: all processes were stopped, and nothing is left behind\n"
    _await_end(children)
    assert [path.name for path in (tmp_path / ".ticketlab" / "live").iterdir()] == [".lock"]


def test_killing_the_lab_leaves_no_orphans_and_the_next_lab_sweeps_up(tmp_path: Path) -> None:
    lab, children = _in_the_middle_of_a_race(tmp_path)
    lab.kill()
    lab.communicate()
    _await_end(children)
    assert list((tmp_path / ".ticketlab" / "live").glob("race-*")) != []
    assert ticketlab("race", "--store", "json", "--strategy", "lock", "--buyers", "2", cwd=tmp_path).returncode == 0
    assert list((tmp_path / ".ticketlab" / "live").glob("race-*")) == []


def _in_the_middle_of_a_race(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a race that would take minutes, with a clerk, and wait until all its processes are there."""
    words = ["race", "--store", "json", "--strategy", "clerk", "--buyers", "5", "--latency", "read=500s"]
    lab = subprocess.Popen(
        [sys.executable, "-m", "ticketlab", *words], cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + DEADLINE
    listing = Path(f"/proc/{lab.pid}/task/{lab.pid}/children")
    while len(children := listing.read_text().split()) < 6:
        assert time.monotonic() < deadline
    return lab, [os.pidfd_open(int(child)) for child in children]


def _await_end(children: list[int]) -> None:
    for child in children:
        assert select.select([child], [], [], DEADLINE)[0], "an orphan is left"
        os.close(child)
