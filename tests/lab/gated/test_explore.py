"""Plain functions under the gate: the wrong ones convicted and replayed, the right ones proved, the probes checked."""

from __future__ import annotations

import ctypes
import fcntl
import json
import mmap
import multiprocessing
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.gated.explore import explore_gated, replay_gated
from ticketlab.lab.plain.case import PlainCase
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.results import PlainExploration

pytestmark = pytest.mark.usefixtures("memory_of_other_tests")

libc = ctypes.CDLL(None)
lock = multiprocessing.Lock()
results: multiprocessing.Queue[int] = multiprocessing.Queue()


def explored(function: Callable[..., object], executions: int = 300, **settings: Any) -> PlainExploration:
    how = ExploreOptions(executor="kernel", executions=executions)
    return explore_gated(PlainFunction(function=function, **settings), how)


def lay_out(folder: Path) -> None:
    (folder / "stock.json").write_text('{"left": 2}')


def sell() -> int:
    stock = json.loads(Path("stock.json").read_text())
    stock["left"] -= 1
    Path("stock.json").write_text(json.dumps(stock))
    return int(stock["left"])


def sell_locked() -> int:
    with open("lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        return sell()


@pytest.mark.slow
def test_a_lost_update_is_found_with_its_lines_and_replays() -> None:
    found = explored(sell, executions=10, reset=lay_out, name="shop:sell")
    assert found.finding is not None
    assert found.finding.anomalies[0].name == "lost update"
    assert any("stock = json.loads" in str(note.value) for note in found.finding.execution.notes)
    case = PlainCase.from_json(json.loads(json.dumps(found.finding.case.to_json())))
    assert case == found.finding.case
    again = replay_gated(PlainFunction(function=sell, reset=lay_out), case)
    assert [anomaly.name for anomaly in again.anomalies] == ["lost update"]
    assert again.execution.steps == case.steps


@pytest.mark.slow
def test_the_same_under_a_file_lock_is_proved_and_the_probes_told_all() -> None:
    found = explored(sell_locked, reset=lay_out, returned=lambda returned: sorted(returned) == [0, 1])
    assert (found.valid, found.exhausted, list(found.untold)) == (True, True, [])


@pytest.mark.slow
def test_locks_and_queues_made_before_are_steps_and_are_put_back() -> None:
    def sell_and_tell() -> None:
        with lock:
            left = sell()
        results.put(left)

    def two_results() -> None:
        assert sorted(results.get(timeout=1) for _ in range(2)) == [0, 1]

    found = explored(sell_and_tell, reset=lay_out, invariant=two_results)
    assert found.valid, found.verdict
    assert results.empty()


@pytest.mark.slow
def test_what_reset_makes_is_made_anew_for_each_execution() -> None:
    made: list[Any] = []

    def make() -> None:
        made[:] = [multiprocessing.Semaphore(1), *made]

    def take() -> bool:
        return bool(made[0].acquire(block=False))

    found = explored(take, reset=make, returned=lambda returned: sorted(returned) == [False, True] and len(made) == 1)
    assert found.valid, found.verdict


def by_ctypes(who: int) -> None:
    file = libc.open(b"log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    libc.write(file, b"x\n", 2)


def by_a_command() -> None:
    subprocess.run(["sh", "-c", "echo x >> log"], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("writes", [by_ctypes, by_a_command])
def test_what_the_kernel_saw_and_no_probe_told_is_listed(writes: Callable[..., object]) -> None:
    found = explored(writes, invariant=lambda folder: (folder / "log").read_text() == "x\nx\n")
    assert found.valid
    (told,) = found.untold
    assert told == "the kernel saw process 1 and process 2 append to, create and look for log, and no probe told it"


@pytest.mark.slow
def test_only_the_call_that_no_probe_told_is_listed() -> None:
    def write_behind() -> None:
        with open("data", "w") as file:
            libc.write(file.fileno(), b"x", 1)

    found = explored(write_behind, executions=4)
    assert list(found.untold) == ["the kernel saw process 1 and process 2 write data, and no probe told it"]


@pytest.mark.slow
def test_memory_that_is_mapped_leaves_it_undecided() -> None:
    def count() -> None:
        with open("count", "r+b") as file, mmap.mmap(file.fileno(), 1) as memory:
            memory[0] += 1

    found = explored(count, reset=lambda folder: (folder / "count").write_bytes(b"\0"))
    assert found.valid is None
    assert "count is memory that processes share: what they do there is not seen" in found.verdict.reason


@pytest.mark.slow
def test_an_exception_is_told_as_that_of_a_function() -> None:
    def claim(who: int) -> None:
        if not Path("claimed").exists():
            Path("claimed").mkdir()

    found = explored(claim)
    assert found.finding is not None
    loud = found.finding.anomalies[-1]
    assert loud.name == "exception"
    assert "ended with FileExistsError: [Errno 17] File exists: 'claimed' (test_explore.py:" in loud.sentence


@pytest.mark.slow
def test_who_fails_in_some_orders_may_fail() -> None:
    def claim(who: int) -> str:
        Path("ticket").rename(f"sold.{who}")
        return "mine"

    found = explored(claim, reset=lambda folder: (folder / "ticket").touch())
    assert (found.valid, found.exhausted) == (True, True)


@pytest.mark.slow
def test_the_results_may_be_asked_for_by_serial() -> None:
    def draw(who: int) -> str:
        tickets = sorted(Path().glob("ticket.*"))
        tickets[0].unlink(missing_ok=True)
        return tickets[0].name

    def two_tickets(folder: Path) -> None:
        for number in (1, 2):
            (folder / f"ticket.{number}").touch()

    found = explored(draw, executions=2, reset=two_tickets, serial=True)
    assert found.finding is not None
    assert found.finding.anomalies[0].name == "not serializable"


@pytest.mark.slow
def test_a_server_that_was_there_before_is_refused() -> None:
    with multiprocessing.Manager() as manager:
        counts = manager.dict(n=0)

        def count() -> None:
            counts["n"] += 1

        with pytest.raises(TicketlabError, match=r"process 1 speaks to somebody who was there before it \(object"):
            explored(count)

    one, other = socket.socketpair()

    def speak(who: int) -> bytes:
        one.send(b"x")
        return other.recv(1)

    with one, other, pytest.raises(TicketlabError, match=r"process 1 speaks to somebody who was there before it \(so"):
        explored(speak)


@pytest.mark.slow
def test_a_file_that_was_opened_before_has_one_place_for_all(tmp_path: Path) -> None:
    with (tmp_path / "names").open("w+b", buffering=0) as names:
        names.write(b"ab")

        def next_name() -> bytes:
            return os.read(names.fileno(), 1)

        found = explored(next_name, reset=lambda: names.seek(0), returned=lambda names: sorted(names) == [b"a", b"b"])
    assert (found.valid, found.exhausted) == (True, True)
    assert any(each.resource.startswith("place in ") for each in found.seen)


@pytest.mark.parametrize(
    ("settings", "how", "said"),
    [
        ({"folder": None}, {}, "lays out a folder of its own each time: leave out folder=None"),
        ({}, {"atomic_accesses": True}, "the gate kernel does not go with atomic accesses: the probes alone know it"),
        ({}, {"policy": Spec("timed")}, "a policy in virtual time orders nothing that a program does"),
        ({"reset": lambda: 1 / 0}, {}, "reset raises ZeroDivisionError: division by zero"),
        (
            {"reset": lay_out, "invariant": lambda: 1 / 0},
            {},
            "invariant raises ZeroDivisionError: .* though all went one after another",
        ),
    ],
)
def test_what_does_not_go_together_is_said_in_a_line(settings: dict[str, Any], how: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        explore_gated(PlainFunction(function=sell, **settings), ExploreOptions(executor="kernel", **how))
