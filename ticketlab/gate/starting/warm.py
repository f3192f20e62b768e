"""The warm interpreter: a process that has imported what scripts import, and is forked for every execution.

The lab starts it once for a search (`starter`) and asks it for executions over a socket. For each it forks a leader;
the leader installs the filter, sends its listener to the lab, forks one process for each command and waits for all
that these leave behind. The warm interpreter itself is never stopped, and inherits what outlives the leader. If the
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from ticketlab.gate.filter import LETS_BY, install
from ticketlab.gate.starting.commands import Prepared, perform, prepare, script_of
from ticketlab.gate.starting.lines import Lines
from ticketlab.gate.starting.preload import imports_of, load
from ticketlab.gate.starting.script import Script

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PRCTL: Final = ctypes.CDLL(None).prctl


class Order(NamedTuple):
    """What the lab wants: command lines, the folder that they are run in, and the folder of their outputs."""

    commands: list[list[str]]
    folder: str
    output: str


def main() -> NoReturn:
    """Serve the lab: `sys.argv` has the socket, the lab's process number, the order, and modules not to be imported."""
    channel, lab = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    order = Order(*json.loads(sys.argv[3]))
    _settle(channel, lab)
    scripts = [script for each in order.commands if (script := script_of(each, Path(order.folder)))]
    unfit = load(imports_of(scripts), sys.argv[4:])
    if unfit is not None:
        channel.set_inheritable(True)
        os.execv(sys.executable, [*sys.orig_argv, unfit])  # noqa: S606
    lines, known = Lines(), dict[str, Script]()
    gc.collect()
    gc.freeze()
    channel.send(b"%d" % lines.address)
    while request := channel.recv(1 << 16):
        if request == b"end":
            end_descendants()
            channel.send(b"ended")
        else:
            asked = json.loads(request)
            numbers = asked["commands"] or range(1, 1 + len(order.commands))
            _start(channel, order, numbers, known, lines if asked["lines"] else None)
    end_descendants()
    os._exit(0)


def _settle(channel: socket.socket, lab: int) -> None:
    """Tie this process to the lab, keep to one core, and inherit whatever the program's processes leave behind."""
    channel.set_inheritable(False)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # the lab decides what a Ctrl-C ends
    _signal.signal(_signal.SIGTERM, lambda *_: _end_without(lab))
    _PRCTL(_PR_SET_PDEATHSIG, _signal.SIGTERM)  # of the lab's thread: see below; SIGKILL would leave the program alone
    _PRCTL(_PR_SET_CHILD_SUBREAPER, 1)
    _end_without(lab)  # it may have died before it was asked for
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _end_without(lab: int) -> None:
    """End all if the lab is dead; the signal also comes if only the thread ends that started this process."""
    if os.getppid() != lab:
        end_descendants()
        os._exit(0)


def end_descendants() -> None:
    """Kill all that descends from this process, until nothing is left; what is orphaned meanwhile comes to it."""
    with suppress(ChildProcessError):
        while True:
            for each in _descendants(os.getpid()):
                with suppress(ProcessLookupError):
                    os.kill(each, _signal.SIGKILL)
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _descendants(process: int) -> Iterator[int]:
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in task.read_bytes().split():
                yield int(child)
                yield from _descendants(int(child))


def _start(
    channel: socket.socket, order: Order, numbers: Sequence[int], known: dict[str, Script], lines: Lines | None
) -> None:
    """Fork the leader of an execution; scripts are compiled before, so that they are compiled once."""
    try:
        os.chdir(order.folder)
        prepared = {number: prepare(order.commands[number - 1], known) for number in numbers}
        if os.fork() == 0:
            _lead(channel, order, prepared, lines)
    except OSError as error:
        channel.send(f"error {error}".encode())


def _lead(channel: socket.socket, order: Order, prepared: Mapping[int, Prepared], lines: Lines | None) -> NoReturn:
    """Lead an execution: from the moment when the filter is installed, the lab answers each call of this process."""
    try:
        _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
        _PRCTL(_PR_SET_CHILD_SUBREAPER, 1)
        outputs = {number: _output(order.output, number) for number in prepared}
        listener = install()
    except Exception as error:
        channel.send(f"error {error}".encode())
        os._exit(1)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", listener))]
    channel.sendmsg([b"%d" % os.getpid()], rights, LETS_BY)
    os.close(listener)
    channel.close()
    for number, how in prepared.items():
        if os.fork() == 0:
            perform(order.commands[number - 1], how, outputs[number], lines)
    _wait_for_all()


def _wait_for_all() -> NoReturn:
    with suppress(ChildProcessError):
        while True:
            os.wait()
    os._exit(0)


def _output(folder: str, number: int) -> int:
    return os.open(Path(folder, f"{number}.out"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
