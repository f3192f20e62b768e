"""What exploring isolation levels comes to, as values that can be printed and saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from ticketlab.core.result import as_document
from ticketlab.core.verdict import all_valid
from ticketlab.lab.isolation.anomalies import IsolationAnomaly


class Occurrence(Enum):
    """Whether an anomaly can occur at a level; the value is the word for it."""

    POSSIBLE = "possible"
    PREVENTED = "prevented"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class ScheduledStep:
    """One step of a schedule: by whom, what it was, and what it returned or why it was refused."""

    who: str
    step: str
    result: str


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """What all schedules of one scenario came to.

    `smallest` is the schedule with the fewest steps, then the fewest switches between transactions, among the
    `anomalous` ones. `refusals` counts the executions in which the database gave a reason for refusing a transaction.
    `reason` says why the executions prove nothing, if they do not; a schedule that shows the anomaly counts anyway.
    """

    name: str
    executions: int
    anomalous: int
    smallest: Sequence[ScheduledStep]
    refusals: Mapping[str, int]
    reason: str = ""

    @property
    def result(self) -> Occurrence:
        """Whether the anomaly can occur; it is prevented only if every schedule was run."""
        if self.anomalous:
            return Occurrence.POSSIBLE
        return Occurrence.UNDECIDED if self.reason else Occurrence.PREVENTED

    def to_json(self) -> dict[str, Any]:
        """Return the result as it is saved."""
        return {**asdict(self), "exhausted": not self.reason, "result": self.result.value}


@dataclass(frozen=True, slots=True)
class IsolationCell:
    """One anomaly at one level; `published` is None if nothing is published."""

    level: str
    anomaly: IsolationAnomaly
    scenarios: Sequence[ScenarioResult]
    published: Occurrence | None

    @property
    def result(self) -> Occurrence:
        """Whether a scenario showed the anomaly; it is prevented if all of them were exhausted without it."""
        found = {scenario.result for scenario in self.scenarios}
        return next(each for each in (Occurrence.POSSIBLE, Occurrence.UNDECIDED, Occurrence.PREVENTED) if each in found)

    @property
    def valid(self) -> bool | None:
        """Whether the result is the published one, or nothing is published; None if it is undecided."""
        return None if self.result is Occurrence.UNDECIDED else self.published in (None, self.result)

    @property
    def executions(self) -> int:
        """How many schedules were run."""
        return sum(scenario.executions for scenario in self.scenarios)

    @property
    def shown_by(self) -> ScenarioResult | None:
        """The scenario with the smallest schedule that shows the anomaly, if there is one."""
        showing = [scenario for scenario in self.scenarios if scenario.anomalous]
        return min(showing, key=lambda scenario: len(scenario.smallest), default=None)

    def to_json(self) -> dict[str, Any]:
        """Return the cell as it is saved."""
        return {
            "level": self.level,
            "anomaly": self.anomaly.key,
            "result": self.result.value,
            "published": self.published.value if self.published else None,
            "valid": self.valid,
            "scenarios": [scenario.to_json() for scenario in self.scenarios],
        }


@dataclass(frozen=True, slots=True)
class IsolationTable:
    """The table of a store: cells by level, then by anomaly, and the source of what is published."""

    command: str
    store: str
    version: str
    source: str
    cells: Sequence[IsolationCell]

    @property
    def levels(self) -> Sequence[str]:
        """The levels, each once."""
        return list(dict.fromkeys(cell.level for cell in self.cells))

    @property
    def anomalies(self) -> Sequence[IsolationAnomaly]:
        """The anomalies, each once."""
        return list({cell.anomaly.key: cell.anomaly for cell in self.cells}.values())

    @property
    def valid(self) -> bool | None:
        """False if a cell differs from the published one, None if one is undecided, else True."""
        return all_valid(cell.valid for cell in self.cells)

    def to_json(self) -> dict[str, Any]:
        """Return the table as it is saved; it says the same each time, and so has no times."""
        return as_document(
            "isolation",
            {
                "command": self.command,
                "valid": self.valid,
                "store": self.store,
                "product": self.version,
                "source": self.source,
                "words": {each.key: {"name": each.name, "tickets": each.tickets} for each in self.anomalies},
                "cells": [cell.to_json() for cell in self.cells],
            },
        )
