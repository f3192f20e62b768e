"""What a Python process of the program tells by a call that no program makes: see `gate.inside`.

A message says what cannot be seen from outside: that a thread or a process only serves others, that a semaphore in
memory is about to be taken, that all calls from now on are one operation on a queue. An operation is one step, and it
waits for what it needs before it begins; the calls that follow go on eagerly until it is done.
"""

from __future__ import annotations

import errno
import select
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ticketlab.core.steps import Access, Action, Step
from ticketlab.gate.calls.call import Made, Reply, StoppedCall
from ticketlab.gate.calls.channels import is_ready
from ticketlab.gate.calls.databases import ask, came_to
from ticketlab.gate.calls.signals import handler_resource
from ticketlab.gate.inside.telling import PREFIX
from ticketlab.gate.processes import Process, Task
from ticketlab.gate.sight import Sight

_MOST: Final = 0x7FFFFFFF  # of what a semaphore counts
_DONE: Final = Reply(0)
_TOO_LATE: Final = Reply(-errno.ENOENT)

Handle = Callable[[Sight, Task, Sequence[str]], StoppedCall | None]


def told(sight: Sight, task: Task, text: str) -> StoppedCall:
    """Return the call by which a process tells something."""
    kind, *fields = text.removeprefix(PREFIX).split("\t")
    handle = _MESSAGES.get(kind)
    call = handle(sight, task, fields) if handle is not None else None
    return call or StoppedCall(Step(Action.READ, f"word of {task.name}", private=True), attempt=lambda: _DONE)


def _serve(_sight: Sight, task: Task, fields: Sequence[str]) -> None:
    task.process.server_due = fields[0]


def _name(sight: Sight, task: Task, fields: Sequence[str]) -> None:
    sight.memory.name_word(task.process, int(fields[0]), fields[1])


def _refer(sight: Sight, _task: Task, fields: Sequence[str]) -> None:
    sight.referents[fields[0]] = sight.numbered(fields[1])


def _same(sight: Sight, _task: Task, fields: Sequence[str]) -> None:
    sight.referents[fields[0]] = sight.referent(fields[1])


def _sleep(_sight: Sight, task: Task, fields: Sequence[str]) -> StoppedCall:
    seconds = float(fields[0])
    step = Step(Action.AWAIT, f"{seconds:.3g} s, by {task.name}", private=True)
    return StoppedCall(step, asleep=seconds, attempt=lambda: _DONE)


def _keep_time(_sight: Sight, task: Task, fields: Sequence[str]) -> StoppedCall | None:
    """Know where a thread looks for its time from now on; who only answers others has none but the system's."""
    if task.serves:
        return StoppedCall(Step(Action.READ, f"time of {task.name}", private=True), attempt=lambda: _TOO_LATE)
    task.clock = int(fields[0])
    return None


def _has_handler(_sight: Sight, task: Task, fields: Sequence[str]) -> StoppedCall:
    """A signal that comes while it stands here finds the new handler."""
    return StoppedCall(Step(Action.READ, handler_resource(task.process, int(fields[0]))), attempt=lambda: _DONE)


def _finish(_sight: Sight, task: Task, _fields: Sequence[str]) -> None:
    task.operation = None


# Locks


def _count_of(process: Process, address: int) -> int:
    return process.number(address) & _MOST


def _acquire(sight: Sight, task: Task, fields: Sequence[str]) -> StoppedCall:
    process, address = task.process, int(fields[0])
    step = Step(Action.ACQUIRE, sight.memory.word(process, address), in_memory=True)
    until = float(fields[1]) if fields[1] else None
    return StoppedCall(
        step,
        waits=True,
        attempt=lambda: _DONE if _count_of(process, address) else None,
        until=until,
        expired=_TOO_LATE,
    )


def _try(sight: Sight, task: Task, fields: Sequence[str]) -> StoppedCall:
    process, address = task.process, int(fields[0])
    step = Step(Action.ACQUIRE, sight.memory.word(process, address), in_memory=True)
    return StoppedCall(step, attempt=lambda: _DONE, found=lambda: Made(step, refused=not _count_of(process, address)))


def _release(sight: Sight, task: Task, fields: Sequence[str]) -> StoppedCall:
    step = Step(Action.RELEASE, sight.memory.word(task.process, int(fields[0])), in_memory=True)
    return StoppedCall(step, attempt=lambda: _DONE)


# Operations


def _operate(sight: Sight, task: Task, fields: Sequence[str]) -> StoppedCall:
    """Return the step of an operation: its action, on what it is, on which part of that, and what it needs."""
    did, kind, target, key, needs, timeout = fields
    action = Action(did)
    what = sight.memory.word(task.process, int(target)) if kind == "word" else sight.referent(target)
    wanted = [_need(sight, task, what, each) for each in needs.split(",") if each]
    also = (*_whole(action, what, key), *(access for need in wanted for access in need.also))
    step = Step(action, f"{what}{key}", also=also, in_memory=True)
    until = float(timeout) if timeout else None
    waits = any(need.is_met is not None for need in wanted)

    def attempt() -> Reply | None:
        if not all(need.is_met is None or need.is_met() for need in wanted):
            return None
        for need in wanted:
            need.begins()
        task.operation = step
        return _DONE

    return StoppedCall(step, waits=waits, attempt=attempt, until=until, expired=_TOO_LATE)


def _whole(action: Action, what: str, key: str) -> tuple[Access, ...]:
    """Return what an operation on one part does to the whole: those on other parts do not notice it."""
    if not key:
        return ((Action.LIST, what),) if action is Action.READ else ()
    return ((Action.READ, what),) if action.looks else ((Action.ENTER, what),)


class _Need:
    """What an operation needs before it can begin, and what it concerns beside."""

    def __init__(
        self,
        is_met: Callable[[], bool] | None = None,
        also: tuple[Access, ...] = (),
        begins: Callable[[], None] = lambda: None,
    ) -> None:
        self.is_met, self.also, self.begins = is_met, also, begins


def _need(sight: Sight, task: Task, what: str, text: str) -> _Need:
    process = task.process
    if text.endswith("lock") or text == "release":
        return _need_of_lock(sight, task, what, text)
    sort, number = text[0], int(text[1:])
    if sort == "p":
        return _Need(None, _pipe(sight, process, number))
    if sort == "r":
        return _Need(
            lambda: is_ready(sight, process, number, select.POLLIN),
            _pipe(sight, process, number),
        )
    if sort == "z":
        return _Need(lambda: _count_of(process, number) == 0)
    if sort == "l":
        lock = sight.memory.word(process, number)
        return _Need(lambda: _count_of(process, number) > 0, ((Action.READ, lock),))
    return _Need(lambda: _count_of(process, number) > 0) if sort == "s" else _Need()


def _pipe(sight: Sight, process: Process, descriptor: int) -> tuple[Access, ...]:
    """Return what an operation does to the pipe of a queue.

    It notices who reads or writes the pipe itself, and not who closes an end of it: whoever gets from a queue has both
    ends open, so that what it reads never ends.
    """
    file = sight.opened(process, descriptor)
    return ((Action.ENTER, file.name),) if file is not None and file.name else ()


def _need_of_lock(sight: Sight, task: Task, what: str, text: str) -> _Need:
    """A manager's lock is taken by a thread of its server, where nobody sees who waits: so the gate keeps count."""

    def is_met() -> bool:
        holder, held = sight.held.get(what, (None, 0))
        return not held or (text == "rlock" and holder is task) or text.startswith("try")

    def begins() -> None:
        holder, held = sight.held.get(what, (None, 0))
        if text == "release":
            sight.held[what] = (holder, max(0, held - 1))
        elif not held or (text.endswith("rlock") and holder is task):
            sight.held[what] = (task, held + 1)

    return _Need(is_met if text in ("lock", "rlock") else None, begins=begins)


_MESSAGES: Final[Mapping[str, Handle]] = {
    "server": _serve,
    "name": _name,
    "refer": _refer,
    "same": _same,
    "sleep": _sleep,
    "clock": _keep_time,
    "handler": _has_handler,
    "done": _finish,
    "acquire": _acquire,
    "try": _try,
    "release": _release,
    "operation": _operate,
    "statement": ask,
    "came to": came_to,
}
