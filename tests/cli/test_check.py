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
