"""The exploration of a plain function as text: the steps that others could notice, and what they prove."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from io import StringIO
from typing import Any, Final, NamedTuple, Protocol

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ticketlab.core.pacing import UNCHANGED
from ticketlab.core.text import join_words
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import Wait, waits
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.report.interleaving import MARK, WIDEST
from ticketlab.report.plain_text import WIDTH

LOCKS: Final = ("lock on ", "record lock on ")


class Resource(Protocol):
    """What a search saw of one resource, by process how often."""

    @property
    def resource(self) -> str:
        """What it is called."""

    @property
    def reads(self) -> Mapping[int, int]:
        """How often it was read."""

    @property
    def changes(self) -> Mapping[int, int]:
        """How often it was changed."""


class Line(NamedTuple):
    """Steps that one participant makes in a row on one resource."""

    first: int  # the number of the first, from 1
    who: int
    words: str
    decides: bool


def drawn_steps(execution: Execution, anomalies: Sequence[Anomaly], participant: str = "process") -> str:
    """Return the table of an execution, and under it the sentence of each anomaly, as plain text.

    `participant` is how people call who takes part.
    """
    page = StringIO()
    told = Group(*(Text(f"{anomaly.name}: {anomaly.sentence}") for anomaly in anomalies))
    console = Console(file=page, width=WIDTH, highlight=False, no_color=True)
    console.print(steps_table(execution, anomalies, participant))
    console.print(Group(Text(), told))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def seen_lines(seen: Sequence[Resource]) -> list[str]:
    """Return one line for each resource that several processes touched."""
    found = []
    for each in seen:
        verb = "taken" if each.resource.startswith(LOCKS) else "changed"
        told = [f"{verb} {_times(counts)}" for verb, counts in (("read", each.reads), (verb, each.changes)) if counts]
        found.append(f"{each.resource}: {', '.join(told)}")
    return found


def _times(counts: Mapping[int, int]) -> str:
    return join_words([f"{count} x by process {who}" for who, count in sorted(counts.items())])


def steps_table(execution: Execution, anomalies: Sequence[Anomaly], participant: str = "process") -> RenderableType:
    """Return an execution as a table, with a column for each participant, and the deciding steps marked."""
    stuck = waits(execution.trace) if execution.ending is ExecutionEnd.STUCK else []
    told = shown_lines(execution, anomalies)
    moved = sorted({*(line.who for line in told), *(wait.who for wait in stuck)})
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="right", style="dim")
    wide = len(moved) > WIDEST
    for title in ["who", "step"] if wide else [f"{participant} {who + 1}" for who in moved]:
        table.add_column(title)
    for line in told:
        text = Text(f"{line.words} {MARK}" if line.decides else line.words, style="bold yellow" if line.decides else "")
        cells = [f"{participant} {line.who + 1}", text] if wide else [text if who == line.who else "" for who in moved]
        table.add_row(str(line.first), *cells)
    _add_waits(table, stuck, moved, participant, wide=wide)
    return table


def _add_waits(table: Table, stuck: Sequence[Wait], moved: Sequence[int], participant: str, *, wide: bool) -> None:
    """Say in the last line, or lines, who waits for ever."""
    text = {wait.who: Text(f"waits: {wait.step.action.value} {wait.step.shown}", style="red") for wait in stuck}
    if wide:
        for who, waiting in text.items():
            table.add_row("", f"{participant} {who + 1}", waiting)
    elif text:
        table.add_row("", *(text.get(who, "") for who in moved))


def shown_lines(execution: Execution, anomalies: Sequence[Anomaly]) -> list[Line]:
    """Return what there is to see of an execution: the steps that could have made a difference to somebody else.

    Steps in a row by one participant on one resource share a line, unless one of them decides.
    """
    trace, table = execution.trace, execution.trace.table
    marked = {node - 1 for anomaly in anomalies for node in anomaly.evidence.get("steps", ())}
    shown = _noticed(execution, marked) or range(len(trace))
    refusals = {note.step: str(note.value) for note in execution.notes if note.what == UNCHANGED}
    groups: list[list[int]] = []
    for node in shown:
        step, before = table.step(trace.what[node]), groups[-1][-1] if groups else -1
        together = (
            groups
            and before == node - 1
            and trace.who[before] == trace.who[node]
            and table.step(trace.what[before]).shown == step.shown
            and not {before, node} & (marked | refusals.keys())
        )
        if together:
            groups[-1].append(node)
        else:
            groups.append([node])
    return [
        Line(group[0] + 1, trace.who[group[0]], _words(group, trace, refusals), group[0] in marked) for group in groups
    ]


def _words(nodes: Sequence[int], trace: Any, refusals: Mapping[int, str]) -> str:
    steps = [trace.table.step(trace.what[node]) for node in nodes]
    text = f"{join_words([step.action.value for step in steps])} {steps[0].shown}"
    return f"{text} → {refusals[nodes[0]]}" if nodes[0] in refusals else text


def _noticed(execution: Execution, marked: Collection[int]) -> list[int]:
    """Return the steps whose order with another participant's could make a difference, the marked ones, and more.

    Whoever looked for a file that another puts a new one in place of is shown reading it as well.
    """
    trace, table = execution.trace, execution.trace.table
    pending = {(who, what) for who, what in enumerate(trace.final) if what}
    made = {*zip(trace.who, trace.what, strict=True), *pending}
    told = set(marked)
    for node, (who, what) in enumerate(zip(trace.who, trace.what, strict=True)):
        if any(one != who and not table.commute(what, other) for one, other in made):
            told.add(node)
    paths = {(trace.who[node], table.step(trace.what[node]).shown) for node in told}
    return [
        node
        for node, (who, what) in enumerate(zip(trace.who, trace.what, strict=True))
        if node in told or (who, table.step(what).shown) in paths
    ]
