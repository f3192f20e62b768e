"""An interleaving as a table: a column for each participant, a line for each step, and the deciding steps marked.

The deciding steps are found first, as data (`deciding`). There are two kinds: a read of a record that another
participant changed before the reader wrote it, together with that change and that write; and a read in the middle of
another participant's write, together with the pieces of that write.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ticketlab.core.steps import Action, Step
from ticketlab.core.timeline import Interleaving, Move
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import Wait, participant_name, waits
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.located import noticeable
from ticketlab.explorer.analysis.trace import Trace
from ticketlab.explorer.engine.clock import SECOND
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.report.state_told import TellState, states_told

MARK: Final = "◀"
REPEATED: Final = "..."
ONE_THAT_WAS_RIGHT: Final = "a schedule that ran, and was right"
"""How the title of a diagram goes on if a search found nothing wrong."""
_LEGENDS: Final = {
    MARK: "the order of these steps decides what goes wrong",
    REPEATED: "the same tries once more, each after the wait before",
}
WIDEST: Final = 8
"""How many columns a terminal shows side by side; with more participants, a line names who moves."""
LONG: Final = SECOND // 10
"""The shortest pause before a step that the table mentions, in ticks of virtual time."""


class StepLine(NamedTuple):
    """One line: the participant, its step, what it learnt there, and whether the step decides the outcome."""

    who: int
    step: Step
    learnt: tuple[tuple[str, int | str], ...]
    decides: bool


def lines(execution: Execution, anomalies: Sequence[Anomaly]) -> list[StepLine]:
    """Return every step of an execution that other participants could notice, with what was learnt at it.

    No step decides what goes wrong if nothing does.
    """
    trace, steps = execution.trace, execution.trace.steps
    marked = deciding(trace) if anomalies else frozenset()
    learnt: dict[int, list[tuple[str, int | str]]] = {}
    for node, (before, now) in enumerate(pairwise(execution.when), 1):
        if now - before >= LONG:
            learnt[node] = [("after", f"{(now - before) / SECOND:.3g} s")]
    for note in execution.notes:
        learnt.setdefault(note.step, []).append((note.what, note.value))
    return [
        StepLine(trace.who[node], steps[node], tuple(learnt.get(node, ())), node in marked)
        for node in noticeable(trace)
    ]


def deciding(trace: Trace) -> frozenset[int]:
    """Return the steps that decide what goes wrong between participants; empty if none disturbed another."""
    marked: set[int] = set()
    steps = trace.steps
    for node, (who, step) in enumerate(zip(trace.who, steps, strict=True)):
        if step.action is Action.READ:
            marked |= _overtaken(trace.who, steps, node, who)
        elif step.continuation and not step.private:
            marked |= _torn(trace.who, steps, node, who)
    return frozenset(marked)


def _overtaken(movers: Sequence[int], steps: Sequence[Step], read: int, who: int) -> set[int]:
    """Return a read, the other's change that made it stale, and the reader's later write; empty if there are none."""
    resource, changed = steps[read].resource, -1
    for node in range(read + 1, len(steps)):
        step = steps[node]
        if step.resource != resource or not _writes(step):
            if movers[node] == who and step.resource == resource and step.action is Action.READ:
                break  # it looked again
            continue
        if movers[node] != who:
            changed = node if changed < 0 else changed
        else:
            return {read, changed, node} if changed >= 0 else set()
    return set()


def _torn(movers: Sequence[int], steps: Sequence[Step], part: int, who: int) -> set[int]:
    """Return the steps of others between two pieces of one write, with those pieces; empty if there are none."""
    begin = next((node for node in range(part - 1, -1, -1) if movers[node] == who), -1)
    between = {
        node for node in range(begin + 1, part) if steps[node].resource == steps[part].resource and movers[node] != who
    }
    return between | {begin, part} if between and begin >= 0 else set()


def _writes(step: Step) -> bool:
    return step.action in (Action.WRITE, Action.TRUNCATE, Action.RENAME)


def interleaving(execution: Execution, buyers: int, anomalies: Sequence[Anomaly]) -> RenderableType:
    """Return the table of an execution, the meaning of each mark in it, and the sentence of each anomaly."""
    moved = sorted({*execution.trace.who, *(wait.who for wait in _stuck(execution, buyers))})
    told = Group(*(Text(f"{anomaly.name}: {anomaly.sentence}", style="red") for anomaly in anomalies))
    numbered = list(_numbered(lines(execution, anomalies)))
    draw = _side_by_side if len(moved) <= WIDEST else _one_column
    table = draw(execution, numbered, buyers, moved)
    marks = {MARK: any(line and line.decides for _, line in numbered), REPEATED: (REPEATED, None) in numbered}
    return Group(table, legend([mark for mark, there in marks.items() if there]), Text(), told)


def legend(marks: Sequence[str]) -> RenderableType:
    """Return a line for each mark that says what it means."""
    return Group(*(Text(f"{mark} {_LEGENDS[mark]}", style="dim") for mark in marks))


def diagram(
    title: str, execution: Execution, buyers: int, anomalies: Sequence[Anomaly], *, one_record: bool = False
) -> Interleaving:
    """Return an execution as pages draw it: every step, then a line for each participant that waits for ever.

    `one_record` says that all buyers share one record, so that whatever number is noted is what is left in it.
    """
    stuck, nodes = _stuck(execution, buyers), noticeable(execution.trace)
    moved = sorted({*execution.trace.who, *(wait.who for wait in stuck)})
    lanes, names = {who: lane for lane, who in enumerate(moved)}, [participant_name(who, buyers) for who in moved]
    shown = {execution.trace.table.step(execution.trace.what[node]).shown for node in nodes}
    tell = TellState(dict(zip(moved, names, strict=True)), lambda node: bisect_right(nodes, node), shown, one_record)
    # What follows a step, and nobody else notices, belongs to it.
    after = [following - 1 for following in [*nodes[1:], len(execution.trace)]] if nodes else []
    moves = [
        Move(
            lanes[line.who],
            line.step.action.value,
            line.step.resource,
            _learnt(line, " left"),
            line.decides,
            number,
            state=state,
            old=old,
        )
        for number, (line, (state, old)) in enumerate(
            zip(lines(execution, anomalies), states_told(execution, nodes, after, tell), strict=True), 1
        )
    ]
    moves += [Move(lanes[wait.who], "waits for ever:", _words(wait.step), marked=True) for wait in stuck]
    return Interleaving(title, names, moves)


def _table() -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="right", style="dim", no_wrap=True)
    return table


def _numbered(shown: Sequence[StepLine]) -> Iterator[tuple[str, StepLine | None]]:
    """Yield the lines with their numbers; REPEATED stands for the same tries between the first and the last of them.

    A participant that waits for time to pass may repeat the same steps after each wait.
    """
    told = list(enumerate(shown, 1))
    starts = [place for place, (_, line) in enumerate(told) if line.step.action is Action.TIME_PASSES]
    tries = [[line for _, line in told[start:end]] for start, end in pairwise([*starts, len(told)])]
    dull = {
        place
        for number in range(1, len(tries) - 1)
        if tries[number - 1] == tries[number] == tries[number + 1]
        for place in range(starts[number], starts[number + 1])
    }
    for place, (number, line) in enumerate(told):
        if place not in dull:
            yield str(number), line
        elif place - 1 not in dull:
            yield REPEATED, None


_Numbered = Sequence[tuple[str, StepLine | None]]


def _side_by_side(execution: Execution, numbered: _Numbered, buyers: int, moved: Sequence[int]) -> Table:
    table = _table()
    for who in moved:
        table.add_column(participant_name(who, buyers), overflow="fold")
    for number, line in numbered:
        table.add_row(number, *(_cell(line) if line and who == line.who else "" for who in moved))
    stuck = {wait.who: wait for wait in _stuck(execution, buyers)}
    if stuck:
        cells = (f"waits: {_words(stuck[who].step)}" if who in stuck else "" for who in moved)
        table.add_row("", *(Text(cell, style="red") for cell in cells))
    return table


def _one_column(execution: Execution, numbered: _Numbered, buyers: int, _moved: Sequence[int]) -> Table:
    table = _table()
    table.add_column("who")
    table.add_column("step", overflow="fold")
    for number, line in numbered:
        table.add_row(number, *((participant_name(line.who, buyers), _cell(line)) if line else ()))
    for wait in _stuck(execution, buyers):
        table.add_row("", participant_name(wait.who, buyers), Text(f"waits: {_words(wait.step)}", style="red"))
    return table


def _stuck(execution: Execution, buyers: int) -> list[Wait]:
    """Return which buyers wait for ever; staff that wait for the next request are no news."""
    if execution.ending is not ExecutionEnd.STUCK:
        return []
    return [wait for wait in waits(execution.trace) if wait.who < buyers]


def _cell(line: StepLine) -> Text:
    learnt = _learnt(line)
    text = _words(line.step) + (f" → {learnt}" if learnt else "")
    return Text(f"{text} {MARK}" if line.decides else text, style="bold yellow" if line.decides else "")


def _learnt(line: StepLine, unit: str = "") -> str:
    return ", ".join(f"{value}{unit}" if what == "remaining" else f"{what} {value}" for what, value in line.learnt)


def _words(step: Step) -> str:
    return f"{step.action.value} {step.resource}"
