"""The warm interpreter: a process that has imported what scripts import, and is forked for every execution.

The lab starts it once for a search (`starter`) and asks it for executions over a socket. It forks a leader; the leader
installs the filter, sends its listener to the lab, forks one process for each command and waits for all that these
leave behind. Then it asks the lab by a call that is stopped whether to do the same again, and ends if the lab does not
say so: an execution like the one before costs no new leader. If the lab names cores, there is no filter: all commands
run at once on these cores. The warm interpreter itself is never stopped, and inherits what outlives the leader. If the
lab dies, however it dies, the warm interpreter kills all that it started and ends.
"""

from __future__ import annotations

# signal.signal also makes enumerations of its numbers: 40 pages of memory that each process would have to copy
import _signal  # type: ignore[import-not-found]  # has no stubs
import ctypes
import gc
import json
import os
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from ticketlab.gate.filter import LETS_BY, install
from ticketlab.gate.inside.telling import PREFIX
from ticketlab.gate.kernel import kill_descendants
from ticketlab.gate.starting.commands import Prepared, perform, prepare, script_of, spawn, spawned
from ticketlab.gate.starting.lines import Lines
from ticketlab.gate.starting.preload import imports_of, load
from ticketlab.gate.starting.script import Script, read_script

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PRCTL: Final = ctypes.CDLL(None).prctl
_AGAIN: Final = f"{PREFIX}again"
OVER: Final = b"over"
"""What the leader of a run without a filter says when nothing of it is left."""

Prepare = Callable[[Mapping[str, Any]], Sequence[Callable[[], object]]]
"""Makes ready, in a leader, what the lab asks for, and returns what begins each process then."""
Lead = Callable[[Mapping[str, Any]], NoReturn]
"""Leads an execution that the lab asks for, in a process of its own."""


class Order(NamedTuple):
    """What the lab wants: command lines, the folder that they are run in, and the folder of their outputs."""

    commands: list[list[str]]
    folder: str
    output: str


def main() -> NoReturn:
    """Serve the lab: `sys.argv` has the socket, the lab's process number, the order, and modules not to be imported."""
    channel, lab = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    order = Order(*json.loads(sys.argv[3]))
    settle(channel, lab)
    scripts = [script for each in order.commands if (script := script_of(each, Path(order.folder).resolve()))]
    unfit = load(imports_of(scripts), sys.argv[4:])
    if unfit is not None:
        channel.set_inheritable(True)
        os.execv(sys.executable, [*sys.orig_argv, unfit])  # noqa: S606
    known, lines = {str(each): read_script(each) for each in scripts}, Lines()
    gc.collect()
    gc.freeze()
    serve(channel, lines, partial(lead, channel, partial(_ready, channel, order, known, lines), asks=True))


def serve(channel: socket.socket, lines: Lines, leading: Lead) -> NoReturn:
    """Fork a leader for each request until the lab goes.

    Each leader has to find the same memory, or objects would lie elsewhere in each execution, and sets of them would
    be in another order. So nothing but forking and waiting is done here, and it is done once before it counts.
    """
    if os.fork() == 0:
        os._exit(0)
    _wait_for_all()
    with suppress(ConnectionError):  # the lab has gone
        channel.send(b"%d" % lines.address)
        request = bytearray(1 << 16)  # made once: a message of another length would lie elsewhere
        while length := channel.recv_into(request):
            if request.startswith(b"end"):
                _wait_for_all()  # the lab kills them
                channel.send(b"ended")
            elif os.fork() == 0:
                try:
                    leading(json.loads(request[:length]))
                except ConnectionError:
                    os._exit(1)  # the lab has gone
                except BaseException:  # neither the leader nor a command may come back here
                    traceback.print_exc()
                    os._exit(1)
    _end_all()


def settle(channel: socket.socket, lab: int) -> None:
    """Tie this process to the lab, keep to one core, and inherit whatever the program's processes leave behind."""
    channel.set_inheritable(False)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # the lab decides what a Ctrl-C ends
    _signal.signal(_signal.SIGTERM, lambda *_: _end_without(lab))
    _PRCTL(_PR_SET_PDEATHSIG, _signal.SIGTERM)  # of the lab's thread: see below; SIGKILL would leave the program alone
    _PRCTL(_PR_SET_CHILD_SUBREAPER, 1)
    _end_without(lab)  # it may have died before it was asked for
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[lab % len(cores)]})  # searches side by side are to use different ones


def _end_without(lab: int) -> None:
    """End all if the lab is dead; the signal also comes if only the thread ends that started this process."""
    if os.getppid() != lab:
        _end_all()


def _end_all() -> NoReturn:
    """Kill all that descends from this process, until nothing is left; what is orphaned meanwhile comes to it."""
    with suppress(ChildProcessError):
        while True:
            kill_descendants(os.getpid())
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    os._exit(0)


def lead(channel: socket.socket, prepare: Prepare, asked: Mapping[str, Any], *, asks: bool = False) -> NoReturn:
    """Lead an execution: from the moment when the filter is installed, the lab answers each call of this process.

    If it `asks`, it leads another one as long as the lab wants the same again. As in `serve`, nothing but forking and
    waiting is done in between.
    """
    try:
        _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
        _PRCTL(_PR_SET_CHILD_SUBREAPER, 1)
        ready = prepare(asked)
        listener = install()
    except Exception as error:
        channel.send(f"error {error}".encode())
        os._exit(1)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", listener))]
    channel.sendmsg([b"%d" % os.getpid()], rights, LETS_BY)
    os.close(listener)
    channel.close()
    goes_on = True
    while goes_on:
        for begin in ready:
            begin()
        _wait_for_all()
        goes_on = asks and os.access(_AGAIN, os.F_OK)
    os._exit(0)


def _ready(
    channel: socket.socket, order: Order, known: Mapping[str, Script], lines: Lines, asked: Mapping[str, Any]
) -> Sequence[Callable[[], object]]:
    """Return the commands that the lab asks for, ready to be performed; if it names cores, let them go at once."""
    os.chdir(order.folder)
    numbers = asked["commands"] or range(1, 1 + len(order.commands))
    wanted = [(order.commands[number - 1], output_path(order.output, number)) for number in numbers]
    ready = [(command, prepare(command, known), output) for command, output in wanted]
    if cores := asked.get("cores"):
        os.sched_setaffinity(0, cores)
        _let_go(channel, ready)
    of_system = [spawned(*each) for each in ready]
    if None not in of_system:  # to spawn some would change where things lie in the memory of those that are forked
        return [partial(spawn, each) for each in of_system if each is not None]
    kept = lines if asked["lines"] else None
    return [partial(forked, partial(perform, *each, kept)) for each in ready]


def forked(act: Callable[[], NoReturn]) -> None:
    """Have a fork of this process do something."""
    if os.fork() == 0:
        act()


def _let_go(channel: socket.socket, ready: Sequence[tuple[list[str], Prepared, str]]) -> NoReturn:
    """Let all commands go at once; tell the lab how each ended, as soon as it has, and when nothing is left of them."""
    waits, goes = os.pipe()
    number_of: dict[int, int] = {}
    for number, (command, how, output) in enumerate(ready, 1):
        Path(output).write_bytes(b"")  # it is there, even if the command has no time to begin
        if (pid := os.fork()) == 0:
            os.close(goes)
            os.read(waits, 1)
            perform(command, how, output, None)
        number_of[pid] = number
    os.close(goes)
    with suppress(ChildProcessError):
        while True:
            pid, status = os.wait()
            if pid in number_of:
                channel.send(json.dumps([number_of[pid], os.waitstatus_to_exitcode(status)]).encode())
    channel.send(OVER)
    os._exit(0)


def _wait_for_all() -> None:
    with suppress(ChildProcessError):
        while True:
            os.wait()


def output_path(folder: str, number: int) -> str:
    """Return the path of the file of what command N prints, N from 1."""
    return f"{folder}/{number}.out"
