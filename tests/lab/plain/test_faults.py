"""Faults in plain functions: a victim is not blamed, and what it leaves is told if it does harm."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault
from ticketlab.core.spec import Spec
from ticketlab.explorer.policies.replay import ReplaySchedule
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.case import PlainCase
from ticketlab.lab.plain.explore import explore_plain, replay_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.participants import ready_participants
from ticketlab.lab.plain.results import PlainExploration
from ticketlab.report.shown_steps import shown_lines

FEW = {"policy": Spec("random"), "executions": 8}


def with_faults(
    function: Callable[..., object], fault: str, how: Mapping[str, Any] = MappingProxyType({}), **settings: Any
) -> PlainExploration:
    options = ExploreOptions(executor="processes", faults=(Fault.parse(fault),), **how)
    return explore_plain(PlainFunction(function=function, **{"reset": lay_out, **settings}), options)


def lay_out(folder: Path) -> None:
    (folder / "left").write_text("2")


def sells_what_it_says(folder: Path, returned: list[bool]) -> bool:
    return int((folder / "left").read_text()) == 2 - returned.count(True)


def sell_in_place() -> bool:
    with open("lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        left = int(Path("left").read_text())
        Path("left").write_text(str(left - 1))
    return True


def sell_by_rename() -> bool:
    with open("lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        left = int(Path("left").read_text())
        new = Path("new")
        new.write_text(str(left - 1))
        new.replace("left")
    return True


def sell_under_a_directory() -> bool:
    while True:
        try:
            os.mkdir("lock")
            break
        except FileExistsError:
            time.sleep(1)
    try:
        left = int(Path("left").read_text())
        new = Path("new")
        new.write_text(str(left - 1))
        new.replace("left")
    finally:
        os.rmdir("lock")
    return True


def take_a_ticket(who: int) -> bool:
    for ticket in (1, 2):
        try:
            os.rename(f"ticket.{ticket}", f"sold.{ticket}.{who}")
        except FileNotFoundError:
            continue
        return True
    return False


def lay_out_tickets(folder: Path) -> None:
    for ticket in (1, 2):
        (folder / f"ticket.{ticket}").touch()


def every_buyer_has_one(folder: Path, returned: list[bool]) -> bool:
    return len(list(folder.glob("sold.*"))) == returned.count(True) == len(returned)


@pytest.mark.slow
def test_a_sale_that_is_whole_or_not_at_all_survives_every_kill() -> None:
    found = with_faults(take_a_ticket, "kill", reset=lay_out_tickets, invariant=every_buyer_has_one)
    assert found.verdict.valid, found.verdict
    assert {point.who for point in found.injected} == {"process 1", "process 2"}


@pytest.mark.slow
def test_a_file_that_a_killed_process_leaves_torn_is_told_once_it_does_harm() -> None:
    found = with_faults(sell_in_place, "kill").finding
    assert found is not None
    assert [anomaly.name for anomaly in found.anomalies] == ["torn read", "exception"]
    assert "which process 1 had emptied; it was killed before it wrote" in found.anomalies[0].sentence
    again, anomalies = replay_plain(
        PlainFunction(function=sell_in_place, reset=lay_out), PlainCase.from_json(found.case.to_json())
    )
    assert again.steps == found.execution.steps
    assert [anomaly.name for anomaly in anomalies] == list(found.case.anomalies)


@pytest.mark.slow
def test_a_lock_that_a_killed_process_leaves_blocks_the_others_for_ever() -> None:
    found = with_faults(sell_under_a_directory, "kill").finding
    assert found is not None
    (anomaly,) = found.anomalies
    assert anomaly.name == "survivors blocked for ever"
    assert anomaly.sentence.endswith("nobody is left to make that possible: process 1 was killed")
    assert len(shown_lines(found.execution, found.anomalies)) <= 6


@pytest.mark.slow
def test_what_shall_hold_is_not_asked_if_it_needs_everybody() -> None:
    found = with_faults(
        take_a_ticket, "kill", reset=lay_out_tickets, invariant=lambda folder: len(list(folder.glob("sold.*"))) == 2
    )
    assert found.verdict.reason == (
        "what shall hold afterwards does not hold without process 1 or process 2, so it was not asked where a fault "
        "was injected into it"
    )


@pytest.mark.slow
def test_who_waits_for_one_that_never_comes_is_no_news() -> None:
    def hand_over(who: int) -> None:
        if who == 1:
            Path("baton").touch()
            return
        while not Path("baton").exists():
            time.sleep(1)

    found = with_faults(hand_over, "kill", FEW)
    assert found.finding is None


@pytest.mark.slow
def test_a_process_whose_file_fails_it_may_say_so_and_the_others_go_on() -> None:
    found = with_faults(sell_by_rename, "io-error", invariant=sells_what_it_says)
    assert found.verdict.valid, found.verdict
    assert found.left_behind == ["new"]


@pytest.mark.slow
def test_a_process_that_swallows_a_full_disk_breaks_what_shall_hold() -> None:
    def sell() -> bool:
        with open("lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            left = int(Path("left").read_text())
            try:
                Path("new").write_text(str(left - 1))
                os.replace("new", "left")
            except OSError as error:
                assert error.errno == errno.EFBIG  # noqa: PT017 - what the kernel's limit says
        return True

    found = with_faults(sell, "disk-full", invariant=sells_what_it_says).finding
    assert found is not None
    assert [anomaly.name for anomaly in found.anomalies] == ["invariant broken"]


def test_a_waiter_that_runs_out_of_patience_while_another_pauses_was_told_clearly() -> None:
    def patient() -> None:
        until = time.monotonic() + 10
        while True:
            try:
                os.mkdir("lock")
                break
            except FileExistsError:
                if time.monotonic() > until:
                    raise TimeoutError from None
                time.sleep(1)
        os.rmdir("lock")

    assert with_faults(patient, "pause:60s", FEW).finding is None


@pytest.mark.slow
def test_time_outs_that_end_within_a_pause_prove_nothing_and_break_no_promise() -> None:
    """A waiter may give up twice while the holder is paused, which a search that lets the pause pass does not try."""
    lock = multiprocessing.Lock()

    def acquired(who: int) -> bool:
        for _ in range(2):
            if lock.acquire(timeout=0.4 if who == 2 else None):
                lock.release()
                return True
        return False

    longer, shorter = (
        with_faults(acquired, fault, returned=lambda told: all(told)) for fault in ("pause:1s", "pause:300ms")
    )
    assert longer.valid is None
    assert "a time-out that ends while another process is paused was tried only after the pause" in longer.gave_way
    assert shorter.valid is True


@pytest.mark.slow
def test_a_lease_that_runs_out_under_a_paused_holder_breaks_what_shall_hold() -> None:
    def leased(who: int) -> bool:
        Path(f"mine.{who}").write_text(str(time.time() + 10))
        try:
            os.link(f"mine.{who}", "lease")
        except FileExistsError:
            if float(Path("lease").read_text()) > time.time():
                return False
            os.replace(f"mine.{who}", "lease")
        left = int(Path("left").read_text())
        Path(f"new.{who}").write_text(str(left - 1))
        os.replace(f"new.{who}", "left")
        return True

    found = with_faults(leased, "pause:60s", invariant=sells_what_it_says).finding
    assert found is not None
    assert found.anomalies[-1].name == "invariant broken"
    case, alone = found.case, PlainFunction(function=leased, reset=lay_out)
    with ready_participants(alone, ExploreOptions(executor="processes", faults=case.faults)) as (running, judge):
        execution = running.run(ReplaySchedule(case.schedule), case.without, case.fault_points)
        assert execution is not None
        assert judge.judge(execution) == []
        (told,) = judge.left_out
        assert "results and files were those of no order, which may come of the time alone" in told


def test_a_search_that_came_to_no_fault_says_so() -> None:
    found = with_faults(take_a_ticket, "kill", {"executions": 1}, reset=lay_out_tickets)
    assert found.verdict.reason == "no fault was injected"


def test_a_fault_that_cannot_strike_is_refused() -> None:
    with pytest.raises(UsageError, match="the fault kill-server cannot be injected into a function"):
        with_faults(sell_by_rename, "kill-server")
