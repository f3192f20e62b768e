"""What can stop a function's participants at their steps."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ticketlab.core.errors import UsageError, unknown_name

KERNEL: Final = "kernel"
"""The kernel stops the system calls of real processes, whoever makes them."""
GATES: Final = ("probes", KERNEL)
"""All of them: the probes stand in for Python's calls."""
_KINDS: Final = ("threads", "tasks", "executor")
_NOT_UNDER_KERNEL: Final = (*_KINDS, "faults", "atomic_accesses", "server")


def check_gate(gate: str, given: Collection[str]) -> None:
    """Raise UsageError if a gate is unknown, or does not go with one of the given settings."""
    if gate not in GATES:
        raise unknown_name("gate", gate, GATES)
    for setting in _NOT_UNDER_KERNEL if gate == KERNEL else ():
        if setting in given:
            why = "it stops real processes at their system calls" if setting in _KINDS else "the probes alone know it"
            name = setting.replace("_", " ")
            raise UsageError(f"the gate kernel does not go with {name}: {why}; leave one of them out")
