"""The first lines that run: an interrupt while modules are imported, and a system without Unix's modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import ENVIRONMENT

INTERRUPTED_AT_IMPORT = """
import os, signal, sys

class Interrupting:
    left, number = int(sys.argv.pop(1)), getattr(signal, sys.argv.pop(1))

    def find_spec(self, name, path=None, target=None):
        Interrupting.left -= 1
        if Interrupting.left == 0:
            os.kill(os.getpid(), Interrupting.number)

import ticketlab.__main__
sys.meta_path.insert(0, Interrupting())
ticketlab.__main__.main()
"""
WITHOUT_UNIX = """
import sys
sys.modules["fcntl"] = sys.modules["resource"] = None
from ticketlab.__main__ import main
main()
"""
HISTORY = """{"meta": {"model": "counter", "stock": 1}}
{"process": 1, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": 1, "return_ns": 3}
{"process": 2, "op": "buy", "arg": 1, "result": "soldout", "invoke_ns": 2, "return_ns": 4}
"""


def run(program: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("signal", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("imports", [1, 5, 20, 60, 120, 180])
def test_an_interrupt_while_modules_are_imported_ends_in_one_line(imports: int, signal: str, tmp_path: Path) -> None:
    race = ["race", "--store", "json", "--strategy", "lock", "--buyers", "2", "--latency", "none"]
    done = run(INTERRUPTED_AT_IMPORT, str(imports), signal, *race, cwd=tmp_path)
    assert done.returncode == 130
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("ticketlab: interrupted: ")


def test_nothing_is_imported_before_interrupts_are_answered(tmp_path: Path) -> None:
    program = "import sys; before = set(sys.modules); import ticketlab.__main__; print(set(sys.modules) - before)"
    done = run(program, cwd=tmp_path)
    assert eval(done.stdout) == {"ticketlab", "ticketlab.__main__", "gc"}


def test_alone_it_says_in_five_lines_what_it_is_and_what_to_try(tmp_path: Path) -> None:
    done = run("from ticketlab.__main__ import main; main()", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    tried = [line.split("#")[0].split() for line in lines if line.startswith("  ticketlab ")]
    assert [words[1] for words in tried] == ["race", "explore", "learn"]


@pytest.mark.parametrize("words", [[], ["--json"], ["--json", "--html", "page.html"]])
def test_check_works_without_unix_s_modules(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text(HISTORY)
    done = run(WITHOUT_UNIX, "check", "history.jsonl", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["learn"], ["learn", "1"], ["learn", "1", "--answer"], ["learn", "1", "--run"]])
def test_learn_works_without_unix_s_modules(words: list[str], tmp_path: Path) -> None:
    done = run(WITHOUT_UNIX, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["race", "--store", "json", "--strategy", "lock"],
        ["race"],
        ["explore", "--store", "memory", "--strategy", "none"],
        ["compare", "--stores", "json", "--strategies", "lock"],
    ],
)
def test_what_needs_unix_s_modules_says_so_in_one_line(words: list[str], tmp_path: Path) -> None:
    done = run(WITHOUT_UNIX, *words, cwd=tmp_path)
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "needs a Unix system, with Python's module 'fcntl'" in done.stderr


def test_the_pytest_plugin_loads_without_unix_s_modules(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one():\n    pass\n")
    program = (
        "import sys; sys.modules['fcntl'] = sys.modules['resource'] = None; "
        "import pytest; sys.exit(pytest.main(['-q']))"
    )
    done = run(program, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
