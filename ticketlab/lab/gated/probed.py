"""Which of what the kernel saw no probe told: the probes' stand-ins held against the gate, order by order.

Each order of the participants one after another is run under the gate, and again with the probes in place. What the
kernel saw a participant do to a file that another touches as well, or to its name, has to be among the steps that the
probes told in the same order. Pipes, sockets and memory have other names there, and are not compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ticketlab.core.errors import TicketlabError
from ticketlab.core.file_names import BESIDE
from ticketlab.core.steps import NAME, Action
from ticketlab.core.text import join_words
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.lab.exploring.stopping import raise_stopped
from ticketlab.lab.gated.executor import FunctionExecutor
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.participants import executor_of, probes_in_place
from ticketlab.lab.plain.serial import InOrder
from ticketlab.lab.plain.workload import PlainWorkload
from ticketlab.probes.file_system.resources import DATABASE

_AGAIN: Final = re.compile(r"#\d+$")


class Deed(NamedTuple):
    """What a participant, or a process that it started, did to a file or a name; it is called by the participant."""

    who: str
    action: Action
    path: str


def deeds_of_run(executor: FunctionExecutor) -> frozenset[Deed]:
    """Return what the kernel saw in the execution that just ran of what several participants touched."""
    run = executor.run_of
    return frozenset(
        Deed(_root(run.names[who]), action, _path(resource))
        for resource, by in executor.touched.items()
        if resource.startswith(NAME) or resource in run.files
        for who, done in by.items()
        for action in done
    )


def _root(name: str) -> str:
    """Return the participant that a process or a thread belongs to; who has lost its parent stands for itself."""
    root = re.split(r"[.t]", name)[0]
    return name if root == "0" else root


def _path(resource: str) -> str:
    """Return the path that a resource is of, in the words of both: the kernel's processes are named by a tree."""
    return _AGAIN.sub("", resource.removeprefix(NAME)).replace("{pid ", "{pid")


def untold(plain: PlainFunction, seen: Mapping[tuple[int, ...], frozenset[Deed]], how: ExploreOptions) -> Sequence[str]:
    """Say in sentences what the kernel saw in some order one after another, and no probe told in the same order."""
    options = ExploreOptions(executor="processes", steps=how.steps, stall_timeout=how.stall_timeout)
    missing: dict[Deed, None] = {}
    try:
        workload = PlainWorkload(plain)
        with probes_in_place(options), executor_of(workload, options) as executor:
            for order, deeds in seen.items():
                (execution,) = search(executor, InOrder(order))
                raise_stopped(execution)
                told = _Told(execution)
                missing.update(dict.fromkeys(deed for deed in deeds if not told.has(deed)))
    except TicketlabError as error:
        return [f"the probes were not checked: with them, {error}"]
    return list(_sentences(missing))


class _Told:
    """What the probes told in an execution."""

    def __init__(self, execution: Execution) -> None:
        self._deeds: set[Deed] = set()
        self._touched: set[tuple[str, str]] = set()
        trace = execution.trace
        for who, what in zip(trace.who, trace.what, strict=True):
            step, name = trace.table.step(what), str(who + 1)
            for action, resource in [*step.accesses, (step.action, step.path)]:
                self._take_in(name, action, resource)

    def _take_in(self, who: str, action: Action, resource: str) -> None:
        if resource.startswith(DATABASE):  # its statements say what was done, to it and to the journal beside it
            path = resource.removeprefix(DATABASE)
            self._deeds.update(Deed(who, each, path + end) for each in Action for end in ("", *BESIDE))
        self._deeds.add(Deed(who, action, _path(resource)))
        self._touched.add((who, _path(resource)))

    def has(self, deed: Deed) -> bool:
        """Whether a deed was told: each change by its name, a look by any step on the same path."""
        return deed in self._deeds or (deed.action.looks and (deed.who, deed.path) in self._touched)


def _sentences(missing: Mapping[Deed, None]) -> Iterator[str]:
    by_path: dict[str, dict[str, list[str]]] = {}
    for deed in sorted(missing, key=lambda each: (each.path, each.who, each.action.value)):
        words = by_path.setdefault(deed.path, {}).setdefault(deed.action.value, [])
        words.append(f"process {deed.who}")
    for path, actions in by_path.items():
        together: dict[str, list[str]] = {}
        for action, who in actions.items():
            together.setdefault(join_words(list(dict.fromkeys(who))), []).append(action)
        for they, did in together.items():
            yield f"the kernel saw {they} {join_words(did)} {path}, and no probe told it"
