"""More than a hundred correct functions, a hundred executions each: none of them is blamed."""

from __future__ import annotations

import subprocess
import sys


def test_no_correct_function_is_blamed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.right_functions", "--executions", "100"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert ": 0 false alarms; " in done.stdout.splitlines()[-1]
