"""Processes that a buyer started and left behind end with the lab; the lab's own end in order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cli.command_line import ENVIRONMENT
from tests.cli.whole_lab import wait_until

PROGRAM = """
import os, signal, subprocess, sys
from ticketlab import cli

def command(*_, **__):
    cli.LazyGroup().get_command(None, "race")
    from ticketlab.core.system.fork import ForkedProcess

    def buyer():
        print(subprocess.Popen(["sleep", "1000"], start_new_session=True).pid, flush=True)

    one = ForkedProcess(buyer)
    one.start()
    one.join()
    import multiprocessing
    manager = multiprocessing.Manager()
    print(manager._process.pid, flush=True)
    if sys.argv[1:] == ["interrupted"]:
        signal.raise_signal(signal.SIGINT)

cli.cli.main = command
cli.main()
"""


def is_living(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize(("how", "code"), [("undisturbed", 0), ("interrupted", 130)])
def test_what_a_buyer_leaves_behind_ends_with_the_lab(how: str, code: int, tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="lab-") as temporary:  # short, since there are sockets in it
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, how],
            cwd=tmp_path,
            env=ENVIRONMENT | {"TMPDIR": temporary},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        left, manager = map(int, done.stdout.split())
        wait_until(lambda: not is_living(left) and not is_living(manager))
        assert list(Path(temporary).iterdir()) == []
