"""Searches that are kept when they stop, and gone on with later, as if they had not stopped.

All that a search knows is kept: its policy with the columns that it has laid out for the next execution, what was seen,
and what was counted. Symbols are numbers of one process, so the names of all steps are kept with them, in the order in
which they were met: whoever goes on gives each step the number that it had. If the program then meets its first steps
in another order, or its first schedule leads to other steps, the search is refused.

It is kept as a pickle, of which nothing is read but values of the lab's own classes that hold what searches know.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.engine.policy_columns import Declaring, column_values, set_columns
from ticketlab.explorer.engine.state import Taught
from ticketlab.explorer.engine.steps import StepTable, Symbol
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import run_again
from ticketlab.explorer.survey import Survey
from ticketlab.lab.exploring.fault_search import BLOCK_EXECUTIONS, FaultSearch, SearchPosition
from ticketlab.lab.exploring.first_failure import Failed, FirstFailure

_OURS: Final = (
    *("ticketlab.core.steps", "ticketlab.core.verdict", "ticketlab.core.spec", "ticketlab.core.faults"),
    *("ticketlab.explorer.analysis.", "ticketlab.explorer.engine.", "ticketlab.explorer.policies."),
    *("ticketlab.explorer.survey", "ticketlab.explorer.search", "ticketlab.lab.exploring.", "ticketlab.lab.plain."),
)
_PLAIN: Final = frozenset(
    {
        *(("builtins", "set"), ("builtins", "frozenset"), ("random", "Random")),
        *(("collections", name) for name in ("Counter", "OrderedDict", "defaultdict", "deque")),
    }
)
_TABLE, _SYMBOLS = "table", "symbols"

_NO_LONGER: Final = "the program is no longer the one whose search was kept"


def _never() -> bool:
    return False


@dataclass(slots=True)
class SearchPause:
    """Says when a search stops though it could go on, and holds what is kept of it then.

    While a search runs, `listening` is entered, and gives what is asked before each execution: whether to stop there.
    A search goes on from `begun`, if that is given. `kept` is what is kept of it, after so many `executions`; it is
    None if it has come to its end, or cannot be kept.
    """

    listening: Callable[[], AbstractContextManager[Callable[[], bool]]] = lambda: nullcontext(_never)
    begun: bytes | None = None
    kept: bytes | None = None
    executions: int = 0
    stopped: bool = False


class SearchKeeper:
    """Keeps a search whenever it may stop, and has it begin where a kept one stands.

    `counts` are the objects in which a search counts what it sees: each has what it had when the search was kept.
    `first` is the first execution that went wrong.
    """

    search: FaultSearch

    def __init__(
        self, pause: SearchPause | None, executor: Executor, options: ExploreOptions, counts: Sequence[Any]
    ) -> None:
        self._pause = pause if executor.table is not None and not options.faults else None
        if self._pause is None and pause is not None and pause.begun is not None:
            raise UsageError("a search with faults, or of a program, cannot be gone on with")
        self._executor, self._limit, self._counts = executor, options.executions, counts
        self._asked = _never
        self.first: Failed | FirstFailure | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen, for a while, to who wants the search to stop."""
        with self._pause.listening() if self._pause is not None else nullcontext(_never) as self._asked:
            yield

    def stops(self, done: int) -> bool:
        """Whether the search shall stop after so many executions; if it may have to, it is kept."""
        if self._pause is None or not done:
            return False
        self._pause.stopped = self._asked()
        if self._pause.stopped or done == self._limit:
            self._pause.kept, self._pause.executions = self._kept(), done
        return self._pause.stopped

    def end(self, judge: Callable[[Execution], list[Anomaly]]) -> Failed | None:
        """Return the first execution that went wrong, run again here if need be, and keep nothing if it is all over."""
        if self._pause is not None and not self._pause.stopped and (self.search.ended or self._is_before_limit):
            self._pause.kept = None
        return self.first.run_again(self._executor, judge) if isinstance(self.first, FirstFailure) else self.first

    @property
    def _is_before_limit(self) -> bool:
        """Whether the search ended before its limit for a reason of its own: something went wrong."""
        return self.search.position.done < self._limit

    def _kept(self) -> bytes | None:
        """Return the search as bytes; None if something in it is not the lab's own, such as a policy of a plugin.

        If virtual time orders the steps, a search is not kept: how long strategies wait before they try again is drawn
        from numbers that they go on with from one execution to the next.
        """
        executor, search = self._executor, self.search
        position, table = search.position, executor.table
        assert table is not None
        if position.policy.clocked:
            return None
        columns: Sequence[Sequence[int]] = ()  # after a block, the next one begins with a policy of its own
        if not search.never_ends or position.so_far.count < BLOCK_EXECUTIONS:
            executor.prepare(position.policy)
            columns = column_values(position.policy)
        first = self.first if isinstance(self.first, FirstFailure | None) else FirstFailure.of(self.first)
        kept = _KeptSearch(position, columns, search.survey, first, executor.taught, self._bare_counts())
        try:
            inner = _written(kept, table)
            _read(inner, table)
            return _written(([table.name(number) for number in range(len(table))], inner), table)
        except (UsageError, pickle.PicklingError, AttributeError, TypeError):
            return None

    def _bare_counts(self) -> Sequence[Mapping[str, Any]]:
        """Return what was counted, without executions, which hold what the user's code returned."""
        values = [{name: getattr(each, name) for name in _fields(each)} for each in self._counts]
        return [{name: value for name, value in each.items() if name not in _EXECUTIONS} for each in values]

    def begin(self) -> None:
        """Have the search go on where the kept one stands, if there is one.

        Raises:
            Nondeterminism: the program makes other steps now.
            UsageError: what is kept cannot be read.
        """
        if self._pause is None or self._pause.begun is None:
            return
        executor, search, table = self._executor, self.search, self._executor.table
        assert table is not None
        names, inner = _read(self._pause.begun, table)
        known = [table.name(number) for number in range(len(table))]
        if names[: len(known)] != known:
            raise Nondeterminism(f"{_NO_LONGER}: its first steps are others")
        for name in names[len(known) :]:
            table.symbol(name)
        kept = _read(inner, table)
        search.position, search.survey, self.first = kept.position, kept.survey, kept.first
        for each, values in zip(self._counts, kept.counts, strict=True):
            for name, value in values.items():
                setattr(each, name, value)
        so_far, policy = search.position.so_far, search.position.policy
        try:
            if so_far.first is not None:
                run_again(executor, so_far.first, when=so_far.when)
        except Nondeterminism as error:
            raise Nondeterminism(f"{_NO_LONGER}: {error}") from None
        executor.teach(kept.taught)
        if policy.ready is not None:
            executor.prepare(policy)
            set_columns(policy, iter(kept.columns))


@dataclass(frozen=True, slots=True)
class _KeptSearch:
    """All that a search knows, but for the names of its steps."""

    position: SearchPosition
    columns: Sequence[Sequence[int]]
    survey: Survey
    first: FirstFailure | None
    taught: Taught
    counts: Sequence[Mapping[str, Any]]


_EXECUTIONS: Final = frozenset({"first", "last", "schedule"})


def _fields(counts: Any) -> Sequence[str]:
    """Return the names of what an object counts: none of nothing."""
    if counts is None:
        return ()
    return [each.name for each in fields(counts)] if is_dataclass(counts) else list(vars(counts))


class _Writer(pickle.Pickler):
    """Writes what a search knows; of the table of steps, and of the symbols in it, it writes only which they are."""

    def __init__(self, file: io.BytesIO, table: StepTable) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._table = table
        self._places = {id(symbol): place for place, symbol in enumerate(table.symbols)}

    def persistent_id(self, value: Any) -> Any:
        """Return what stands for the table and for what is in it."""
        if isinstance(value, StepTable):
            return _TABLE
        if isinstance(value, Symbol):
            return self._places[id(value)]
        return _SYMBOLS if value is self._table.symbols else None

    def reducer_override(self, value: Any) -> Any:
        """Write a policy as it is, and not as participants get it; its columns are written apart."""
        if not isinstance(value, Declaring):
            return NotImplemented
        return _bare, (type(value),), Declaring.__getstate__(value)


def _bare(kind: type) -> Any:
    """Return an object of a class before it has been initialized."""
    bare: Any = object.__new__(kind)
    return bare


class _Reader(pickle.Unpickler):
    """Reads only values of classes that hold what searches know."""

    def __init__(self, file: io.BytesIO, table: StepTable) -> None:
        super().__init__(file)
        self._table = table

    def persistent_load(self, pid: Any) -> Any:
        """Return the table of steps here, or what is in it."""
        if pid == _TABLE:
            return self._table
        return self._table.symbols if pid == _SYMBOLS else self._table.symbols[pid]

    def find_class(self, module: str, name: str) -> Any:
        """Return a class; raises UsageError if it is none of those."""
        found = None
        if (module, name) in _PLAIN or (module.startswith(_OURS) and "." not in name):
            found = super().find_class(module, name)
        if isinstance(found, type) or found is _bare:
            return found
        raise UsageError(f"a kept search holds no {module}.{name}")


def _written(value: Any, table: StepTable) -> bytes:
    file = io.BytesIO()
    _Writer(file, table).dump(value)
    return file.getvalue()


def _read(data: bytes, table: StepTable) -> Any:
    try:
        return _Reader(io.BytesIO(data), table).load()
    except TicketlabError:
        raise
    except Exception as error:
        raise UsageError(f"the kept search is damaged ({type(error).__name__})") from error
