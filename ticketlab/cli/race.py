"""`ticketlab race`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from ticketlab.cli.functions import SECTIONS, function_options, race_function_live, refuse_mixture
from ticketlab.cli.options import (
    Command,
    Name,
    Seconds,
    command_line,
    for_sale,
    hold_options,
    hold_settings,
    option,
    quantity_option,
    quantity_range,
    refuse_both,
    with_option,
)
from ticketlab.cli.programs import is_program, program_options, race_a_program, the_function
from ticketlab.cli.race_case import print_race_case, refuse_case, save_race_case
from ticketlab.cli.saving import refuse_outputs
from ticketlab.core.errors import UsageError
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec

if TYPE_CHECKING:
    from ticketlab.core.faults import FaultRate
    from ticketlab.core.result import Result
    from ticketlab.lab.exploring.from_race import RaceCase
    from ticketlab.lab.racing.options import RaceOptions

_DEFAULT_LATENCY: Final = "write=20ms"
_BUYERS: Final = 100
_TOURED: Final = 50  # in each of several races: starting processes is what takes most of their time


@click.command("race", cls=Command, sections=SECTIONS)
@function_options
@program_options
@option("--times", type=click.IntRange(min=1), default=100, help="How often it is raced.")
@option("--store", type=Name("store"), help="Where the inventory lives (see ticketlab strategies).")
@option("--strategy", type=Name("strategy"), help="How a purchase is kept safe.")
@option("--launcher", type=Name("launcher"), default="process", help="process, process:spawn, pool:8, threads, ...")
@option(
    "--buyers",
    type=int,
    show_default=f"{_BUYERS}, or {_TOURED} each if several races are run",
    help="How many buyers race.",
)
@option(
    "--cluster", help="With --launcher dask: the Dask cluster whose workers buyers run beside (tcp://..., local:4)."
)
@option("--tickets", type=int, default=5, help="How many tickets are for sale.")
@option("--stock", metavar="FILE", help="Opening stock instead of --tickets: a JSON file, or club or concert.")
@option("--orders", type=int, default=1, help="How many orders each buyer places, one after another.")
@quantity_option
@hold_options
@option(
    "--latency",
    default=_DEFAULT_LATENCY,
    help="Simulated delays, such as read=100ms,write=0-1s (also commit, send); none: no delays.",
)
@option(
    "--faults", help="Faults injected into buyers at random: kill:0.1, pause:0.2:2s, disk-full, ... (docs/crashes.md)."
)
@option(
    "--stall-timeout",
    type=Seconds(),
    default=5.0,
    help="With --faults: seconds after which buyers that do not move count as blocked for ever.",
)
@option("--seed", type=int, default=0, help="The seed of all that is drawn: quantities, delays, faults.")
@option(
    "--timeout",
    type=Seconds(),
    default=60.0,
    help="Seconds after which those that are not done are stopped.",
)
@option("--memory-mb", type=click.IntRange(min=0), default=1024, help="MiB a buyer may take before it is stopped.")
@option("--ledger/--no-ledger", default=True, help="Whether the books list every sale, beside the count.")
@option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Folder for the store's files, which are kept; nothing is overwritten.",
)
@option(
    "--history",
    type=click.Path(path_type=Path),
    help="Write when every order was invoked and returned, with its result, as JSON Lines.",
)
@option(
    "--case",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="If it goes wrong, write a schedule that goes wrong in the same way, for ticketlab replay.",
)
@click.option("--evidence", is_flag=True, help="Print all operations that prove what went wrong.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page that opens offline.")
@click.option("--force", is_flag=True, help="Replace the --history, --case and --html files if they exist.")
@option("--keep", type=click.IntRange(min=0), default=50, help="How many runs .ticketlab/runs keeps.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(store: str | None, strategy: str | None, words: tuple[str, ...], as_json: bool, **given: Any) -> int:
    """Race buyers for tickets, a function or a program, live, and say what went wrong.

    \b
    Buyers of tickets from three stores, or from the one that is named:
      ticketlab race
      ticketlab race --store json --strategy flock
    A function of yours, which several processes call at once:
      ticketlab race shop.checkout:claim --processes 3
    A program as it is, in any language, in a fresh copy of its folder:
      ticketlab race shop.py 2 --times 20
      ticketlab race --copies 3 --invariant 'python3 check.py' -- perl buy.pl
    """  # noqa: D301 - click wants the character itself
    if is_program(words, given):
        refuse_outputs(given)
        return race_a_program(words, as_json, given)
    function = the_function(words)
    refuse_mixture(function, "faults", "stall_timeout", "seed")
    if function is not None:
        refuse_outputs(given)
        return race_function_live(function, as_json, given)
    from ticketlab.cli.terminal import ProgressLine
    from ticketlab.lab.racing.tour import tour, tour_pairs

    pairs = tour_pairs(store, strategy)
    unsaid = given["buyers"] is None
    toured = _TOURED if unsaid and len(pairs) > 1 else None
    options, scenario = _options(given), _scenario(given | ({"buyers": toured or _BUYERS} if unsaid else {}))
    _refuse_outputs(given, len(pairs))
    if len(pairs) == 1:
        scenario = replace(scenario, store=pairs[0][0], strategy=pairs[0][1])
        refuse_case(scenario, given)
    with ProgressLine() as progress:
        rows = tour(
            pairs,
            scenario,
            options,
            meanwhile=lambda: _import_reports(as_json),
            command=lambda each: _command(each.store, each.strategy, buyers=toured),
            progress=lambda done, each: progress.say(f"[{done + 1}/{len(pairs)}] {each.store} {each.strategy} ..."),
        )
    following = _following(rows, replace(scenario, store=pairs[0][0], strategy=pairs[0][1]), options)
    if given["evidence"]:
        following = {line: why for line, why in following.items() if not line.endswith(" --evidence")}
    made = save_race_case(scenario, rows[0], given)
    return _tell(rows, _command(store, strategy), as_json, given, following, made)


def _options(given: Mapping[str, Any]) -> RaceOptions:
    from ticketlab.lab.racing.options import RaceOptions
    from ticketlab.timings.latency import Latency

    fault_rates: tuple[FaultRate, ...] = ()
    if given["faults"]:
        from ticketlab.lab.faults import parse_fault_rates

        fault_rates = parse_fault_rates(given["faults"])
    return RaceOptions(
        launcher=_launcher(given["launcher"], given["cluster"]),
        latency=Latency.parse("" if given["latency"] == "none" else given["latency"]),
        timeout=given["timeout"],
        folder=given["folder"],
        timeline=True,
        memory_mb=given["memory_mb"],
        faults=fault_rates,
        stall_timeout=given["stall_timeout"],
    )


def _scenario(given: Mapping[str, Any]) -> Scenario:
    """Return the scenario of every race, but for its store and its strategy."""
    if given["stock"]:
        from ticketlab.lab.artifacts.opening_stock import opening_stock

        refuse_both("tickets", "stock")
        inventory = opening_stock(given["stock"])
    else:
        inventory = for_sale(given["tickets"])
    return Scenario(
        store=Spec("json"),
        strategy=Spec("none"),
        buyers=given["buyers"],
        inventory=inventory,
        quantity=quantity_range(given["quantity"]),
        orders=given["orders"],
        seed=given["seed"],
        ledger=given["ledger"],
        **hold_settings(given["hold"], given["pay"], given["abandon"]),
    )


def _refuse_outputs(given: Mapping[str, Any], races: int) -> None:
    """Raise UsageError, before anybody races, if a file that is asked for cannot be written."""
    for name in ("history", "case"):
        if given[name] is not None and races > 1:
            raise UsageError(f"--{name} needs one race: name both --store and --strategy")
    for path in filter(None, (given["history"], given["case"], given["html"])):
        from ticketlab.lab.artifacts.files import refuse_existing

        refuse_existing(path, force=given["force"])


def _command(store: Spec | str | None, strategy: Spec | str | None, *, buyers: int | None = None) -> str:
    """Return the command line of a race; `buyers` says how many there are, if the command line does not."""
    first = {"store": store, "strategy": strategy} | ({"buyers": buyers} if buyers else {})
    return command_line("json", "force", "history", "case", "folder", "keep", "html", "evidence", first=first)


def _following(rows: Sequence[Result], scenario: Scenario, options: RaceOptions) -> Mapping[str, str]:
    from ticketlab.cli.following import after_race, after_tour

    return after_race(rows[0], scenario, options, _command) if len(rows) == 1 else after_tour(rows)


def _tell(
    rows: Sequence[Result],
    command: str,
    as_json: bool,
    given: Mapping[str, Any],
    following: Mapping[str, str],
    made: RaceCase | None,
) -> int:
    """Keep, print and write the results of the races, and return the exit code."""
    from ticketlab.core.result import as_document
    from ticketlab.core.verdict import exit_code
    from ticketlab.lab.racing.tour import as_tour, timelines, unsupported

    toured = as_tour(command, rows)
    if len(rows) == 1:
        saved = as_document("race", rows[0].to_json())
    else:
        saved = as_document("tour", toured.to_json() | {"unsupported": unsupported(rows)})
    _keep(saved, rows, given["keep"])
    if given["case"] is not None:
        saved["case"] = made.to_json() if made else None
    _print(rows, saved if as_json else None, following, evidence=given["evidence"])
    if not as_json:
        print_race_case(rows[0], made, given)
    if given["history"] is not None:
        from ticketlab.lab.artifacts.files import write_file

        write_file(given["history"], _history_writer(rows[0]), force=given["force"])
    if given["html"] is not None:
        from ticketlab.cli.report import write_page

        write_page(given["html"], saved, timelines(rows), force=given["force"])
    return rows[0].verdict.exit_code if len(rows) == 1 else exit_code(toured.valid)


def _import_reports(as_json: bool) -> None:
    """Import the modules that are needed after the race, while the lab waits for the buyers."""
    import ticketlab.cli.saving
    import ticketlab.lab.artifacts.runs
    import ticketlab.lab.artifacts.timeline_files

    if not as_json:
        import ticketlab.report.text  # noqa: F401


def _print(
    rows: Sequence[Result], document: Mapping[str, Any] | None, following: Mapping[str, str], *, evidence: bool
) -> None:
    from ticketlab.cli.terminal import console, print_json

    if document is not None:
        print_json(document)
        return
    from ticketlab.report.text import print_race, print_tour

    if len(rows) == 1:
        print_race(rows[0], following, console(), evidence=evidence)
    else:
        print_tour(rows, following, console())


def _keep(saved: Mapping[str, Any], rows: Sequence[Result], limit: int) -> None:
    from ticketlab.cli.saving import keep_run
    from ticketlab.lab.artifacts.timeline_files import TIMELINES, writer
    from ticketlab.lab.racing.tour import timelines

    others = {TIMELINES: writer(timelines(rows))}
    if len(rows) > 1:
        keep_run(saved, "tour", limit, others)
        return
    others["history.jsonl"] = _history_writer(rows[0])
    keep_run(saved, f"race-{rows[0].store}-{rows[0].strategy}", limit, others)


def _history_writer(row: Result) -> Callable[[IO[str]], None]:
    from ticketlab.checker import jsonl

    return lambda file: file.writelines(jsonl.history_lines(row.history))


def _launcher(text: str, cluster: str | None) -> Spec:
    launcher = Spec.parse(text)
    if cluster is None:
        return launcher
    if launcher.name != "dask":
        raise UsageError(f"--cluster is of the launcher dask, and this is {launcher}: add --launcher dask")
    return with_option(launcher, "cluster", cluster)
