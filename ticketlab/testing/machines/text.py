"""What the test of a machine says: the schedule that goes wrong, the calls, and the order that comes closest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ticketlab.core.spec import Spec
from ticketlab.core.text import pluralize
from ticketlab.lab.plain.function import participant_on
from ticketlab.lab.plain.results import PlainExploration
from ticketlab.report.plain_function import drawn_steps
from ticketlab.testing.machines.explore import TIMED, SearchedPrograms
from ticketlab.testing.machines.judge import MachineJudge
from ticketlab.testing.machines.program import MachineProgram, called
from ticketlab.testing.machines.specification import MadeCall, outcome_text

if TYPE_CHECKING:
    from ticketlab.testing.machines.machine import ConcurrentMachine


def failure_text(
    machine: type[ConcurrentMachine], program: MachineProgram, found: PlainExploration, judge: MachineJudge
) -> str:
    """Return what a program that goes wrong is told by: its calls, their closest order, and its smallest schedule."""
    finding = found.finding
    if finding is None and (program.delays or not found.exhausted):
        by = "by its timing" if program.delays else "by a schedule at random"
        return (
            f"{machine.__name__}: {program!r} goes wrong {by}; {machine.policy} found no schedule to show in "
            f"{found.executions} executions"
        )
    if finding is None:
        return (
            f"{machine.__name__}: {program!r} went wrong once and not again: something beside the schedule decides, "
            "such as what setup does not make anew"
        )
    participant = participant_on(machine.executor)
    names = ", ".join(dict.fromkeys(anomaly.name for anomaly in finding.anomalies))
    made = judge.run.made(finding.execution)
    calls = f"{pluralize(len({each.who for each in made}), participant)}, {pluralize(len(made), 'call')}"
    table = drawn_steps(finding.execution, finding.anomalies, participant)
    parts = [
        f"{machine.__name__}: {names}  ({calls}; {machine.policy}, {machine.executor})",
        _calls_text(judge, made, participant),
        f"The smallest schedule that goes wrong, {finding.confirmed}:\n\n{table}",
        f"This program first, next time: examples = [{program!r}]",
    ]
    return "\n\n".join(part for part in parts if part)


def _calls_text(judge: MachineJudge, made: list[MadeCall], participant: str) -> str:
    """Return the order that comes closest, call by call with what the model says, and the calls that are left."""
    specification = judge.machine.specification
    if specification is None or not any(each.outcome for each in made):
        return ""
    timed = judge.timed(made)
    closest = specification.closest(timed)
    if closest.fails is None:
        return ""
    rows = [(each, "✓") for each in closest.order]
    expected = f"✗ the model says {closest.expected}" if closest.expected else "✗ the model does not allow it"
    rows.append((closest.fails, expected))
    shown = {(each.who, each.told) for each, _ in rows}  # by what each told: the times may be the same
    rows += [(each, "") for each in timed if (each.who, each.told) not in shown]
    lines = [
        (f"{participant} {each.who + 1}", called(each.op, each.arguments), outcome_text(each.outcome), says)
        for each, says in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    drawn = [
        "  ".join([f"  {number}", *(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[3]])
        for number, line in enumerate(lines, 1)
    ]
    return "\n".join(["No order of the calls explains their results. The closest:", "", *map(str.rstrip, drawn)])


def undecided_text(machine: type[ConcurrentMachine], searched: SearchedPrograms) -> tuple[str, bool]:
    """Return what the searches of programs in which nothing went wrong leave open, and whether the test fails for it.

    That a program has more schedules than were to be tried is told; that the lab did not see all fails the test.
    """
    participants = pluralize(2, participant_on(machine.executor)).removeprefix("2 ")
    blind = list(searched.unseen)
    if searched.programs and not searched.contested:
        blind.append(f"no two {participants} made steps whose order can make a difference: nothing was tried")
    left = list(searched.left_out)
    if searched.cut_off:
        searched_by = f"{machine.executions} executions each by {Spec.parse(machine.policy)}"
        bound = "one each, by a drawn timing" if machine.schedules == TIMED else searched_by
        programs = pluralize(searched.programs, "program")
        left.append(f"{searched.cut_off} of {programs} have more schedules than were tried ({bound})")
    fails = bool(blind) and machine.unseen == "fail"
    allow = ' (unseen = "allow" lets it pass)' if fails else ""
    return "; ".join([*blind, *left]) + allow, fails
