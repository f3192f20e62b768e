"""Pure judges: histories and books in, verdicts out.

Reading order: `columns` (a history in memory), `jsonl` (from its file), `log_mapping` and `mapped_log` (from a log of
one's own); `model` (specifications as values), `plain_model` (plain classes) and `structures` (ten of these);
`linearize` (`check`, the way in); the exact methods `search` (any model), `counters` with `units`, `frontier` and
`sale_order`, `numbered_seats`, `timed_holds`; `explain` and `counter_messages` (proofs and sentences); `budget`. Apart
from these, without times: `sums`, and its users `books` (a race's receipts) and `final_state` (a history with its
books).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ticketlab

if TYPE_CHECKING:
    from ticketlab.checker.budget import Budget
    from ticketlab.checker.columns import UNKNOWN, Call, Columns, MalformedHistory
    from ticketlab.checker.linearize import check
    from ticketlab.checker.model import Model, cas_register, counter, holds, seats

__all__ = [
    "UNKNOWN",
    "Budget",
    "Call",
    "Columns",
    "MalformedHistory",
    "Model",
    "cas_register",
    "check",
    "counter",
    "holds",
    "seats",
]

_HOMES: Final = {
    "ticketlab.checker.budget": ("Budget",),
    "ticketlab.checker.columns": ("UNKNOWN", "Call", "Columns", "MalformedHistory"),
    "ticketlab.checker.linearize": ("check",),
    "ticketlab.checker.model": ("Model", "cas_register", "counter", "holds", "seats"),
}

if not TYPE_CHECKING:  # so that a type checker knows a misspelt name
    __getattr__ = ticketlab._lazy(__name__, _HOMES, globals())
