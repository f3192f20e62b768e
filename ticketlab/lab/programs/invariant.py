"""The user's invariant of a program: a command that is run in the folder afterwards, or a Python function."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.verdict import Anomaly
from ticketlab.lab.plain.conditions import broken_condition
from ticketlab.lab.plain.function import bound
from ticketlab.lab.programs.program import Program

_LONGEST: Final = 60  # seconds


def broken_invariant(program: Program, folder: Path, outputs: Sequence[str]) -> Iterator[Anomaly]:
    """Yield that a program's invariant does not hold of a folder and of what each command printed.

    Raises:
        UsageError: the invariant cannot be run, or asks for what is not there.
        TicketlabError: it does not end.
    """
    if callable(program.invariant):
        call = bound(program.invariant, {**program.fixtures, "folder": folder, "outputs": list(outputs)})
        yield from broken_condition("invariant broken", "invariant", "afterwards the invariant is false", call)
    elif program.invariant:
        yield from _by_command(program.invariant, folder)


def _by_command(command: Sequence[str], folder: Path) -> Iterator[Anomaly]:
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            timeout=_LONGEST,
            check=False,
        )
    except OSError as error:
        raise UsageError(f"the invariant {command[0]} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise TicketlabError(f"the invariant {command[0]} has not ended after {_LONGEST} s") from None
    if done.returncode:
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        said = f": {lines[-1]}" if lines else ""
        yield Anomaly("invariant broken", f"afterwards the invariant ends with {done.returncode}{said}")
