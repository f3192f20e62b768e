"""The lab is killed or interrupted in the middle of its work: nobody goes on, and nothing is left behind."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.command_line import ENVIRONMENT, ticketlab
from tests.cli.whole_lab import DEADLINE, WholeLab, wait_until
from ticketlab.lab.artifacts.race_folder import IN_MEMORY

FOR_EVER = ["--buyers", "4", "--latency", "read=500s"]
EXPLORE = ["explore", "--executor", "processes", "--policy", "random", "--orders", "3", "--executions", "1000000000"]
WORK: dict[str, tuple[Sequence[str], int]] = {
    "fork": (["race", "--store", "json", "--strategy", "lock", *FOR_EVER], 5),
    "forkserver": (["race", "--store", "json", "--strategy", "lock", "--launcher", "process:forkserver", *FOR_EVER], 7),
    "spawn": (["race", "--store", "json", "--strategy", "lock", "--launcher", "process:spawn", *FOR_EVER], 6),
    "pool": (["race", "--store", "json", "--strategy", "lock", "--launcher", "pool:3", *FOR_EVER], 4),
    "threads": (["race", "--store", "json", "--strategy", "clerk", "--launcher", "threads", *FOR_EVER], 2),
    "manager": (["race", "--store", "manager", "--strategy", "manager-lock", *FOR_EVER], 6),
    "office": (["race", "--store", "sqlite", "--strategy", "clerk:socket,server=process", *FOR_EVER], 6),
    "offices": (["race", "--store", "sqlite", "--strategy", "clerk:socket,server=pool", *FOR_EVER], 9),
    "tour": (["race", "--buyers", "4", "--latency", "read=500s"], 5),
    "explore": ([*EXPLORE, "--strategy", "lock"], 4),
    "explore a manager": ([*EXPLORE, "--store", "manager", "--strategy", "manager-lock"], 5),
    "compare": (["compare", "--stores", "json,manager", "--strategies", "lock,clerk", "--seconds", "3600"], 5),
}


@pytest.mark.parametrize("work", WORK)
def test_a_lab_that_is_killed_leaves_no_orphans_and_no_shared_memory(work: str, tmp_path: Path) -> None:
    words, processes = WORK[work]
    with WholeLab(words, tmp_path) as lab:
        lab.await_started(processes)
        lab.command.kill()
        lab.await_end()


TWICE = ("forkserver", "manager", "offices", "explore", "compare")
"""Helpers of every kind, which a second signal meets while they are being ended."""


@pytest.mark.slow
@pytest.mark.parametrize(("work", "times"), [*((work, 1) for work in WORK), *((work, 2) for work in TWICE)])
def test_ctrl_c_ends_in_one_line_and_leaves_nothing_behind(work: str, times: int, tmp_path: Path) -> None:
    words, processes = WORK[work]
    with WholeLab(words, tmp_path) as lab:
        lab.await_started(processes)
        for _ in range(times):
            lab.interrupt()
        output, errors = lab.await_end()
    assert lab.command.returncode == 130
    keeps = "explore" in work and "--resume" in output  # unless the second signal came before it was kept
    assert output == "" or keeps
    assert errors == "ticketlab: interrupted: all processes were stopped, and nothing is left behind\n"
    assert lab.left == []
    assert list(IN_MEMORY.glob(f"race-{lab.command.pid}-*")) == []
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert set(left) <= {".lock", *(("result.json", "search.json", "timeline.json") if keeps else ())}


@pytest.mark.slow
def test_ctrl_c_while_a_cluster_starts_ends_in_one_line(tmp_path: Path) -> None:
    """Its workers are processes of Dask's, which would print the traceback of an interrupt in their imports."""
    pytest.importorskip("distributed")
    race = ["race", "--store", "json", "--strategy", "flock", "--launcher", "dask", "--cluster", "local:2"]
    with WholeLab(race, tmp_path) as lab:
        lab.await_started(4)  # with what keeps account of shared memory
        lab.interrupt()
        output, errors = lab.await_end()
    assert (lab.command.returncode, output) == (130, "")
    assert errors == "ticketlab: interrupted: all processes were stopped, and nothing is left behind\n"
    assert lab.left == []


def test_the_live_folder_of_a_killed_lab_is_swept_up_by_the_next(tmp_path: Path) -> None:
    words, processes = WORK["fork"]
    with WholeLab(words, tmp_path) as lab:
        lab.await_started(processes)
        lab.command.kill()
        lab.await_end()
    live = tmp_path / ".ticketlab" / "live"
    assert list(live.glob("race-*")) != []
    race = ["race", "--store", "json", "--strategy", "lock", "--buyers", "2", "--latency", "none"]
    assert ticketlab(*race, cwd=tmp_path).returncode == 0
    assert list(live.glob("race-*")) == []


def test_on_a_terminal_the_progress_line_is_erased_and_the_cursor_is_there(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ticketlab", "race", "--buyers", "3", "--latency", "read=500s"]
    lab = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while b"[1/" not in shown:
        shown += os.read(ours, 4096)
    wait_until(lambda: len(Path(f"/proc/{lab.pid}/task/{lab.pid}/children").read_text().split()) >= 3)
    lab.send_signal(signal.SIGINT)
    assert lab.wait(DEADLINE) == 130
    shown += os.read(ours, 4096)
    os.close(ours)
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h"), "a cursor that was hidden is shown again"
    assert b"\r\x1b[2Kticketlab: interrupted:" in shown


def test_who_has_read_enough_of_the_output_is_no_error(tmp_path: Path) -> None:
    race = ["race", "--store", "json", "--strategy", "lock", "--buyers", "2", "--latency", "none"]
    lab = subprocess.Popen(
        [sys.executable, "-m", "ticketlab", *race], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert lab.stdout is not None
    lab.stdout.close()
    lab.stdout = None
    _, errors = lab.communicate(timeout=DEADLINE)
    assert (lab.returncode, errors) == (0, "")


def test_an_interrupt_while_a_class_is_made_is_told_as_one(tmp_path: Path) -> None:
    """Python raises a RuntimeError in its place, whose cause it is."""
    program = """
import signal, sys
from ticketlab import cli

class Interrupting:
    def __set_name__(self, owner, name):
        signal.raise_signal(signal.SIGINT)

def command(*_, **__):
    class Made:
        attribute = Interrupting()

cli.cli.main = command
cli.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr == "ticketlab: interrupted: all processes were stopped, and nothing is left behind\n"


def test_an_interrupt_that_python_has_to_drop_is_told_all_the_same(tmp_path: Path) -> None:
    """An exception that is raised in the callback of a weak reference goes nowhere."""
    program = """
import signal, threading, weakref
from ticketlab import cli

class Short:
    pass

def command(*_, **__):
    short = Short()
    reference = weakref.ref(short, lambda _: signal.raise_signal(signal.SIGINT))
    del short
    threading.Event().wait()

cli.cli.main = command
cli.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr == "ticketlab: interrupted: all processes were stopped, and nothing is left behind\n"
