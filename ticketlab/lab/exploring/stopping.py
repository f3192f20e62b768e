"""Ending a whole search from within a participant: a test that is skipped, say, is skipped in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable

from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.fault_pacer import Terminated
from ticketlab.explorer.engine.pacer import ExecutionAborted


class SearchStopped(Exception):
    """A buyer in another process raised what ends the whole search: a test that is skipped, say."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return _stopped_by, (type(self.error).__qualname__, str(self.error))


def stops_search(error: BaseException, leading: int) -> bool:
    """Whether an exception has to be handed to the leading process, given by its number, since it ends the search."""
    return os.getpid() != leading and not isinstance(error, Exception | ExecutionAborted | Terminated)


def raise_stopped(execution: Execution) -> None:
    """Raise what a participant raised to end the whole search, if one did."""
    for record in execution.records:
        if isinstance(record.outcome, SearchStopped):
            raise record.outcome.error


def _stopped_by(name: str, message: str) -> SearchStopped:
    """Find the class by its name alone: those of pytest say that they are builtins, and do not survive pickling."""
    kinds: list[type[BaseException]] = [BaseException]
    for kind in kinds:
        if kind.__qualname__ == name:
            return SearchStopped(kind(message))
        kinds += type.__subclasses__(kind)
    return SearchStopped(RuntimeError(message))
