"""What there is to see of an execution: the steps that could have made a difference, in lines."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from ticketlab.core.pacing import UNCHANGED
from ticketlab.core.steps import Action
from ticketlab.core.text import join_words
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Trace

_NOTED: Final = {UNCHANGED: "{}", "before": "before {}", "fault": "fault {}", "returned": "{}"}
"""How a table shows what was noted at a step."""


_UNSHOWN: Final = (Action.START, Action.EXIT, Action.WAIT_ON, Action.CLOSE)
MOST_SHOWN: Final = 8
"""If more participants than these make steps that could matter, only those are shown whose steps decide."""


class Line(NamedTuple):
    """Steps that one participant makes in a row on one resource."""

    first: int  # the number of the first, from 1
    who: int
    actions: str
    what: str
    note: str  # why it was refused, or by what it failed
    decides: bool
    source: str = ""  # the line of source code that makes the first
    last: int = 0  # the number of the last

    @property
    def words(self) -> str:
        """The line as text."""
        return f"{self.actions} {self.what}" + (f" → {self.note}" if self.note else "")


def shown_lines(execution: Execution, anomalies: Sequence[Anomaly]) -> list[Line]:
    """Return what there is to see of an execution: the steps that could have made a difference to somebody else.

    Steps in a row by one participant on one resource share a line, unless one of them decides. Tries at the end that
    changed nothing, and are made again and again, are told once. Of many participants, those are shown who decide.
    """
    trace, table = execution.trace, execution.trace.table
    marked = {node - 1 for anomaly in anomalies for node in anomaly.evidence.get("steps", ())}
    shown = _noticed(execution, marked) or range(len(trace))
    notes = {note.step: _NOTED[note.what].format(note.value) for note in execution.notes if note.what in _NOTED}
    groups: list[list[int]] = []
    for node in shown:
        step, before = table.step(trace.what[node]), groups[-1][-1] if groups else -1
        together = (
            groups
            and before == node - 1
            and trace.who[before] == trace.who[node]
            and table.step(trace.what[before]).shown == step.shown
            and not {before, node} & (marked | notes.keys())
        )
        if together:
            groups[-1].append(node)
        else:
            groups.append([node])
    sources = {note.step: str(note.value) for note in execution.notes if note.what == "line"}
    lines = [_line(group, trace, notes, sources, group[0] in marked) for group in groups]
    deciding = {line.who for line in lines if line.decides}
    if deciding and len({line.who for line in lines}) > MOST_SHOWN:
        lines = [line for line in lines if line.who in deciding]
    first = {(line.who, line.words): line for line in reversed(lines) if line.first > trace.changed}
    return [
        line for line in lines if line.first <= trace.changed or line.decides or first[line.who, line.words] is line
    ]


def _line(
    nodes: Sequence[int], trace: Trace, notes: Mapping[int, str], sources: Mapping[int, str], decides: bool
) -> Line:
    steps, first = [trace.table.step(trace.what[node]) for node in nodes], nodes[0]
    actions = join_words(list(dict.fromkeys(step.action.value for step in steps)))
    note, source = notes.get(first, ""), sources.get(first, "")
    return Line(first + 1, trace.who[first], actions, steps[0].shown, note, decides, source, nodes[-1] + 1)


def _noticed(execution: Execution, marked: Collection[int]) -> list[int]:
    """Return the steps whose order with another participant's could make a difference, the marked ones, and more.

    That a process starts, ends and is waited for goes without saying. Whoever looked for a file that another puts a new
    one in place of is shown reading it as well.
    """
    trace, table = execution.trace, execution.trace.table
    pending = {(who, what) for who, what in enumerate(trace.final) if what}
    made = {*zip(trace.who, trace.what, strict=True), *pending}
    told = set(marked)
    for node, (who, what) in enumerate(zip(trace.who, trace.what, strict=True)):
        is_fault = table.step(what).action is Action.FAULT
        if is_fault or any(one != who and not table.commute(what, other) for one, other in made):
            told.add(node)
    paths = {(trace.who[node], table.step(trace.what[node]).shown) for node in told}
    return [
        node
        for node, (who, what) in enumerate(zip(trace.who, trace.what, strict=True))
        if node in marked
        or (table.step(what).action not in _UNSHOWN and (node in told or (who, table.step(what).shown) in paths))
    ]
