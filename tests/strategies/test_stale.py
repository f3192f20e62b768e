"""Lock files that were left behind: who is taken for dead, and what becomes of who is not."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dying import each_death, killed_before
from tests.strategies.purchases import buy, explored_with_faults, opened
from ticketlab.core.inventory import Sold
from ticketlab.strategies.stale import LINK, living

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def test_a_process_has_a_name_while_it_lives_and_not_as_a_zombie() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = living(process.pid)
    assert name is not None
    assert name == living(process.pid)
    assert name.startswith(f"{process.pid}-")
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is dead, and not yet reaped
    assert living(process.pid) is None
    process.communicate()
    assert living(process.pid) is None


def test_a_name_with_brackets_and_blanks_in_it_hides_nothing() -> None:
    code = "import ctypes; ctypes.CDLL(None).prctl(15, b'a) R 1 (b'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        before = living(process.pid)
        process.stdout.readline()
        assert living(process.pid) == before
        process.communicate(b"\n")


@pytest.mark.parametrize("strategy", ["filelock:stale-holder", "filelock:soft", "filelock:hard", "flock"])
def test_whenever_a_holder_is_killed_the_next_one_gets_the_lock(strategy: str, tmp_path: Path) -> None:
    store, guard = opened("json:rename", strategy, tmp_path)
    deaths = 0
    for _ in each_death(lambda: buy(store, guard, 1)):
        deaths += 1
        left = store.books().stocks["main"].remaining
        assert buy(store, guard, 2) == Sold((91 - left,))
    assert deaths >= 4
    store.close()


def test_a_holder_of_a_number_that_is_another_process_by_now_is_dead(tmp_path: Path) -> None:
    store, guard = opened("json", "filelock:stale-holder", tmp_path)
    (tmp_path / LINK).symlink_to(f"{os.getpid()}-1")  # of this number, and started with the machine
    assert buy(store, guard, 1) == Sold((1,))
    store.close()


def test_a_holder_that_lives_is_waited_for(tmp_path: Path) -> None:
    store, guard = opened("json", "filelock:stale-holder", tmp_path)
    context = multiprocessing.get_context("fork")
    (inside, told), (leave, go) = context.Pipe(duplex=False), context.Pipe(duplex=False)

    def hold() -> None:
        with guard.join(store, 1):
            (tmp_path / LINK).symlink_to(str(living(os.getpid())))
            told.send(None)
            leave.recv()
            (tmp_path / "given back").touch()
            (tmp_path / LINK).unlink()

    def wait() -> None:
        told.send(None)
        buy(store, guard, 2)
        os._exit(0 if (tmp_path / "given back").exists() else 1)

    holder, waiter = context.Process(target=hold), context.Process(target=wait)
    holder.start()
    inside.recv()
    waiter.start()
    inside.recv()
    go.send(None)
    holder.join()
    waiter.join()
    assert (holder.exitcode, waiter.exitcode) == (0, 0)
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("faults", ["kill", "pause", "terminate"])
def test_who_asks_whether_the_holder_lives_survives_everything(faults: str) -> None:
    assert explored_with_faults("json:in-place", "filelock:stale-holder", faults, tickets=1).verdict.valid


@pytest.mark.slow
def test_who_goes_by_age_survives_a_death_and_not_a_pause() -> None:
    assert explored_with_faults("json:in-place", "filelock:stale-age", "kill").verdict.valid
    found = explored_with_faults("json:in-place", "filelock:stale-age", "pause", tickets=1)
    assert found.names.keys() == {"oversold", "ticket sold twice", "lost update"}


def test_a_soft_lock_that_was_killed_stays_until_somebody_breaks_it(tmp_path: Path) -> None:
    store, guard = opened("json", "filelock:soft", tmp_path)
    assert killed_before(1, lambda: buy(store, guard, 1))
    assert (tmp_path / "inventory.filelock").exists()
    assert buy(store, guard, 2) == Sold((1,))
    assert not (tmp_path / "inventory.filelock").exists()
    store.close()
