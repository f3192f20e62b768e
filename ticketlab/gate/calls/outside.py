"""What is asked of servers outside the program: each request is a step, and its answer is waited for as part of it.

A request is a step on the server's address, since nobody knows what it concerns. An answer is a resource of its own, so
that who waits for one says nothing of others. Who has to wait, since another client holds what it asks for, is looked
at again after each step on the server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ticketlab.core.steps import Access, Action, Step
from ticketlab.gate.calls.call import GO_ON, Reply, StoppedCall
from ticketlab.gate.descriptors import Opened
from ticketlab.gate.processes import Process, Task
from ticketlab.gate.servers import Server
from ticketlab.gate.sight import Sight

IsReady = Callable[[], bool]


def look_who_answers(sight: Sight, process: Process, descriptor: int, file: Opened, listener: str) -> None:
    """Find out whether a socket that has just been connected leads out of the program."""
    with sight.socket_of(process, descriptor) as connected:
        pids = sight.servers.at_other_end(connected, process.pid, sight.pids)
    if pids is not None:
        file.name = sight.name_made(process, f"answer from {listener} to")
        sight.name_channel(file.inode, file.name)
        sight.servers.connect(file.name, listener, pids)


def asking(sight: Sight, task: Task, server: Server, connection: str, is_ready: IsReady) -> StoppedCall:
    """Return a call that sends something to a server, which then goes on until it has nothing more to do."""

    def attempt() -> Reply | None:
        if not is_ready():
            return None
        sight.servers.unanswered.add(connection)
        sight.after(task, server.settle)
        return GO_ON

    return StoppedCall(Step(Action.SEND, server.name), waits=True, attempt=attempt)


def answered(sight: Sight, server: Server, connection: str, is_ready: IsReady, returns_at_once: IsReady) -> StoppedCall:
    """Return a call that receives an answer of a server; who has asked nothing may look, which is no step."""
    unanswered = sight.servers.unanswered

    def comes() -> bool:
        if returns_at_once() and connection not in unanswered:
            return True
        come = is_ready() or (not returns_at_once() and server.answers(is_ready))
        if come:
            unanswered.discard(connection)
        return come

    return StoppedCall(
        Step(Action.RECEIVE, connection, also=((Action.READ, server.name),)),
        waits=True,
        attempt=lambda: GO_ON if comes() or returns_at_once() else None,
        comes=comes,
    )


def hanging_up(sight: Sight, name: str) -> tuple[Access, ...]:
    """Return what it is to a server if a connection to it is closed: it may give to others what this one held."""
    server = sight.servers.of(name)
    return ((Action.SEND, server.name),) if server is not None else ()


def awaiting_too(sight: Sight, call: StoppedCall, names: Sequence[str], is_ready: IsReady, *, now: bool) -> StoppedCall:
    """Have a call that waits for several channels wait for servers as well that some of these lead to.

    `is_ready` says whether one of those has something, and `now` whether the call only looks.
    """
    servers = [server for name in names if (server := sight.servers.of(name)) is not None]
    if not servers:
        return call
    attempt, alone = call.attempt, len(servers) == len(names)
    also = tuple(dict.fromkeys((Action.READ, server.name) for server in servers))
    call.step = call.step._replace(also=(*call.step.also, *also))

    def comes() -> bool:
        if now:
            return alone and is_ready()
        return is_ready() or (attempt() is None and any(server.answers(is_ready) for server in servers))

    def waits() -> Reply | None:
        return GO_ON if attempt() is not None or comes() else None

    call.attempt, call.comes = waits, comes
    return call
