"""A function's participants as the commands of a program, and what comes of each call."""

from __future__ import annotations

import inspect
import os
import pickle
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.verdict import Anomaly
from ticketlab.gate.starting.functions import Parts
from ticketlab.lab.exploring.stopping import SearchStopped
from ticketlab.lab.plain.conditions import broken_conditions
from ticketlab.lab.plain.function import FRESH, CallOutcome, PlainFunction, Returned, bound, call_outcome
from ticketlab.lab.plain.workload import lay_out_folder
from ticketlab.lab.programs.program import Program


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


class Outcomes:
    """The files in which the director and the participants of an execution keep what came of it, for the lab to read.

    They are written with the place in the file: what is written into a file of this folder without is taken for
    printed.
    """

    def __init__(self, plain: PlainFunction, folder: Path, outputs: Path) -> None:
        self._plain, self._folder, self._outputs = plain, folder, outputs
        self._whos = range(1, 1 + plain.processes)

    @property
    def parts(self) -> Parts:
        """What the director and the participants do."""
        return Parts(self._before, self._call, self._after)

    def _before(self) -> None:
        try:
            lay_out_folder(self._plain, self._folder)
        except BaseException as error:
            self._stop(error)
            raise

    def _call(self, who: int) -> int:
        """Call the function as a participant, keep the outcome, and return the exit code of its process."""
        called = bound(self._plain.function, {"folder": self._folder, **self._plain.fixtures, "who": who})
        try:
            outcome = call_outcome(called)
        except BaseException as error:  # of the lab, or of pytest: it concerns the whole search
            self._stop(error)
            return 1
        self._keep(f"{who}.outcome", outcome)
        return 0 if isinstance(outcome, Returned) else 1

    def _after(self, whos: Sequence[int]) -> None:
        """Ask the user's conditions, if all participants have returned something."""
        outcomes = self.of_calls()
        returned = [one.value for one in outcomes.values() if isinstance(one, Returned)]
        if len(whos) == len(returned) == len(self._whos):
            try:
                broken = list(broken_conditions(self._plain, self._folder, returned))
            except BaseException as error:
                self._stop(error)
            else:
                self._keep("broken", broken)

    def forget(self) -> None:
        """Remove what was kept of the execution before."""
        for path in self._outputs.iterdir():
            if path.suffix != ".out":
                path.unlink()

    def raise_stopped(self) -> None:
        """Raise what ends the whole search, if anything does."""
        stopped = self._kept("stopped")
        if stopped is not None:
            raise stopped.error if isinstance(stopped, SearchStopped) else stopped

    def of_calls(self) -> dict[str, CallOutcome]:
        """Return what came of each call that came to its end, by the participant's name."""
        found = {str(who): self._kept(f"{who}.outcome") for who in self._whos}
        return {name: outcome for name, outcome in found.items() if outcome is not None}

    def broken_conditions(self) -> Sequence[Anomaly]:
        """Return which of the user's conditions do not hold, as far as they were asked."""
        return self._kept("broken") or ()

    def _stop(self, error: BaseException) -> None:
        """Keep what ends the whole search: of the lab as it is, of pytest by its name."""
        self._keep("stopped", error if isinstance(error, TicketlabError) else SearchStopped(error))

    def _keep(self, name: str, what: object) -> None:
        data = pickle.dumps(what)
        file, done = os.open(self._outputs / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 0
        while done < len(data):
            done += os.pwrite(file, data[done:], done)
        os.close(file)

    def _kept(self, name: str) -> Any:
        """Return what was kept; None if that was not finished."""
        with suppress(OSError, EOFError, pickle.UnpicklingError):
            return pickle.loads((self._outputs / name).read_bytes())  # noqa: S301 - written by a copy of us
        return None
