"""An executor of plain functions under the gate: each participant is a process that is forked from the lab."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, chdir
from dataclasses import replace
from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.steps import Action
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.executors.executor import STALL_TIMEOUT, STEPS
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place
from ticketlab.gate.sight import Sight
from ticketlab.gate.starting.functions import FunctionStarter
from ticketlab.lab.gated.calls import Calls, Outcomes
from ticketlab.lab.plain.function import CallOutcome, PlainFunction, Raised
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.layout import empty
from ticketlab.lab.programs.moves import Moves
from ticketlab.lab.programs.run import ProcessEnd, Touches

_LISTENER: Final = re.compile(r"port \d+$|socket (?![\d.t]+$)")
_OBJECT: Final = re.compile(r"object(#\d+)?($|[.\[])")  # behind a proxy that nobody made in the execution


class FunctionExecutor(ProgramExecutor):
    """Runs the calls of a function.

    `outcomes` has what came of them in the last execution, by the callers' names, and `broken` which of the user's
    conditions do not hold, if all have returned.
    """

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
        self.outcomes: Mapping[str, CallOutcome] = {}
        self.broken: Sequence[Anomaly] = ()

    @property
    def plain(self) -> PlainFunction:
        """The function."""
        return self.calls.plain

    def run(
        self, policy: Policy, without: frozenset[Place] = NOTHING, fault_points: FaultPoints = ()
    ) -> Execution | None:
        """Run the policy's next execution; raises what somebody raised in it to end the whole search."""
        try:
            return super().run(policy, without, fault_points)
        except TicketlabError:
            self._outcomes.raise_stopped()  # which is why it could not begin
            raise

    def _open(self, undo: ExitStack) -> FunctionStarter:
        undo.enter_context(chdir(self.folder))
        self._outcomes = Outcomes(self.plain, self.folder, self._folders.outputs)
        self._forked = FunctionStarter(self._outcomes.parts, self.calls.sources, *self._folders)
        return undo.enter_context(self._forked)

    def _lay_out(self) -> None:
        """Empty the folder; what lays it out is part of an execution."""
        empty(self.folder)
        empty(self._folders.temporary)
        self._outcomes.forget()

    def _sight(self) -> Sight:
        sight, self._inherited = super()._sight(), self._forked.inherited
        sight.inherit(self._inherited)
        return sight

    @property
    def _sources(self) -> str:
        return self.calls.sources

    def _learn(self, moves: Moves) -> None:
        super()._learn(moves)
        self._outcomes.raise_stopped()
        self._refuse_strangers(moves.touched)
        self.outcomes, self.broken = self._outcomes.of_calls(), self._outcomes.broken_conditions()
        self.run_of = replace(self.run_of, ends=[self._with_outcome(end) for end in self.run_of.ends])
        self.outside.update(dict.fromkeys(self._inherited.outside))
        for inode, name in self._inherited.channels.items():
            done = moves.touched.get(name, {})
            if _is_used(done) and not self._forked.was_put_back(inode):
                self.outside[f"{name} was open before the processes began, and what is in it is not put back"] = None

    def _refuse_strangers(self, touched: Mapping[str, Touches]) -> None:
        """Raise TicketlabError if a participant spoke to somebody who was there before all participants.

        Nobody sees what such a server does, so who waits for its answer may look as if it waited for ever.
        """
        before = {name for inode, name in self._inherited.channels.items() if not self._forked.is_new(inode)}
        for resource, by in touched.items():
            connects = any(Action.SEND in done for done in by.values()) and bool(_LISTENER.match(resource))
            is_own = any(Action.SET in done for done in by.values())
            remote = bool(_OBJECT.match(resource)) and resource not in self.run_of.files
            inherited = resource in before and resource.startswith("socket") and _is_used(by)
            if remote or inherited or (connects and not is_own):
                who = self.run_of.names[min(by)]
                raise TicketlabError(
                    f"process {who} speaks to somebody who was there before it ({resource}), and whom the gate does "
                    "not control: make that in the function, or leave the gate out"
                )

    def _with_outcome(self, end: ProcessEnd) -> ProcessEnd:
        """Return the end of a process with what is compared of it: of functions it is the outcome, not the output."""
        outcome = self.outcomes.get(end.name)
        if isinstance(outcome, Raised):
            outcome = outcome._replace(where="")
        return end._replace(told=repr(outcome) if outcome is not None else "")


def _is_used(by: Touches) -> bool:
    """Whether anybody did more to a channel than to close it, as the end of a process does."""
    return any(action is not Action.CLOSE for done in by.values() for action in done)
