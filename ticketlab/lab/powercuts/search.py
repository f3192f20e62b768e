"""The search of a recording's power cuts: every disk state at every cut, judged, and the first that goes wrong.

A cut later than another one, with nothing forced to disk and nothing told in between, leaves every state that the
earlier one leaves, and more. So the power fails right before something is forced to disk or told, and at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ticketlab.core.disk import Disk, DiskOperation, Sync, SyncAll, Told
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.lab.powercuts.judges import Judged, StateJudge
from ticketlab.lab.powercuts.recording import Recording
from ticketlab.lab.powercuts.states import choices_looked_at
from ticketlab.powercut.choices import DiskFamily
from ticketlab.powercut.enumeration import Chosen, cover
from ticketlab.powercut.ext4 import ext4_families
from ticketlab.powercut.strict import strict_families

Families = Callable[[Disk, Sequence[DiskOperation]], Iterator[DiskFamily]]
MODELS: Final[Mapping[str, Families]] = {"strict": strict_families, "ext4": ext4_families}
"""The models of file systems, by name."""
MOST_STATES: Final = 10_000


@dataclass(frozen=True, slots=True)
class WrongState:
    """A disk state that goes wrong: after how many operations the power fails, and how the family's state is chosen."""

    cut: int
    family: DiskFamily
    number: int
    chosen: Chosen
    anomalies: Sequence[Anomaly]

    @property
    def disk(self) -> Disk:
        """What was on the disk."""
        return self.family.state(self.chosen)


@dataclass(slots=True)
class CutSearch:
    """What a search has come to.

    `states` were laid out, and stand for `stands_for` ways in which the disk can be left; `left` parts of these were
    not looked into. `wrong` has the first state for each kind of anomaly.
    """

    cuts: int = 0
    states: int = 0
    stands_for: int = 0
    left: int = 0
    wrong: dict[str, WrongState] = field(default_factory=dict)
    anomalous: int = 0

    @property
    def anomalies(self) -> list[Anomaly]:
        """One anomaly of each kind."""
        return [wrong.anomalies[0] for wrong in self.wrong.values()]

    def verdict(self, recording: Recording) -> Verdict:
        """What is decided."""
        reasons = list(recording.unseen)
        if self.left:
            reasons.append(f"{self.states:,} disk states were laid out, and {self.left:,} parts of the others were not")
        return Verdict(self.anomalies, "; ".join(reasons))


def cut_points(operations: Sequence[DiskOperation]) -> list[int]:
    """Return after how many operations the power fails."""
    ends = [at for at, each in enumerate(operations) if isinstance(each, Sync | SyncAll | Told)]
    return [*ends, len(operations)]


def told_before(operations: Sequence[DiskOperation], cut: int) -> str:
    """Return what had been printed before a cut."""
    return "".join(each.text for each in operations[:cut] if isinstance(each, Told))


class CutSearcher:
    """Searches the power cuts of one recording by one model."""

    def __init__(
        self,
        recording: Recording,
        model: str,
        judge: StateJudge,
        *,
        most: int = MOST_STATES,
        exhaust: bool = False,
        progress: Callable[[int, int], None] = lambda _done, _wrong: None,
    ) -> None:
        self._recording = recording
        self._families = MODELS[model]
        self._judge = judge
        self._most = most
        self._exhaust = exhaust
        self._progress = progress
        self._known: dict[object, Judged] = {}
        self.found = CutSearch()

    def run(self) -> CutSearch:
        """Search until a state goes wrong or, to exhaust, until none is left."""
        operations, found = self._recording.operations, self.found
        for cut in cut_points(operations):
            found.cuts += 1
            told = told_before(operations, cut)
            for number, family in enumerate(self._families(self._recording.opening, operations[:cut])):
                if not self._goes_on() and not found.left:
                    return found
                found.stands_for += family.size
                covered = cover(family, self._looking(cut, family, number, told), self._goes_on)
                found.left += covered.left
        return found

    def _goes_on(self) -> bool:
        return self.found.states < self._most and (self._exhaust or not self.found.wrong)

    def _looking(self, cut: int, family: DiskFamily, number: int, told: str) -> Callable[[Chosen], set[int]]:
        def judge(chosen: Chosen) -> set[int]:
            disk = family.state(chosen)
            judged = self._judged(disk, told)
            for anomaly in judged.anomalies[:1]:
                self.found.wrong.setdefault(anomaly.name, WrongState(cut, family, number, chosen, judged.anomalies))
            return choices_looked_at(family, disk, judged.looks)

        return judge

    def _judged(self, disk: Disk, told: str) -> Judged:
        """Judge a disk state, unless it has been judged."""
        key = frozenset(disk.content().items()), told if self._judge.heeds_promise else ""
        judged = self._known.get(key)
        if judged is None:
            judged = self._known[key] = self._judge.judge(disk, told)
            self.found.states += 1
            self.found.anomalous += bool(judged.anomalies)
            self._progress(self.found.states, self.found.anomalous)
        return judged
