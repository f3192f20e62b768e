"""What came of holding a lock to the laws, as values that can be printed and saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ticketlab.core.verdict import all_valid
from ticketlab.lab.plain.results import PlainFinding
from ticketlab.report.lock_laws import drawn_laws


@dataclass(frozen=True, slots=True)
class LawResult:
    """Whether a lock keeps one law.

    `reason` says why that is undecided, or why the law does not apply. `scenario` is what the processes were doing when
    the law was broken, and `facts` says in sentences what else came to light.
    """

    law: str
    sentence: str
    valid: bool | None = True
    applies: bool = True
    reason: str = ""
    scenario: str = ""
    executions: int = 0
    facts: Sequence[str] = ()
    finding: PlainFinding | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the result as a JSON object."""
        found = self.finding
        return {
            "law": self.law,
            "sentence": self.sentence,
            "valid": self.valid,
            "applies": self.applies,
            "reason": self.reason,
            "scenario": self.scenario,
            "executions": self.executions,
            "facts": list(self.facts),
            "anomalies": [anomaly.to_json() for anomaly in found.anomalies] if found else [],
            "case": found.case.to_json() if found else None,
        }


@dataclass(frozen=True, slots=True)
class LockReport:
    """Whether a lock keeps the laws. As text it is a table of the laws, and of each schedule that broke one."""

    lock: str
    laws: Sequence[LawResult]

    @property
    def valid(self) -> bool | None:
        """False if a law is broken, else None if one is undecided, else True."""
        return all_valid(law.valid for law in self.laws if law.applies)

    @property
    def broken(self) -> Sequence[LawResult]:
        """The laws that are broken."""
        return [law for law in self.laws if law.valid is False]

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        return {"lock": self.lock, "valid": self.valid, "laws": [law.to_json() for law in self.laws]}

    def __str__(self) -> str:
        return drawn_laws(self)
