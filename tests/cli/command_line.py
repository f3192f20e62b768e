"""How the tests call the command line: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import NoReturn

from ticketlab.__main__ import main

ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("TICKETLAB_")} | {"COLUMNS": "120"}


def ticketlab(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ticketlab", *words],
        cwd=cwd,
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        check=False,
    )


IMPORTED_LATER = (
    "cli.compare", "cli.explore", "cli.race", "cli.report", "lab.comparing.comparison", "lab.racing.tour",
    "lab.exploring.explore", "lab.exploring.crash_matrix", "stores.sqlite", "strategies.lock", "launch.pool",
)  # fmt: skip
"""Modules of the lab that commands import when they need them."""


def refused(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that ends before it starts anybody, in a fork of this process, which has imported the lab."""
    for name in IMPORTED_LATER:
        import_module(f"ticketlab.{name}")
    with TemporaryFile() as output, TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            _run_and_exit(words, cwd, output.fileno(), errors.fileno())
        _, status = os.waitpid(child, 0)
        for file in (output, errors):
            file.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return subprocess.CompletedProcess(words, code, output.read().decode(), errors.read().decode())


def _run_and_exit(words: tuple[str, ...], cwd: Path, output: int, errors: int) -> NoReturn:
    code: object = 0
    try:
        os.dup2(output, 1)
        os.dup2(errors, 2)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(ENVIRONMENT)
        sys.argv = ["ticketlab", *words]
        main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        code = 1
        os.write(2, traceback.format_exc().encode())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)
