"""What the user has run in the folder of a program: the invariant afterwards, and what puts things back before."""

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


def put_back(program: Program, folder: Path) -> None:
    """Run the command, if there is one, that puts back before an execution what stands outside the folder.

    Raises:
        UsageError: it cannot be run.
        TicketlabError: it fails, or does not end.
    """
    if program.reset:
        code, said = _run("reset command", program.reset, folder)
        if code:
            raise TicketlabError(f"the reset command {program.reset[0]} ends with {code}{said}")


def _by_command(command: Sequence[str], folder: Path) -> Iterator[Anomaly]:
    code, said = _run("invariant", command, folder)
    if code:
        yield Anomaly("invariant broken", f"afterwards the invariant ends with {code}{said}")


def _run(what: str, command: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run a command of the user's in the folder; return its exit code, and what it said last."""
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
        raise UsageError(f"the {what} {command[0]} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise TicketlabError(f"the {what} {command[0]} has not ended after {_LONGEST} s") from None
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    return done.returncode, f": {lines[-1]}" if lines else ""
