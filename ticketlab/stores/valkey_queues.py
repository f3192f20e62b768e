"""Lists of tickets and streams of orders in Valkey: each access is a command or a script."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Literal

from ticketlab.core.errors import PurchaseError
from ticketlab.core.inventory import Buy, Cancel, Cancelled, Entry, Outcome, Request
from ticketlab.core.pacing import BLOCKED, Blocked, at, block, note
from ticketlab.core.steps import Action, Step
from ticketlab.stores.valkey_connection import ServerCommand, ServerScript, ValkeyConnection
from ticketlab.stores.valkey_session import Keys, ValkeySession, to_text

_GROUP: Final = "clerks"
_ORDERS: Final = "orders"
_SELL: Final = ServerScript("""
local quantity = tonumber(ARGV[1])
if redis.call('LLEN', KEYS[1]) < quantity then
  return {}
end
local tickets = redis.call('LPOP', KEYS[1], quantity)
if ARGV[3] == '1' then
  local entry = '{"buyer": ' .. ARGV[2] .. ', "tickets": [' .. table.concat(tickets, ', ') .. '], "cancels": false}'
  redis.call('RPUSH', KEYS[2], entry)
end
return tickets
""")
"""Takes tickets out of the list and enters the sale; none if there are fewer."""
_GIVE_BACK: Final = ServerScript("""
local quantity = tonumber(ARGV[1])
local last = redis.call('HGET', KEYS[1], 'tickets') + redis.call('HINCRBY', KEYS[1], 'issued', quantity)
for ticket = last - quantity + 1, last do
  redis.call('RPUSH', KEYS[2], string.format('%.0f', ticket))
end
if ARGV[2] ~= '' then
  redis.call('RPUSH', KEYS[3], ARGV[2])
end
""")
"""Puts new numbers in the list, and enters the cancellation; the record's `issued` counts cancelled numbers then."""


class QueueSession(ValkeySession):
    """One buyer's or clerk's connection, by which lists and streams are used as well."""

    def __init__(self, connection: ValkeyConnection, keys: Keys, *, ledger: bool) -> None:
        super().__init__(connection, keys, ledger=ledger)
        self._read_until = "0"  # of the stream, by a clerk that reads all of it

    def count_listed(self, section: str) -> int:
        """Return how many numbers are in a section's list."""
        at(Step(Action.READ, _list(section)))
        count: int = self._server("LLEN", self._keys.tickets(section))
        note("remaining", count)
        return count

    def first_listed(self, section: str, quantity: int) -> tuple[int, ...]:
        """Return the first numbers and leave them where they are."""
        at(Step(Action.READ, _list(section)))
        return tuple(map(int, self._server("LRANGE", self._keys.tickets(section), 0, quantity - 1)))

    def pop_listed(self, section: str, quantity: int) -> tuple[int, ...]:
        """Take the first numbers out of the list, at most `quantity`."""
        at(Step(Action.WRITE, _list(section)))
        return tuple(map(int, self._server("LPOP", self._keys.tickets(section), quantity) or ()))

    def push_listed(self, section: str, tickets: tuple[int, ...]) -> None:
        """Put numbers back at the beginning of the list."""
        at(Step(Action.WRITE, _list(section)))
        self._server("LPUSH", self._keys.tickets(section), *reversed(tickets))

    def enter_sale(self, entry: Entry) -> None:
        """Enter a sale in the ledger."""
        if self._ledger:
            at(Step(Action.APPEND, f"sales:{entry.section}"))
            self._server("RPUSH", self._keys.sales(entry.section), to_text(entry))

    def sell_listed(self, order: Buy) -> tuple[int, ...]:
        """Take as many numbers as are ordered and enter the sale, by one script; none if there are fewer."""
        buyer, section, quantity = order
        at(Step(Action.WRITE, _list(section)))
        keys = self._keys.tickets(section), self._keys.sales(section)
        tickets = tuple(map(int, self._server.script(_SELL, keys, quantity, buyer, int(self._ledger))))
        if not tickets:
            note("refused", quantity)
        return tickets

    def give_back(self, request: Cancel) -> Cancelled:
        """Cancel numbers and put as many new ones at the end of the list, by one script."""
        section, tickets = request.section, request.tickets
        at(Step(Action.WRITE, _list(section)))
        entry = to_text(Entry(request.buyer, section, tickets, cancels=True)) if self._ledger else ""
        keys = self._keys.stock(section), self._keys.tickets(section), self._keys.sales(section)
        self._server.script(_GIVE_BACK, keys, len(tickets), entry)
        return Cancelled(tickets)

    def send_order(self, order: Request | None) -> None:
        """Add an order to the stream, or the sentinel."""
        at(Step(Action.SEND, _ORDERS))
        self._server("XADD", self._keys.orders, "*", "order", _packed(order))

    def receive_order(self, clerk: int, *, grouped: bool, claims: bool) -> tuple[str, Request | None]:
        """Wait for the clerk's next order."""
        place = (Action.READ, f"place of clerk {clerk}")  # others may find one where this clerk finds none
        read = partial(self._next_order, str(clerk), grouped=grouped, claims=claims)
        number, order = block(
            Step(Action.RECEIVE, _ORDERS, also=(place,)),
            lambda: read(waits=False) or BLOCKED,
            lambda: read(waits=True),
        )
        self._read_until = number
        return number, _unpacked(order)

    def _next_order(self, clerk: str, *, grouped: bool, claims: bool, waits: bool) -> Any:
        orders = self._keys.orders
        if claims:
            claimed = self._server("XAUTOCLAIM", orders, _GROUP, clerk, 0, "0-0", "COUNT", 1)[1]
            if claimed:
                return claimed[0][0], claimed[0][1][1]
        waiting: ServerCommand = ("BLOCK", 0) if waits else ()
        which = ("XREADGROUP", "GROUP", _GROUP, clerk) if grouped else ("XREAD",)
        after = ">" if grouped else self._read_until
        found = self._server(*which, "COUNT", 1, *waiting, "STREAMS", orders, after)
        if not found:
            return None
        number, fields = (found[orders] if isinstance(found, dict) else found[0][1])[0]
        return number, fields[1]

    def acknowledge(self, number: str) -> None:
        """Say that an order has been answered."""
        at(Step(Action.WRITE, _ORDERS))
        self._server("XACK", self._keys.orders, _GROUP, number)

    def send_answer(self, buyer: int, answer: Outcome | PurchaseError) -> None:
        """Send an answer to a buyer, who has a list for that."""
        at(Step(Action.SEND, f"answers {buyer}"))
        self._server("RPUSH", self._keys.answers(buyer), _packed(answer))

    def receive_answer(self, buyer: int) -> Outcome | PurchaseError:
        """Wait for the answer to a buyer."""
        key = self._keys.answers(buyer)

        def attempt() -> str | Literal[Blocked.BLOCKED]:
            return self._server("LPOP", key) or BLOCKED

        told = block(Step(Action.RECEIVE, f"answers {buyer}"), attempt, lambda: self._server("BLPOP", key, 0)[1])
        answer: Outcome | PurchaseError = _unpacked(told)
        return answer


def opened_stream(keys: Keys, buyers: Sequence[str]) -> list[ServerCommand]:
    """Return the commands that make the stream empty, with a group that has read nothing of it.

    Its numbers go on from where they were, so that no clerk takes a new order for one that it has read.
    """
    return [
        ("XGROUP", "CREATE", keys.orders, _GROUP, "$", "MKSTREAM"),
        ("XGROUP", "DESTROY", keys.orders, _GROUP),
        ("XTRIM", keys.orders, "MAXLEN", 0),
        ("XGROUP", "CREATE", keys.orders, _GROUP, "$"),
        *([("DEL", *buyers)] if buyers else []),
    ]


def _list(section: str) -> str:
    return f"tickets:{section}"


def _packed(value: object) -> str:
    return base64.b64encode(pickle.dumps(value)).decode()


def _unpacked(text: str) -> Any:
    return pickle.loads(base64.b64decode(text))  # noqa: S301 - what the lab's own processes send
