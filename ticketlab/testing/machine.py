"""A Hypothesis state machine: sequences of buy, search and cancel by several buyers, held against a model.

The model is three numbers a section: how many tickets it has, how many are left, how many were ever issued. One request
runs at a time, so there is nothing to race; what is tested is that a store and a strategy do what was asked for at all,
in any order, which every claim about races takes for granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from hypothesis.strategies import SearchStrategy

from ticketlab.core.inventory import Buy, Cancel, Cancelled, Entry, Found, Search, Sold, SoldOut, Stock
from ticketlab.core.scenario import Scenario
from ticketlab.lab.shop import Shop
from ticketlab.testing.require import same


def _buyers() -> SearchStrategy[int]:
    return st.runner().flatmap(lambda machine: st.integers(1, machine.scenario.buyers))


def _sections() -> SearchStrategy[str]:
    return st.runner().flatmap(lambda machine: st.sampled_from(sorted(machine.scenario.inventory.sections)))


class InventoryMachine(RuleBasedStateMachine):
    """The machine of one scenario; `inventory_machine` makes one."""

    scenario: ClassVar[Scenario]
    held: Bundle[Any] = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.stocks = {name: Stock(name, count, count) for name, count in self.scenario.inventory.sections.items()}
        self.ledger: list[Entry] = []
        self.shop = Shop(self.scenario)
        self.shop.__enter__()

    def teardown(self) -> None:
        """Close the shop."""
        self.shop.__exit__(None, None, None)

    @rule(target=held, buyer=_buyers(), section=_sections(), quantity=st.integers(1, 3))
    def buy(self, buyer: int, section: str, quantity: int) -> Any:
        """Order tickets: all of them or none, with the next numbers."""
        stock = self.stocks[section]
        tickets = tuple(range(stock.issued + 1, stock.issued + quantity + 1))
        expected = Sold(tickets) if quantity <= stock.remaining else SoldOut()
        same("an order is told", self.shop.perform(Buy(buyer, section, quantity)), expected)
        if expected == SoldOut():
            return multiple()
        issued, remaining = stock.issued + quantity, stock.remaining - quantity
        self._change(Stock(section, stock.tickets, remaining, issued, stock.version + 1))
        self.ledger.append(Entry(buyer, section, tickets))
        return buyer, section, tickets

    @rule(buyer=_buyers(), section=_sections())
    def search(self, buyer: int, section: str) -> None:
        """Ask how many are left."""
        answer = self.shop.perform(Search(buyer, section))
        same("a search is told", answer, Found(self.stocks[section].remaining))

    @rule(holding=consumes(held))
    def cancel(self, holding: tuple[int, str, tuple[int, ...]]) -> None:
        """Give back what an order got; its numbers are never issued again."""
        buyer, section, tickets = holding
        same("a cancellation is told", self.shop.perform(Cancel(*holding)), Cancelled(tickets))
        stock = self.stocks[section]
        self._change(stock._replace(remaining=stock.remaining + len(tickets), version=stock.version + 1))
        self.ledger.append(Entry(buyer, section, tickets, cancels=True))

    def _change(self, stock: Stock) -> None:
        self.stocks[stock.section] = stock

    @invariant()
    def books_agree(self) -> None:
        """The books say what the model says."""
        books = self.shop.books()
        same("the books say", books.stocks, self.stocks)
        if self.scenario.ledger:
            same("the ledger lists", _lines(books.ledger or ()), _lines(self.ledger))


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
