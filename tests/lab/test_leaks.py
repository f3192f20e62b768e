"""Race after race in one process leaves nothing: `python -m tests.soak.leaks` does a thousand."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_forty_races_leave_no_files_processes_threads_or_shared_memory() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.soak.leaks", "40"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "40 races: 0 went wrong, 0 leaks\n"
