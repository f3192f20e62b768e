"""`ticketlab check` says its verdict in words, in data and in its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.cli.command_line import ticketlab

META = '{"meta": {"model": "counter", "stock": 1}}\n'
SALE = '{"process": %d, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": 10, "return_ns": 20}\n'


def run(tmp_path: Path, content: str, *options: str) -> CompletedProcess[str]:
    (tmp_path / "history.jsonl").write_text(content)
    return ticketlab("check", "history.jsonl", *options, cwd=tmp_path)


def test_a_valid_history(tmp_path: Path) -> None:
    result = run(tmp_path, META + SALE % 1)
    assert (result.returncode, result.stdout) == (0, "valid: 1 operations judged by model counter\n")


def test_an_anomalous_history(tmp_path: Path) -> None:
    result = run(tmp_path, META + SALE % 1 + SALE % 2)
    assert result.returncode == 1
    assert "oversold: buyers 1 and 2 were sold 2 tickets, but there were only 1" in result.stdout
    assert "proof: lines 2, 3" in result.stdout


def test_the_same_as_data(tmp_path: Path) -> None:
    result = run(tmp_path, META + SALE % 1 + SALE % 2, "--json")
    found = json.loads(result.stdout)
    assert (result.returncode, found["valid"], found["anomalies"][0]["name"]) == (1, False, "oversold")
    assert set(found) == {"valid", "anomalies", "model", "operations", "command", "environment", "origin_ns"}


def test_an_undecided_history(tmp_path: Path) -> None:
    orders = "".join((SALE % p).replace('"arg": 1', f'"arg": {2 * p + 2}') for p in range(60))
    look = '{"process": 99, "op": "search", "arg": null, "result": 9001, "invoke_ns": 10, "return_ns": 15}\n'
    result = run(tmp_path, META.replace("1}}", "10000}}") + orders + look, "--budget-seconds", "0.05")
    assert result.returncode == 3
    assert result.stdout.startswith("undecided: 61 operations")
    assert "the budget of 0.05 s was spent" in result.stdout


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", (), "line 1: found nothing"),
        (META + "{\n", (), "line 2: found {"),
        (META + SALE % 1, ("--model", "seat"), "unknown model 'seat': did you mean 'seats'?"),
        (META + SALE % 1, ("--model", "seats"), "line 2: unknown operation 'buy' of model seats"),
        (META, ("--budget-seconds", "0"), "'0' is no time of up to 86400 seconds"),
    ],
)
def test_wrong_usage_and_malformed_histories(
    tmp_path: Path, content: str, options: tuple[str, ...], message: str
) -> None:
    result = run(tmp_path, content, *options)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_history_is_drawn_too(tmp_path: Path) -> None:
    result = run(tmp_path, META + SALE % 1 + SALE % 2, "--html", "page.html")
    assert result.returncode == 1
    html = (tmp_path / "page.html").read_text()
    assert "<h1>history: ✗ oversold</h1>" in html
    assert 'id="timelines"' in html
    assert "exists already" in run(tmp_path, META, "--html", "page.html").stderr


EVENT = '{"type": "ok", "f": "txn", "process": %d, "value": [["r", "%s", []], ["append", "%s", 1]]}\n'
SKEW = EVENT % (0, "x", "y") + EVENT % (1, "y", "x")


def test_transactions_are_known_by_their_events(tmp_path: Path) -> None:
    result = run(tmp_path, SKEW)
    assert result.returncode == 1
    assert result.stdout.splitlines()[:3] == [
        "anomalous: 2 transactions judged for isolation serializable",
        "  G2-item: no order explains them: T1 -rw-> T2 -rw-> T1",
        "    T1 -rw-> T2: T1 read x as [], without 1, which T2 appended",
    ]
    assert result.stdout.endswith("proof: lines 1, 2\n  not contradicted: snapshot-isolation (proved)\n")


def test_the_level_is_the_command_lines_or_the_historys(tmp_path: Path) -> None:
    assert run(tmp_path, SKEW, "--isolation", "snapshot-isolation").returncode == 0
    meta = '{"meta": {"model": "transactions", "isolation": "snapshot-isolation"}}\n'
    assert run(tmp_path, meta + SKEW).returncode == 0
    assert run(tmp_path, meta + SKEW, "--isolation", "repeatable-read").returncode == 1
    strict = run(tmp_path, SKEW, "--isolation", "strict-serializable")
    assert (strict.returncode, "has no invocation" in strict.stderr) == (2, True)
    other = run(tmp_path, META + SALE % 1, "--isolation", "serializable")
    assert (other.returncode, "is judged by another model" in other.stderr) == (2, True)


def test_transactions_as_data_and_as_a_page(tmp_path: Path) -> None:
    result = run(tmp_path, SKEW, "--json", "--html", "page.html")
    found = json.loads(result.stdout)
    assert (found["isolation"], found["transactions"], found["operations"]) == ("serializable", 2, 4)
    assert (found["strongest"], found["levels"]["serializable"]) == (["snapshot-isolation"], False)
    (anomaly,) = found["anomalies"]
    assert [edge["dependency"] for edge in anomaly["evidence"]["cycle"]] == ["rw", "rw"]
    assert [each["line"] for each in anomaly["evidence"]["transactions"]] == [1, 2]
    assert found["command"] == "ticketlab check history.jsonl"
    html = (tmp_path / "page.html").read_text()
    assert html.count('<svg class="cycle"') == 1
    assert "T1 read x as [], without 1, which T2 appended" in html
    assert "<td>T2</td><td>line 2</td><td>1</td><td>ok</td><td>[r y []] [append x 1]</td>" in html


def test_undecided_transactions_say_why(tmp_path: Path) -> None:
    event = '{"type": "ok", "f": "txn", "process": 0, "value": %s}\n'
    writes = event % '[["w", "x", 1], ["w", "y", 2]]' + event % '[["w", "x", 2], ["w", "y", 1]]'
    reads = event % '[["r", "x", 1], ["r", "y", 1]]' + event % '[["r", "x", 2], ["r", "y", 2]]'
    result = run(tmp_path, writes + reads, "--isolation", "snapshot-isolation")
    reason = (
        "no anomaly was found, and no execution under snapshot-isolation either: the order of some writes is not known"
    )
    assert (result.returncode, result.stdout.splitlines()) == (
        3,
        [
            "undecided: 4 transactions judged for isolation snapshot-isolation",
            f"  reason: {reason}",
            "  not contradicted: snapshot-isolation (not proved)",
        ],
    )


MAP = "process=worker,op=event,op.acquire=lock,op.release=unlock,invoke=start,return=end,unit=ms,result.ok="


def test_a_log_of_ones_own_with_a_mapping(tmp_path: Path) -> None:
    lines = [
        {"worker": who, "event": "lock", "start": start, "end": start + 1} for start, who in ((0, "ann"), (2, "bob"))
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines)
    result = run(tmp_path, content, "--model", "lock", "--map", MAP)
    assert result.returncode == 1
    assert "process ann acquire() -> ok (0.0 ms to 1.0 ms); process bob acquire() -> ok" in result.stdout
    assert "proof: lines 1, 2" in result.stdout
    again = json.loads(run(tmp_path, content, "--model", "semaphore:permits=2", "--map", MAP, "--json").stdout)
    assert again["valid"] is True
    assert again["command"] == f"ticketlab check history.jsonl --map {MAP} --model semaphore:permits=2"
    page = run(tmp_path, content, "--model", "lock", "--map", MAP, "--html", "page.html")
    assert page.returncode == 1
    assert "buyer bob" in (tmp_path / "page.html").read_text()


def test_a_class_of_ones_own_by_its_import_path(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "class Till:\n    def __init__(self):\n        self.sum = 0\n"
        "    def pay(self, cents):\n        self.sum += cents\n        return self.sum\n"
    )
    right = '{"process": 1, "op": "pay", "arg": 5, "result": 5, "invoke_ns": 0, "return_ns": 9}\n'
    wrong = right + right.replace('"process": 1', '"process": 2')
    assert run(tmp_path, '{"meta": {}}\n' + right, "--model", "shop:Till").returncode == 0
    assert run(tmp_path, '{"meta": {}}\n' + wrong, "--model", "shop.py:Till").returncode == 1
    missing = run(tmp_path, '{"meta": {}}\n' + right, "--model", "shop:Tll")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert "did you mean 'Till'?" in missing.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--map", "proces=x"), "unknown part of a history 'proces'"),
        (("--map", "op=op"), "the history's meta names no model"),
        (("--model", "lok"), "unknown model 'lok': did you mean 'lock'?"),
        (("--model", "semaphore:permits"), "'permits' is no parameter of a model"),
        (("--model", "semaphore:permit=3"), "unknown parameter of model semaphore 'permit': did you mean 'permits'?"),
        (("--model", "lock:permits=3"), "model lock has no parameters"),
        (("--model", "nowhere:Till"), "nowhere"),
        (("--model", "transactions", "--map", "op=f"), "a mapping is for operations"),
    ],
)
def test_what_is_wrong_with_a_mapping_or_a_model_is_one_line(
    tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    line = '{"process": 1, "op": "acquire", "arg": 5, "result": 5, "invoke_ns": 0, "return_ns": 9}\n'
    result = run(tmp_path, ("" if options[0] == "--map" else META) + line, *options)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert message in result.stderr
