"""A user's function as a workload: called once for each buyer, and explored as purchases are.

Four witnesses are compared, as far as each is there: the books themselves (negative stock, a ticket twice in the
ledger, the user's own invariant), the receipts (if the function buys through its session or returns tickets), the
number of tickets that each call says it has, and the number that it took off the books by its own reads and writes. An
exception that leaves the function is an anomaly as well, and so is an execution that cannot complete.

A function that draws from the module `random` repeats itself: the module is seeded alike before each execution. On real
processes each buyer has a module of its own. In one process all buyers draw from the same numbers, so which of them a
buyer gets depends on how far the others are. No search takes that into account, so it is not called exhausted then.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from ticketlab.checker import sums
from ticketlab.checker.books import judge_books
from ticketlab.core.errors import TornRead
from ticketlab.core.history import Operation
from ticketlab.core.inventory import Books, Request
from ticketlab.core.plugin import Perform
from ticketlab.core.scenario import Scenario
from ticketlab.core.text import pluralize
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.workload import RequestRecord
from ticketlab.lab.books import read_books
from ticketlab.lab.exploring.function_session import BuyerSession, CallResult
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.launch.recorder import outcome_fields, request_fields

Invariant = Callable[[Books], object]

_SEEDED: Final = random.Random(0).getstate()
_FIRST_BITS: Final = random.Random(0).getrandbits(32)
_DRAWS: Final = (
    "the buyers draw from the module random, which they share in one process: what one draws depends on how many "
    "numbers the others have drawn (explore it on real processes, or give each buyer a random.Random of its own)"
)


class FunctionWorkload(ScenarioWorkload):
    """The calls of a function under test.

    `invariant` is given the books after each execution, and holds unless it returns False or raises AssertionError.
    `reset` is called before each execution, to put back what the buyers share beside the store.
    """

    in_process_only = True

    def __init__(
        self,
        function: Callable[[BuyerSession], Any],
        scenario: Scenario,
        *,
        invariant: Invariant | None = None,
        reset: Callable[[], object] | None = None,
        test: str = "",
    ) -> None:
        super().__init__(scenario)
        self.function = function
        self._invariant = invariant
        self._reset = reset
        self._draws = False  # whether a function has changed the state of the module random in this process
        self._leader = os.getpid()
        self.origin = {"test": test} if test else {}

    def open(self) -> Sequence[Callable[[], None]]:
        """Open the store and the strategy; the state of the module random is put back when they are closed."""
        services = super().open()
        self._taken.callback(random.setstate, random.getstate())
        return services

    def reset(self) -> None:
        """Put back the opening stock, what the buyers share beside the store, and the state of the module random."""
        super().reset()
        if self._reset is not None:
            self._reset()
        random.setstate(_SEEDED)

    @property
    def left_out(self) -> Sequence[str]:
        """Why executions of the function do not stand for others."""
        return (_DRAWS,) if self._draws else ()

    def join(self, buyer: int) -> AbstractContextManager[Perform]:
        """Open the buyer's session, and call the function with it."""
        return self._called(buyer)  # type: ignore[return-value]  # a call has more to say than an outcome

    @contextmanager
    def _called(self, buyer: int) -> Iterator[Callable[[Request], CallResult]]:
        with super().join(buyer) as perform, self._store.session() as session:

            def call(_request: Request) -> CallResult:
                if os.getpid() != self._leader:
                    random.seed(buyer)
                buyer_session = BuyerSession(buyer, session, perform)
                return buyer_session.result(self.function(buyer_session))

            yield call

    def operations(self, execution: Execution) -> list[Operation]:
        """Return the receipts; a call that raised or was cut short may have bought."""
        found = []
        for record in execution.records:
            invoked, returned = execution.span(record)
            buyer, outcome = record.buyer + 1, record.outcome
            if isinstance(outcome, CallResult):
                for request, answer in outcome.receipts:
                    op, section, arg = request_fields(request)
                    result, tickets = outcome_fields(answer)
                    found.append(Operation(buyer, op, arg, result, invoked, returned, section, tickets))
            else:
                op, section, arg = request_fields(self.scripts[record.buyer][record.request])
                why, kind = str(outcome), type(outcome).__name__
                found.append(Operation(buyer, op, arg, None, invoked, None, section, error=why, error_kind=kind))
        return found

    def judge(self, execution: Execution) -> list[Anomaly]:
        """Return the anomalies of the execution that just ran."""
        # Somebody has drawn if the next number is not the first one any more.
        self._draws = self._draws or (len(self.scripts) > 1 and random.getrandbits(32) != _FIRST_BITS)
        books, found = read_books(self._store)
        found += self.endings(execution)
        calls = [record.outcome for record in execution.records if isinstance(record.outcome, CallResult)]
        if any(call.receipts for call in calls):
            found = judge_books(self.scenario.inventory, self.operations(execution), books) + found
        elif books is not None and not found and len(calls) == len(execution.records):
            found = list(_sums(self.scenario.inventory.tickets, calls, books)) + found
        if books is not None:
            found += [one for one in _books_alone(books) if one.name not in {each.name for each in found}]
            found += self._broken(books)
        return found

    def endings(self, execution: Execution) -> list[Anomaly]:
        """Return the anomalies by which a buyer did not complete: any exception that leaves the function is one."""
        stuck = [one for one in super().endings(execution) if one.name != "buyer crashed"]
        return stuck + [_raised(record) for record in execution.records if isinstance(record.outcome, Exception)]

    def _broken(self, books: Books) -> list[Anomaly]:
        if self._invariant is None:
            return []
        try:
            holds = self._invariant(books)
        except AssertionError as error:
            return [Anomaly("invariant broken", str(error) or "an assertion of the invariant failed")]
        if holds is False:
            return [Anomaly("invariant broken", f"the invariant does not hold of {_left(books)}")]
        return []


def _raised(record: RequestRecord) -> Anomaly:
    outcome = record.outcome
    who = f"buyer {record.buyer + 1}"
    if isinstance(outcome, TornRead):
        return Anomaly("torn read", f"{who} met a half-written record: {outcome}")
    if isinstance(outcome, AssertionError):
        return Anomaly("assertion failed", f"{who}: {outcome}" if str(outcome) else f"{who}: an assertion failed")
    error = f"{type(outcome).__name__}: {outcome}"
    return Anomaly("buyer crashed", f"{who} crashed ({error})", {"error": error})


def _sums(tickets: int, calls: Sequence[CallResult], books: Books) -> Iterator[Anomaly]:
    """Compare the numbers that the buyers say and took with the books.

    A call that only returns True may have bought several tickets. So "ghost sale" needs the numbers that all calls
    took. If nobody changed the books, the function sells something else, and only the number of tickets counts.
    """
    stocks = books.stocks.values()
    gone = sum(stock.tickets - stock.remaining for stock in stocks)
    says = sum(call.says or 0 for call in calls)
    took = sum(call.took or 0 for call in calls)
    reckoned = all(call.took is not None for call in calls)
    what, count = ("buyers say that they have", says) if says > took or not reckoned else ("buyers took", took)
    claim, evidence = f"{what} {pluralize(count, 'ticket')}", {"says": says, "took": took if reckoned else None}
    evidence |= {"gone": gone, "tickets": tickets}
    if count > tickets:
        yield Anomaly("oversold", f"{claim}, and there were only {tickets}", evidence)
    if took or gone or not reckoned or any(stock.issued for stock in stocks):
        yield from sums.lost_update(claim, count, gone, evidence)
    if reckoned:
        yield from sums.ghost_sale(f"buyers took {pluralize(took, 'ticket')}", took, 0, gone, evidence)
    for stock in stocks:
        if stock.issued:  # a function may count only what is left, and may refund what it has issued
            total = sums.Total(stock.section, stock.tickets, stock.remaining, stock.held, stock.issued)
            yield from (one for one in sums.wrong_total(total) if one.name == "lost tickets")


def _books_alone(books: Books) -> Iterator[Anomaly]:
    for stock in books.stocks.values():
        yield from sums.negative_stock(stock.section, stock.remaining)
    yield from sums.repeated_entries(books.ledger or ())


def _left(books: Books) -> str:
    return " and ".join(f"{stock.remaining} left in {stock.section!r}" for stock in books.stocks.values())
