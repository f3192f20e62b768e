"""Searches that stopped, and are gone on with: what the commands that explore share of them."""

from __future__ import annotations

import os
import shlex
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Any, Final

import click

from ticketlab.cli.options import is_typed, named_options
from ticketlab.core.errors import UsageError

if TYPE_CHECKING:
    from ticketlab.lab.artifacts.search_files import SearchFile

_OWN: Final = ("as_json", "cases", "keep", "html", "force", "save")
"""Options that say where results go: they may be given anew."""


def resume_search(words: Sequence[str], given: Mapping[str, Any]) -> int:
    """Go on with a kept search, by the command line that began it, and return the exit code."""
    from ticketlab.lab.artifacts.search_files import load_search

    ctx, path = click.get_current_context(), given["resume"]
    kept = load_search(path)
    for parameter in named_options(ctx.command).values():
        if is_typed(str(parameter.name)) and parameter.name not in ("resume", "executions", *_OWN):
            raise UsageError(f"--resume goes on with the search as it was begun: leave out {parameter.opts[0]}")
    if words:
        raise UsageError(f"--resume goes on with what was explored: leave out {words[0]}")
    kept.check(path)
    limit = kept.limit if kept.executions < kept.limit else kept.executions + kept.limit
    if is_typed("executions"):
        limit = given["executions"]
    if limit <= kept.executions:
        raise UsageError(f"--executions {limit}: the search has had {kept.executions:,} already, so name more")
    begun = shlex.split(kept.command)[2:]
    inner = ctx.command.make_context(
        ctx.info_name, [*begun, "--executions", str(limit)], parent=ctx.parent, default_map={}, obj=kept
    )
    inner.params.update({name: given[name] for name in _OWN if is_typed(name) and name in given})
    inner.params["as_json"] = click.get_current_context().params["as_json"]
    with inner:
        return int(ctx.command.invoke(inner))


class KeptSearches:
    """What a command that explores knows of a search that it goes on with, or that it may have to keep."""

    def __init__(self, command: str) -> None:
        """Take the command line that begins the search; raises UsageError if settings have made another one of it."""
        from ticketlab.lab.artifacts.search_files import SearchFile, source_files
        from ticketlab.lab.exploring.kept_search import SearchPause

        begun = click.get_current_context().obj
        self._begun: SearchFile | None = begun if isinstance(begun, SearchFile) else None
        self._command = command
        if self._begun is not None and _unlimited(self._begun.command) != _unlimited(command):
            raise UsageError(
                f"settings have changed since the search was begun as {self._begun.command!r}: search anew"
            )
        self._sources = source_files() if self._begun is None else self._begun.sources
        self.pause = SearchPause(self._listening, begun=self._begun.search if self._begun else None)

    @contextmanager
    def _listening(self) -> Iterator[Callable[[], bool]]:
        """Take the first Ctrl-C, for a while, as the wish to stop after this execution; a second one ends all."""
        if threading.current_thread() is not threading.main_thread():
            yield lambda: False
            return
        asked, before = list[int](), signal.getsignal(signal.SIGINT)

        def ask(number: int, _frame: FrameType | None) -> None:
            asked.append(number)
            signal.signal(signal.SIGINT, before)

        signal.signal(signal.SIGINT, ask)
        try:
            yield lambda: bool(asked)
        finally:
            signal.signal(signal.SIGINT, before)
            if asked and not self.pause.stopped:
                os.kill(os.getpid(), signal.SIGINT)  # the search is over, and not what comes after it

    def files(self, limit: int) -> dict[str, Callable[[IO[str]], None]]:
        """Return what is kept beside the result, by file name: the search, if it can be gone on with."""
        from ticketlab.lab.artifacts.search_files import SEARCH_FILE, SearchFile, versions_and_lab

        pause = self.pause
        if pause.kept is None:
            return {}
        kept = SearchFile(self._command, pause.executions, limit, versions_and_lab(), self._sources, pause.kept)
        return {SEARCH_FILE: lambda file: file.writelines([kept.to_text()])}

    def line(self, folder: Path | None) -> str:
        """Return the command line that goes on with the search, if it was kept in a run's folder; else nothing."""
        from ticketlab.lab.artifacts.search_files import SEARCH_FILE

        if folder is None or self.pause.kept is None:
            return ""
        return shlex.join(["ticketlab", "explore", "--resume", str(folder / SEARCH_FILE)])

    def end(self, folder: Path | None, *, as_json: bool) -> None:
        """Say how to go on with the search, unless JSON has said it; if Ctrl-C stopped it, end the lab."""
        from ticketlab.cli import Interrupted
        from ticketlab.cli.terminal import console
        from ticketlab.report.text import next_steps

        line = self.line(folder)
        if line and not as_json:
            screen = console()
            screen.print()
            screen.print(next_steps({line: "goes on with this search"}))
        if self.pause.stopped:
            raise Interrupted


def _unlimited(command: str) -> list[str]:
    """Return the words of a command line without those that bound its executions."""
    words = shlex.split(command)
    while "--executions" in words:
        place = words.index("--executions")
        del words[place : place + 2]
    return words
