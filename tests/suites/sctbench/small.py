"""The small programs of the suite CS: one or two variables, one or two locks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Condition, Lock
from typing import Any

from tests.suites.program import BROKEN, DEADLOCK, WRONG, ThreadsOfProgram, only_if, program, shared

SUITE = "SCTBench"


@program(SUITE, "CS/account", "wrong assertion, in one order", WRONG)
def account(fixed: bool) -> ThreadsOfProgram:
    """A deposit and a withdrawal, each under the lock, and an audit that expects the deposit to be taken off."""
    lock, balance, deposited, withdrawn = Lock(), shared(1), shared(), shared()
    expected = 1 + 2 - 4 if fixed else 1 - 2 - 4

    def deposits() -> None:
        with lock:
            balance.value += 2
            deposited.value = 1

    def withdraws() -> None:
        with lock:
            balance.value -= 4
            withdrawn.value = 1

    def audits() -> bool:
        with lock:
            return not (deposited.value and withdrawn.value) or balance.value == expected

    return ThreadsOfProgram([audits, deposits, withdraws])


def _produces(changed: Condition, units: Any, count: int) -> None:
    """Make so many units, each once there is none."""
    for _ in range(count):
        with changed:
            while units.value > 0:
                changed.wait()
            units.value += 1
            changed.notify_all()


@program(SUITE, "CS/arithmetic_prog", "wrong assertion, in every order", BROKEN)
def arithmetic_prog(fixed: bool) -> ThreadsOfProgram:
    """A producer of units and a consumer that adds up their numbers; the sum is asserted not to be the right one."""
    changed, units, total = Condition(), shared(), shared()
    count = 2

    def consumes() -> None:
        for number in range(count):
            with changed:
                while units.value == 0:
                    changed.wait()
                total.value += number
                units.value -= 1
                changed.notify_all()
        total.value += count

    def holds() -> bool:
        right = bool(total.value == count * (count + 1) // 2)
        return right if fixed else not right

    return ThreadsOfProgram([partial(_produces, changed, units, count), consumes], holds)


@program(SUITE, "CS/bluetooth_driver", "atomicity violation: check then act", WRONG)
def bluetooth_driver(fixed: bool) -> ThreadsOfProgram:
    """A driver that is stopped between a request's look at the flag and its entry in the count of requests."""
    stopping, pending, stopped, lock = shared(), shared(1), shared(), Lock()
    idle = shared()

    def leave() -> None:
        with lock:
            pending.value -= 1
            left = pending.value
        if left == 0:
            idle.value = 1

    def requests() -> bool:
        with only_if(fixed, lock):
            if stopping.value:
                return True
            if fixed:
                pending.value += 1
        if not fixed:
            with lock:
                pending.value += 1
        right = not stopped.value
        leave()
        return right

    def stops() -> None:
        with only_if(fixed, lock):
            stopping.value = 1
        leave()
        if idle.value:
            stopped.value = 1

    return ThreadsOfProgram([requests, stops])


@program(SUITE, "CS/carter01", "deadlock: two locks in opposite order", DEADLOCK)
def carter01(fixed: bool) -> ThreadsOfProgram:
    """Two groups that count themselves under one lock and hold another while anybody is in: groups of one here.

    Two more threads do nothing, as in the original.
    """
    count, busy, members = Lock(), Lock(), [shared(), shared()]

    def stays(group: int) -> None:
        if fixed:
            with busy, count:
                members[group].value += 1
            return
        with count:
            members[group].value += 1
            if members[group].value == 1:
                busy.acquire()
        with count:
            members[group].value -= 1
            if members[group].value == 0:
                busy.release()

    return ThreadsOfProgram([partial(stays, 0), partial(stays, 1), lambda: None, lambda: None])


@program(SUITE, "CS/deadlock01", "deadlock: two locks in opposite order", DEADLOCK)
def deadlock01(fixed: bool) -> ThreadsOfProgram:
    """Two threads that count under two locks, taken in opposite order."""
    a, b, counter = Lock(), Lock(), shared(1)

    def counts_up() -> None:
        with a, b:
            counter.value += 1

    def counts_down() -> None:
        first, second = (a, b) if fixed else (b, a)
        with first, second:
            counter.value -= 1

    return ThreadsOfProgram([counts_up, counts_down])


def _philosophers(count: int) -> Callable[[bool], ThreadsOfProgram]:
    def make(fixed: bool) -> ThreadsOfProgram:
        forks = [Lock() for _ in range(count)]

        def dines(seat: int) -> None:
            first, second = (seat + 1) % count, seat
            if fixed:
                first, second = sorted((first, second))
            with forks[first], forks[second]:
                pass

        return ThreadsOfProgram([partial(dines, seat) for seat in range(count)])

    return make


for _count in range(2, 8):
    program(SUITE, f"CS/din_phil{_count}", "deadlock: a ring of locks", DEADLOCK)(_philosophers(_count))


@program(SUITE, "CS/lazy01", "wrong assertion, in some orders", WRONG)
def lazy01(fixed: bool) -> ThreadsOfProgram:
    """Two threads add 1 and 2 to a number under a lock, and a third one asserts that it has not come to 3."""
    lock, data = Lock(), shared()

    def adds(amount: int) -> None:
        with lock:
            data.value += amount

    def looks() -> bool:
        with lock:
            return bool(data.value < (4 if fixed else 3))

    return ThreadsOfProgram([partial(adds, 1), partial(adds, 2), looks])


@program(SUITE, "CS/phase01", "deadlock: a lock that is not given back", DEADLOCK)
def phase01(fixed: bool) -> ThreadsOfProgram:
    """Two threads in phases of locks, who keep the first lock at the end."""
    x, y = Lock(), Lock()

    def passes() -> None:
        with x:
            pass
        x.acquire()
        with y:
            pass
        with y:
            pass
        if fixed:
            x.release()

    return ThreadsOfProgram([passes, passes])


@program(SUITE, "CS/sync01", "deadlock: a condition that never comes", DEADLOCK)
def sync01(fixed: bool) -> ThreadsOfProgram:
    """One waits until a number is 0, and the other, who would have to take it down, only tells that it has."""
    changed, number = Condition(), shared(1)

    def fills() -> None:
        with changed:
            while number.value > 0:
                changed.wait()
            number.value += 1
            changed.notify_all()

    def empties() -> None:
        with changed:
            while number.value == 0:
                changed.wait()
            if fixed:
                number.value -= 1
            changed.notify_all()

    return ThreadsOfProgram([fills, empties])


@program(SUITE, "CS/sync02", "deadlock: a condition that never comes", DEADLOCK)
def sync02(fixed: bool) -> ThreadsOfProgram:
    """A producer and a consumer of as many units each, and two units too many from the beginning."""
    changed, units = Condition(), shared(0 if fixed else 2)

    def consumes() -> None:
        for _ in range(2):
            with changed:
                while units.value == 0:
                    changed.wait()
                units.value -= 1
                changed.notify_all()

    return ThreadsOfProgram([partial(_produces, changed, units, 2), consumes])


@program(SUITE, "CS/token_ring", "wrong assertion, in most orders", WRONG, has_twin=False)
def token_ring(_fixed: bool) -> ThreadsOfProgram:
    """Three threads hand a number on around a ring, each step under the lock, and a fourth expects it everywhere."""
    lock, ring, done = Lock(), [shared(1), shared(2), shared(1)], [shared(), shared(), shared()]

    def hands_on(place: int) -> None:
        with lock:
            behind = ring[place - 1].value
            ring[place].value = (behind + 1) % 4 if place == 0 else behind
            done[place].value = 1

    def looks() -> bool:
        with lock:
            if not all(flag.value for flag in done):
                return True
            values = [one.value for one in ring]
            return bool(values[0] == values[1] == values[2])

    return ThreadsOfProgram([*(partial(hands_on, place) for place in range(3)), looks])
