"""Pure judges: histories and books in, verdicts out."""

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
