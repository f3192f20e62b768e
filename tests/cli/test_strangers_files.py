"""What strangers wrote, on a terminal: shown, never obeyed; and settings of any kind are one line at worst."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.command_line import ticketlab

EVIL = "\x1b]0;pwned\x07\x1b[31m\x9b2J\u202e"


def obeyed(output: str) -> list[str]:
    return [
        each for each in output if (each < " " and each not in "\n\t") or "\x7f" <= each <= "\x9f" or each == "\u202e"
    ]


def test_a_history_cannot_control_the_terminal(tmp_path: Path) -> None:
    rows = [{"meta": {"model": "counter", "stock": {EVIL: 1, "other": 1}}}] + [
        {"process": n, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": n, "return_ns": 9, "section": EVIL}
        for n in (1, 2, 3)
    ]
    (tmp_path / "h.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    done = ticketlab("check", "h.jsonl", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert obeyed(done.stdout) == []
    found = ticketlab("check", "h.jsonl", "--json", cwd=tmp_path)
    assert obeyed(found.stdout) == []
    assert "\x1b" not in found.stdout


def test_a_kept_result_cannot_control_the_terminal(tmp_path: Path) -> None:
    assert ticketlab("explore", "--buyers", "2", cwd=tmp_path).returncode == 1
    path = tmp_path / ".ticketlab" / "runs" / "latest" / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"command": EVIL}))
    for words in (["runs"], ["runs", "--json"]):
        done = ticketlab(*words, cwd=tmp_path)
        assert (done.returncode, obeyed(done.stdout + done.stderr)) == (0, [])
        assert "pwned" in done.stdout


def test_a_name_that_is_no_text_is_shown_all_the_same(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\x1b[31m.json")
    (tmp_path / name).write_text("{")
    for words in (["race", "--stock", name], ["report", name], ["replay", name], ["check", name]):
        done = ticketlab(*words, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n"), obeyed(done.stderr)) == (2, 1, []), words


@pytest.mark.parametrize(
    "line",
    ["buyers = []", "buyers = true", "buyers = 1979-05-27", 'folder = "a\\u0000b"', "ledger = 3", "store = {}",
     "timeout = nan", "timeout = inf", "timeout = -1", "latency = 5", "stock = [1]", "keep = -1", "html = 1.5e300",
     "orders = 99999999999999999999", 'quantity = "1-99999999999999999999"', "seed = " + "9" * 5000, "a.b = [[[",
     "x = " + "[" * 50_000, ".".join("a" * 5000) + " = 1"],
    ids=lambda line: line[:20],
)  # fmt: skip
def test_settings_of_any_kind_are_one_line_at_worst(line: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.ticketlab.race]\n{line}\n")
    done = ticketlab("race", "--store", "json", "--strategy", "atomic", cwd=tmp_path)  # which is refused anyway
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_lists_in_settings_are_several_values(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.ticketlab.compare]\nstores = ["json"]\nstrategies = "atomic"\n')
    done = ticketlab("compare", cwd=tmp_path)
    assert done.stderr == (
        "ticketlab: nothing to compare: atomic needs a conditional update in one statement; json has none "
        "(see ticketlab strategies)\n"
    )
