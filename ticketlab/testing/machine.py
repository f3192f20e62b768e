"""A Hypothesis state machine: sequences of requests by several buyers, held against a model.

The model is three numbers a section (how many tickets it has, how many are left, how many were ever issued) and the
holds that stand. One request runs at a time, so there is nothing to race; what is tested is that a store and a strategy
do what was asked for at all, in any order, which every claim about races takes for granted. Holds come in two lengths:
one that no test lasts, and a nanosecond, which is over by the next request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule
from hypothesis.strategies import SearchStrategy

from ticketlab.core import pacing
from ticketlab.core.inventory import (
    Buy,
    Cancel,
    Cancelled,
    Confirm,
    Entry,
    Expired,
    Found,
    Held,
    Hold,
    OpenHold,
    Search,
    Sold,
    SoldOut,
    Stock,
)
from ticketlab.core.plugin import Capability
from ticketlab.core.scenario import Scenario
from ticketlab.lab.exploring.sequential import SequentialRunner
from ticketlab.lab.plugins.registry import store_kind
from ticketlab.testing.require import same

LONG: Final = 1e9
SHORT: Final = 1e-9
FAR: Final = pacing.now() + LONG / 2
"""A time by which short holds are over and long ones are not."""


def _buyers() -> SearchStrategy[int]:
    return st.runner().flatmap(lambda machine: st.integers(1, machine.scenario.buyers))


def _sections() -> SearchStrategy[str]:
    return st.runner().flatmap(lambda machine: st.sampled_from(sorted(machine.scenario.inventory.sections)))


class InventoryMachine(RuleBasedStateMachine):
    """The machine of one scenario; `inventory_machine` makes one."""

    scenario: ClassVar[Scenario]
    bought: Bundle[Any] = Bundle("bought")
    holds: Bundle[Any] = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.stocks = {name: Stock(name, count, count) for name, count in self.scenario.inventory.sections.items()}
        self.ledger: list[Entry] = []
        self.placed = 0
        self.keeps_holds = Capability.HOLDS in store_kind(self.scenario.store).capabilities
        self.shop = SequentialRunner(self.scenario)
        self.shop.__enter__()

    def teardown(self) -> None:
        """Close the shop."""
        self.shop.__exit__(None, None, None)

    @rule(target=bought, buyer=_buyers(), section=_sections(), quantity=st.integers(1, 3))
    def buy(self, buyer: int, section: str, quantity: int) -> Any:
        """Order tickets: all of them or none, with the next numbers."""
        stock = self._look(section)
        tickets = tuple(range(stock.issued + 1, stock.issued + quantity + 1))
        expected = Sold(tickets) if quantity <= stock.remaining else SoldOut()
        same("an order is told", self.shop.perform(Buy(buyer, section, quantity)), expected)
        if expected == SoldOut():
            return multiple()
        issued, remaining = stock.issued + quantity, stock.remaining - quantity
        self._change(stock._replace(remaining=remaining, issued=issued))
        self.ledger.append(Entry(buyer, section, tickets))
        return buyer, section, tickets

    @rule(buyer=_buyers(), section=_sections())
    def search(self, buyer: int, section: str) -> None:
        """Ask how many are left."""
        answer = self.shop.perform(Search(buyer, section))
        same("a search is told", answer, Found(self._look(section).remaining))

    @precondition(lambda machine: machine.keeps_holds)
    @rule(target=holds, buyer=_buyers(), section=_sections(), quantity=st.integers(1, 3), short=st.booleans())
    def hold(self, buyer: int, section: str, quantity: int, short: bool) -> Any:
        """Hold tickets: all of them or none."""
        stock = self._look(section)
        self.placed += 1
        name = f"{buyer}.{self.placed}"
        expected = Held(name) if quantity <= stock.remaining else SoldOut()
        answer = self.shop.perform(Hold(buyer, section, quantity, SHORT if short else LONG, name))
        same("who asks for a hold is told", answer, expected)
        if expected == SoldOut():
            return multiple()
        placed = OpenHold(name, buyer, quantity, 0.0 if short else FAR)
        self._change(stock._replace(remaining=stock.remaining - quantity, holds=(*stock.holds, placed)))
        return buyer, section, name

    @rule(target=bought, holding=holds)
    def confirm(self, holding: tuple[int, str, str]) -> Any:
        """Buy what a hold keeps: once, and while it stands."""
        buyer, section, name = holding
        stock = self._look(section)
        found = stock.find(name)
        answer = self.shop.perform(Confirm(buyer, section, name))
        if found is None:
            same("who confirms a hold that is over is told", answer, Expired())
            return multiple()
        tickets = tuple(range(stock.issued + 1, stock.issued + found.quantity + 1))
        same("who confirms a hold is told", answer, Sold(tickets))
        left = tuple(each for each in stock.holds if each is not found)
        self._change(stock._replace(issued=stock.issued + found.quantity, holds=left))
        self.ledger.append(Entry(buyer, section, tickets))
        return buyer, section, tickets

    @rule(holding=holds)
    def let_go(self, holding: tuple[int, str, str]) -> None:
        """Cancel a hold: what it keeps is for sale again."""
        buyer, section, name = holding
        stock = self._look(section)
        found = stock.find(name)
        answer = self.shop.perform(Cancel(buyer, section, hold=name))
        same("who cancels a hold is told", answer, Cancelled(()) if found else Expired())
        if found:
            self._change(stock.without([found]))

    @rule(holding=consumes(bought))
    def cancel(self, holding: tuple[int, str, tuple[int, ...]]) -> None:
        """Give back what an order got; its numbers are never issued again."""
        buyer, section, tickets = holding
        same("a cancellation is told", self.shop.perform(Cancel(*holding)), Cancelled(tickets))
        stock = self._look(section)
        self._change(stock._replace(remaining=stock.remaining + len(tickets)))
        self.ledger.append(Entry(buyer, section, tickets, cancels=True))

    def _look(self, section: str) -> Stock:
        """Return the section as a request finds it: without the holds that are over."""
        stock = self.stocks[section]
        return stock.without([each for each in stock.holds if each.until < FAR])

    def _change(self, stock: Stock) -> None:
        self.stocks[stock.section] = stock._replace(version=stock.version + 1)

    @invariant()
    def books_agree(self) -> None:
        """The books say what the model says."""
        books = self.shop.books()
        if self.placed:
            same("the books say", _settled(books.stocks), _settled(self.stocks))
        else:
            same("the books say", books.stocks, self.stocks)
        if self.scenario.ledger:
            same("the ledger lists", _lines(books.ledger or ()), _lines(self.ledger))


def _settled(stocks: Mapping[str, Stock]) -> dict[str, Stock]:
    """Return records without what is over: when it is written off, by how many writes, is the store's own affair."""
    settled = {}
    for name, stock in stocks.items():
        now = stock.without([each for each in stock.holds if each.until < FAR])
        settled[name] = now._replace(version=0, holds=tuple(each._replace(until=FAR) for each in now.holds))
    return settled


def _lines(ledger: Iterable[Entry]) -> list[tuple[int, str, int, bool]]:
    """Return one line a ticket: whether an order of two is one entry or two is the store's own affair."""
    return [(one.buyer, one.section, ticket, one.cancels) for one in ledger for ticket in one.tickets]


def inventory_machine(
    store: str,
    strategy: str = "none",
    *,
    buyers: int = 3,
    tickets: int | Mapping[str, int] = 5,
    ledger: bool = True,
) -> type[InventoryMachine]:
    """Return a state machine for a store under a strategy; its `TestCase` is what pytest or unittest runs.

    TestShop = inventory_machine("sqlite", "transaction:immediate", tickets={"floor": 3, "boxes": 1}).TestCase
    """
    scenario = Scenario.of(store, strategy, buyers=buyers, tickets=tickets, ledger=ledger)
    return type("InventoryMachine", (InventoryMachine,), {"scenario": scenario})
