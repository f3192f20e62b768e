"""Footprints: the resources on which others can notice that a participant, or the server, has died.

A search need order a death only with steps on these resources.
"""

from __future__ import annotations

from typing import Final

from ticketlab.core.steps import Action
from ticketlab.explorer.analysis.execution import Execution

_DATA: Final = frozenset({Action.READ, Action.WRITE, Action.TRUNCATE, Action.FLUSH, Action.RENAME})
_MESSAGES: Final = frozenset({Action.SEND, Action.RECEIVE})


def footprint(execution: Execution, who: int) -> frozenset[str]:
    """Return where others may notice a participant's end: what it held or sent, and not data that it left behind."""
    trace = execution.trace
    steps = (step for mover, step in zip(trace.who, trace.steps, strict=True) if mover == who)
    return frozenset(step.resource for step in steps if step.action not in _DATA and not step.in_memory)


def servers_footprint(execution: Execution) -> frozenset[str]:
    """Return what may change when the store's server dies: everything but messages between buyers and clerks."""
    return frozenset(step.resource for step in execution.trace.steps if step.action not in _MESSAGES)
