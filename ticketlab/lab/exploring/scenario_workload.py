"""A scenario as a workload: opens its store and strategy for exploration, and judges an execution of it."""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from ticketlab.checker.books import judge_books
from ticketlab.checker.linearize import check
from ticketlab.core import mutants
from ticketlab.core.errors import PurchaseError, TicketlabError
from ticketlab.core.faults import FaultKind
from ticketlab.core.history import History, Operation
from ticketlab.core.inventory import Books, Confirm, Held, Hold, Request, Sold
from ticketlab.core.plugin import Perform, Resettable, SeizableStore, ServedStore, Store, Strategy, StrategyContext
from ticketlab.core.scenario import Scenario
from ticketlab.core.steps import Action
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import explain
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.workload import RequestRecord, crashed
from ticketlab.lab.artifacts.race_folder import fastest, live_folder
from ticketlab.lab.books import read_books
from ticketlab.lab.plugins.registry import store_kind, strategy_kind
from ticketlab.launch.recorder import outcome_fields, request_fields


class ScenarioWorkload:
    """The orders of a scenario's buyers; its files stand in a live folder of their own from `open` to `close`.

    A case says that it was found in `origin`. `may_need_processes` says that the buyers may be right as processes and
    wrong in one: what processes do not confirm is no anomaly of theirs. `may_share_nothing` says that nobody knows
    whether the buyers pass points for anything that they share: then a search that saw nothing of it is undecided.
    """

    origin: Mapping[str, str] = {}
    may_need_processes = False
    may_share_nothing = False

    def __init__(
        self, scenario: Scenario, folder: Path | None = None, *, scripts: Sequence[Sequence[Request]] | None = None
    ) -> None:
        """Take a scenario, and each buyer's requests if they are not those that the scenario draws."""
        self.scenario = scenario
        if scripts is None:
            scripts = [scenario.requests(1 + who) for who in range(scenario.buyers)]
        self.scripts: Sequence[Sequence[Request]] = scripts
        holding = any(isinstance(request, Hold) for script in scripts for request in script)
        self._model = "holds" if holding else "counter"
        self._folder = folder
        self._taken = ExitStack()
        self.left_behind: set[str] = set()  # the names of files that only executions with a fault leave behind
        self._injected = False
        self._clean_folder: frozenset[str] = frozenset()
        self._right: set[object] = set()  # the outcomes that were judged to be right
        self._store: Store
        self._strategy: Strategy

    @property
    def store(self) -> Store:
        """The store, while it is open."""
        return self._store

    @property
    def left_out(self) -> Sequence[str]:
        """Why the executions so far may not stand for others, in sentences."""
        return ()

    @contextmanager
    def opened(self) -> Iterator[tuple[Store, int]]:
        """Open the store and the strategy for a while; yield the store and the number of service processes."""
        services = self.open()
        try:
            yield self._store, len(services)
        finally:
            self.close()

    def open(self) -> Sequence[Callable[[], None]]:
        """Create the store, and prepare the strategy; return its services."""
        scenario = self.scenario
        with ExitStack() as stack:
            folder = stack.enter_context(live_folder(self._folder, under=fastest()))
            stack.callback(self._look_around, folder)
            store = store_kind(scenario.store).make(scenario.store, folder)
            strategy = strategy_kind(scenario.strategy).make(scenario.strategy)
            try:
                stack.callback(store.close)
                store.create(scenario.inventory, ledger=scenario.ledger)
                strategy.prepare(StrategyContext(multiprocessing.get_context("fork"), folder, store, scenario.buyers))
            except OSError as error:
                raise TicketlabError(f"cannot set up in {folder}: {error.strerror or error}") from error
            stack.callback(strategy.close)
            self._store, self._strategy = store, strategy
            # Asked once: to look up the methods of a protocol takes as long as half an execution.
            self._remembering = strategy if isinstance(strategy, Resettable) else None
            self._taken = stack.pop_all()
        return strategy.services()

    def _look_around(self, folder: Path) -> None:
        """List the files that are left at the end; `left_behind` gathers those that only a fault leaves behind."""
        left = frozenset(re.sub(r"\d+", "N", path.name) for path in folder.rglob("*"))
        if self._injected:
            self.left_behind |= left - self._clean_folder
        else:
            self._clean_folder = left

    def join(self, buyer: int) -> AbstractContextManager[Perform]:
        """Join the strategy as a buyer."""
        joined = self._strategy.join(self._store, buyer)
        return joined if mutants.mutator() is None else _mutated(joined)

    def reset(self) -> None:
        """Put back the opening stock, and the opening contents of the strategy's files."""
        self._store.reset()
        if self._remembering is not None:
            self._remembering.reset()

    def seize(self) -> AbstractContextManager[object]:
        """Keep the store locked, as a process outside the race might."""
        return cast("SeizableStore", self._store).seize()

    def servers(self) -> Sequence[int]:
        """Return the process numbers of the store's servers."""
        return cast("ServedStore", self._store).servers()

    def close(self) -> None:
        """Close the store and the strategy, and remove the folder."""
        self._taken.close()

    def judge(self, execution: Execution) -> list[Anomaly]:
        """Return the anomalies of the execution that just ran: by receipts, books and times, and by how it ended.

        Times are compared last, and only if they can add something: if every order was met, the sums are enough.
        """
        self._injected = bool(execution.injected)
        books, found = read_books(self._store, any_error=self._injected)
        outcome = _outcome(execution, books)
        if outcome in self._right:
            return []
        found += self.endings(execution)
        found = judge_books(self.scenario.inventory, self.operations(execution), books) + found
        if not found and _ordered(execution):
            found += check(self.history(execution)).anomalies
        if not found and outcome is not None:
            self._right.add(outcome)
        return found

    def endings(self, execution: Execution) -> list[Anomaly]:
        """Return the anomalies by which the execution, or a buyer in it, did not complete."""
        stuck = explain(execution, len(self.scripts))
        crashes = [record for record in execution.records if crashed(record.outcome)]
        if _server_was_killed(execution):
            crashes = []  # without its server, nobody can buy from the store; any exception may say so
        unexplained = [_crash(record) for record in crashes if record.buyer not in execution.injected]
        return ([stuck] if stuck else []) + unexplained

    def operations(self, execution: Execution) -> list[Operation]:
        """Return the buyers' requests and answers in virtual time; a request that was cut short has no answer."""
        answered = [self._operation(record, execution) for record in execution.records]
        granted = {record.outcome.hold for record in execution.records if isinstance(record.outcome, Held)}
        asked = [one for one in execution.unanswered if self._had_reason(one[0], one[1], granted)]
        return answered + [self._unanswered(*one, execution) for one in asked]

    def _had_reason(self, buyer: int, place: int, granted: Collection[str]) -> bool:
        """Whether a buyer would have made a request that it never came to: it confirms only a hold that it got."""
        request = self.scripts[buyer][place]
        return not isinstance(request, Confirm) or request.hold in granted

    def _unanswered(self, buyer: int, place: int, since: int, execution: Execution) -> Operation:
        op, section, arg = request_fields(self.scripts[buyer][place])
        return Operation(buyer + 1, op, arg, None, execution.invoked(buyer, since), None, section)

    def history(self, execution: Execution) -> History:
        """Return the execution's history, complete enough to be judged alone."""
        sections = dict(self.scenario.inventory.sections)
        stock: Any = next(iter(sections.values())) if len(sections) == 1 else sections
        operations = sorted(self.operations(execution), key=lambda one: one.invoke_ns)
        return History({"model": self._model, "stock": stock}, tuple(operations))

    def _operation(self, record: RequestRecord, execution: Execution) -> Operation:
        op, section, arg = request_fields(self.scripts[record.buyer][record.request])
        invoked, returned = execution.span(record)
        outcome = record.outcome
        buyer = record.buyer + 1
        if isinstance(outcome, Exception):
            why, kind = str(outcome), type(outcome).__name__
            if isinstance(outcome, PurchaseError) and outcome.definite:
                return Operation(buyer, op, arg, "failed", invoked, returned, section, error=why, error_kind=kind)
            if isinstance(outcome, PurchaseError):  # the buyer goes on without an answer
                return Operation(buyer, op, arg, "unknown", invoked, returned, section, error=why, error_kind=kind)
            return Operation(buyer, op, arg, None, invoked, None, section, error=why, error_kind=kind)
        result, tickets = outcome_fields(outcome)
        return Operation(buyer, op, arg, result, invoked, returned, section, tickets)


@contextmanager
def _mutated(joined: AbstractContextManager[Perform]) -> Iterator[Perform]:
    with joined as perform:
        yield mutants.around(perform)


def _outcome(execution: Execution, books: Books | None) -> object:
    """Return all that the verdict depends on, or None if the execution is to be judged in any case.

    Most executions of a correct strategy lead to one of a few outcomes, and judging takes longer than running.
    """
    if books is None or execution.injected or execution.kept or execution.ending is not ExecutionEnd.COMPLETED:
        return None
    told = frozenset((record.buyer, record.request, record.outcome) for record in execution.records)
    order = _precedence(execution) if _ordered(execution) else ()
    return told, tuple(books.stocks.values()), books.ledger, order


def _ordered(execution: Execution) -> bool:
    """Whether times can add to the sums: there are several requests, and one of them was not sold its tickets."""
    records = execution.records
    return len(records) > 1 and any(not isinstance(record.outcome, Sold) for record in records)


def _precedence(execution: Execution) -> tuple[tuple[int, ...], ...]:
    """Return invocations and returns in their order in time; the times too, if time passed and so may matter."""
    events = []
    for record in execution.records:
        invoked, returned = execution.span(record)
        events += [(invoked, False, record.buyer, record.request), (returned, True, record.buyer, record.request)]
    if not execution.leaps:
        return tuple(event[1:] for event in sorted(events))
    return tuple(sorted(events))


def _server_was_killed(execution: Execution) -> bool:
    faults = (step.resource for step in execution.trace.steps if step.action is Action.FAULT)
    return FaultKind.KILL_SERVER.value in faults


def _crash(record: RequestRecord) -> Anomaly:
    error = f"{type(record.outcome).__name__}: {record.outcome}"
    return Anomaly("buyer crashed", f"buyer {record.buyer + 1} crashed ({error})", {"error": error})
