"""Programs whose every call is stopped and let go on at once."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ticketlab.gate.listener import Stop
from ticketlab.gate.numbers import numbers, supported_machine
from ticketlab.gate.starting.starter import CommandLine, Starter

CALLS: Final = numbers(supported_machine().column)
ASKS: Final = {CALLS.get("access"), CALLS["faccessat"]}
"""The calls by which a leader asks for another execution."""


@dataclass
class Programs:
    """Commands that are run in a folder, one execution after another."""

    starter: Starter
    output: Path
    threads: set[int] = field(default_factory=set)
    """All threads that were ever stopped, the leader's included."""

    exits: dict[int, int] = field(default_factory=dict)
    """Exit codes by the number of the command, as far as they ended by an exit."""

    @staticmethod
    def of(folder: Path, *commands: tuple[str, ...]) -> Programs:
        """Return programs that run in a folder; their outputs are in a folder beside it."""
        output = folder.with_name("output")
        output.mkdir()
        return Programs(Starter([CommandLine(each) for each in commands], folder, output), output)

    def stops(self, *, with_lines: bool = False, keeps_leader: bool = False) -> Generator[Stop]:
        """Begin an execution, and yield each call while it is stopped; the call goes on when the next is asked for.

        If asked, the leader is kept for the next execution.
        """
        started = self.starter.start(with_lines=with_lines)
        self.threads.add(started.leader)
        listener, asks = started.listener, None
        try:
            while not listener.closed:
                if stop := listener.receive(1000):
                    if keeps_leader and stop.thread == started.leader and stop.number in ASKS:
                        asks = stop
                        return
                    self._note(stop)
                    yield stop
                    listener.go_on(stop)
        finally:
            self.starter.end(asks)

    def run(self, *, keeps_leader: bool = False) -> list[str]:
        """Let all commands run to their end; return what each has printed."""
        for _ in self.stops(keeps_leader=keeps_leader):
            pass
        return [file.read_text() for file in sorted(self.output.iterdir(), key=lambda file: int(file.stem))]

    def _note(self, stop: Stop) -> None:
        self.threads.add(stop.thread)
        if stop.number == CALLS["exit_group"]:
            with suppress(OSError):
                if printed := re.search(r"(\d+)\.out$", str(Path(f"/proc/{stop.thread}/fd/1").readlink())):
                    self.exits[int(printed[1])] = stop.arguments[0]

    def alive(self) -> list[int]:
        """Return the threads that are still there, be it as zombies."""
        return [each for each in self.threads if Path(f"/proc/{each}").exists()]
