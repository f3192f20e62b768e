"""Explorations and replays as text: the verdict first, then the interleaving, then what to type next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rich.console import Console
from rich.text import Text

from ticketlab.core.scenario import Scenario
from ticketlab.core.text import join_words, pluralize
from ticketlab.core.verdict import Verdict
from ticketlab.explorer.analysis.located import noticeable
from ticketlab.explorer.results import Exploration, ExploreOptions, FaultPointResult, Finding, ReplayResult
from ticketlab.explorer.survey import HowFar
from ticketlab.report.crashes import print_points
from ticketlab.report.interleaving import interleaving
from ticketlab.report.race_table import verdict_text
from ticketlab.report.schedules import print_served
from ticketlab.report.text import next_steps


def print_exploration(found: Exploration, replay: str, console: Console) -> None:
    """Print the result of a search; `replay` is the command line that replays its case, if it was saved."""
    console.print(_headline(found.scenario, found.verdict))
    console.print(counted(found, pluralize(found.scenario.buyers, "buyer")))
    if found.injected and (found.how.exhaust or found.finding is None):
        console.print()
        print_points([point.to_json() for point in found.injected], console)
    if found.left_behind:
        console.print(f"Left behind after a fault: {', '.join(found.left_behind)}.")
    print_served(found.schedule.to_json() if found.schedule else None, console)
    finding = found.finding
    if finding is None:
        return
    if found.schedule:
        console.print()
    console.print(f"The smallest schedule that goes wrong ({finding.confirmed}):\n")
    console.print(interleaving(finding.execution, found.scenario.buyers, finding.anomalies))
    console.print()
    console.print(next_steps({replay: "the same schedule again"} if replay else {}))


def print_case_of_race(finding: Finding, alike: int, tried: int, replay: str, console: Console) -> None:
    """Print the schedule that a race was made of; `alike` buyers did under it as they did in the race."""
    buyers = finding.case.scenario.buyers
    same = f"all {buyers} buyers" if alike == buyers else f"{alike} of {pluralize(buyers, 'buyer')}"
    console.print(
        f"\nThe race as a schedule: {same} read and were answered the same (found in {pluralize(tried, 'execution')})."
    )
    console.print(f"The smallest schedule that goes wrong in the same way ({finding.confirmed}):\n")
    console.print(interleaving(finding.execution, buyers, finding.anomalies))
    console.print()
    console.print(next_steps({replay: "the same schedule again"}))


def print_replay(played: ReplayResult, console: Console) -> None:
    """Print the result of a replay."""
    scenario = played.case.scenario
    console.print(_headline(scenario, played.verdict))
    steps = pluralize(len(noticeable(played.execution.trace)), "step")
    console.print(f"{steps}, the same as when the case was saved ({played.executor}).\n")
    console.print(interleaving(played.execution, scenario.buyers, played.anomalies))


def _headline(scenario: Scenario, verdict: Verdict) -> Text:
    setting = f"{pluralize(scenario.buyers, 'buyer')}, {pluralize(scenario.inventory.tickets, 'ticket')}"
    return headline(f"{scenario.strategy} on {scenario.store}", verdict, setting)


def headline(title: str, verdict: Verdict, setting: str) -> Text:
    """Return the first line of a result: what was explored, the verdict, and by whom."""
    style = {True: "bold green", False: "bold red", None: "bold yellow"}[verdict.valid]
    return Text(f"{title}: {verdict_text(verdict).plain}  ({setting})", style=style)


class SearchOutcome(Protocol):
    """What a search came to, whatever it explored."""

    @property
    def executions(self) -> int:
        """How many executions there were."""

    @property
    def anomalous(self) -> int:
        """How many of them went wrong."""

    @property
    def names(self) -> Mapping[str, int]:
        """How often each anomaly occurred."""

    @property
    def exhausted(self) -> bool:
        """Whether nothing was left to try."""

    @property
    def seconds(self) -> float:
        """How long it took."""

    @property
    def how(self) -> ExploreOptions:
        """How it was done."""

    @property
    def injected(self) -> Sequence[FaultPointResult]:
        """What came of the faults."""

    @property
    def how_far(self) -> HowFar:
        """How far it came."""


def counted(found: SearchOutcome, everybody: str) -> str:
    """Say what was tried and what it proves; `everybody` says who took part."""
    tried, far = pluralize(found.executions, "execution"), found.how_far
    again = f", besides {pluralize(far.redundant, 'repeat')}" if found.exhausted and far.redundant else ""
    what = f"{tried} by {far.drawn_by}{again}, {found.how.executor}, in {found.seconds:.2f} s"
    if found.exhausted and not found.anomalous:
        bound = " within its bound" if found.how.policy.options else ""
        injected = (
            f", with {join_words([str(fault) for fault in found.how.faults])} at any point," if found.injected else ""
        )
        return f"Exhausted: all interleavings of {everybody}{bound}{injected} are safe ({what})."
    if found.exhausted:
        names = ", ".join(f"{name} {count:,}" for name, count in sorted(found.names.items()))
        return f"Exhausted: {found.anomalous:,} of {what} went wrong ({names})."
    done = f"{far.drawn_by}, {found.how.executor}, {found.seconds:.2f} s"
    told = f"{found.anomalous:,} of {tried} went wrong ({done}); nothing is claimed about other schedules."
    if not far.sentences or (found.anomalous and not found.how.exhaust):
        return told
    return f"{told}\nHow far: {'; '.join(far.sentences)}."
