"""Mutants as text: those that survive first, each with its line and what that proves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ticketlab.core.text import pluralize

_WORDS: Final = {
    False: ("✗ survives", "bold red"),
    None: ("? undecided", "yellow"),
    True: ("✓ convicted", "green"),
}
_NO_GUARD: Final = "? undecided: no guard was found that could be taken away"


class TriedMutant(Protocol):
    """A mutant, and what came of it."""

    @property
    def mutant(self) -> Any:
        """The guard by its `place`, and its `weakening`."""

    @property
    def convicted(self) -> bool | None:
        """Whether a test noticed."""

    @property
    def why(self) -> str:
        """Which, or what it proves that none did."""


class TriedMutants(Protocol):
    """What came of all mutants."""

    @property
    def subject(self) -> str:
        """Whose they are."""

    @property
    def outcomes(self) -> Sequence[TriedMutant]:
        """What came of each."""

    @property
    def valid(self) -> bool | None:
        """Whether all are convicted."""


def print_mutants(found: TriedMutants, console: Console) -> None:
    """Print what came of mutants."""
    console.print(Text(f"{found.subject}: {_verdict(found)}", style="bold"))
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for column in range(3):
        table.add_column(overflow="fold", no_wrap=column < 2)
    for outcome in (False, None, True):
        for each in found.outcomes:
            if each.convicted is outcome:
                _add(table, each)
    if found.outcomes:
        console.print()
        console.print(table)


def _add(table: Table, each: TriedMutant) -> None:
    word, style = _WORDS[each.convicted]
    place = each.mutant.place
    table.add_row(Text(word, style=style), place.shown, f"{place.kind}, {each.mutant.weakening.value}: {each.why}")
    if not each.convicted:
        table.add_row("", "", Text(place.source, style="dim"))


def _verdict(found: TriedMutants) -> str:
    if not found.outcomes:
        return _NO_GUARD
    count = pluralize(len(found.outcomes), "mutant")
    survive = sum(each.convicted is False for each in found.outcomes)
    if survive:
        return f"✗ {survive} of {count} {'survives' if survive == 1 else 'survive'}"
    undecided = sum(each.convicted is None for each in found.outcomes)
    if undecided:
        return f"? undecided: {undecided} of {count}, and the others are convicted"
    return f"✓ {count}, {'and it is' if len(found.outcomes) == 1 else 'and all are'} convicted"
