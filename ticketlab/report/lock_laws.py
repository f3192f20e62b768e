"""The laws that a lock was held to as text: which hold, and the schedule that broke a law."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Final, Protocol

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ticketlab.core.text import pluralize
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.report.plain_function import steps_table
from ticketlab.report.plain_text import WIDTH


class FoundBreak(Protocol):
    """An execution that broke a law."""

    @property
    def execution(self) -> Execution:
        """What was done."""

    @property
    def anomalies(self) -> Sequence[Anomaly]:
        """What is wrong with it."""


class Law(Protocol):
    """A law, and whether the lock keeps it."""

    @property
    def law(self) -> str:
        """Its name."""

    @property
    def sentence(self) -> str:
        """What it says."""

    @property
    def valid(self) -> bool | None:
        """True, False, or None for undecided."""

    @property
    def applies(self) -> bool:
        """Whether there was anything to try."""

    @property
    def reason(self) -> str:
        """Why it is undecided, or does not apply."""

    @property
    def scenario(self) -> str:
        """What the processes were doing."""

    @property
    def executions(self) -> int:
        """How many schedules were tried."""

    @property
    def facts(self) -> Sequence[str]:
        """What else came to light."""

    @property
    def finding(self) -> FoundBreak | None:
        """The execution that broke it."""


class Laws(Protocol):
    """The laws that a lock was held to."""

    @property
    def lock(self) -> str:
        """What people call it."""

    @property
    def valid(self) -> bool | None:
        """Whether it keeps them all."""

    @property
    def laws(self) -> Sequence[Law]:
        """The laws."""


_WORDS: Final = {True: ("✓ held", "green"), False: ("✗ broken", "red"), None: ("? undecided", "yellow")}
_HEADLINES: Final = {True: "✓ keeps the laws", False: "✗ is no safe lock", None: "? undecided"}


def drawn_laws(report: Laws) -> str:
    """Return the laws as plain text."""
    page = StringIO()
    Console(file=page, width=WIDTH, highlight=False, no_color=True).print(laws_page(report))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def laws_page(report: Laws) -> RenderableType:
    """Return the table of the laws and, for each that is broken, what it says and the schedule that broke it."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for law in report.laws:
        word, style = _WORDS[law.valid] if law.applies else ("- does not apply", "dim")
        tried = pluralize(law.executions, "execution") if law.executions else ""
        table.add_row(Text(law.law), Text(word, style=style), Text(tried, style="dim"))
        for note in (*([law.reason] if law.reason else []), *law.facts):
            table.add_row("", Text(note, style="dim"), "")
    broken = [part for law in report.laws if law.finding is not None for part in _broken(law, law.finding)]
    return Group(Text(f"{report.lock}: {_HEADLINES[report.valid]}\n", style="bold"), table, *broken)


def _broken(law: Law, found: FoundBreak) -> list[RenderableType]:
    title = Text(f"\n{law.law}: {law.sentence} ({law.scenario})\n", style="bold")
    told = [Text(f"{anomaly.name}: {anomaly.sentence}") for anomaly in found.anomalies]
    return [title, steps_table(found.execution, found.anomalies), Text(), *told]
