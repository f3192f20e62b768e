"""Verdicts: valid, anomalous or undecided; each anomaly comes with the operations that prove it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A named violation: one sentence for a person, and the evidence as data (JSON types only)."""

    name: str
    sentence: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the anomaly as it stands in results."""
        return {"name": self.name, "sentence": self.sentence, "evidence": dict(self.evidence)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The anomalies that the checkers found; `reason` says why they could not decide, and is empty if they did."""

    anomalies: Sequence[Anomaly] = ()
    reason: str = ""

    @property
    def valid(self) -> bool | None:
        """True, False, or None for undecided; an anomaly counts even if another check could not be finished."""
        if self.anomalies:
            return False
        return None if self.reason else True

    @property
    def exit_code(self) -> int:
        """The process exit code of this verdict."""
        return exit_code(self.valid)


def all_valid(verdicts: Iterable[bool | None]) -> bool | None:
    """Return False if one of the verdicts is False, else None if one is undecided, else True."""
    found = set(verdicts)
    return False if False in found else None if None in found else True


def exit_code(valid: bool | None) -> int:
    """Return the process exit code that says whether something is valid: 0, 1, or 3 for undecided."""
    return {True: 0, False: 1, None: 3}[valid]
