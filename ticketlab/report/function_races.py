"""Live races of a function or a program as text: how often they went wrong, and what went wrong first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from rich.console import Console
from rich.text import Text

from ticketlab.core.text import pluralize
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.report.exploration import headline
from ticketlab.report.text import next_steps


class FunctionRaces(Protocol):
    """What live races of a function came to."""

    @property
    def function(self) -> str:
        """How people call the function."""

    @property
    def processes(self) -> int:
        """How many called it at once."""

    @property
    def verdict(self) -> Verdict:
        """What is decided."""

    @property
    def races(self) -> int:
        """How many races there were."""

    @property
    def wrong(self) -> int:
        """How many of them went wrong."""

    @property
    def names(self) -> Mapping[str, int]:
        """How often each anomaly occurred."""

    @property
    def first(self) -> Mapping[str, tuple[int, Anomaly]]:
        """The first race of each anomaly."""

    @property
    def seconds(self) -> float:
        """How long they took."""


def print_function_races(found: FunctionRaces, explore: str, console: Console) -> None:
    """Print the result of live races; `explore` is the command line that searches for the smallest schedule."""
    everybody = pluralize(found.processes, "process")
    console.print(headline(found.function, found.verdict, everybody))
    ran = f"{found.wrong:,} of {pluralize(found.races, 'race')} went wrong, in {found.seconds:.2f} s"
    console.print(f"{ran}: real processes, let go at once, in a fresh folder each time.")
    if found.first:
        console.print()
    for name, (number, anomaly) in found.first.items():
        console.print(Text(f"{name} {found.names[name]:,} x, first in race {number:,}: {anomaly.sentence}"))
    console.print()
    why = "the smallest schedule that goes wrong" if found.wrong else "every schedule, and not only those that happened"
    console.print(next_steps({explore: why}))
