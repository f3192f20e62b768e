"""The kit that tests one's own stores, strategies, functions and locks.

Read `functions` first (any function, explored), then `locks` and `lock_check`; `conformance` with `store_laws`,
`hold_laws`, `point_laws` and `strategy_laws`; `machines`, whose rules are called at the same time, with `models`; and
`machine`, a state machine. These need Hypothesis. As in
`ticketlab`, each name is imported when it is first used: a test of a function does not load what tests stores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ticketlab
from ticketlab.core.errors import TicketlabError

if TYPE_CHECKING:
    from ticketlab.lab.exploring.function_workload import Invariant
    from ticketlab.lab.plain.servers import server_url
    from ticketlab.testing.conformance import check_store, check_strategy
    from ticketlab.testing.functions import FunctionRace, RaceSettings, check_function, replay_function
    from ticketlab.testing.lock_check.laws import LOCK_LAWS, check_lock
    from ticketlab.testing.lock_check.report import LawResult, LockReport
    from ticketlab.testing.locks import guarded
    from ticketlab.testing.machine import inventory_machine
    from ticketlab.testing.machines.program import MachineProgram
    from ticketlab.testing.plain_functions import PlainRace, check_plain_function, replay_plain_function

__all__ = [
    "LOCK_LAWS",
    "FunctionRace",
    "Invariant",
    "LawResult",
    "LockReport",
    "MachineProgram",
    "PlainRace",
    "RaceSettings",
    "check_function",
    "check_lock",
    "check_plain_function",
    "check_store",
    "check_strategy",
    "guarded",
    "inventory_machine",
    "replay_function",
    "replay_plain_function",
    "server_url",
]

_HOMES: Final = {
    "ticketlab.lab.exploring.function_workload": ("Invariant",),
    "ticketlab.lab.plain.servers": ("server_url",),
    "ticketlab.testing.conformance": ("check_store", "check_strategy"),
    "ticketlab.testing.functions": ("FunctionRace", "RaceSettings", "check_function", "replay_function"),
    "ticketlab.testing.lock_check.laws": ("LOCK_LAWS", "check_lock"),
    "ticketlab.testing.lock_check.report": ("LawResult", "LockReport"),
    "ticketlab.testing.locks": ("guarded",),
    "ticketlab.testing.machine": ("inventory_machine",),
    "ticketlab.testing.machines.program": ("MachineProgram",),
    "ticketlab.testing.plain_functions": ("PlainRace", "check_plain_function", "replay_plain_function"),
}

if not TYPE_CHECKING:  # so that a type checker knows a misspelt name
    _get = ticketlab._lazy(__name__, _HOMES, globals())

    def __getattr__(name: str) -> Any:
        try:
            return _get(name)
        except ImportError as error:
            if name != "inventory_machine":
                raise
            raise TicketlabError(f"{name} needs Hypothesis: pip install 'ticketlab[test]' ({error})") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
