"""`ticketlab mutate`: take guards away, and see whether a test notices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ticketlab.cli.functions import named_function, silenced
from ticketlab.cli.options import Command, Name, command_line, for_sale, option
from ticketlab.core.errors import UsageError
from ticketlab.core.result import as_document

if TYPE_CHECKING:
    from ticketlab.explorer.results import DoneOf
    from ticketlab.lab.mutating.guards import MutationResult

_SECTIONS: Final = {
    "For functions": ("processes", "threads", "reset", "invariant", "returned", "serial"),
    "For stores": ("store", "strategy", "buyers", "tickets"),
}
_PATH: Final = "MODULE:FUNCTION"


@click.command("mutate", cls=Command, sections=_SECTIONS)
@click.option("--serial", is_flag=True, help="The end must be that of some order one after another.")
@click.option("--returned", metavar=_PATH, help="Is given the list of what the processes returned.")
@click.option("--invariant", metavar=_PATH, help="Is asked after each execution: false or an error is a failure.")
@click.option("--reset", metavar=_PATH, help="Is called in the fresh folder before each execution.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="So many threads, in place of processes.")
@option("--processes", type=click.IntRange(min=1), default=2, help="How many processes call FUNCTION at once.")
@click.option("--store", type=Name("store"), help="A store whose strategy loses its guards.")
@option("--strategy", type=Name("strategy"), default="flock", help="The strategy.")
@option("--buyers", type=click.IntRange(min=1), default=2, help="How many buyers there are.")
@option("--tickets", type=click.IntRange(min=1), default=1, help="How many tickets are for sale.")
@option("--executions", type=click.IntRange(min=1), default=1_000, help="The most schedules to try for each mutant.")
@option("--faults", help="Faults injected at every point in turn, as in ticketlab explore: kill, pause:20s.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.argument("subjects", nargs=-1, metavar="[FUNCTION | TESTS...]")
def command(subjects: tuple[str, ...], as_json: bool, **given: Any) -> int:
    r"""Take each guard away in turn, and see whether a test notices.

    \b
    The guards of a function, which its own exploration has to notice:
      ticketlab mutate shop.checkout:claim --invariant shop.checkout:one_winner
    Those of all that race tests run, each by pytest's name of it:
      ticketlab mutate tests/test_shop.py
    Those of a strategy on a store:
      ticketlab mutate --store json --strategy flock

    A guard is a lock, an exclusive creation, a second look with a lock taken, a transaction, an fsync; of a strategy
    also a compare-and-set, a conditional update and a retry. Each is taken away; a lock also lets a second one in, is
    taken one step later, and given back one step earlier. The source stays as it is.

    The exit code is 1 if a mutant survives, which no test notices, and 3 if that is undecided or there is no guard.
    """
    from ticketlab.cli.terminal import ProgressLine, console, print_json
    from ticketlab.report.mutants import print_mutants

    if bool(subjects) == bool(given["store"]):
        raise UsageError("name a function, as in shop.checkout:claim, or tests, or a --store with its --strategy")
    with ProgressLine() as progress:
        found = _mutated(subjects, given, lambda done, most: progress.say(f"{done} of {most} mutants ..."))
    if as_json:
        print_json(as_document("mutation", found.to_json()))
    else:
        print_mutants(found, console())
    return found.exit_code


def _mutated(subjects: Sequence[str], given: dict[str, Any], progress: DoneOf) -> MutationResult:
    from ticketlab.explorer.results import ExploreOptions

    line = command_line("json", arguments=subjects)
    if given["store"]:
        from ticketlab.core.scenario import Scenario
        from ticketlab.core.spec import Spec
        from ticketlab.lab.exploring.fault_options import chosen_faults
        from ticketlab.lab.mutating.stores import mutate_scenario

        scenario = Scenario(
            store=Spec.parse(given["store"]),
            strategy=Spec.parse(given["strategy"]),
            buyers=given["buyers"],
            inventory=for_sale(given["tickets"]),
        )
        how = ExploreOptions(executions=given["executions"], faults=chosen_faults(given["faults"], scenario))
        return mutate_scenario(scenario, how, command=line, progress=progress)
    if all(map(_is_test, subjects)):
        if given["faults"]:
            raise UsageError("tests say themselves which faults are injected: leave out --faults")
        from ticketlab.lab.mutating.tests import mutate_tests

        return mutate_tests(subjects, command=line, progress=progress)
    if len(subjects) > 1:
        raise UsageError(f"{' '.join(subjects)}: one function at a time, or tests alone")
    if subjects[0].endswith(".py"):
        raise UsageError(f"there is no file {subjects[0]}")
    from ticketlab.lab.mutating.functions import mutate_function
    from ticketlab.lab.plain.faults import faults_of_function

    plain, executor = named_function(subjects[0], given), "threads" if given["threads"] else "processes"
    faults = faults_of_function(given["faults"], executor)
    how = ExploreOptions(executor=executor, executions=given["executions"], faults=faults)
    with silenced():
        return mutate_function(plain, how, command=line, progress=progress)


def _is_test(subject: str) -> bool:
    return "::" in subject or Path(subject).exists()
