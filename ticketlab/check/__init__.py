"""Pure judges: histories and books in, verdicts out."""

from ticketlab.check.budget import Budget
from ticketlab.check.columns import UNKNOWN, Call, Columns, MalformedHistory
from ticketlab.check.linearize import check
from ticketlab.check.model import Model, cas_register, counter, holds, seats

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
