"""`ticketlab race --case`: the race that just went wrong, as a case that replays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ticketlab.core.errors import UsageError

if TYPE_CHECKING:
    from ticketlab.core.result import Result
    from ticketlab.core.scenario import Scenario
    from ticketlab.lab.exploring.from_race import RaceCase


def refuse_case(scenario: Scenario, given: Mapping[str, Any]) -> None:
    """Raise UsageError, before the race, if a case was asked for that cannot be made."""
    if given["case"] is None:
        return
    from ticketlab.lab.exploring.from_race import executor_for_race

    if given["faults"]:
        raise UsageError("--case takes no --faults: explore with --faults instead, which injects them at every point")
    executor_for_race(scenario)


def save_race_case(scenario: Scenario, raced: Result, given: Mapping[str, Any]) -> RaceCase | None:
    """Make the case of a race that went wrong, and write it to the file that --case names; None if there is none."""
    if given["case"] is None or not raced.verdict.anomalies:
        return None
    from ticketlab.cli.terminal import ProgressLine
    from ticketlab.lab.artifacts.case_files import case_text
    from ticketlab.lab.artifacts.files import write_text
    from ticketlab.lab.exploring.from_race import case_of_race

    with ProgressLine() as progress:
        progress.say("looking for a schedule that does as the race did ...")
        made = case_of_race(scenario, raced)
    if made is not None:
        write_text(given["case"], case_text(made.finding.case.to_json()), force=given["force"])
    return made


def print_race_case(raced: Result, made: RaceCase | None, given: Mapping[str, Any]) -> None:
    """Say what came of --case, and how the case is replayed."""
    if given["case"] is None:
        return
    from ticketlab.cli.command_lines import replay_line
    from ticketlab.cli.terminal import console
    from ticketlab.report.exploration import print_case_of_race

    if not raced.verdict.anomalies:
        console().print(f"Nothing went wrong, so {given['case']} was not written.")
    elif made is None:
        console().print(
            f"No schedule was found that goes wrong as this race did, so {given['case']} was not written: "
            "ticketlab explore searches for others."
        )
    else:
        print_case_of_race(made.finding, made.alike, made.tried, replay_line(given["case"]), console())
