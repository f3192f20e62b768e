"""`ticketlab schedule`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ticketlab.cli.options import Command, command_line, is_typed, option
from ticketlab.core.errors import UsageError

if TYPE_CHECKING:
    from ticketlab.core.spec import Spec

_JOBS: Final = "A:0:5,B:1:3,C:2:1"
_PLACES: Final = ("json", "html", "svg", "force")  # the options that say where results go


@click.command("schedule", cls=Command)
@option("--jobs", default=_JOBS, metavar="JOBS", help="The jobs, as above.")
@click.option("--policy", "policies", multiple=True, metavar="NAME", help="As above; repeatable. [default: fcfs]")
@click.option("--compare", is_flag=True, help="Put all policies side by side.")
@option("--switch-cost", type=click.IntRange(0, 1000), default=0, help="What a context switch costs, in ticks.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page that opens offline.")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Write the charts as a picture.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(jobs: str, compare: bool, switch_cost: int, as_json: bool, **given: Any) -> int:
    """Show which job runs when under a policy of operating systems, and how long each waits.

    \b
    Jobs are NAME:ARRIVAL:BURSTS, separated by commas; times are ticks.
      A:0:5           arrives at 0 and runs for 5 ticks
      B:1:3+io2+4     runs for 3 ticks, waits 2 for input or output, runs for 4
      C:2:1:p1        has the priority 1; the smallest number is served first
    \b
    Policies:
      fcfs            first come, first served
      sjf             shortest job first, by the next burst
      srtf            shortest remaining time first: sjf that interrupts
      rr:2            round robin with a quantum of 2
      mlfq            feedback queue; mlfq:quanta=1-2-4,boost=100
      priority        by priority; a higher one interrupts
      priority:nonpreemptive    nobody is interrupted
      priority:quantum=2        jobs of one priority take turns

    How ties are broken is one rule for all policies: see docs/scheduling.md. To see real buyers scheduled, step by
    step: ticketlab explore --policy rr:2.
    """  # noqa: D301 - click wants the character itself
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.lab.artifacts.files import refuse_existing
    from ticketlab.report.schedules import print_schedules

    for path in filter(None, (given["html"], given["svg"])):
        refuse_existing(path, force=given["force"])
    found = _document(jobs, _policies(given["policies"], compare=compare), switch_cost)
    if as_json:
        print_json(found)
    else:
        print_schedules(found, _following(several=len(found["schedules"]) > 1), console())
    _write(found, **given)
    return 0


def _document(jobs: str, policies: Sequence[Spec], switch_cost: int) -> dict[str, Any]:
    """Return the schedule of each policy as one result."""
    from ticketlab.core.result import as_document
    from ticketlab.scheduling.job import parse_jobs
    from ticketlab.scheduling.simulate import simulate

    parsed = parse_jobs(jobs)
    schedules = [simulate(parsed, policy, switch_cost) for policy in policies]
    return as_document(
        "schedule",
        {
            "command": command_line(*_PLACES),
            "jobs": [str(job) for job in parsed],
            "switch_cost": switch_cost,
            "schedules": [each.to_json() | {"queue": each.queue_json()} for each in schedules],
        },
    )


def _write(found: Mapping[str, Any], *, html: Path | None, svg: Path | None, force: bool, **_: Any) -> None:
    """Write the files that are asked for."""
    if html is not None:
        from ticketlab.cli.report import write_page

        write_page(html, found, (), force=force)
    if svg is not None:
        from ticketlab.lab.artifacts.files import write_text
        from ticketlab.report.gantt import gantt_picture

        write_text(svg, gantt_picture(found["schedules"]), force=force)


def _policies(named: tuple[str, ...], *, compare: bool) -> list[Spec]:
    """Return the policies that are asked for, each once."""
    from ticketlab.core.spec import Spec
    from ticketlab.scheduling.policies import COMPARED, DISCIPLINES

    typed = is_typed("policies")
    if compare and typed:
        raise UsageError("--compare takes all policies: leave out --policy, or repeat --policy to choose some")
    texts = COMPARED if compare else named or ("fcfs",)
    specs = list(dict.fromkeys(map(Spec.parse, texts)))
    # A default in pyproject.toml may be meant for `ticketlab explore`, which has other policies as well.
    return specs if typed else [each for each in specs if each.name in DISCIPLINES] or [Spec("fcfs")]


def _following(*, several: bool) -> dict[str, str]:
    """Return what to type next, and what for; it keeps the jobs and the cost of a switch."""
    line = command_line(*_PLACES, "policy", "compare")
    if several:
        return {f"{line} --policy rr:1": "one policy: the queue at each tick, and each job's times"}
    return {f"{line} --compare": "all policies side by side"}
