"""Numbered tickets in a list on a server: who pops a number has it, and nobody else can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Buy, Cancel, Entry, Found, Outcome, Request, Search, Sold, SoldOut
from ticketlab.core.plugin import Capability, Perform, Store, StrategyContext, StrategyKind
from ticketlab.core.queues import ListedStore, Listing
from ticketlab.strategies.purchase import BaseStrategy


class PopTickets(BaseStrategy):
    """Takes as many numbers as are ordered, and enters the sale, in one step, or takes none."""

    def prepare(self, setting: StrategyContext) -> None:
        """Have the store make the lists."""
        cast("ListedStore", setting.store).list_tickets()

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy numbers out of the list."""

        def purchase(request: Request) -> Outcome:
            if isinstance(request, Buy):
                return self.sell(session, request)
            if isinstance(request, Search):
                return Found(session.count_listed(request.section))
            if isinstance(request, Cancel) and not request.hold:
                return session.give_back(request)
            raise UsageError("tickets in a list cannot be held")

        with store.session() as opened:
            session = cast("Listing", opened)
            yield purchase

    def sell(self, session: Listing, order: Buy) -> Outcome:
        """Fulfil an order."""
        tickets = session.sell_listed(order)
        return Sold(tickets) if tickets else SoldOut()


class PopThenGiveBack(PopTickets):
    """Pops what there is, and pushes it back if that is too little: in between, others find too little as well."""

    def sell(self, session: Listing, order: Buy) -> Outcome:
        """Pop, look, and perhaps push back."""
        buyer, section, quantity = order
        tickets = session.pop_listed(section, quantity)
        if len(tickets) == quantity:
            session.enter_sale(Entry(buyer, section, tickets))
            return Sold(tickets)
        if tickets:
            session.push_listed(section, tickets)
        return SoldOut()


class PeekThenPop(PopTickets):
    """Looks which numbers come first, sells these, and pops: two who look at the same time sell the same numbers."""

    def sell(self, session: Listing, order: Buy) -> Outcome:
        """Look, sell, and pop."""
        buyer, section, quantity = order
        tickets = session.first_listed(section, quantity)
        if len(tickets) < quantity:
            return SoldOut()
        session.enter_sale(Entry(buyer, section, tickets))
        session.pop_listed(section, quantity)
        return Sold(tickets)


_FORMS = {"pop": PopTickets, "give-back": PopThenGiveBack, "peek": PeekThenPop}

KIND = StrategyKind(
    name="list",
    summary="LPOP: numbered tickets in a list, of which each goes to one buyer",
    variants={
        "pop": "a script pops as many as are ordered, or none",
        "give-back": "pops, and pushes back what is too little; in between, other buyers get sold out (wrong)",
        "peek": "looks which come first, sells these, and pops afterwards (wrong)",
    },
    needs=frozenset({Capability.TICKET_LISTS}),
    build=lambda variant: _FORMS[variant](),
    wrong=frozenset({"give-back", "peek"}),
    parts={"": ("a list of tickets",)},
    without_holds=frozenset(_FORMS),
)
