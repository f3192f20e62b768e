"""Starting and killing child processes, whether `multiprocessing` made them or a bare fork did."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Protocol

from ticketlab.core.system.lifeline import signals_blocked
from ticketlab.core.system.sockets import require_room_for_address

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext


class Child(Protocol):
    """The part of `multiprocessing.Process` that launchers use."""

    @property
    def pid(self) -> int | None:
        """The process id; None before it has been started."""

    @property
    def sentinel(self) -> int:
        """A file that becomes readable when it has ended."""

    @property
    def exitcode(self) -> int | None:
        """How it ended, a signal that killed it as a negative number; None while it runs."""

    def start(self) -> None:
        """Start it."""

    def join(self) -> None:
        """Wait until it has ended."""

    def kill(self) -> None:
        """End it at once."""


def start(children: Iterable[Child], context: BaseContext) -> None:
    """Start processes; a Ctrl-C meanwhile stops the lab afterwards, and no process that is only half started."""
    if context.get_start_method() != "fork":
        resource_tracker.ensure_running()  # as it starts, it unblocks the signals
    if context.get_start_method() == "forkserver":
        require_room_for_address()
    with signals_blocked():
        for each in children:
            each.start()


def kill(children: Sequence[Child]) -> None:
    """Kill the processes that still run, and wait until they are gone."""
    started = [child for child in children if child.pid is not None]
    for child in started:
        if child.exitcode is None:
            child.kill()
    for child in started:
        child.join()


def exit_text(code: int | None) -> str:
    """Say how a process ended."""
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
