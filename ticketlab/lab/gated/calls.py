"""A function's participants as the commands of a program, and what comes of each call."""

from __future__ import annotations

import inspect
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.lab.exploring.stopping import SearchStopped
from ticketlab.lab.plain.function import FRESH, CallOutcome, PlainFunction, Returned, bound, call_outcome
from ticketlab.lab.programs.program import Program

_UNREADABLE: Final = (OSError, EOFError, pickle.UnpicklingError)


@dataclass(frozen=True, kw_only=True)
class Calls(Program):
    """The calls of a plain function, each of which is a command: command N is what participant N does."""

    plain: PlainFunction

    @classmethod
    def of_function(cls, plain: PlainFunction) -> Calls:
        """Return the calls of a function; raises UsageError if they cannot be made under the gate."""
        if plain.in_tasks:
            raise UsageError('gate="kernel" stops processes, and tasks share one: leave it out')
        if plain.folder != FRESH:
            raise UsageError('gate="kernel" lays out a folder of its own each time: leave out folder=None')
        commands = tuple((plain.title, str(who)) for who in range(1, 1 + plain.processes))
        return cls(commands=commands, serial=plain.serial, plain=plain)

    def __post_init__(self) -> None:
        """Nothing has to be there: the function is."""

    @property
    def title(self) -> str:
        """How people call the function."""
        return self.plain.title

    @property
    def sources(self) -> str:
        """The folder of the function's own code; "" if it has none."""
        function = inspect.unwrap(self.plain.function)
        with suppress(TypeError, OSError):
            return str(Path(inspect.getfile(getattr(function, "func", function))).resolve().parent)
        return ""


def caller(plain: PlainFunction, folder: Path, outputs: Path) -> Callable[[int], int]:
    """Return what calls the function as the participant with a number, keeps the outcome and returns an exit code."""

    def call(who: int) -> int:
        called = bound(plain.function, {"folder": folder, **plain.fixtures, "who": who})
        try:
            outcome: CallOutcome | SearchStopped = call_outcome(called)
        except BaseException as error:  # of the lab, or of pytest: it concerns the whole search
            outcome = SearchStopped(error)
        _keep(pickle.dumps(outcome), _outcome_file(outputs, who))
        return 0 if isinstance(outcome, Returned) else 1

    return call


def _keep(data: bytes, path: Path) -> None:
    """Write an outcome: with the place in the file, since what is written without is taken for printed."""
    file, done = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 0
    while done < len(data):
        done += os.pwrite(file, data[done:], done)
    os.close(file)


def _outcome_file(outputs: Path, who: int) -> Path:
    return outputs / f"{who}.outcome"


def forget_outcomes(outputs: Path, processes: int) -> None:
    """Remove the outcomes of the execution before."""
    for who in range(1, 1 + processes):
        _outcome_file(outputs, who).unlink(missing_ok=True)


def outcomes_of(outputs: Path, processes: int) -> dict[str, CallOutcome]:
    """Return what came of each call, by the participant's name, of those that came to their ends.

    Raises what a participant raised to end the whole search.
    """
    found: dict[str, CallOutcome] = {}
    for who in range(1, 1 + processes):
        with suppress(*_UNREADABLE):
            outcome = pickle.loads(_outcome_file(outputs, who).read_bytes())  # noqa: S301 - written by a copy of us
            if isinstance(outcome, SearchStopped):
                raise outcome.error
            found[str(who)] = outcome
    return found
