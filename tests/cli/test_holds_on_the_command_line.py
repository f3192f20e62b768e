"""`--hold` on the command line: raced live by real processes, explored, saved as a case, judged from the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command_line import refused, ticketlab


@pytest.mark.parametrize("store", ["json", "sqlite", "manager"])
def test_live_buyers_hold_then_confirm_and_the_history_judges_itself(store: str, tmp_path: Path) -> None:
    words = ["--store", store, "--strategy", "lock", "--buyers", "6", "--tickets", "2", "--hold", "30s"]
    done = ticketlab("race", *words, "--json", "--history", "race.jsonl", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert (done.returncode, result["valid"], result["sold"]) == (0, True, 2)
    meta, *operations = map(json.loads, (tmp_path / "race.jsonl").read_text().splitlines())
    assert meta["meta"]["model"] == "holds"
    told = sorted((one["op"], one["result"] == "soldout") for one in operations)
    assert told == [("confirm", False)] * 2 + [("hold", False)] * 2 + [("hold", True)] * 4
    judged = ticketlab("check", "race.jsonl", cwd=tmp_path)
    assert judged.returncode == 0
    assert "judged by model holds" in judged.stdout


def test_what_is_abandoned_is_not_sold_and_what_is_over_is_sold_again(tmp_path: Path) -> None:
    words = ["--store", "sqlite", "--strategy", "atomic", "--buyers", "1", "--orders", "3", "--tickets", "1"]
    wait = ["--hold", "1us", "--pay", "1ms"]
    over = json.loads(ticketlab("race", *words, *wait, "--json", cwd=tmp_path).stdout)
    assert (over["valid"], over["sold"]) == (True, 0)
    left = json.loads(ticketlab("race", *words, "--hold", "30s", "--abandon", "1", "--json", cwd=tmp_path).stdout)
    assert (left["valid"], left["sold"]) == (True, 0)
    assert [hold["hold"] for hold in left["books"]["stocks"]["main"]["holds"]] == ["1.1"]


def test_a_case_with_holds_replays(tmp_path: Path) -> None:
    words = ["--store", "json:in-place", "--buyers", "2", "--tickets", "1", "--hold", "30s", "--pay", "20s"]
    found = json.loads(ticketlab("explore", *words, "--json", cwd=tmp_path).stdout)
    assert found["confirmed"] == "confirmed on real processes"
    assert found["command"] == " ".join(["ticketlab", "explore", *words])
    scenario = json.loads((tmp_path / found["file"]).read_text())["scenario"]
    assert (scenario["hold"], scenario["pay"], scenario["abandon"]) == (30.0, [20.0, 20.0], 0.0)
    again = ticketlab("replay", found["file"], cwd=tmp_path)
    assert again.returncode == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--hold", "soon"], "--hold 'soon' is not a duration: write 50ms or 30s"),
        (["--hold", "1-2s"], "--hold '1-2s' is not one time, more than 0: write 50ms or 30s"),
        (["--hold", "0s"], "--hold '0s' is not one time, more than 0: write 50ms or 30s"),
        (["--hold", "1s", "--pay", "never"], "--pay 'never' is not a duration: write 20ms or 0-100ms"),
        (["--pay", "1s"], "without a hold nobody pays later or abandons an order"),
        (["--hold", "1s", "--abandon", "2"], "2 is no share of all orders: 0 to 1 is needed"),
    ],
)
@pytest.mark.parametrize("command", ["race", "explore"])
def test_bad_input_gets_one_clear_line(command: str, words: list[str], complaint: str, tmp_path: Path) -> None:
    done = refused(command, "--store", "json", "--strategy", "lock", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) <= 2
