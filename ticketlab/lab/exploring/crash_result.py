"""The result of a crash matrix: for each store and strategy, what every fault at every point left behind.

A pair is *correct* if no execution was anomalous and none was left out, *went wrong* if one was anomalous, and is
*undecided* otherwise. An anomaly that occurs without a fault as well is listed apart, as going wrong `anyway`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ticketlab.core.faults import Fault
from ticketlab.core.result import as_document
from ticketlab.core.text import join_words
from ticketlab.core.verdict import Anomaly, Verdict, all_valid
from ticketlab.explorer.results import FaultPointResult
from ticketlab.lab.plugins.combinations import UnsupportedPair

CRASHES_DOCUMENT: Final = "crashes"
"""The kind of a crash matrix among results, and the name of its run folder."""
MATRIX_BUYERS: Final = 2


@dataclass(frozen=True, slots=True)
class CrashResult:
    """The crash points of one store and strategy.

    `points` is what came of each fault at each point. `names` counts the anomalies that occur only with a fault;
    `anyway` names those that occur without one; `sentences` tells of one execution for each of them. `left_behind`
    names the files that remained. `reason` says why not every execution was tried, if so.
    """

    store: str
    strategy: str
    claims_safety: bool
    faults: Sequence[str]
    points: Sequence[FaultPointResult]
    executions: int
    names: Mapping[str, int]
    anyway: Sequence[str]
    sentences: Mapping[str, str]
    left_behind: Sequence[str]
    reason: str = ""

    @property
    def valid(self) -> bool | None:
        """Whether no execution went wrong, with or without a fault; None if none did and not every one was tried."""
        return Verdict(self.anomalies, self.reason).valid

    @property
    def anomalies(self) -> list[Anomaly]:
        """One anomaly for each name, those that need a fault first; the evidence says in how many executions."""
        return [
            Anomaly(name, self.sentences[name], {"with_a_fault_only": name in self.names})
            for name in (*sorted(self.names, key=lambda name: -self.names[name]), *self.anyway)
        ]

    @property
    def waited(self) -> float:
        """The longest time, in seconds, that a survivor had to wait for something to expire."""
        return max((point.waited for point in self.points), default=0.0)

    @property
    def summary(self) -> str:
        """Say in a few words what came of it."""
        if self.names:
            return join_words([each.name for each in self.anomalies if each.name in self.names])
        if self.anyway:
            return f"{join_words(self.anyway)}, even without a fault"
        if self.reason:
            return f"undecided: {self.reason}"
        return f"correct at every point, after {self.waited:g} s" if self.waited else "correct at every point"

    def to_json(self) -> dict[str, Any]:
        """Return a row of the matrix as it is saved."""
        return {
            "store": self.store,
            "strategy": self.strategy,
            "claims_safety": self.claims_safety,
            "faults": list(self.faults),
            "valid": self.valid,
            "reason": self.reason,
            "summary": self.summary,
            "anomalies": [anomaly.to_json() for anomaly in self.anomalies],
            "names": dict(self.names),
            "anyway": list(self.anyway),
            "points": len(self.points),
            "executions": self.executions,
            "exhausted": not self.reason,
            "waited": self.waited,
            "left_behind": list(self.left_behind),
            "injected": [point.to_json() for point in self.points],
        }


@dataclass(frozen=True, slots=True)
class CrashMatrixResult:
    """A crash matrix, as far as it was explored; the faults can be injected into none of the `unsupported` pairs."""

    rows: Sequence[CrashResult]
    unsupported: Sequence[UnsupportedPair]
    faults: Sequence[Fault]
    environment: Mapping[str, Any]

    @property
    def valid(self) -> bool | None:
        """Whether every strategy that claims safety is correct; None if one is undecided.

        If none claims safety, whether every one was decided: then the matrix shows what each of them is worth.
        """
        if self._claiming:
            return all_valid(row.valid for row in self._claiming)
        return None if any(row.valid is None for row in self.rows) or not self.rows else True

    @property
    def _claiming(self) -> list[CrashResult]:
        return [row for row in self.rows if row.claims_safety]

    def to_json(self, command: str, command_of: Callable[[CrashResult], str] = lambda _row: "") -> dict[str, Any]:
        """Return the matrix as it is printed and saved; `command_of` returns the command line that explores a row."""
        verdicts = [row.valid for row in self.rows]
        return as_document(
            CRASHES_DOCUMENT,
            {
                "command": command,
                "valid": self.valid,
                "anomalies": [
                    {"store": row.store, "strategy": row.strategy} | anomaly.to_json()
                    for row in self._claiming
                    for anomaly in row.anomalies
                ],
                "buyers": MATRIX_BUYERS,
                "tickets": MATRIX_BUYERS,
                "faults": [str(fault) for fault in self.faults],
                "explored": len(verdicts),
                "correct": verdicts.count(True),
                "went_wrong": verdicts.count(False),
                "undecided": verdicts.count(None),
                "rows": [row.to_json() | {"command": command_of(row)} for row in self.rows],
                "unsupported": [each.to_json() for each in self.unsupported],
                "environment": self.environment,
            },
        )
