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

import gc
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from ticketlab.checker import sums
from ticketlab.checker.books import judge_books
from ticketlab.core.errors import TornRead, UsageError
from ticketlab.core.history import Operation
from ticketlab.core.inventory import Books, Request
from ticketlab.core.plugin import Perform
from ticketlab.core.scenario import Scenario
from ticketlab.core.text import pluralize
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.workload import RequestRecord
from ticketlab.lab.books import read_books
from ticketlab.lab.exploring.callbacks import RETURNED, InvariantCall, call_reset, survives_pickling
from ticketlab.lab.exploring.function_session import BuyerSession, CallResult
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.exploring.stopping import SearchStopped, raise_stopped, stops_search
from ticketlab.launch.recorder import outcome_fields, request_fields

Invariant = Callable[..., object]
_BY_RECEIPTS_ALONE: Final = ("oversold", "ticket sold twice")


_SEEDED: Final = random.Random(0).getstate()
_FIRST_BITS: Final = random.Random(0).getrandbits(32)
_DRAWS: Final = (
    "the buyers draw from the module random, which they share in one process: what one draws depends on how many "
    "numbers the others have drawn (explore it on real processes, or give each buyer a random.Random of its own)"
)


class FunctionWorkload(ScenarioWorkload):
    """The calls of a function under test.

    `invariant` is given the books after each execution, and holds unless it returns False or raises AssertionError.
    `reset` is called before each execution, to put back what the buyers share beside the store. Both may ask by the
    names of their parameters for `fixtures`, and `invariant` for what the buyers `returned`, in their order.
    """

    may_start_threads = True
    may_need_processes = True

    def __init__(
        self,
        function: Callable[[BuyerSession], Any],
        scenario: Scenario,
        *,
        invariant: Invariant | None = None,
        reset: Callable[..., object] | None = None,
        fixtures: Mapping[str, Any] | None = None,
        test: str = "",
    ) -> None:
        super().__init__(scenario)
        self.function = function
        self._invariant = InvariantCall.of(invariant) if invariant else None
        self._wants_returned = self._invariant is not None and RETURNED in self._invariant.names
        self._reset = reset
        self._fixtures = fixtures or {}
        self._leading = os.getpid()
        self._draws = False  # whether a function has changed the state of the module random in this process
        self.origin = {"test": test} if test else {}
        self.may_share_nothing = scenario.buyers > 1

    def open(self) -> Sequence[Callable[[], None]]:
        """Create the store, and prepare the strategy; return its services.

        It is opened again after an execution that was broken off. Buyers of this process may have left files and
        connections then that only the collector closes, such as SQLite's, and that keep others out until then. When
        all is closed, the state of the module random is put back.
        """
        self._leading = os.getpid()
        gc.collect()
        services = super().open()
        self._taken.callback(random.setstate, random.getstate())
        return services

    def reset(self) -> None:
        """Put back the opening stock, what the buyers share beside the store, and the state of the module random."""
        super().reset()
        if self._reset is not None:
            call_reset(self._reset, self._fixtures)
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
                if not self._is_leading:
                    random.seed(buyer)
                buyer_session = BuyerSession(buyer, session, perform)
                return buyer_session.result(self._call(buyer_session), keep=self._wants_returned)

            yield call

    def _call(self, session: BuyerSession) -> Any:
        """Call the function; what ends the whole search, as a skipped test does, is handed to the leading process."""
        try:
            returned = self.function(session)
        except SystemExit as error:
            raise RuntimeError(f"the function exited with {error.code!r}") from None
        except BaseException as error:
            if stops_search(error, self._leading):
                raise SearchStopped(error) from None
            raise
        if self._wants_returned and not self._is_leading and not survives_pickling(returned):
            raise UsageError(f"a function under test returned {returned!r}, which no other process can be given")
        return returned

    @property
    def _is_leading(self) -> bool:
        return os.getpid() == self._leading

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
        """Return the anomalies of the execution that just ran.

        Raises what a buyer raised to end the whole search.
        """
        raise_stopped(execution)
        for record in execution.records:
            if isinstance(record.outcome, Exception):
                _let_go(record.outcome)
        # Somebody has drawn if the next number is not the first one any more.
        self._draws = self._draws or (len(self.scripts) > 1 and random.getrandbits(32) != _FIRST_BITS)
        books, found = read_books(self._store)
        found += self.endings(execution)
        records = sorted(execution.records, key=lambda record: record.buyer)
        calls = [record.outcome for record in records if isinstance(record.outcome, CallResult)]
        self._refuse_unclear(calls)
        if any(call.receipts for call in calls):
            found = self._by_receipts(execution, calls, books) + found
        elif books is not None and not found and len(calls) == len(execution.records):
            found = list(_sums(self.scenario.inventory.tickets, calls, books)) + found
        if books is not None:
            found += [one for one in _books_alone(books) if one.name not in {each.name for each in found}]
            found += self._broken(books, calls) if self._all_took_part(execution) else []
        return found

    def _all_took_part(self, execution: Execution) -> bool:
        """Whether no buyer was left out to make the execution smaller: the invariant speaks of all of them."""
        took_part = {record.buyer for record in execution.records} | {who for who, _, _ in execution.unanswered}
        return len(took_part) == self.scenario.buyers

    def _refuse_unclear(self, calls: Sequence[CallResult]) -> None:
        unclear = next((call.unclear for call in calls if call.unclear), "")
        if unclear and self._invariant is None:
            raise UsageError(
                f"a function under test returned {unclear}: an outcome, the numbers of the tickets, how many, or "
                "nothing is needed, or an invariant that asks for what the buyers `returned`"
            )

    def _by_receipts(self, execution: Execution, calls: Sequence[CallResult], books: Books | None) -> list[Anomaly]:
        """Judge the receipts, and hold them against the books unless the function has nothing to do with them."""
        operations = self.operations(execution)
        if any(call.touched for call in calls) or len(calls) < len(execution.records):
            return judge_books(self.scenario.inventory, operations, books)
        alone = judge_books(self.scenario.inventory, operations, None)
        return [one for one in alone if one.name in _BY_RECEIPTS_ALONE]

    def endings(self, execution: Execution) -> list[Anomaly]:
        """Return the anomalies by which a buyer did not complete: any exception that leaves the function is one."""
        stuck = [one for one in super().endings(execution) if one.name != "buyer crashed"]
        return stuck + [_raised(record) for record in execution.records if isinstance(record.outcome, Exception)]

    def _broken(self, books: Books, calls: Sequence[CallResult]) -> list[Anomaly]:
        if self._invariant is None or (self._wants_returned and len(calls) < self.scenario.buyers):
            return []
        try:
            holds = self._invariant.holds(books, [call.returned for call in calls], self._fixtures)
        except AssertionError as error:
            return [Anomaly("invariant broken", str(error) or "an assertion of the invariant failed")]
        if holds is False:
            return [Anomaly("invariant broken", f"the invariant does not hold of {_left(books)}")]
        return []


def _let_go(error: BaseException | None) -> None:
    """Forget an exception's frames, which would keep a buyer's files and connections open in later executions."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


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
