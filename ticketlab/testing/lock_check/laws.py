"""The laws that every lock keeps, and `check_lock`, which holds a lock to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from ticketlab.core.errors import TicketlabError, UsageError, unknown_name
from ticketlab.core.text import join_words, pluralize
from ticketlab.explorer.executors.stalls import OutsideControl
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.artifacts.race_folder import fastest, live_folder
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.results import PlainExploration
from ticketlab.lab.plain.workload import PlainWorkload
from ticketlab.probes.standins import standing_in
from ticketlab.testing.lock_check import scenarios
from ticketlab.testing.lock_check.judge import LockJudge
from ticketlab.testing.lock_check.remains import remains_of
from ticketlab.testing.lock_check.report import LawResult, LockReport
from ticketlab.testing.lock_check.scenarios import LockScenario, LockUnderTest
from ticketlab.testing.lock_check.subject import LockSubject

_EXECUTIONS: Final = 300
_STEPS: Final = 2_000
_NUMBERED: Final = re.compile(r"^process \d+")
_STAYS: Final = "it stays taken after a dead holder"


@dataclass(frozen=True, slots=True)
class LockLaw:
    """A law: its sentence, the scenarios that try it, and the reason why it does not apply to a lock, or none.

    `facts` says in sentences what else came to light, and `may_stay_taken` that nobody need ever get in.
    """

    name: str
    sentence: str
    scenarios: Callable[[LockUnderTest], Sequence[LockScenario]]
    spares: Callable[[LockUnderTest], str] = lambda _lock: ""
    facts: Callable[[LockJudge], Iterable[str]] = lambda _judge: ()
    may_stay_taken: bool = False


def _keeps_nothing(lock: LockUnderTest) -> str:
    return "" if lock.left.names else "it keeps nothing in its folder"


def _writes_no_number(lock: LockUnderTest) -> str:
    return _keeps_nothing(lock) or ("" if lock.left.names_holder else "its file names no process")


def _has_no_release(lock: LockUnderTest) -> str:
    return "" if lock.left.releases else "nobody can release it who has not entered it"


def _stays_taken(judge: LockJudge) -> Iterator[str]:
    if not judge.most_entered or judge.waiting is not None:
        yield _STAYS


def _taken_again(judge: LockJudge) -> Iterator[str]:
    if judge.waiting is not None:
        yield "a holder that takes it again waits for ever"


LOCK_LAWS: Final = (
    LockLaw(
        "one at a time",
        "of several processes one at a time is inside, and nobody waits for ever",
        lambda lock: [scenarios.visits(lock, processes, times) for processes in (2, 3) for times in (1, 2)],
    ),
    LockLaw(
        "long pause",
        "nobody gets in while the holder pauses, for however long",
        lambda lock: [scenarios.long_pause(lock)],
    ),
    LockLaw(
        "stale file",
        "one at a time is inside though a dead holder's file is there",
        lambda lock: [scenarios.left_by_the_dead(lock)],
        spares=_keeps_nothing,
        facts=_stays_taken,
        may_stay_taken=True,
    ),
    LockLaw(
        "number of another",
        "one at a time is inside though a living process has the dead holder's number",
        lambda lock: [scenarios.left_with_a_living_number(lock)],
        spares=_writes_no_number,
        facts=_stays_taken,
        may_stay_taken=True,
    ),
    LockLaw(
        "number of its own",
        "one at a time is inside though one of them has the dead holder's number",
        lambda lock: [scenarios.left_with_own_number(lock)],
        spares=_writes_no_number,
        facts=_stays_taken,
        may_stay_taken=True,
    ),
    LockLaw(
        "taken again",
        "nobody gets in before the holder has let go as often as it took",
        lambda lock: [scenarios.taken_again(lock)],
        facts=_taken_again,
    ),
    LockLaw(
        "release by a stranger",
        "the holder stays alone if somebody releases the lock who does not have it",
        lambda lock: [scenarios.released_without_take(lock), scenarios.released_after_refusal(lock)],
        spares=_has_no_release,
    ),
    LockLaw(
        "file removed",
        "one at a time is inside after the lock's file was removed while nobody had it",
        lambda lock: [scenarios.file_removed(lock)],
        spares=_keeps_nothing,
    ),
    LockLaw(
        "killed holder",
        "one at a time is inside, whenever one of them is killed",
        lambda lock: [scenarios.killed(lock)],
        facts=_stays_taken,
    ),
)


def check_lock(make_lock: Any, *, laws: Iterable[str] | None = None, executions: int = _EXECUTIONS) -> LockReport:
    """Hold a lock to the laws, and return which of them it keeps.

    `make_lock` is a function or a class that makes the lock, called by each process, by parameter name with those of
    `folder`, `path` (of a lock file) and `who` that it asks for; or the path of a lock file, which is taken by
    filelock; or a lock, which all processes inherit, except that one of filelock's is made anew in their folder. The
    laws are those of `LOCK_LAWS`, or those that are named; `executions` bounds each search.

    Raises:
        UsageError: it is no lock, a process that is alone cannot take it and let it go, or a law is unknown.
    """
    chosen = _chosen(laws)
    subject = LockSubject.of(make_lock)
    with live_folder(under=fastest()) as home:
        lock = LockUnderTest(subject, remains_of(subject, home), subject.balance())
        check = _Check(lock, executions)
        return LockReport(subject.title, [check.result(law) for law in chosen])


def _chosen(names: Iterable[str] | None) -> Sequence[LockLaw]:
    known = {law.name: law for law in LOCK_LAWS}
    if names is None:
        return LOCK_LAWS
    for name in (wanted := list(names)):
        if name not in known:
            raise unknown_name("law of locks", name, known)
    return [known[name] for name in wanted]


@dataclass(slots=True)
class _Check:
    """A lock that is held to one law after another. `gave_up` says why no further scenario is worth trying."""

    lock: LockUnderTest
    executions: int
    gave_up: str = ""

    def result(self, law: LockLaw) -> LawResult:
        """Return whether the lock keeps a law."""
        result = LawResult(law.name, law.sentence)
        if spared := law.spares(self.lock):
            return replace(result, applies=False, valid=None, reason=spared)
        for scenario in law.scenarios(self.lock):
            result = self._tried(law, result, scenario)
            if result.valid is False:
                break
        return result

    def _tried(self, law: LockLaw, so_far: LawResult, scenario: LockScenario) -> LawResult:
        """Return the result of a law with one more scenario tried; if it is undecided anyway, with fewer executions."""
        if self.gave_up:
            return replace(so_far, valid=None, reason=self.gave_up)
        try:
            tried = try_scenario(self.lock, scenario, self.executions if so_far.valid else 1 + self.executions // 3)
        except UsageError:
            raise
        except TicketlabError as error:
            reason = f"{scenario.title}: {error}"
            self.gave_up = reason if isinstance(error, OutsideControl) else ""
            return replace(so_far, valid=None, reason=reason)
        facts = dict.fromkeys([*so_far.facts, *law.facts(tried.judge), *tried.judge.told])
        so_far = replace(so_far, executions=so_far.executions + tried.found.executions, facts=list(facts))
        if tried.found.finding is not None:
            return replace(
                so_far, valid=False, reason="", facts=(), scenario=scenario.title, finding=tried.found.finding
            )
        reason = tried.reason or ("" if law.may_stay_taken else tried.why_empty)
        if reason and so_far.valid:
            return replace(so_far, valid=None, reason=f"{scenario.title}: {reason}")
        return so_far


class TriedScenario(NamedTuple):
    """What the exploration of a scenario came to, its judge with what else came to light, and the calls not seen."""

    found: PlainExploration
    judge: LockJudge
    hidden: Sequence[str]

    @property
    def reason(self) -> str:
        """Why it is undecided if nothing went wrong, or an empty string."""
        found, judge = self.found, self.judge
        if self.hidden:
            return f"the lock calls {join_words(self.hidden)}, which the lab does not see"
        if judge.blind:
            return "a process got in without a step that the lab sees"
        if judge.cut_off:
            return f"{pluralize(judge.cut_off, 'execution')} did not end within {_STEPS:,} steps"
        left_out = [
            _NUMBERED.sub("a process", said)
            for said in found.left_out_unless(allowed=not (found.unseen or found.outside))
        ]
        return found.why_undecided(list(dict.fromkeys(left_out)))

    @property
    def why_empty(self) -> str:
        """Why it proves nothing that no two were inside at once, or an empty string."""
        return "" if self.judge.most_entered > 1 else "no two processes ever got in, not even one after another"


def try_scenario(lock: LockUnderTest, scenario: LockScenario, executions: int) -> TriedScenario:
    """Explore what some processes do with a lock; raises as `explore_plain` does."""
    judges: list[LockJudge] = []

    def lay_out(folder: Path) -> None:
        lock.balance()
        scenario.lay_out(folder)

    def make_judge(workload: PlainWorkload) -> LockJudge:
        judges.append(LockJudge(workload, waits_end=scenario.waits_end))
        return judges[-1]

    plain = PlainFunction(
        function=scenario.participant,
        processes=scenario.processes,
        reset=lay_out,
        fixtures={"the lock": lock.subject.given},  # where its state is looked for, to be put back
        name=f"{lock.subject.title}: {scenario.title}",
    )
    how = ExploreOptions(executor="processes", executions=executions, steps=_STEPS, faults=scenario.faults)
    with standing_in(scenario.standins):
        return TriedScenario(explore_plain(plain, how, make_judge=make_judge), judges[-1], lock.left.hidden)
