"""A program as its participants run it: call after call, each told to the explorer when it begins and when it ends."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final

from ticketlab.core.pacing import at, note
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.lab.plain.function import CallOutcome, Returned, call_outcome
from ticketlab.probes.here import probed
from ticketlab.testing.machines.program import PlannedCall
from ticketlab.testing.machines.specification import MadeCall, outcome_text

if TYPE_CHECKING:
    from ticketlab.testing.machines.machine import ConcurrentMachine

ALL_CALLS: Final = "calls"
"""The resource of all calls: which of them have returned when another is invoked."""
_BEGUN: Final = "call begun"
_ENDED: Final = "call ended"
SHOWN: Final = "returned"
"""This note says what came of a call, as tables show it."""


def _ignored(_: Step) -> None:
    """Do nothing: whoever is no participant has no schedule."""


_point = probed(_ignored, at)
_note = probed(lambda _what, _value: None, note)


class MachineRun:
    """The participants of a program; each calls `take_part`, or has `attend` run as a task."""

    def __init__(self, machine: ConcurrentMachine, planned: Sequence[Sequence[PlannedCall]], *, in_time: bool) -> None:
        self.machine = machine
        self.planned = planned
        self._in_time = in_time
        self.initial: dict[str, Any] = {}

    def take_part(self, who: int) -> None:
        """Make the calls of one participant, from 1."""
        results: list[Any] = []
        for place, call, given in self._due(who, results):
            resource = ALL_CALLS if self._in_time else f"{ALL_CALLS} of {who}"
            _point(Step(Action.INVOKE, resource, path=str(call)))
            _note(_BEGUN, place)
            outcome = call_outcome(partial(self._called, call.op, given, who))
            _point(Step(Action.RETURN, resource, path=str(call)))
            _tell(place, outcome, results)

    async def attend(self, who: int) -> None:
        """Make the calls of one task, from 1; others may go on between them."""
        from asyncio import sleep

        results: list[Any] = []
        for place, call, given in self._due(who, results):
            if place:
                await sleep(0)
            _note(_BEGUN, place)
            outcome = await _awaited(partial(self._called, call.op, given, who))
            _tell(place, outcome, results)

    def _due(self, who: int, results: list[Any]) -> Iterator[tuple[int, PlannedCall, Mapping[str, Any]]]:
        """Yield the calls that a participant makes, by its results so far; None is that of a call that it does not."""
        for place, call in enumerate(self.planned[who - 1]):
            if (given := call.given(results, self.initial)) is None:
                results.append(None)
            else:
                yield place, call, given

    def _called(self, op: str, given: Mapping[str, Any], who: int) -> Any:
        more = {"who": who} if self.machine.asks_who(op) else {}
        return getattr(self.machine, op)(**given, **more)

    def made(self, execution: Execution) -> list[MadeCall]:
        """Return the calls that were made in an execution, in the order in which they were invoked.

        Times count the events of all calls, so no two are the same.
        """
        trace, events = execution.trace, [one for one in execution.notes if one.what in (_BEGUN, _ENDED)]
        begun: dict[tuple[int, int], int] = {}
        ended: dict[tuple[int, int], tuple[int, CallOutcome, str]] = {}
        for time, event in enumerate(events):
            who = trace.who[event.step]
            if event.what == _BEGUN:
                begun[who, int(event.value)] = time
                continue
            place, outcome = pickle.loads(str(event.value).encode("latin-1"))  # noqa: S301 - a participant wrote it
            ended[who, place] = time, outcome, str(event.value)
        results = {key: outcome.value for key, (_, outcome, _) in ended.items() if isinstance(outcome, Returned)}
        found = []
        for (who, place), invoked in begun.items():
            own = [results.get((who, each)) for each in range(place)]
            given = self.planned[who][place].given(own, self.initial)
            returned, outcome, told = ended.get((who, place), (len(events), None, str(place)))
            found.append(MadeCall(who, self.planned[who][place].op, given or {}, outcome, invoked, returned, told))
        return found


def _tell(place: int, outcome: CallOutcome, results: list[Any]) -> None:
    """Tell the explorer what came of a call, and put its result with those before it."""
    _note(_ENDED, pickle.dumps((place, outcome)).decode("latin-1"))
    _note(SHOWN, outcome_text(outcome))
    results.append(outcome.value if isinstance(outcome, Returned) else None)


async def _awaited(call: Callable[[], Any]) -> CallOutcome:
    """Return what came of a call, a coroutine or not."""
    try:
        value = call()
        if isawaitable(value):
            value = await value
    except Exception as error:
        return call_outcome(partial(_raise, error))
    return call_outcome(lambda: value)


def _raise(error: Exception) -> None:
    raise error
