"""`ticketlab explore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ticketlab.cli.functions import (
    SECTIONS,
    explore_function,
    function_options,
    kind_of_participants,
    kind_options,
    refuse_mixture,
)
from ticketlab.cli.kept_searches import KeptSearches, resume_search
from ticketlab.cli.options import (
    DAY_S,
    Command,
    Name,
    Positive,
    command_line,
    for_sale,
    hold_options,
    hold_settings,
    option,
    quantity_option,
    quantity_range,
    with_option,
)
from ticketlab.cli.power_cuts import asks_for_power_cut, explore_power_cut, power_cut_options
from ticketlab.cli.programs import explore_a_program, is_program, program_options, the_function
from ticketlab.cli.saving import keep_result, refuse_outputs
from ticketlab.core.errors import UsageError
from ticketlab.core.result import as_document
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec

if TYPE_CHECKING:
    from ticketlab.core.timeline import Diagram, Interleaving
    from ticketlab.core.verdict import Anomaly
    from ticketlab.explorer.analysis.execution import Execution
    from ticketlab.explorer.results import Exploration, ExploreOptions


@click.command("explore", cls=Command, sections=SECTIONS)
@function_options
@program_options
@kind_options
@power_cut_options
@click.option("--fix", is_flag=True, help="Search for the fewest lines that one lock has to span, if it goes wrong.")
@click.option(
    "--unseen",
    type=click.Choice(["fail", "allow"]),
    default="fail",
    help="allow: it may pass though the lab saw no race, or did not see all.",
)
@click.option(
    "--sql",
    type=click.Choice(["statements", "calls"]),
    default="statements",
    help="calls: each call that SQLite makes in a Python program is a step, and not each statement.",
)
@option("--store", type=Name("store"), default="json", help="Where the inventory lives (see ticketlab strategies).")
@option("--strategy", type=Name("strategy"), default="none", help="How a purchase is kept safe.")
@option("--buyers", type=int, default=3, help="How many buyers there are.")
@option("--tickets", type=int, default=2, help="How many tickets are for sale.")
@option("--orders", type=int, default=1, help="How many orders each buyer places, one after another.")
@quantity_option
@hold_options
@option(
    "--policy",
    type=Name("policy"),
    default="portfolio",
    help="The policy that chooses who moves next: portfolio, dpor, dfs, pct:3, pos, timed, rr:2, ...",
)
@option("--preemptions", type=int, help="With dfs: the most switches away from a buyer that could go on.")
@option("--executions", type=int, default=10_000, help="The most schedules to try.")
@option("--exhaust", is_flag=True, default=False, help="Go on after an anomaly, until no schedule is left.")
@option("--executor", help="inline: all in this process; processes: a process for each (for functions, and a kill).")
@option(
    "--faults",
    help="Faults injected at every point in turn: kill, pause:2s, terminate, disk-full, ... or all; or power-cut.",
)
@option("--atomic-accesses", is_flag=True, default=False, help="Take each read and each write as one step.")
@option(
    "--stall-timeout",
    type=Positive(DAY_S, "seconds"),
    default=10.0,
    help="Seconds for which a process may stay away from scheduling points.",
)
@option(
    "--patience",
    type=Positive(DAY_S, "seconds"),
    default=2.0,
    help="Seconds that a server outside a program gets to answer before its client counts as waiting.",
)
@option("--workers", type=click.IntRange(min=1), help="So many processes share the search; the result is the same.")
@option("--cluster", help="The workers of a Dask cluster share the search: tcp://HOST:8786, or local:4.")
@option("--seed", type=int, default=0, help="The seed of all that is drawn.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Go on with a search that stopped, from the file that it was kept in.",
)
@option("--cases", type=click.Path(path_type=Path), default=".ticketlab/cases", help="Where a found case is saved.")
@option("--keep", type=click.IntRange(min=0), default=50, help="How many runs .ticketlab/runs keeps.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page that opens offline.")
@click.option("--save", metavar="NAME", help="Keep the result under this name in .ticketlab/baselines.")
@click.option("--force", is_flag=True, help="Replace the --html file and the --save name if they exist.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(words: tuple[str, ...], as_json: bool, **given: Any) -> int:
    """Search the schedules of buyers, of a function or of a program for one that goes wrong.

    \b
    Buyers who buy tickets from a store:
      ticketlab explore --store json --strategy none
    A function of yours, which several processes call at once:
      ticketlab explore shop.checkout:claim --processes 3
      ticketlab explore shop/checkout.py:claim
    A program as it is, in any language, in a fresh copy of its folder:
      ticketlab explore shop.py 2
      ticketlab explore --run './buy.sh ann' --run './buy.sh bob' --in shop
      ticketlab explore --copies 3 --invariant 'python3 check.py' -- perl buy.pl

    The first schedule that goes wrong is shrunk, confirmed on real processes, drawn, and saved as a case for `ticketlab
    replay`. If none goes wrong and no schedule is left, this is proved for so many buyers or processes.

    With --faults, each fault is injected into each buyer or process at each of its steps in turn, by real signals and
    real failures of files. With --faults power-cut, a program or a store runs once, and every state in which the disk
    can be left at any moment is laid out and judged.
    """  # noqa: D301 - click wants the character itself
    from ticketlab.cli.terminal import ProgressLine
    from ticketlab.lab.exploring.explore import explore_scenario
    from ticketlab.lab.workers.choice import chosen_workers

    if given["resume"] is not None:
        return resume_search(words, {**given, "as_json": as_json})
    if asks_for_power_cut(given):
        return explore_power_cut(words, as_json, given)
    if is_program(words, given):
        refuse_outputs(given)
        return explore_a_program(words, _program_options(given), as_json, given)
    function = the_function(words)
    refuse_mixture(function)
    refuse_outputs(given)
    if function is not None:
        return explore_function(function, _function_options(given), as_json, given)
    scenario = _scenario(given)
    options = _options(given, scenario)
    command = command_line("json", "cases", "keep", "html", "force", "save")
    kept = KeptSearches(command)
    with ProgressLine() as progress:
        found = explore_scenario(
            scenario,
            options,
            command=command,
            progress=progress.search,
            workers=chosen_workers(given["workers"], given["cluster"]),
            pause=kept.pause,
        )
    return _tell(found, as_json, given, kept)


def _scenario(given: Mapping[str, Any]) -> Scenario:
    return Scenario(
        store=Spec.parse(given["store"]),
        strategy=Spec.parse(given["strategy"]),
        buyers=given["buyers"],
        inventory=for_sale(given["tickets"]),
        quantity=quantity_range(given["quantity"]),
        orders=given["orders"],
        seed=given["seed"],
        **hold_settings(given["hold"], given["pay"], given["abandon"]),
    )


def _options(given: Mapping[str, Any], scenario: Scenario) -> ExploreOptions:
    from ticketlab.explorer.results import ExploreOptions
    from ticketlab.lab.exploring.fault_options import chosen_faults
    from ticketlab.lab.faults import needs_processes

    faults = chosen_faults(given["faults"], scenario)
    executor = given["executor"] or ("processes" if needs_processes(faults, scenario.strategy) else "inline")
    return ExploreOptions(executor=executor, faults=faults, **_how(given))


def _function_options(given: Mapping[str, Any]) -> ExploreOptions:
    from ticketlab.explorer.results import ExploreOptions
    from ticketlab.lab.plain.faults import faults_of_function

    executor = kind_of_participants(given) or given["executor"] or "processes"
    if given["gate"] == "kernel":
        return ExploreOptions(executor="kernel", **_how(given))
    return ExploreOptions(executor=executor, faults=faults_of_function(given["faults"], executor), **_how(given))


def _program_options(given: Mapping[str, Any]) -> ExploreOptions:
    from ticketlab.explorer.results import ExploreOptions
    from ticketlab.lab.programs.faults import faults_of_program

    faults = faults_of_program(given["faults"])
    return ExploreOptions(executor="program", faults=faults, patience=given["patience"], **_how(given))


def _how(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "policy": _policy(given["policy"], given["preemptions"]),
        "executions": given["executions"],
        "seed": given["seed"],
        "exhaust": given["exhaust"],
        "atomic_accesses": given["atomic_accesses"],
        "stall_timeout": given["stall_timeout"],
    }


def _tell(found: Exploration, as_json: bool, given: Mapping[str, Any], kept: KeptSearches) -> int:
    """Save, keep, draw and print the result, and return the exit code."""
    from ticketlab.cli.command_lines import replay_line
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.lab.artifacts.case_files import save_case
    from ticketlab.report.exploration import print_exploration

    path = save_case(found.finding.case, given["cases"]) if found.finding else None
    saved = as_document("exploration", found.to_json() | {"file": str(path) if path else None})
    if not as_json:
        print_exploration(found, replay_line(path, given["executor"]) if path else "", console())
    name = f"explore-{found.scenario.store}-{found.scenario.strategy}"
    folder = keep_result(saved, name, _diagrams(found), given, kept.files(given["executions"]))
    if as_json:
        print_json({**saved, "resume": kept.line(folder)})
    kept.end(folder, as_json=as_json)
    return found.verdict.exit_code


def _diagrams(found: Exploration) -> list[Diagram]:
    """Return the diagram of the smallest schedule that went wrong or, if none did, of the last that went right."""
    from ticketlab.report.interleaving import ONE_THAT_WAS_RIGHT

    scenario = found.scenario
    title = f"{scenario.strategy} on {scenario.store}"
    if found.finding:
        return [scenario_diagram(title, scenario, found.finding.execution, found.finding.anomalies)]
    if found.right:
        return [scenario_diagram(f"{title}: {ONE_THAT_WAS_RIGHT}", scenario, found.right.execution)]
    return []


def scenario_diagram(
    title: str, scenario: Scenario, execution: Execution, anomalies: Sequence[Anomaly] = ()
) -> Interleaving:
    """Return an execution of a scenario's buyers as pages draw it."""
    from ticketlab.core.plugin import Capability
    from ticketlab.lab.plugins.registry import store_kind
    from ticketlab.report.interleaving import diagram

    shared = Capability.SHARED in store_kind(scenario.store).capabilities
    one_record = shared and len(scenario.inventory.sections) == 1
    return diagram(title, execution, scenario.buyers, anomalies, one_record=one_record)


def _policy(text: str, preemptions: int | None) -> Spec:
    policy = Spec.parse(text)
    if preemptions is None:
        return policy
    if policy.name != "dfs":
        raise UsageError(f"--preemptions is a bound of dfs, but the policy is {policy}: add --policy dfs")
    if preemptions < 1:
        raise UsageError(f"--preemptions {preemptions} is no bound: a number of at least 1 is needed")
    return with_option(policy, "preemptions", str(preemptions))
