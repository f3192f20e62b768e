"""The faults that can be injected into the processes of a program."""

from __future__ import annotations

from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultKind
from ticketlab.lab.faults import parse_faults

_POSSIBLE: Final = (
    *(FaultKind.KILL, FaultKind.TERMINATE, FaultKind.DISK_FULL, FaultKind.IO_ERROR, FaultKind.SHORT_WRITE),
    FaultKind.NO_FILES,
)
_WHY_NOT: Final = {
    FaultKind.PAUSE: "every schedule in which it moves late is tried without it",
    FaultKind.CLOCK: "only Python processes have a clock of their own",
}


def faults_of_program(text: str | None) -> tuple[Fault, ...]:
    """Read faults as the command line names them; `all` stands for all that can be injected into a program.

    Raises UsageError if one of them is no fault, or cannot be injected into a program.
    """
    if not text:
        return ()
    faults = parse_faults(",".join(kind.value for kind in _POSSIBLE) if text == "all" else text)
    for fault in faults:
        if fault.kind not in _POSSIBLE:
            why = _WHY_NOT.get(fault.kind, "the lab knows no such part of a program")
            raise UsageError(f"the fault {fault} cannot be injected into a program: {why}")
    return faults
