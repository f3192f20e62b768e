"""The messages of a box office: a request or an answer as one line of JSON, `["buy", buyer, section, quantity]`."""

from __future__ import annotations

import json
from math import inf
from typing import Any, Final, cast

from ticketlab.core import strict_json
from ticketlab.core.errors import Conflict, GaveUp, PurchaseError, TornRead
from ticketlab.core.inventory import (
    MOST_TICKETS,
    Buy,
    Cancel,
    Cancelled,
    Confirm,
    Expired,
    Found,
    Held,
    Hold,
    Outcome,
    Request,
    Search,
    Sold,
    SoldOut,
)

_OUTCOMES: Final[dict[str, type[Outcome]]] = {
    each.__name__.lower(): each for each in (Sold, SoldOut, Found, Cancelled, Held, Expired)
}
_ERRORS: Final[dict[str, type[PurchaseError]]] = {
    kind.__name__: kind for kind in (TornRead, Conflict, GaveUp, PurchaseError)
}


def format_request(request: Request) -> bytes:
    """Return a request as a line."""
    return json.dumps([type(request).__name__.lower(), *request]).encode() + b"\n"


def parse_request(line: bytes) -> Request:
    """Read a request; raises ValueError for anything else."""
    match strict_json.parse(line):
        case ["buy", buyer, str(section), quantity] if _counts(buyer, quantity):
            return Buy(buyer, section, quantity)
        case ["search", buyer, str(section)] if _counts(buyer):
            return Search(buyer, section)
        case ["hold", buyer, str(section), quantity, int() | float() as seconds, str(hold)] if (
            _counts(buyer, quantity) and 0 < seconds < inf
        ):
            return Hold(buyer, section, quantity, seconds, hold)
        case ["confirm", buyer, str(section), str(hold), _] if _counts(buyer):
            return Confirm(buyer, section, hold)
        case ["cancel", buyer, str(section), [*tickets], str(hold)] if _counts(buyer, *tickets):
            return Cancel(buyer, section, tuple(tickets), hold)
    raise ValueError("not a request")


def _counts(*numbers: object) -> bool:
    """Whether all are whole numbers from 1 that every store keeps exactly."""
    return all(type(number) is int and 1 <= number < MOST_TICKETS for number in numbers)


def format_answer(answer: Outcome | PurchaseError) -> bytes:
    """Return what came of a request as a line."""
    if isinstance(answer, PurchaseError):
        return json.dumps(["error", type(answer).__name__, str(answer)]).encode() + b"\n"
    return json.dumps([type(answer).__name__.lower(), *answer]).encode() + b"\n"


def parse_answer(line: bytes) -> Outcome | PurchaseError:
    """Read what came of a request."""
    kind, *fields = json.loads(line)
    if kind == "error":
        return _ERRORS.get(fields[0], PurchaseError)(fields[1])
    make: Any = _OUTCOMES[kind]
    return cast("Outcome", make(*(tuple(field) if isinstance(field, list) else field for field in fields)))
