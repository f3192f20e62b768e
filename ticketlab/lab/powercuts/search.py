"""The search of a recording's power cuts: every disk state at every cut, judged, and the first that goes wrong.

A cut later than another one, with nothing forced to disk and nothing told in between, leaves every state that the
earlier one leaves, and more. So the power fails right before something is forced to disk or told, and at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ticketlab.core.disk import Disk, DiskOperation, Sync, SyncAll, ToldOutside
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
    def name(self) -> str:
        """What goes wrong."""
        return self.anomalies[0].name

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
    ends = [at for at, each in enumerate(operations) if isinstance(each, Sync | SyncAll | ToldOutside)]
    return [*ends, len(operations)]


class JudgedStates:
    """Judges each disk state once, for all searches of one recording."""

    def __init__(self, judge: StateJudge) -> None:
        self._judge = judge
        self._known: dict[object, Judged] = {}

    def key(self, disk: Disk, told: str) -> object:
        """Return what decides a verdict: what can be reached on a disk and, if the judge heeds it, what was told.

        Two files that hold the same are not the same as one file of two names.
        """
        first: dict[int, str] = {}
        one_file = frozenset((path, first[node]) for path, node in disk.walk() if first.setdefault(node, path) != path)
        return frozenset(disk.content().items()), one_file, told if self._judge.heeds_promise else ""

    def judged(self, disk: Disk, told: str) -> Judged:
        """Return what came of a disk state."""
        key = self.key(disk, told)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._judge.judge(disk, told)
        return known


class CutSearcher:
    """Searches the power cuts of one recording by one model.

    `most` is how many states are laid out. The search ends at the first state that goes wrong or, if it is to
    `exhaust`, when none is left; or as soon as states have gone wrong in all ways that are `enough`. For what went
    wrong, states of earlier cuts are laid out beside.
    """

    def __init__(
        self,
        recording: Recording,
        model: str,
        states: JudgedStates,
        *,
        most: int = MOST_STATES,
        exhaust: bool = False,
        enough: frozenset[str] = frozenset(),
        progress: Callable[[int, int], None] = lambda _done, _wrong: None,
    ) -> None:
        self._recording = recording
        self._families = MODELS[model]
        self._states = states
        self._most = most
        self._exhaust = exhaust
        self._enough = enough
        self._progress = progress
        self._seen: set[object] = set()
        self.found = CutSearch()

    def run(self) -> CutSearch:
        """Search until a state goes wrong or, to exhaust, until none is left."""
        before = 0
        for cut in cut_points(self._recording.operations):
            self.found.cuts += 1
            known = set(self.found.wrong)
            judged = self._search(cut)
            for name in self.found.wrong.keys() - known:
                self.found.wrong[name] = self._earliest(name, range(before, cut), judged) or self.found.wrong[name]
            before = cut + 1
            if not self._goes_on():
                break
        return self.found

    def _search(self, cut: int) -> int:
        """Judge the states of one cut, and return how many."""
        told, judged = self._recording.told(cut), 0
        for number, family in self._families_at(cut):
            self.found.stands_for += family.size
            covered = cover(family, self._looking(cut, family, number, told, self._take), self._goes_on)
            self.found.left += covered.left
            judged += covered.judged
        return judged

    def _families_at(self, cut: int) -> Iterator[tuple[int, DiskFamily]]:
        return enumerate(self._families(self._recording.opening, self._recording.operations[:cut]))

    def _earliest(self, name: str, cuts: Sequence[int], most: int) -> WrongState | None:
        """Return the state that goes wrong in one way at the earliest of these cuts, if one is found.

        `most` states of each cut are judged: as many as of the later cut at which it was found. What had not been done
        yet at an earlier cut is no longer to be lost there, so a state that is wrong comes no later in its turn.
        """
        for cut in cuts:
            told, turns = self._recording.told(cut), iter(range(most))
            found: list[WrongState] = []
            for number, family in self._families_at(cut):
                looking = self._looking(cut, family, number, told, found.append)
                cover(family, looking, lambda: not _goes_wrong(found, name) and next(turns, None) is not None)  # noqa: B023
                if _goes_wrong(found, name):
                    return found[-1]
        return None

    def _goes_on(self) -> bool:
        if self.found.states >= self._most or (self._enough and self._enough <= self.found.wrong.keys()):
            return False
        return self._exhaust or not self.found.wrong

    def _looking(
        self, cut: int, family: DiskFamily, number: int, told: str, take: Callable[[WrongState], object]
    ) -> Callable[[Chosen], set[int]]:
        """Return what judges the states of a family, and takes those that go wrong."""

        def judge(chosen: Chosen) -> set[int]:
            disk = family.state(chosen)
            judged = self._states.judged(disk, told)
            self._count(self._states.key(disk, told), judged)
            if judged.anomalies:
                take(WrongState(cut, family, number, chosen, judged.anomalies))
            return choices_looked_at(family, disk, judged.looks)

        return judge

    def _take(self, wrong: WrongState) -> None:
        self.found.wrong.setdefault(wrong.name, wrong)

    def _count(self, key: object, judged: Judged) -> None:
        if key not in self._seen:
            self._seen.add(key)
            self.found.states += 1
            self.found.anomalous += bool(judged.anomalies)
            self._progress(self.found.states, self.found.anomalous)


def _goes_wrong(found: Sequence[WrongState], name: str) -> bool:
    return bool(found) and found[-1].name == name
