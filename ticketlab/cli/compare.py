"""`ticketlab compare`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ticketlab.cli import INTERRUPTED, Interrupted
from ticketlab.cli.command_lines import explore_line, race_line
from ticketlab.cli.options import Command, Seconds, command_line, is_typed, option
from ticketlab.cli.outputs import FORMATS, PLACES, print_document, refuse_existing_outputs, write_outputs
from ticketlab.cli.power_cuts import asks_for_power_cut, compare_power_cuts
from ticketlab.cli.saving import keep_run
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.verdict import exit_code

if TYPE_CHECKING:
    from ticketlab.lab.comparing.comparison import Comparison

_FOR_RACES: Final = (
    "launchers",
    "buyers",
    "rounds",
    "seconds",
    "orders",
    "timeout",
    "against",
    "fail-if",
    "threshold",
    "predict",
    "save",
)
_THRESHOLD_MISSED: Final = 5

_file = click.Path(path_type=Path)


@click.command("compare", cls=Command)
@option(
    "--stores", multiple=True, metavar="LIST", help="Such as json,sqlite:journal=delete. [default: json,sqlite,manager]"
)
@option(
    "--strategies", multiple=True, metavar="LIST", help="Such as flock,clerk:socket. [default: what suits the store]"
)
@option("--launchers", multiple=True, metavar="LIST", help="Such as process,pool:8. [default: process]")
@option("--buyers", multiple=True, metavar="LIST", help="Such as 1,8,100. [default: 8]")
@option("--rounds", type=click.IntRange(1, 1000), default=5, help="How often each is measured, after a warm-up.")
@option("--seconds", type=Seconds(3600), default=2.0, help="How long each sells, all rounds together.")
@option("--orders", type=click.IntRange(1, 1_000_000), help="Orders a buyer in a round, instead of --seconds.")
@option("--timeout", type=Seconds(), default=60.0, help="Seconds for one race.")
@option("--format", type=click.Choice(FORMATS), default="table", help="What is printed.")
@click.option(
    "--faults",
    is_flag=False,
    flag_value="crash",
    metavar="[LIST]",
    help="Race nothing; inject faults into two buyers at every point, and show what is left. [default: kill them]",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="With --faults: so many processes. [default: one for each core]"
)
@click.option("--cluster", help="With --faults: the workers of a Dask cluster, tcp://HOST:8786 or local:4.")
@click.option("--export-json", type=_file, metavar="FILE", help="Write the result as JSON.")
@click.option("--export-csv", type=_file, metavar="FILE", help="Write one line a strategy as CSV.")
@click.option("--export-markdown", type=_file, metavar="FILE", help="Write the table as Markdown.")
@click.option("--html", type=_file, metavar="FILE", help="Write a page that opens offline.")
@click.option("--save", metavar="NAME", help="Keep the result as a baseline.")
@click.option("--against", metavar="NAME", help="Compare with a baseline, or with a result file.")
@click.option("--fail-if", multiple=True, metavar="LINE", help="A change that must not be, such as 'p99>+20%'.")
@click.option("--threshold", multiple=True, metavar="LINE", help="What must be, such as 'fairness>=0.8'.")
@click.option(
    "--predict", metavar="LIST", help="Predict for more buyers, such as 10000,1000000, from at least 4 sizes."
)
@click.option("--force", is_flag=True, help="Replace output files and the baseline if they exist.")
@option("--keep", type=click.IntRange(min=0), default=50, help="How many runs .ticketlab/runs keeps.")
def command(**given: Any) -> int:
    """Measure strategies on stores, and say which is correct, fastest, fairest and simplest here.

    LISTs are separated by commas; a comma before KEY=VALUE belongs to its store or strategy, as in
    json,sqlite:journal=delete,synchronous=off. Every strategy is judged in each round; one that was ever wrong is not
    ranked. With --faults nothing is raced: every store and strategy, or those that are named, are explored instead, to
    see whether they survive a crash at any point of two buyers. With --faults power-cut, stores are judged by every
    state in which a power cut can leave their files.

    Exit code 1: a strategy that is meant to be safe was not; 5: a threshold or a baseline's line was missed; 3: one of
    them could not be decided.
    """
    from ticketlab.lab.artifacts.runs import save_baseline
    from ticketlab.lab.comparing.cells import cell_matrix, reference_cells
    from ticketlab.lab.comparing.comparison import Comparison, SamplingPlan
    from ticketlab.lab.comparing.crash_safety import kept_crash_safety

    if given["faults"] is not None:
        return _crashes(given)
    form, judge = given["format"], _prepare(given)
    plan = SamplingPlan(given["rounds"], given["seconds"], given["orders"])
    cells = cell_matrix(*(given[key] for key in ("stores", "strategies", "launchers", "buyers")))
    prediction = None
    if given["predict"] is not None:
        from ticketlab.lab.comparing.prediction import plan_prediction

        cells, prediction = plan_prediction(given["predict"], cells)
    references = reference_cells(cells.cells) if given["save"] is not None or given["fail_if"] else ()
    comparison = Comparison(
        cells, plan, given["timeout"],
        crash_safety=kept_crash_safety(), references=references, keep_queues=prediction is not None,
    )  # fmt: skip
    line = command_line(*PLACES, "save")
    stopped = _measure(comparison, lambda: _may_be_noise(judge(comparison.result().to_json(line, race_line))))
    if stopped is not None:
        return _keep_finished_rounds(comparison, line, form, given["keep"], stopped)
    found = judge(comparison.result().to_json(line, race_line))
    if prediction is not None:
        found["predictions"] = prediction.document(comparison.result().cells)
    keep_run(found, "comparison", given["keep"])
    print_document(found, form, _following(found, given))
    write_outputs(found, given)
    if given["save"] is not None:
        save_baseline(found, given["save"], force=given["force"])
    return _exit_code(found)


def _crashes(given: Mapping[str, Any]) -> int:
    """Explore crash points instead of racing."""
    from ticketlab.cli.terminal import ProgressLine
    from ticketlab.lab.comparing.cells import parse_specs
    from ticketlab.lab.exploring.crash_matrix import CrashMatrixRun, matrix_faults, supported_pairs
    from ticketlab.lab.exploring.crash_result import CRASHES_DOCUMENT
    from ticketlab.lab.workers.choice import workers_of_table

    for name in _FOR_RACES:
        if is_typed(name.replace("-", "_")):
            raise UsageError(f"--{name} is for races, and --faults races nothing: leave one of them out")
    refuse_existing_outputs(given)
    if asks_for_power_cut(given):
        return compare_power_cuts(given, (*PLACES, *_FOR_RACES))
    pairs = supported_pairs(parse_specs(given["stores"]), parse_specs(given["strategies"]))
    matrix = CrashMatrixRun(pairs, matrix_faults(given["faults"]))
    with ProgressLine() as progress:
        workers = workers_of_table(given["workers"], given["cluster"])
        matrix.run(lambda done, of, pair: progress.say(f"[{done}/{of}] {pair} ..."), workers)
    line = command_line(*PLACES, *_FOR_RACES)
    found = matrix.result().to_json(line, explore_line)
    keep_run(found, CRASHES_DOCUMENT, given["keep"])
    worst = _worst(found["rows"])
    following = {} if worst is None else {worst["command"].removesuffix(" --exhaust"): "see how, step by step"}
    print_document(found, given["format"], following)
    write_outputs(found, given)
    return exit_code(found["valid"])


def _worst(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return a row that went wrong, if there is one: that of a strategy that claims safety first."""
    wrong = [row for row in rows if row["valid"] is False]
    return min(wrong, key=lambda row: not row["claims_safety"], default=None)


def _following(found: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    """Return the commands to type after a comparison, with its own settings, and what for."""
    worst, steps = _worst(found["rows"]), {}
    if worst is not None:
        always = worst["wrong_races"] == worst["races"]
        often = f"race one such round again: {worst['wrong_races']} of {worst['races']} went wrong"
        steps[worst["command"]] = "see it go wrong" if always else often
    if len({row["buyers"] for row in found["rows"]}) == 1:
        line = command_line(*PLACES, "save", "against", "fail-if", first={"buyers": "1,8,100"})
        steps[line] = "with more buyers"
    if given["save"] is not None:
        line = command_line(*PLACES, "save", "fail-if", first={"against": given["save"]})
        steps[f"{line} --fail-if 'p99>+20%' --fail-if 'sales/s<-10%'"] = "hold later runs against this one"
    elif given["against"] is None:
        steps[command_line(*PLACES, "save", first={"save": _free_name()})] = "keep this as a baseline"
    return steps


def _free_name() -> str:
    """Return a name that no baseline has yet."""
    from ticketlab.lab.artifacts.runs import baselines

    taken = {path.stem for path in baselines()}
    return next(name for number in count(1) if (name := "main" if number == 1 else f"main-{number}") not in taken)


def _prepare(given: Mapping[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Refuse a wrong request before anything is measured.

    Return a function that adds the changes since the baseline and the thresholds to a result.
    """
    from ticketlab.lab.artifacts.runs import check_baseline, load_baseline
    from ticketlab.lab.comparing.baseline import compare_with
    from ticketlab.lab.comparing.thresholds import evaluate, evaluate_changes, regression, threshold

    for name in ("workers", "cluster"):
        if given[name] is not None:
            raise UsageError(
                f"--{name} shares the work of --faults; races that are compared need a machine to themselves"
            )
    thresholds = [threshold(text) for text in given["threshold"]]
    regressions = [regression(text) for text in given["fail_if"]]
    if regressions and given["against"] is None:
        raise UsageError(f"--fail-if {regressions[0].text!r} needs a baseline: name one with --against")
    refuse_existing_outputs(given)
    if given["save"] is not None:
        check_baseline(given["save"], force=given["force"])
    baseline = None if given["against"] is None else load_baseline(given["against"])

    def judged(found: dict[str, Any]) -> dict[str, Any]:
        outcomes = [evaluate(each, found["rows"]) for each in thresholds]
        if baseline is not None:
            found["against"] = against = compare_with(given["against"], found, baseline)
            changes = evaluate_changes(regressions, against)
            against["missed"] = any(each.met is False for each in changes)
            outcomes += changes
        if outcomes:
            found["lines"] = [each.to_json() for each in outcomes]
        return found

    return judged


def _may_be_noise(found: Mapping[str, Any]) -> bool:
    """Whether a change that would be a miss has not been seen in enough rounds yet."""
    against = found.get("against")
    return against is not None and against["missed"] and against["rounds"]["now"] < against["rounds"]["to_fail"]


def _exit_code(found: Mapping[str, Any]) -> int:
    met = [line["met"] for line in found.get("lines", ())]
    if found["valid"] is not False and False in met:
        return _THRESHOLD_MISSED
    undecided = found["valid"] and None in met
    return exit_code(None if undecided else found["valid"])


def _measure(comparison: Comparison, may_be_noise: Callable[[], bool]) -> BaseException | None:
    """Measure, with progress, and go on while a miss may be noise; return the exception that ended it early, if any."""
    from ticketlab.cli.terminal import ProgressLine

    cells, rounds = len(comparison.cells), comparison.plan.rounds
    began = time.monotonic()
    with ProgressLine() as progress:

        def say(turn: int, number: int, cell: object) -> None:
            done = turn * cells + number
            left = (time.monotonic() - began) / done * (cells * (rounds + 1) - done) if done else 0
            again = "to tell a miss from noise" if turn > rounds else f"of {rounds}"
            what = f"round {turn} {again}" if turn else "warm-up"
            progress.say(f"[{what}, {number + 1}/{cells}] {cell} ..." + (f" {left:.0f} s left" if left > 0 else ""))

        try:
            comparison.run(say)
            while may_be_noise():
                comparison.measure_round(say)
        except (Interrupted, TicketlabError) as stopped:
            if not comparison.rounds:
                raise
            return stopped
    return None


def _keep_finished_rounds(comparison: Comparison, line: str, form: str, keep: int, stopped: BaseException) -> int:
    """Print and keep the rounds that were finished, and write no export and no baseline: those promise all rounds."""
    from ticketlab.cli.terminal import warn

    found = comparison.result().to_json(line, race_line)
    where = keep_run(found, "comparison", keep)
    print_document(found, form, {line: "run it to its end"})
    of = f" of {comparison.plan.rounds}" if comparison.rounds < comparison.plan.rounds else ""
    finished = f"{comparison.rounds}{of} rounds were finished"
    kept = f"{finished}{f' and are kept in {where}' if where else ''}; no other file was written"
    if isinstance(stopped, TicketlabError):
        warn(kept)
        raise stopped
    warn(f"interrupted: {kept}")
    return INTERRUPTED
