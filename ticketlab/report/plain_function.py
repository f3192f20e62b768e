"""The exploration of a plain function as text: the steps that others could notice, and what they prove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from types import MappingProxyType
from typing import Any, Final, Protocol

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ticketlab.core.text import escape_controls, join_words, pluralize
from ticketlab.core.timeline import Interleaving, Move
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.explorer.analysis.deadlock import Wait, waits
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.results import RightExecution
from ticketlab.report.crashes import print_points
from ticketlab.report.exploration import SearchOutcome, counted, headline
from ticketlab.report.interleaving import MARK, ONE_THAT_WAS_RIGHT, WIDEST, legend
from ticketlab.report.plain_text import WIDTH
from ticketlab.report.rows import seen_line
from ticketlab.report.schedules import print_served
from ticketlab.report.shown_steps import shown_lines
from ticketlab.report.state_told import TellState, states_told
from ticketlab.report.text import next_steps
from ticketlab.scheduling.schedule import JobSchedule

_WIDEST_SOURCE: Final = 40
NO_NAMES: Final[Mapping[int, str]] = MappingProxyType({})


class Resource(Protocol):
    """What a search saw of one resource, by process how often."""

    @property
    def resource(self) -> str:
        """What it is called."""

    @property
    def reads(self) -> Mapping[Any, int]:
        """How often it was read."""

    @property
    def changes(self) -> Mapping[Any, int]:
        """How often it was changed."""


class FunctionFinding(Protocol):
    """An execution that went wrong."""

    @property
    def execution(self) -> Execution:
        """The execution."""

    @property
    def anomalies(self) -> Sequence[Anomaly]:
        """What is wrong with it."""

    @property
    def confirmed(self) -> str:
        """Whether it was found on real processes."""

    @property
    def participants(self) -> Mapping[int, str]:
        """The names of the participants by number, if they are other than the numbers."""

    @property
    def printed(self) -> Sequence[tuple[str, str]]:
        """Who wrote what, in order."""


class FunctionSearch(SearchOutcome, Protocol):
    """What the search of a plain function came to."""

    @property
    def function(self) -> str:
        """How people call the function."""

    @property
    def processes(self) -> int:
        """How many called it at once."""

    @property
    def participant(self) -> str:
        """How people call who did."""

    @property
    def verdict(self) -> Verdict:
        """What is decided."""

    @property
    def seen(self) -> Sequence[Resource]:
        """What several processes touched."""

    @property
    def left_behind(self) -> Sequence[str]:
        """The files that only a fault has left."""

    @property
    def untold(self) -> Sequence[str]:
        """What the kernel saw and no probe told, in sentences."""

    @property
    def schedule(self) -> JobSchedule | None:
        """The schedule of the last execution, if the policy keeps a ready queue."""

    @property
    def finding(self) -> FunctionFinding | None:
        """The smallest execution that went wrong."""

    @property
    def right(self) -> RightExecution | None:
        """The last execution if none went wrong."""


def print_function_search(found: FunctionSearch, replay: str, console: Console, fix: Sequence[str] = ()) -> None:
    """Print the result of a search; `replay` is the command line that replays its case, if there is one.

    `fix` has what a search for a fix came to, line by line.
    """
    everybody = pluralize(found.processes, found.participant)
    console.print(headline(found.function, found.verdict, everybody))
    if found.exhausted and not found.anomalous and found.verdict.valid is None:
        console.print(f"Exhausted, and nothing is proved: {pluralize(found.executions, 'execution')} went right.")
    else:
        console.print(counted(found, everybody))
    if found.injected and (found.how.exhaust or found.finding is None):
        console.print()
        print_points([point.to_json() for point in found.injected], console)
    if found.left_behind:
        console.print(Text(f"Left behind after a fault: {join_words(found.left_behind)}."))
    print_served(found.schedule.to_json() if found.schedule else None, console)
    if found.schedule:
        console.print()
    if found.finding is not None:
        console.print(f"The smallest schedule that goes wrong ({found.finding.confirmed}):\n")
        finding = found.finding
        _print_steps(finding.execution, finding.anomalies, console, found.participant, finding.participants)
        _print_output(finding.printed, console)
    lines = seen_lines(found.seen, found.participant)
    nothing = f"Seen: nothing that {two_of(found.participant)} touched"
    console.print(Group(Text("Seen in one execution:" if lines else nothing, style="dim")))
    for line in lines:
        console.print(Text(f"  {line}"))
    if found.untold:
        console.print(Text("Not told by the probes:", style="dim"))
        console.print(Group(*(Text(f"  {line}") for line in found.untold)))
    if fix:
        console.print(Group(Text(), *map(Text, fix)))
    if replay:
        console.print()
        console.print(next_steps({replay: "the same schedule again"}))


def print_function_replay(
    function: str,
    executor: str,
    execution: Execution,
    anomalies: Sequence[Anomaly],
    console: Console,
    participant: str = "process",
    names: Mapping[int, str] = NO_NAMES,
    processes: int | None = None,
) -> None:
    """Print the result of a replay on an executor; `participant` is how people call who takes part.

    `processes` says how many race, if not all that take part.
    """
    everybody = pluralize(processes or len({*execution.trace.who}), participant)
    console.print(headline(function, Verdict(anomalies), everybody))
    made = pluralize(len(execution.trace), "step")
    console.print(f"{made}, the same as when the case was saved ({executor}).\n")
    _print_steps(execution, anomalies, console, participant, names)


def _print_steps(
    execution: Execution,
    anomalies: Sequence[Anomaly],
    console: Console,
    participant: str,
    names: Mapping[int, str],
) -> None:
    console.print(steps_table(execution, anomalies, participant, names))
    console.print()
    for anomaly in anomalies:
        console.print(Text(f"{anomaly.name}: {anomaly.sentence}"))
    console.print()


def _print_output(printed: Sequence[tuple[str, str]], console: Console) -> None:
    """Print who wrote what, in the order of the schedule."""
    if not printed:
        return
    console.print(Text("Printed:", style="dim"))
    for name, text in printed:
        for line in _without_frames(text.splitlines()):
            console.print(Text(f"  process {name}: {escape_controls(line)}"))
    console.print()


def _without_frames(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines without the frames of tracebacks, of which the last line says what was raised."""
    inside = False
    for line in lines:
        if line.startswith("Traceback (most recent call last)"):
            inside = True
        elif inside and line.startswith(" "):
            continue
        else:
            inside = False
            yield line


def steps_diagram(
    title: str,
    execution: Execution,
    anomalies: Sequence[Anomaly],
    participant: str = "process",
    names: Mapping[int, str] = NO_NAMES,
) -> Interleaving:
    """Return an execution as a page steps through it: the steps that others could notice, and who waits for ever."""
    stuck = waits(execution.trace) if execution.ending is ExecutionEnd.STUCK else []
    told = shown_lines(execution, anomalies)
    moved = sorted({*(line.who for line in told), *(wait.who for wait in stuck)})
    lanes = {who: lane for lane, who in enumerate(moved)}
    called = {who: f"{participant} {names.get(who, who + 1)}" for who in moved}
    tell = TellState(called, lambda node: node + 1, {line.what for line in told}, one_record=False)
    states = states_told(execution, [line.first - 1 for line in told], [line.last - 1 for line in told], tell)
    moves = [
        Move(lanes[line.who], line.actions, line.what, line.note, line.decides, line.first, line.source, state, old)
        for line, (state, old) in zip(told, states, strict=True)
    ]
    moves += [
        Move(lanes[wait.who], "waits for ever:", f"{wait.step.action.value} {wait.step.shown}", marked=True)
        for wait in stuck
    ]
    return Interleaving(title, list(called.values()), moves)


def search_diagrams(found: FunctionSearch) -> list[Interleaving]:
    """Return the diagram of the smallest execution that went wrong or, if none did, of the last that went right."""
    if finding := found.finding:
        drawn = steps_diagram(
            found.function, finding.execution, finding.anomalies, found.participant, finding.participants
        )
    elif right := found.right:
        title = f"{found.function}: {ONE_THAT_WAS_RIGHT}"
        drawn = steps_diagram(title, right.execution, (), found.participant, right.participants)
    else:
        return []
    return [drawn]


def drawn_steps(
    execution: Execution,
    anomalies: Sequence[Anomaly],
    participant: str = "process",
    names: Mapping[int, str] = NO_NAMES,
) -> str:
    """Return the table of an execution, and under it the sentence of each anomaly, as plain text.

    `participant` is how people call who takes part, and `names` has their names, if they are other than the numbers.
    """
    page = StringIO()
    told = Group(*(Text(f"{anomaly.name}: {anomaly.sentence}") for anomaly in anomalies))
    console = Console(file=page, width=WIDTH, highlight=False, no_color=True)
    console.print(steps_table(execution, anomalies, participant, names))
    console.print(Group(Text(), told))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def two_of(participant: str) -> str:
    """Return two participants in words, by how people call one."""
    return pluralize(2, participant).replace("2", "two")


def seen_lines(seen: Sequence[Resource], participant: str = "process") -> list[str]:
    """Return one line for each resource that several participants touched; they are called so."""
    return [seen_line(each.resource, each.reads, each.changes, participant) for each in seen]


def steps_table(
    execution: Execution,
    anomalies: Sequence[Anomaly],
    participant: str = "process",
    names: Mapping[int, str] = NO_NAMES,
) -> RenderableType:
    """Return an execution as a table, with a column for each participant, the deciding steps marked, and a legend."""
    stuck = waits(execution.trace) if execution.ending is ExecutionEnd.STUCK else []
    told = shown_lines(execution, anomalies)
    moved = sorted({*(line.who for line in told), *(wait.who for wait in stuck)})
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="right", style="dim", no_wrap=True)
    wide = len(moved) > WIDEST
    called = {who: f"{participant} {names.get(who, who + 1)}" for who in moved}
    for title in ["who", "step"] if wide else called.values():
        table.add_column(title, overflow="fold")
    for line in told:
        text = Text(f"{line.words} {MARK}" if line.decides else line.words, style="bold yellow" if line.decides else "")
        if line.source:
            text.append(f"\n{_shortened(line.source)}", style="not bold dim")
        cells = [called[line.who], text] if wide else [text if who == line.who else "" for who in moved]
        table.add_row(str(line.first), *cells)
    _add_waits(table, stuck, moved, called, wide=wide)
    return Group(table, legend([MARK] if any(line.decides for line in told) else []))


def _shortened(source: str) -> str:
    """Return a source line as it fits into a column."""
    return source if len(source) <= _WIDEST_SOURCE else f"{source[: _WIDEST_SOURCE - 1]}…"


def _add_waits(
    table: Table, stuck: Sequence[Wait], moved: Sequence[int], called: Mapping[int, str], *, wide: bool
) -> None:
    """Say in the last line, or lines, who waits for ever."""
    text = {wait.who: Text(f"waits: {wait.step.action.value} {wait.step.shown}", style="red") for wait in stuck}
    if wide:
        for who, waiting in text.items():
            table.add_row("", called[who], waiting)
    elif text:
        table.add_row("", *(text.get(who, "") for who in moved))
