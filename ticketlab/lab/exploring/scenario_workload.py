"""A scenario as a cast: its store and strategy, opened for exploration, and what an execution of it comes to."""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from ticketlab.checker.books import judge_books
from ticketlab.checker.linearize import check
from ticketlab.core.errors import PurchaseError, TicketlabError, TornRead
from ticketlab.core.faults import FaultKind
from ticketlab.core.history import History, Operation
from ticketlab.core.inventory import Books, Confirm, Held, Hold, Request, Sold
from ticketlab.core.plugin import Perform, Resettable, SeizableStore, ServedStore, Store, Strategy, StrategyContext
from ticketlab.core.scenario import Scenario
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import explain
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.workload import RequestRecord, crashed
from ticketlab.lab.artifacts.race_folder import live_folder
from ticketlab.lab.plugins.registry import store_kind, strategy_kind
from ticketlab.launch.recorder import outcome_fields, request_fields


class ScenarioWorkload:
    """The cast of a scenario; its files stand in a live folder of their own from `open` to `close`.

    `origin` is what a case should say of where it was found; `in_process_only` says that what the buyers do may depend
    on this process, so that others need not confirm it.
    """

    origin: Mapping[str, str] = {}
    in_process_only = False

    def __init__(
        self, scenario: Scenario, folder: Path | None = None, *, scripts: Sequence[Sequence[Request]] | None = None
    ) -> None:
        """Take the scenario, and what each buyer asks for where that is not what the scenario draws."""
        self.scenario = scenario
        if scripts is None:
            scripts = [scenario.requests(1 + who) for who in range(scenario.buyers)]
        self.scripts: Sequence[Sequence[Request]] = scripts
        holding = any(isinstance(request, Hold) for script in scripts for request in script)
        self._model = "holds" if holding else "counter"
        self._folder = folder
        self._taken = ExitStack()
        self.left_behind: set[str] = set()  # names of files that were left behind after a fault
        self._struck = False
        self._clean_folder: frozenset[str] = frozenset()
        self._right: set[object] = set()  # what was told and written in executions that were judged to be right
        self._store: Store
        self._strategy: Strategy

    @property
    def store(self) -> Store:
        """The store, while it is open."""
        return self._store

    @contextmanager
    def opened(self) -> Iterator[tuple[Store, int]]:
        """Open the store and the strategy for a look, and yield the store and how many staff there are."""
        services = self.open()
        try:
            yield self._store, len(services)
        finally:
            self.close()

    def copy(self) -> ScenarioWorkload:
        """Return another cast of the same."""
        return ScenarioWorkload(self.scenario, scripts=self.scripts)

    def open(self) -> Sequence[Callable[[], None]]:
        """Create the store, and prepare the strategy; return its staff."""
        scenario = self.scenario
        with ExitStack() as stack:
            folder = stack.enter_context(live_folder(self._folder))
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
            # Asked once: to look through a class for what a protocol names takes as long as half an execution.
            self._remembering = strategy if isinstance(strategy, Resettable) else None
            self._taken = stack.pop_all()
        return strategy.services()

    def _look_around(self, folder: Path) -> None:
        """See which files are left when everybody is gone; after a fault there may be more than otherwise."""
        left = frozenset(re.sub(r"\d+", "N", path.name) for path in folder.rglob("*"))
        if self._struck:
            self.left_behind |= left - self._clean_folder
        else:
            self._clean_folder = left

    def join(self, buyer: int) -> AbstractContextManager[Perform]:
        """Take part as the strategy has it."""
        return self._strategy.join(self._store, buyer)

    def reset(self) -> None:
        """Put the opening stock back, and what the strategy's files said at the opening."""
        self._store.reset()
        if self._remembering is not None:
            self._remembering.reset()

    def seize(self) -> AbstractContextManager[object]:
        """Keep the store locked as an outsider does."""
        return cast("SeizableStore", self._store).seize()

    def servers(self) -> Sequence[int]:
        """Return the process numbers of the store's servers."""
        return cast("ServedStore", self._store).servers()

    def close(self) -> None:
        """Take everything down."""
        self._taken.close()

    def judge(self, execution: Execution) -> list[Anomaly]:
        """Return what went wrong in the execution that just ran: by receipts, books and times, and how it ended.

        Times are looked at last, and only where they could matter: where nobody was turned away, sums say it all.
        """
        self._struck = bool(execution.injected)
        books, found = self.read_books(struck=self._struck)
        seen = _seen(execution, books)
        if seen in self._right:
            return []
        found += self.endings(execution)
        found = judge_books(self.scenario.inventory, self.operations(execution), books) + found
        if not found and _ordered(execution):
            found += check(self.history(execution)).anomalies
        if not found and seen is not None:
            self._right.add(seen)
        return found

    def read_books(self, *, struck: bool = False) -> tuple[Books | None, list[Anomaly]]:
        """Read the books afresh; where nobody can, say so: after a fault, whatever the store's reason is."""
        try:
            return self._store.books(), []
        except Exception as error:
            if not struck and not isinstance(error, TornRead):
                raise
            reason = str(error) if isinstance(error, TornRead) else f"{type(error).__name__}: {error}"
            return None, [Anomaly("torn books", f"nobody can read the books any more: {reason}")]

    def endings(self, execution: Execution) -> list[Anomaly]:
        """Return what kept the execution, or a buyer in it, from coming to its end."""
        stuck = explain(execution, len(self.scripts))
        crashes = [record for record in execution.records if crashed(record.outcome)]
        if any(step.endswith(FaultKind.KILL_SERVER.value) for step in execution.steps if execution.injected):
            crashes = []  # nobody can buy of a store that is gone, and everybody may say so in its own words
        met = [_crash(record) for record in crashes if record.buyer not in execution.injected]
        return ([stuck] if stuck else []) + met

    def operations(self, execution: Execution) -> list[Operation]:
        """Return what the buyers asked and were told, in virtual time; who was broken off never heard back."""
        answered = [self._operation(record, execution) for record in execution.records]
        granted = {record.outcome.hold for record in execution.records if isinstance(record.outcome, Held)}
        asked = [one for one in execution.unanswered if self._had_reason(one[0], one[1], granted)]
        return answered + [self._unanswered(*one, execution) for one in asked]

    def _had_reason(self, buyer: int, place: int, granted: Collection[str]) -> bool:
        """Whether a buyer that never came to a request would have made it: nobody confirms what was not held."""
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


def _seen(execution: Execution, books: Books | None) -> object:
    """Return all that the judgement depends on, or None where it should be made afresh.

    Most executions of a correct strategy lead to one of a few outcomes, and judging takes longer than running.
    """
    if books is None or execution.injected or execution.kept or execution.ending is not ExecutionEnd.COMPLETED:
        return None
    told = frozenset((record.buyer, record.request, record.outcome) for record in execution.records)
    order = _precedence(execution) if _ordered(execution) else ()
    return told, tuple(books.stocks.values()), books.ledger, order


def _ordered(execution: Execution) -> bool:
    """Whether the times of the requests can add to what the sums say: one that was not sold to, beside others."""
    records = execution.records
    return len(records) > 1 and any(not isinstance(record.outcome, Sold) for record in records)


def _precedence(execution: Execution) -> tuple[tuple[int, ...], ...]:
    """Return invocations and returns in their order in time: all that the judge makes of times that stand still."""
    events = []
    for record in execution.records:
        invoked, returned = execution.span(record)
        events += [(invoked, False, record.buyer, record.request), (returned, True, record.buyer, record.request)]
    if not execution.leaps:
        return tuple(event[1:] for event in sorted(events))
    return tuple(sorted(events))  # how long anything took may matter


def _crash(record: RequestRecord) -> Anomaly:
    error = f"{type(record.outcome).__name__}: {record.outcome}"
    return Anomaly("buyer crashed", f"buyer {record.buyer + 1} crashed ({error})", {"error": error})
