"""The kit that tests one's own stores, strategies, functions and locks.

Read `functions` first (any function, explored), then `locks` and `lock_check`; `conformance` with `store_laws`,
`hold_laws`, `point_laws` and `strategy_laws`; and `machine`, a state machine. The last needs Hypothesis, and is
imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ticketlab.core.errors import TicketlabError
from ticketlab.lab.exploring.function_workload import Invariant
from ticketlab.testing.conformance import check_store, check_strategy
from ticketlab.testing.functions import FunctionRace, RaceSettings, check_function, replay_function
from ticketlab.testing.lock_check.laws import LOCK_LAWS, check_lock
from ticketlab.testing.lock_check.report import LawResult, LockReport
from ticketlab.testing.locks import guarded
from ticketlab.testing.plain_functions import PlainRace, check_plain_function, replay_plain_function

if TYPE_CHECKING:
    from ticketlab.testing.machine import inventory_machine

__all__ = [
    "LOCK_LAWS",
    "FunctionRace",
    "Invariant",
    "LawResult",
    "LockReport",
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
]

if not TYPE_CHECKING:  # so that a type checker knows a misspelt name

    def __getattr__(name: str) -> Any:
        if name != "inventory_machine":
            raise AttributeError(f"module 'ticketlab.testing' has no attribute {name!r}")
        try:
            from ticketlab.testing.machine import inventory_machine
        except ImportError as error:
            raise TicketlabError(f"{name} needs Hypothesis: pip install 'ticketlab[test]' ({error})") from None
        return inventory_machine
