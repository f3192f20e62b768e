"""Explorations of power cuts: a program or a store is recorded, its cuts are searched, and what was found replays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.spec import Spec
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.lab.artifacts.case_files import versions
from ticketlab.lab.artifacts.race_folder import fastest, live_folder
from ticketlab.lab.environment import environment
from ticketlab.lab.powercuts.case import PowerCutCase
from ticketlab.lab.powercuts.judges import ProgramStateJudge, StateJudge
from ticketlab.lab.powercuts.recording import Recording, recorded
from ticketlab.lab.powercuts.search import (
    MODELS,
    MOST_STATES,
    CutSearch,
    CutSearcher,
    JudgedStates,
    WrongState,
)
from ticketlab.lab.powercuts.steps import fates, left_on_disk, step_texts
from ticketlab.lab.powercuts.stores import StoreStateJudge, opening_folder, purchases_of
from ticketlab.lab.powercuts.subject import PowerCutSubject
from ticketlab.lab.programs.program import Program

ALL_MODELS: Final = ("ext4", "strict")
"""The models of a search if none is named; the one that is kinder to programs comes first."""


@dataclass(frozen=True, slots=True)
class ModelResult:
    """What a search by one model came to."""

    model: str
    search: CutSearch
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """Return the result as it is saved."""
        search = self.search
        return {
            "model": self.model,
            "valid": self.verdict.valid,
            "reason": self.verdict.reason,
            "names": sorted(search.wrong),
            "cuts": search.cuts,
            "states": search.states,
            "anomalous": search.anomalous,
            "stands_for": search.stands_for,
            "left": search.left,
        }


@dataclass(frozen=True, slots=True)
class PowerCutFinding:
    """The smallest case: what was done before the power failed, what of it was on the disk, and what there was then."""

    case: PowerCutCase
    fates: Sequence[str]
    left: Sequence[tuple[str, str]]
    anomalies: Sequence[Anomaly]

    def to_json(self) -> dict[str, Any]:
        """Return the finding as it is saved."""
        steps = [{"step": step, "fate": fate} for step, fate in zip(self.case.steps, self.fates, strict=True)]
        return {
            "model": self.case.model,
            "steps": steps,
            "left": [{"path": path, "holds": holds} for path, holds in self.left],
            "anomalies": [anomaly.to_json() for anomaly in self.anomalies],
        }


@dataclass(frozen=True, slots=True)
class PowerCutExploration:
    """What the search of a program's or a store's power cuts came to, by each model."""

    command: str
    title: str
    models: Sequence[ModelResult]
    finding: PowerCutFinding | None
    operations: int
    seconds: float
    environment: Mapping[str, Any]

    @property
    def verdict(self) -> Verdict:
        """The anomalies of the smallest case, and why something is undecided."""
        reasons = dict.fromkeys(each.verdict.reason for each in self.models if each.verdict.reason)
        return Verdict(self.finding.anomalies if self.finding else (), "; ".join(reasons))

    def to_json(self) -> dict[str, Any]:
        """Return the result as it is saved."""
        verdict = self.verdict
        return {
            "command": self.command,
            "function": self.title,
            "valid": verdict.valid,
            "reason": verdict.reason,
            "anomalies": [anomaly.to_json() for anomaly in verdict.anomalies],
            "executions": sum(each.search.states for each in self.models),
            "anomalous": sum(each.search.anomalous for each in self.models),
            "exhausted": not verdict.reason and self.finding is None,
            "left_behind": [],
            "operations": self.operations,
            "models": [each.to_json() for each in self.models],
            "finding": self.finding.to_json() if self.finding else None,
            "seconds": self.seconds,
            "environment": self.environment,
        }


@dataclass(frozen=True, slots=True)
class PowerCutReplay:
    """What came of laying a case's disk state out once more."""

    command: str
    finding: PowerCutFinding
    environment: Mapping[str, Any]

    @property
    def verdict(self) -> Verdict:
        """What is wrong with the state."""
        return Verdict(self.finding.anomalies)

    def to_json(self) -> dict[str, Any]:
        """Return the replay as it is saved, in the form of an exploration of one state."""
        verdict = self.verdict
        return {
            "command": self.command,
            "function": self.finding.case.subject.title,
            "valid": verdict.valid,
            "anomalies": [anomaly.to_json() for anomaly in verdict.anomalies],
            "executions": 1,
            "anomalous": int(verdict.valid is False),
            "exhausted": False,
            "left_behind": [],
            "finding": self.finding.to_json(),
            "environment": self.environment,
        }


@contextmanager
def _opened(subject: PowerCutSubject) -> Iterator[tuple[Program, StateJudge]]:
    """Yield the program to record, and the judge of what it leaves, within the folders that they need."""
    with live_folder(under=fastest()) as home:
        if subject.store is None:
            assert subject.program is not None, "a subject is a store or a program"
            yield subject.program, ProgramStateJudge(subject.program, subject.recover, home)
            return
        opening = home / "opening"
        opening.mkdir()
        program = purchases_of(subject.store, opening)
        opening_folder(subject.store, opening)
        yield program, StoreStateJudge(subject.store, home)


def explore_power_cuts(
    subject: PowerCutSubject,
    models: Sequence[str] = ALL_MODELS,
    *,
    most: int = MOST_STATES,
    exhaust: bool = False,
    enough: frozenset[str] = frozenset(),
    seed: int = 0,
    command: str = "",
    progress: Callable[[int, int], None] = lambda _done, _wrong: None,
) -> PowerCutExploration:
    """Record a program or a store once, and judge every disk state that a power cut can leave, by each model.

    Raises:
        UsageError: a command is not there, or does not end well without a power cut.
        TicketlabError: the lab could not do its work.
    """
    began = time.monotonic()
    with _opened(subject) as (program, judge):
        recording = recorded(program, seed)
        states = JudgedStates(judge)
        found: list[ModelResult] = []
        wrong: tuple[str, WrongState] | None = None
        for model in models:
            search = CutSearcher(
                recording, model, states, most=most, exhaust=exhaust, enough=enough, progress=progress
            ).run()
            found.append(ModelResult(model, search, search.verdict(recording)))
            if wrong is None and search.wrong:
                wrong = model, min(search.wrong.values(), key=lambda each: each.cut)
        finding = _finding(subject, recording, *wrong, seed) if wrong else None
    return PowerCutExploration(
        command,
        subject.title,
        found,
        finding,
        len(recording.operations),
        time.monotonic() - began,
        environment(Path.cwd()),
    )


def _finding(
    subject: PowerCutSubject, recording: Recording, model: str, wrong: WrongState, seed: int
) -> PowerCutFinding:
    case = PowerCutCase(
        subject=subject,
        model=model,
        family=wrong.number,
        chosen=wrong.chosen,
        steps=tuple(step_texts(recording, wrong.cut)),
        seed=seed,
        anomalies=(wrong.name,),
        versions=versions(),
    )
    return PowerCutFinding(case, tuple(fates(recording, wrong)), tuple(left_on_disk(recording, wrong)), wrong.anomalies)


def replay_power_cut(case: PowerCutCase, *, command: str = "") -> PowerCutReplay:
    """Record a case's program again, lay out the disk state of the case, and judge it.

    Raises:
        Nondeterminism: the program does something else to the disk now.
        UsageError: a command or the folder is not there.
    """
    cut = len(case.steps)
    with _opened(case.subject) as (program, judge):
        recording = recorded(program, case.seed)
        steps = step_texts(recording, cut)
        if tuple(steps) != case.steps:
            pairs = zip([*steps, *[""] * cut], case.steps, strict=False)
            at, (now, then) = next((at, pair) for at, pair in enumerate(pairs, 1) if pair[0] != pair[1])
            raise Nondeterminism(f"step {at} was {then!r} when the case was found, and is {now or 'not there'!r} now")
        families = list(MODELS[case.model](recording.opening, recording.operations[:cut]))
        family = families[case.family] if case.family < len(families) else None
        if family is None or not family.has(case.chosen):
            raise TicketlabError("the model knows other disk states now than when the case was found")
        judged = judge.judge(family.state(case.chosen), recording.told(cut))
        wrong = WrongState(cut, family, case.family, case.chosen, judged.anomalies)
        finding = PowerCutFinding(
            case, tuple(fates(recording, wrong)), tuple(left_on_disk(recording, wrong)), judged.anomalies
        )
    return PowerCutReplay(command, finding, environment(Path.cwd()))


def subject_of_store(spec: Spec) -> PowerCutSubject:
    """Return a store as what is recorded; raises UsageError if power cuts do not concern it."""
    purchases_of(spec, Path.cwd())
    return PowerCutSubject(str(spec), store=spec)
