"""One exploration: what it printed, its result, and its interleaving, as its run keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fuzz.schedule_replay import Row


class UnknownSentence(Exception):
    """A sentence or a row whose form is not known here."""


def renamed(result: Mapping[str, Any], new: str, old: str, default: Any = None) -> Any:
    """Return what a result has under a key, or under the one that it had before."""
    return result.get(new, result.get(old, default))


@dataclass(slots=True)
class Explained:
    """One run: what it printed, its result, and its interleaving."""

    text: str
    result: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]] = ()
    lanes: Sequence[str] = ()

    @property
    def case(self) -> Mapping[str, Any]:
        """The case that was saved; empty where none was."""
        return self.result.get("case") or {}

    @property
    def opening(self) -> int:
        """Tickets at first, where there is one section."""
        return int(sum(self.case["scenario"]["inventory"].values()))

    @property
    def holds(self) -> bool:
        """Whether buyers hold tickets first, so that what is left says less."""
        return bool(self.case["scenario"].get("hold"))

    @property
    def rows(self) -> list[Row]:
        """The rows of the interleaving, as JSON has them."""
        return [
            Row(None, step["lane"], step["action"], step["resource"], step["note"], bool(step["marked"]))
            for step in self.steps
        ]


Claim = tuple[str, str]
