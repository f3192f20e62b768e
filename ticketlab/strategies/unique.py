"""A unique key on ticket numbers: the database refuses the second row for a number, whoever inserts it."""

from __future__ import annotations

from ticketlab.core.plugin import Capability, StrategyKind
from ticketlab.strategies.numbered import InsertNumbers
from ticketlab.strategies.wrong import CountThenInsert

KIND = StrategyKind(
    name="unique",
    summary="INSERT ... ON CONFLICT DO NOTHING: a unique key on ticket numbers",
    variants={
        "key": "inserts the lowest free number; if another buyer came first, takes the next one",
        "count-check": "counts what is sold, and inserts the next number without a key (wrong)",
    },
    needs=frozenset({Capability.TRANSACTION, Capability.NUMBERED_TICKETS}),
    build=lambda variant: CountThenInsert() if variant == "count-check" else InsertNumbers(),
    wrong=frozenset({"count-check"}),
    reasons={"": "the database accepts each ticket number once"},
    parts={"": ("a transaction", "a unique key", "a retry when refused")},
    without_holds=frozenset({"key", "count-check"}),
)
