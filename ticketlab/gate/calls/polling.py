"""Waits for several pipes and sockets at once: poll, select and epoll."""

from __future__ import annotations

import select
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from ticketlab.core.steps import Action, Step
from ticketlab.gate.calls.call import GO_ON, Reply, StoppedCall
from ticketlab.gate.calls.channels import is_ready
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.calls.outside import awaiting_too
from ticketlab.gate.processes import Process, Task
from ticketlab.gate.sight import Sight

_POLLFD: Final = struct.Struct("ihh")


def _awaiting(sight: Sight, task: Task, wanted: Sequence[tuple[int, int]], until: float | None) -> StoppedCall | None:
    """Return a call that waits until one of several descriptors is ready, or for a time."""
    process = task.process
    files = [(descriptor, events, sight.opened(process, descriptor)) for descriptor, events in wanted]
    names = [file.name for _, _, file in files if file is not None and file.name]
    if not names:
        return (
            None if until is None or until == 0 else StoppedCall(_nothing(task), attempt=lambda: Reply(0), asleep=until)
        )
    step = Step(Action.WAIT_ON, names[0], also=tuple((Action.WAIT_ON, name) for name in dict.fromkeys(names[1:])))

    def attempt() -> Reply | None:
        if until == 0 or any(is_ready(sight, process, descriptor, events) for descriptor, events, _ in files):
            return GO_ON
        return None

    call = StoppedCall(step, waits=True, attempt=attempt, until=until)
    outside = [
        (descriptor, events) for descriptor, events, file in files if file is not None and sight.servers.of(file.name)
    ]

    def has_come() -> bool:
        return any(is_ready(sight, process, descriptor, events) for descriptor, events in outside)

    return awaiting_too(sight, call, names, has_come, now=until == 0)


def _nothing(task: Task) -> Step:
    return Step(Action.AWAIT, f"nothing, by {task.name}", private=True)


def _milliseconds(value: int) -> float | None:
    signed = value & 0xFFFFFFFF
    return None if signed & 0x80000000 else signed / 1000


def _poll(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    return _polling(sight, task, arguments, _milliseconds(arguments[2]))


def _ppoll(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    return _polling(sight, task, arguments, task.process.seconds(arguments[2]))


def _polling(sight: Sight, task: Task, arguments: Arguments, until: float | None) -> StoppedCall | None:
    count = min(arguments[1], 1024)
    data = task.process.read(arguments[0], _POLLFD.size * count) if count else b""
    whole = len(data) - len(data) % _POLLFD.size
    wanted = [(descriptor, events) for descriptor, events, _ in _POLLFD.iter_unpack(data[:whole]) if descriptor >= 0]
    return _awaiting(sight, task, wanted, until)


def _select(unit: float) -> Classify:
    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        process, highest = task.process, min(arguments[0], 1024)
        wanted: dict[int, int] = {}
        for address, events in zip(arguments[1:4], (select.POLLIN, select.POLLOUT, select.POLLPRI), strict=True):
            bits = process.number(address, (highest + 7) // 8) if address and highest else 0
            for descriptor in range(highest):
                if bits >> descriptor & 1:
                    wanted[descriptor] = wanted.get(descriptor, 0) | events
        return _awaiting(sight, task, list(wanted.items()), process.seconds(arguments[4], unit))

    return classify


def _watch_events(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    """Return a call that changes what an epoll watches, which all notice who wait for it."""
    file = sight.opened(task.process, arguments[0])
    return StoppedCall(Step(Action.SET, file.name)) if file is not None and file.name else None


def _epoll(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    return _polled(sight, task, arguments, _milliseconds(arguments[3]))


def _epoll_2(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    return _polled(sight, task, arguments, task.process.seconds(arguments[3]))


def _polled(sight: Sight, task: Task, arguments: Arguments, until: float | None) -> StoppedCall | None:
    descriptor, process = arguments[0], task.process
    watched = _watched_by(process, descriptor)
    files = {each: file.name for each in watched if (file := sight.opened(process, each)) is not None and file.name}
    names, outside = sorted(set(files.values())), [each for each, name in files.items() if sight.servers.of(name)]
    if not names:
        return None
    first, *others = names
    itself = sight.opened(process, descriptor)
    also = ((Action.READ, itself.name),) if itself is not None else ()
    step = Step(Action.WAIT_ON, first, also=(*((Action.WAIT_ON, name) for name in others), *also))

    def attempt() -> Reply | None:
        return GO_ON if until == 0 or is_ready(sight, process, descriptor, select.POLLIN) else None

    def has_come() -> bool:
        return attempt() is not None and any(is_ready(sight, process, each, select.POLLIN) for each in outside)

    call = StoppedCall(step, waits=True, attempt=attempt, until=until)
    return awaiting_too(sight, call, names, has_come, now=until == 0)


def _watched_by(process: Process, descriptor: int) -> list[int]:
    """Return the descriptors that an epoll watches, in the order of their places in the kernel's memory."""
    with suppress(OSError), open(f"/proc/{process.pid}/fdinfo/{descriptor}") as file:
        return [int(line.split()[1]) for line in file if line.startswith("tfd:")]
    return []


STOPPED: Final[Mapping[str, Classify]] = {
    "poll": _poll,
    "ppoll": _ppoll,
    "select": _select(1e6),
    "pselect6": _select(1e9),
    **dict.fromkeys(("epoll_wait", "epoll_pwait"), _epoll),
    "epoll_pwait2": _epoll_2,
    "epoll_ctl": _watch_events,
}
