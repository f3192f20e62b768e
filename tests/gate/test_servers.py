"""Clients of a server outside the program: each request is a step, and who waits for another client's lock is seen."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ticketlab.core.spec import Spec
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.policies.replay import ReplaySchedule
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.gate.servers import Server, Servers
from ticketlab.lab.plain.judge import stuck as told_of
from ticketlab.lab.programs.ends import BranchesInOrder
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.explore import explore_program
from ticketlab.lab.programs.program import Program
from ticketlab.lab.programs.results import ProgramExploration

CLIENT = """\
    import socket, sys

    where, *orders = sys.argv[1:]
    if where.isdigit():
        connection = socket.create_connection(("127.0.0.1", int(where)))
    else:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(where)
    lines = connection.makefile("rw")

    def ask(*words):
        print(*words, file=lines, flush=True)
        return lines.readline().strip()

    for order in orders:
        if order == "buy":
            ask("SET", "sold", int(ask("GET", "sold")) + 1)
        else:
            ask(*order.split(":"))
    """


class Outside(NamedTuple):
    """A server of keys, values and locks, where it is, and a folder with a client of it."""

    process: subprocess.Popen[str]
    port: str
    path: str
    folder: Path

    def sold(self) -> int:
        """Return what clients have counted."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.path)
            connection.sendall(b"GET sold\n")
            return int(connection.recv(100))


@pytest.fixture(name="outside")
def _outside(tmp_path: Path) -> Iterator[Outside]:
    path, folder = str(tmp_path / "server"), tmp_path / "shop"
    folder.mkdir()
    (folder / "client.py").write_text(textwrap.dedent(CLIENT))
    script = Path(__file__).with_name("key_values.py")
    with subprocess.Popen([sys.executable, script, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Outside(process, process.stdout.readline().strip(), path, folder)
        process.kill()


def reset_by(where: str) -> str:
    return f"{sys.executable} client.py {where} CLEAR"


def explored(outside: Outside, where: str, *clients: str, executions: int, sold: int = 0) -> ProgramExploration:
    program = Program.of(
        *(f"client.py {where} {orders}" for orders in clients),
        folder=outside.folder,
        reset=reset_by(where),
        invariant=lambda: outside.sold() == sold,
    )
    options = ExploreOptions(policy=Spec.parse("random"), executor="program", executions=executions, patience=0.2)
    return explore_program(program, options)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["port", "path"])
def test_two_unmodified_clients_of_a_server_lose_an_update(outside: Outside, kind: str) -> None:
    where = outside.port if kind == "port" else outside.path
    program = Program.of(f"client.py {where} buy", copies=2, folder=outside.folder, reset=reset_by(where))
    sold = set()
    with ProgramExecutor(program, points=[f"port {where}", f"socket {where}"]) as executor:
        for execution in search(executor, RandomWalk(0), 12):
            sold.add(outside.sold())
            assert execution.ending is ExecutionEnd.COMPLETED
            assert not any(step.startswith("receive") for step in execution.steps), "an answer is part of its request"
    assert sold == {1, 2}


@pytest.mark.slow
def test_under_a_lock_of_the_server_nobody_is_convicted_and_nothing_is_proved(outside: Outside) -> None:
    orders = "LOCK:door buy UNLOCK:door"
    found = explored(outside, outside.path, orders, orders, executions=12, sold=2)
    assert found.finding is None
    assert found.verdict.valid is None
    assert any("a server outside the program answers at" in sentence for sentence in found.outside)


def test_two_locks_of_the_server_taken_crosswise_are_a_deadlock(outside: Outside) -> None:
    commands = [f"client.py {outside.path} {orders}" for orders in ("LOCK:a LOCK:b", "LOCK:b LOCK:a")]
    program = Program.of(*commands, folder=outside.folder)
    with ProgramExecutor(program, points=[f"socket {outside.path}"], patience=0.2) as executor:
        found = list(search(executor, RandomWalk(0), 12))
        assert {execution.ending for execution in found} == {ExecutionEnd.COMPLETED, ExecutionEnd.STUCK}
        stuck = next(execution for execution in found if execution.ending is ExecutionEnd.STUCK)
        assert told_of(stuck).name == "deadlock"
        (again,) = search(executor, ReplaySchedule(stuck.schedule))
        assert (again.ending, again.steps) == (stuck.ending, stuck.steps)


def test_a_server_within_the_program_is_none_outside(tmp_path: Path) -> None:
    (tmp_path / "pair.py").write_text(
        textwrap.dedent("""\
        import os, socket
        with socket.create_server(("127.0.0.1", 0)) as server:
            if os.fork() == 0:
                with socket.create_connection(server.getsockname()) as client:
                    client.sendall(b"hello")
                    print(client.recv(10))
                os._exit(0)
            connection, _ = server.accept()
            connection.sendall(connection.recv(10))
            os.wait()
        """)
    )
    with ProgramExecutor(Program.of("pair.py", folder=tmp_path)) as executor:
        (execution,) = search(executor, BranchesInOrder(executor, ()))
        assert execution.ending is ExecutionEnd.COMPLETED
        assert not executor.outside


def test_a_server_at_rest_is_seen_to_have_no_answer_and_patience_ends_what_is_not_seen(outside: Outside) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(outside.path)
        servers = Servers(patience=0.01)
        assert servers.at_other_end(client, outside.process.pid, {}) == [outside.process.pid]
        assert servers.at_other_end(client, outside.process.pid, {str(outside.process.pid): "1"}) is None
        seen, unseen = Server("path", patience=60), Server("path", patience=0.01)
        seen.listens([outside.process.pid])
        assert not seen.answers(lambda: False)
        assert not seen.was_late
        assert not unseen.answers(lambda: False)
        assert unseen.was_late
