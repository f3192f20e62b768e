"""The transactions of a scenario as a workload: participants that each run one transaction, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from ticketlab.core.errors import Conflict
from ticketlab.core.pacing import note
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.lab.isolation.engine import IsolationEngine, LevelConnection
from ticketlab.lab.isolation.transactions import (
    IsolationScenario,
    Seen,
    TableVerb,
    TransactionOutcome,
    TransactionScript,
)

REFUSED: Final = "refused"
"""The note that says why the database refused a transaction."""


class IsolationWorkload:
    """A scenario at an isolation level. No transaction is tried again: one that is refused is rolled back."""

    def __init__(self, engine: IsolationEngine, level: str, scenario: IsolationScenario) -> None:
        self.scripts: Sequence[Sequence[TransactionScript]] = [[each] for each in scenario.transactions]
        self._engine = engine
        self._level = level
        self._scenario = scenario

    def open(self) -> Sequence[Callable[[], None]]:
        """Return that there are no services; the database is open."""
        return ()

    @contextmanager
    def join(self, buyer: int) -> Iterator[Callable[[TransactionScript], TransactionOutcome]]:
        """Connect as a participant."""
        with self._engine.connect(self._level) as connection:
            yield partial(_run, connection)

    def reset(self) -> None:
        """Put the opening rows back."""
        self._engine.reset(self._level)

    def close(self) -> None:
        """Leave the database open for other scenarios."""

    def participant_name(self, who: int) -> str:
        """Return the name of a participant, numbered from 0."""
        return f"T{who + 1}"

    def outcomes(self, execution: Execution) -> list[TransactionOutcome]:
        """Return what came of each transaction in an execution that ran to its end; what it raised is raised."""
        found = {record.buyer: record.outcome for record in execution.records}
        for outcome in found.values():
            if isinstance(outcome, Exception):
                raise outcome
        return [found[who] for who in range(len(self.scripts))]

    def occurred(self, execution: Execution) -> bool:
        """Return whether the execution that just ran shows the anomaly."""
        return self._scenario.occurred(self.outcomes(execution), self._engine.rows(self._level))


def _run(connection: LevelConnection, script: TransactionScript) -> TransactionOutcome:
    """Run a transaction, and return what came of it."""
    seen: list[Seen] = []
    try:
        connection.begin()
        for statement in script.statements:
            seen.append(connection.execute(statement))
            note("told", _in_words(seen[-1], statement.verb))
        if script.aborts:
            connection.roll_back()
        else:
            connection.commit()
    except Conflict as refusal:
        note(REFUSED, str(refusal))
        connection.roll_back()
        return TransactionOutcome(False, tuple(seen), str(refusal))
    return TransactionOutcome(not script.aborts, tuple(seen))


def _in_words(seen: Seen, verb: TableVerb) -> str:
    if isinstance(seen, tuple):
        return ", ".join(seen) or "none"
    return str(seen) if verb in (TableVerb.READ, TableVerb.DELETE) else ""
