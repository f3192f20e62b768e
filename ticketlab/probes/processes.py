"""What `multiprocessing` gives processes to share: locks, conditions, queues, pipes, shared memory and managers.

An object must be made before the participants are forked: in a module, in the test, or in `reset`.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.core.errors import UsageError
from ticketlab.probes.here import HERE, probed
from ticketlab.probes.kind import ProbeKind
from ticketlab.probes.shared.conditions import condition_standins, find_condition
from ticketlab.probes.shared.managers import find_proxy, proxy_standins
from ticketlab.probes.shared.pipes import PipeEnd, connection_standins, find_connection, pair_ends
from ticketlab.probes.shared.queues import find_queue, queue_standins
from ticketlab.probes.shared.registry import SharedObject
from ticketlab.probes.shared.semaphores import find_semaphore
from ticketlab.probes.shared.unseen_memory import find_unseen_memory
from ticketlab.probes.shared.values import find_memory, is_memory, is_raw, value_standins
from ticketlab.probes.standins import StandIn, alive

_FINDERS: Final = (
    *(find_semaphore, find_condition, find_queue, find_connection, find_memory, find_proxy),
    find_unseen_memory,
)
_MADE: Final = (
    *("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier"),
    *("Queue", "JoinableQueue", "SimpleQueue", "Pipe", "Value", "Array", "RawValue", "RawArray", "Manager"),
)


def _find(value: Any) -> SharedObject | None:
    return next((found for find in _FINDERS if (found := find(value)) is not None), None)


def _others() -> Iterator[tuple[Any, str]]:
    """Yield the objects that there are, whoever holds them: a participant may come to them in ways of its own."""
    from multiprocessing import queues, sharedctypes, synchronize, util
    from multiprocessing.connection import Connection

    registered: Any = util._afterfork_registry  # type: ignore[attr-defined]
    for _, value in sorted(registered.items(), key=lambda item: int(item[0][0])):
        if isinstance(value, synchronize.SemLock):
            yield value, type(value).__name__
    kinds = (synchronize.Condition, synchronize.Event, synchronize.Barrier, queues.Queue, queues.SimpleQueue)
    made = (*kinds, sharedctypes.SynchronizedBase, Connection)
    connections = []
    inside = set[int]()
    found = alive(lambda kind: issubclass(kind, made) or is_memory(kind))
    for value in sorted(found, key=lambda each: is_memory(type(each))):
        if isinstance(value, Connection):
            connections.append(value)
        elif not is_memory(type(value)):
            inside.update(map(id, vars(value).values()))
            yield value, type(value).__name__
        elif is_raw(value) and id(value) not in inside:
            yield value, f"shared {type(value).__name__}"
    for connection in connections:
        if id(connection) not in inside and not connection.closed:
            yield connection, f"pipe at descriptor {connection.fileno()}"
    pair_ends([end for each in connections if isinstance(end := HERE.shared.of(each), PipeEnd)])


def _made(original: Any) -> Any:
    """Return what stands in for a call that makes an object: in `reset` it makes the same one again."""

    @wraps(original)
    def standin(*args: Any, **kwargs: Any) -> Any:
        return HERE.shared.make(original, args, kwargs) if HERE.shared.laying_out else original(*args, **kwargs)

    return standin


def _making() -> list[StandIn]:
    from multiprocessing import context, managers, sharedctypes

    found: list[StandIn] = []
    for name in _MADE:
        bound, base = getattr(multiprocessing, name), vars(context.BaseContext)[name]
        found += [StandIn(bound, _made(bound)), StandIn(base, _made(base), context.BaseContext, name)]
    found += [
        StandIn(call, _made(call))
        for call in (sharedctypes.Value, sharedctypes.Array, sharedctypes.RawValue, sharedctypes.RawArray)
    ]
    manager: Any = managers.SyncManager
    own = {name: call for name, call in vars(manager).items() if name in manager._registry}
    found += [StandIn(call, _made(call), manager, name) for name, call in own.items()]
    return found


def _refused(what: str) -> Callable[..., Any]:
    def probe(*_: Any, **__: Any) -> Any:
        raise UsageError(
            f"{HERE.called} {what}, which takes no part in the schedule: have a process of the test do what that "
            "does, or explore the whole program"
        )

    return probe


def _noted(original: Callable[..., Any], what: str) -> Callable[..., Any]:
    def probe(*args: Any, **kwargs: Any) -> Any:
        pacing.note(pacing.OUT_OF_SIGHT, f"{HERE.called} {what}, and the lab does not see what that does")
        return original(*args, **kwargs)

    return probe


def _starting() -> list[StandIn]:
    """Return what stands in for the ways to start another process."""
    from multiprocessing.process import BaseProcess

    popen, start = subprocess.Popen.__init__, BaseProcess.start
    fork = _refused("forks a process")
    return [
        StandIn(start, probed(start, _refused("starts a process")), BaseProcess, "start"),
        StandIn(os.fork, probed(os.fork, fork)),
        StandIn(os.forkpty, probed(os.forkpty, fork)),
        StandIn(os.system, probed(os.system, _noted(os.system, "runs a command"))),
        StandIn(popen, probed(popen, _noted(popen, "runs a command")), subprocess.Popen, "__init__"),
    ]


def _standins() -> Sequence[StandIn]:
    return [
        *_making(),
        *condition_standins(),
        *connection_standins(),
        *queue_standins(),
        *value_standins(),
        *proxy_standins(),
        *_starting(),
    ]


KIND = ProbeKind(
    name="processes",
    summary="what processes share by multiprocessing: locks, queues, pipes, shared memory, managers",
    standins=_standins,
    find=_find,
    others=_others,
)
