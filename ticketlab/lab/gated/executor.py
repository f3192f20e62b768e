"""An executor of plain functions under the gate: each participant is a process that is forked from the lab."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, chdir
from dataclasses import replace

from ticketlab.core.steps import Action
from ticketlab.explorer.executors.executor import STALL_TIMEOUT, STEPS
from ticketlab.gate.sight import Sight
from ticketlab.gate.starting.functions import FunctionStarter
from ticketlab.lab.gated.calls import Calls, caller, forget_outcomes, outcomes_of
from ticketlab.lab.plain.function import CallOutcome, PlainFunction, Raised
from ticketlab.lab.plain.workload import lay_out_folder
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.layout import empty
from ticketlab.lab.programs.moves import Moves
from ticketlab.lab.programs.run import ProcessEnd


class FunctionExecutor(ProgramExecutor):
    """Runs the calls of a function; `outcomes` has what came of them in the last execution, by the callers' names."""

    def __init__(
        self,
        calls: Calls,
        *,
        steps: int = STEPS,
        stall_timeout: float = STALL_TIMEOUT,
        seed: int = 0,
        points: Sequence[str] = (),
    ) -> None:
        super().__init__(calls, steps=steps, stall_timeout=stall_timeout, seed=seed, points=points)
        self.calls = calls
        self.outcomes: dict[str, CallOutcome] = {}

    @property
    def plain(self) -> PlainFunction:
        """The function."""
        return self.calls.plain

    def _open(self, undo: ExitStack) -> FunctionStarter:
        undo.enter_context(chdir(self.folder))
        self._lay_out()  # what `reset` makes in memory is there before the lab is forked
        call = caller(self.plain, self.folder, self._folders.outputs)
        self._forked = undo.enter_context(FunctionStarter(call, self.calls.sources, *self._folders))
        self.outside.update(dict.fromkeys(self._forked.inherited.outside))
        return self._forked

    def _lay_out(self) -> None:
        empty(self.folder)
        empty(self._folders.temporary)
        forget_outcomes(self._folders.outputs, self.plain.processes)
        lay_out_folder(self.plain, self.folder)

    def _sight(self) -> Sight:
        sight, inherited = super()._sight(), self._forked.inherited
        sight.inherit(inherited.files, inherited.channels, inherited.memory)
        return sight

    @property
    def _sources(self) -> str:
        return self.calls.sources

    def _learn(self, moves: Moves) -> None:
        super()._learn(moves)
        self.outcomes = outcomes_of(self._folders.outputs, self.plain.processes)
        self.run_of = replace(self.run_of, ends=[self._with_outcome(end) for end in self.run_of.ends])
        for name in self._forked.inherited.channels.values():
            done = moves.touched.get(name, {}).values()
            if any(action is not Action.CLOSE for actions in done for action in actions):
                self.outside[f"{name} was open before the processes began, and what is in it is not put back"] = None

    def _with_outcome(self, end: ProcessEnd) -> ProcessEnd:
        """Return the end of a process with what is compared of it: of functions it is the outcome, not the output."""
        outcome = self.outcomes.get(end.name)
        if isinstance(outcome, Raised):
            outcome = outcome._replace(where="")
        return end._replace(told=repr(outcome) if outcome is not None else "")
