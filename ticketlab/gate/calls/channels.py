"""Pipes and sockets: who waits for what another sends, and for room to send."""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from ticketlab.core.steps import Access, Action, Step
from ticketlab.gate.calls.call import GO_ON, Made, Reply, StoppedCall
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.calls.outside import answered, asking, look_who_answers
from ticketlab.gate.descriptors import Opened, Sort, awaited_signals, flags_of, lowest_free, two_lowest_free
from ticketlab.gate.kernel import signals_of
from ticketlab.gate.processes import Process, Task
from ticketlab.gate.sight import Sight

_MSG_DONTWAIT: Final = 0x40
_OF_SERVERS: Final = "/var/lib/"
"""Where sockets of databases stand among what is the system's."""
_ANY_PORT: Final = "port 0"
_POLLFD: Final = struct.Struct("ihh")


def on_channel(
    sight: Sight, task: Task, descriptor: int, file: Opened, action: Action, flags: int = 0
) -> StoppedCall | None:
    """Return a call that reads from a pipe or socket, or writes to it."""
    if action not in (Action.READ, Action.WRITE):
        return None
    process, reads = task.process, action is Action.READ
    step = Step(Action.RECEIVE if reads else Action.SEND, file.name)
    wanted = select.POLLIN if reads else select.POLLOUT

    def has_come() -> bool:
        return is_ready(sight, process, descriptor, wanted)

    def returns_at_once() -> bool:
        return bool(flags & _MSG_DONTWAIT or flags_of(process.pid, descriptor) & os.O_NONBLOCK)

    if (server := sight.servers.of(file.name)) is not None:
        if reads:
            return answered(sight, server, file.name, has_come, returns_at_once)
        return asking(sight, task, server, file.name, lambda: has_come() or returns_at_once())
    return StoppedCall(step, waits=True, attempt=lambda: GO_ON if has_come() or returns_at_once() else None)


def is_ready(sight: Sight, process: Process, descriptor: int, wanted: int) -> bool:
    """Whether a call on a descriptor would return at once."""
    file = sight.opened(process, descriptor)
    if file is not None and file.sort is Sort.EVENTS and (signals := awaited_signals(process.pid, descriptor)):
        return bool(signals & signals_of(process.pid))  # whoever looks would be told of its own
    try:
        with sight.copy(process, descriptor) as copy:
            poll = select.poll()
            poll.register(copy, wanted)
            return bool(poll.poll(0))
    except OSError:
        return True  # the kernel says what is wrong with it


def _transfer(action: Action, flags: int) -> Classify:
    """Return how calls are taken that send or receive, with flags at one place of their arguments."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        file = sight.opened(task.process, arguments[0])
        if file is None or not file.name:
            return None
        return on_channel(sight, task, arguments[0], file, action, arguments[flags])

    return classify


def _send_to(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    return _addressed(sight, task, arguments[0], arguments[3], arguments[4:6])


def _send_message(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    head = task.process.read(arguments[1], 48).ljust(48, bytes(1))
    address, length, rights = struct.unpack("QI28xQ", head)
    if rights:
        sight.shares_places(task.process)
    return _addressed(sight, task, arguments[0], arguments[2], (address, length))


def _addressed(sight: Sight, task: Task, descriptor: int, flags: int, address: Sequence[int]) -> StoppedCall | None:
    """Return a call that sends: to the other end, or to whoever listens at an address."""
    call = _transfer(Action.WRITE, 1)(sight, task, (descriptor, flags))
    if call is None or not address[0]:
        return call
    data = task.process.read(address[0], min(address[1], 128))
    listener = _listener_name(sight, task.process, data, int.from_bytes(data[:2], "little"))
    return StoppedCall(Step(Action.SEND, listener, also=_looks(sight, task, data))) if listener else call


def _looks(sight: Sight, task: Task, address: bytes) -> tuple[Access, ...]:
    """Return the look for the name in a folder that an address is, if it is one."""
    if int.from_bytes(address[:2], "little") != socket.AF_UNIX or address[2:3] in (b"", bytes(1)):
        return ()
    place = sight.place(sight.absolute(task.process, os.fsdecode(address[2:].partition(bytes(1))[0])))
    return (*place.looks, (Action.LOOK, place.name)) if place else ()


def _shut_down(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    """Whoever reads from the other end, or writes to it, is told at once."""
    file = sight.opened(task.process, arguments[0])
    return StoppedCall(Step(Action.SEND, file.name)) if file is not None and file.name else None


def _accept(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    file = sight.opened(task.process, arguments[0])
    if file is None or not file.name:
        return None
    process, listener = task.process, file.name
    call = on_channel(sight, task, arguments[0], file, Action.READ)
    if call is None:
        return None
    ready = call.attempt

    def attempt() -> Reply | None:
        answer = ready()
        if answer is not None:
            name, new = sight.next_connection(listener), lowest_free(process.pid)
            sight.after(task, lambda: sight.name_channel(os.stat(f"/proc/{process.pid}/fd/{new}").st_ino, name))
        return answer

    call.attempt = attempt
    return call


def _connect(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    address = task.process.read(arguments[1], min(arguments[2], 128))
    family = int.from_bytes(address[:2], "little") if len(address) >= 2 else 0
    listener = _listener_name(sight, task.process, address, family)
    file = sight.opened(task.process, arguments[0])
    if file is None or not listener:
        return None

    looks = _looks(sight, task, address)

    def attempt() -> Reply | None:
        if _is_datagram(sight, task.process, arguments[0]):
            sight.name_channel(file.inode, listener)  # what it sends is the listener's at once
            file.name = listener
            return GO_ON
        file.name = sight.name_made(task.process, "connection")
        sight.connect(listener, file.inode, file.name)
        if listener in sight.served:
            sight.served.add(file.name)
        sight.after(task, lambda: look_who_answers(sight, task.process, arguments[0], file, listener))
        return GO_ON

    def found() -> Made:
        return Made(Step(Action.SEND if listener in sight.bound else Action.LOOK, listener, also=looks))

    return StoppedCall(Step(Action.SEND, listener, also=looks), attempt=attempt, found=found)


def _is_datagram(sight: Sight, process: Process, descriptor: int) -> bool:
    with suppress(OSError), sight.socket_of(process, descriptor) as end:
        return end.type == socket.SOCK_DGRAM
    return False


def _listener_name(sight: Sight, process: Process, address: bytes, family: int) -> str:
    """Return what is called that listens at an address."""
    if family == socket.AF_UNIX:
        name = address[2:]
        if name.startswith(b"\0"):
            return f"socket @{sight.names.repeatable(os.fsdecode(name.strip(bytes(1))))}"
        path = sight.absolute(process, os.fsdecode(name.partition(b"\0")[0]))
        place = sight.place(path)
        return f"socket {place.path if place else path}" if place or path.startswith(_OF_SERVERS) else ""
    if family in (socket.AF_INET, socket.AF_INET6):
        number = int.from_bytes(address[2:4], "big")
        return sight.ports.get(number, f"port {number}")
    if family not in (socket.AF_UNSPEC, socket.AF_NETLINK):
        sight.cannot_control(process, "uses sockets of a kind that is not controlled")
    return ""


def _learn_port(sight: Sight, process: Process, descriptor: int, name: str) -> None:
    """Take down which number the kernel has given to a port."""
    with sight.socket_of(process, descriptor) as end:
        sight.ports[end.getsockname()[1]] = name


def _bind(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    address = task.process.read(arguments[1], min(arguments[2], 128))
    family = int.from_bytes(address[:2], "little") if len(address) >= 2 else 0
    name, file = _listener_name(sight, task.process, address, family), sight.opened(task.process, arguments[0])
    if not name or file is None:
        return None
    if name == _ANY_PORT:
        name = sight.name_made(task.process, "port")
        sight.after(task, lambda: _learn_port(sight, task.process, arguments[0], name))
    sight.name_channel(file.inode, name)
    sight.bound.add(name)
    file.name = name
    looks = _looks(sight, task, address)
    made = tuple((Action.CREATE, each) for _, each in looks[-1:])
    return StoppedCall(Step(Action.SET, name, also=(*looks[:-1], *made)))


# What is made and closed


def _listen(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    """Until now whoever wants to connect is refused."""
    file = sight.opened(task.process, arguments[0])
    return StoppedCall(Step(Action.SET, file.name)) if file is not None and file.name else None


def _limit_waits(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    if arguments[1] == socket.SOL_SOCKET:
        sight.wakes_unseen = True
        sight.cannot_control(task.process, "limits how long a socket waits, and when that is over is not controlled")
    return None


def _making_pair(what: str) -> Classify:
    """Return how calls are taken that make two descriptors; what they write may be gone at the next stop."""

    def classify(sight: Sight, task: Task, _arguments: Arguments) -> StoppedCall | None:
        process = task.process
        name, new = sight.name_made(process, what), two_lowest_free(process.pid)

        def look() -> None:
            for descriptor in new:
                sight.closed(process, descriptor)
                inode = os.stat(f"/proc/{process.pid}/fd/{descriptor}").st_ino
                sight.name_channel(inode, name)

        sight.after(task, look)
        return None

    return classify


STOPPED: Final[Mapping[str, Classify]] = {
    "recvfrom": _transfer(Action.READ, 3),
    "recvmsg": _transfer(Action.READ, 2),
    "recvmmsg": _transfer(Action.READ, 3),
    "sendto": _send_to,
    "sendmsg": _send_message,
    "shutdown": _shut_down,
    "sendmmsg": _transfer(Action.WRITE, 3),
    **dict.fromkeys(("accept", "accept4"), _accept),
    "connect": _connect,
    "bind": _bind,
    "listen": _listen,
    "setsockopt": _limit_waits,
    **dict.fromkeys(("pipe", "pipe2"), _making_pair(Sort.PIPE.value)),
    "socketpair": _making_pair(Sort.SOCKET.value),
}
