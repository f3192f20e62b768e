"""A child dies with the process that asked for it, also if that process died before the child was ready."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DEADLINE = 60.0
PROGRAM = """
import multiprocessing, os, sys
from pathlib import Path

from ticketlab.core.system.lifeline import die_with_parent

def child(parent, when):
    with open("alive", "wb", buffering=0) as alive:  # the test reads its end as the end of this process
        alive.write(b"started")
        if when == "late":
            open("go", "rb").read()
        die_with_parent(parent)
        alive.write(b"tied")
        multiprocessing.Event().wait()

if __name__ == "__main__":
    method, when = sys.argv[1:]
    multiprocessing.get_context(method).Process(target=child, args=(os.getpid(), when)).start()
    multiprocessing.Event().wait()
"""


@contextmanager
def parent_of_a_child(method: str, when: str, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a process that starts a child; yield it, and a pipe that ends with the child."""
    (folder / "program.py").write_text(PROGRAM)
    os.mkfifo(folder / "alive")
    os.mkfifo(folder / "go")
    parent = subprocess.Popen([sys.executable, "program.py", method, when], cwd=folder)
    try:
        alive = os.open(folder / "alive", os.O_RDONLY)
        yield parent, alive
        os.close(alive)
    finally:
        parent.kill()
        parent.wait()


def read(pipe: int) -> bytes:
    assert select.select([pipe], [], [], DEADLINE)[0], "the child is still alive"
    return os.read(pipe, 100)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_child_dies_when_its_parent_is_killed(method: str, tmp_path: Path) -> None:
    with parent_of_a_child(method, "at once", tmp_path) as (parent, alive):
        said = b""
        while said != b"startedtied":
            said += read(alive)
        parent.send_signal(signal.SIGKILL)
        assert read(alive) == b""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_child_that_is_tied_after_its_parent_s_death_dies_at_once(method: str, tmp_path: Path) -> None:
    with parent_of_a_child(method, "late", tmp_path) as (parent, alive):
        assert read(alive) == b"started"
        parent.kill()
        parent.wait()
        with open(tmp_path / "go", "wb"):  # opening it lets the child go on
            pass
        assert read(alive) == b""
