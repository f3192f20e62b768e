"""The faults that can be injected into the processes of a plain function."""

from __future__ import annotations

from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultKind
from ticketlab.lab.faults import parse_faults

_IMPOSSIBLE: Final = {
    FaultKind.KILL_SERVICE: "a function has no service process",
    FaultKind.KILL_SERVER: "a function has no server of the lab's",
    FaultKind.LOCKED: "the lab knows no database of the function's",
}
_ON_PROCESSES: Final = frozenset({FaultKind.KILL, FaultKind.TERMINATE})


def faults_of_function(text: str | None, executor: str) -> tuple[Fault, ...]:
    """Read faults as the command line names them; `all` stands for all that can be injected into a function.

    Raises:
        UsageError: one of them is no fault, or cannot be injected into a function, or not on this executor.
    """
    if not text:
        return ()
    every = ",".join(kind.value for kind in FaultKind if kind not in _IMPOSSIBLE)
    faults = parse_faults(every if text == "all" else text)
    refuse_impossible_faults(faults, executor)
    return faults


def refuse_impossible_faults(faults: tuple[Fault, ...], executor: str) -> None:
    """Raise UsageError if one of the faults cannot be injected into a function, or not on this executor."""
    for fault in faults:
        if why := _IMPOSSIBLE.get(fault.kind):
            raise UsageError(f"the fault {fault} cannot be injected into a function: {why}")
        if fault.kind in _ON_PROCESSES and executor == "inline":
            raise UsageError(f"the fault {fault} needs real processes: leave out the executor inline")
