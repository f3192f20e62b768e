"""What keeps buyers from going on has a name, and the message says who waits for what."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import Lock, Value

import pytest

from tests.explorer.toys import Cells, Queue, Semaphore, Toy
from ticketlab.core import pacing
from ticketlab.core.steps import Action, Step
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import explain, is_cut_short
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.executors.processes import Processes
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.search import search


def anomalies(toy: Toy, steps: int = 1_000) -> list[Anomaly | None]:
    with Inline(toy, steps=steps) as executor:
        return [explain(execution, len(toy.scripts)) for execution in search(executor, DepthFirst())]


def test_two_locks_in_opposite_orders_deadlock() -> None:
    a, b = Semaphore("a"), Semaphore("b")

    def nested(outer: Semaphore, inner: Semaphore) -> Callable[[], None]:
        def run() -> None:
            with outer, inner:
                pass

        return run

    toy = Toy(nested(a, b), nested(b, a), shared=[a, b])
    with Inline(toy) as executor:
        found = [explain(execution, 2) for execution in search(executor, SourceSets())]
    # One after the other (2 orders), or each has its first lock and waits for ever.
    assert len(found) == 3
    (deadlock,) = [one for one in found if one is not None]
    assert deadlock.name == "deadlock"
    assert (
        deadlock.sentence
        == "buyer 1 holds a and waits for b, held by buyer 2; buyer 2 holds b and waits for a, held by buyer 1"
    )


def test_a_lock_that_is_never_released_is_left_behind() -> None:
    lock = Semaphore("lock")
    found = anomalies(Toy(lock.acquire, lock.acquire, shared=[lock]))
    assert [one.name if one else "" for one in found] == ["lock never released"] * 2
    assert {one.sentence for one in found if one} == {
        "buyer 2 waits for lock, held by buyer 1",
        "buyer 1 waits for lock, held by buyer 2",
    }


def test_a_consumer_of_an_empty_queue_waits_for_ever() -> None:
    queue = Queue("orders")
    (found,) = anomalies(Toy(queue.get, shared=[queue]))
    assert found is not None
    assert found.name == "deadlock"
    assert found.sentence == "buyer 1 waits to receive orders, and nobody is left to make that possible"


def test_a_signal_that_comes_before_the_wait_is_lost() -> None:
    waiting: list[bool] = []
    cells = Cells(ready=0)

    class Wakeup:
        def reset(self) -> None:
            waiting.clear()

    def signal() -> None:
        cells.write("ready", 1)
        pacing.at(Step(Action.SEND, "bell"))
        waiting[:] = [True] * len(waiting)

    def wait() -> None:
        if cells.read("ready"):
            return
        pacing.at(Step(Action.WRITE, "bell"))  # between looking and lying down, the bell may ring
        waiting.append(False)
        pacing.block(Step(Action.RECEIVE, "bell"), lambda: pacing.BLOCKED if not waiting[0] else None, lambda: None)

    names = {one.name if one else "" for one in anomalies(Toy(signal, wait, shared=[cells, Wakeup()]))}
    assert names == {"", "lost wake-up"}


def test_what_comes_to_the_bound_on_steps_may_still_come_to_an_end() -> None:
    """Nobody can tell a loop that goes on for ever from one that has not gone round often enough yet."""
    cells = Cells(flag=0)

    def spin() -> None:
        while not cells.read("flag"):
            pass

    with Inline(Toy(spin, shared=[cells]), steps=50) as executor:
        (execution,) = search(executor, DepthFirst(), limit=1)
    assert explain(execution, 1) is None
    assert is_cut_short(execution)


def test_a_holder_that_takes_its_own_lock_again_is_not_stuck() -> None:
    # The other's failed attempt closes the lock for everybody; the holder must still get its second turn.
    owner: list[int] = []

    def reentrant(me: int) -> Callable[[], None]:
        def take() -> object:
            if owner and owner[0] != me:
                return pacing.BLOCKED
            owner.append(me)
            return None

        def run() -> None:
            for _ in range(2):
                pacing.block(Step(Action.ACQUIRE, "lock"), take, lambda: None)
            for _ in range(2):
                pacing.at(Step(Action.RELEASE, "lock"))
                owner.pop()

        return run

    class Owner:
        def reset(self) -> None:
            owner.clear()

    assert set(anomalies(Toy(reentrant(1), reentrant(2), shared=[Owner()]))) == {None}


def test_services_that_wait_for_the_next_order_are_not_stuck() -> None:
    orders, answers = Queue("orders"), Queue("answers")

    def serve() -> None:
        while True:
            answers.put(orders.get() + 1)

    def ask() -> int:
        orders.put(1)
        answer: int = answers.get()
        return answer

    toy = Toy(ask, ask, shared=[orders, answers], services=[serve])
    with Inline(toy) as executor:
        executions = list(search(executor, SourceSets()))
        again = list(search(executor, SourceSets()))
    assert all(explain(execution, 2) is None for execution in executions)
    assert [one.schedule for one in executions] == [one.schedule for one in again]


@pytest.mark.parametrize("executor", [Inline, Processes])
def test_a_lock_that_nobody_waits_for_is_left_behind_all_the_same(executor: type[Inline | Processes]) -> None:
    """Whoever is turned away keeps the lock; all who could wait for it have bought by then, and are gone."""
    tickets, lock = Value("i", 1), Mutex()

    def buy() -> bool:
        lock.take()
        if not tickets.value:
            return False
        tickets.value -= 1
        lock.give_back()
        return True

    class Stock:
        def reset(self) -> None:
            tickets.value = 1

    with executor(Toy(buy, buy, shared=[Stock(), lock])) as running:
        found = [explain(execution, 2) for execution in search(running, SourceSets())]
    assert [one.name if one else "" for one in found] == ["lock never released"] * 2
    assert {one.sentence for one in found if one} == {
        f"buyer {who} has finished and still holds mutex: nobody can ever have it again" for who in (1, 2)
    }


class Mutex:
    """A lock of the operating system's, made anew where everything is."""

    def __init__(self) -> None:
        self._lock = Lock()

    def take(self) -> None:
        step = Step(Action.ACQUIRE, "mutex", excludes=True)
        pacing.block(step, lambda: None if self._lock.acquire(block=False) else pacing.BLOCKED, lambda: None)

    def give_back(self) -> None:
        pacing.at(Step(Action.RELEASE, "mutex"))
        self._lock.release()

    def reset(self) -> None:
        self._lock.acquire(block=False)
        self._lock.release()


class Flag:
    """A bare flag, of which nobody is told."""

    up = False

    def reset(self) -> None:
        self.up = False


def test_who_was_refused_a_lock_does_not_hold_it() -> None:
    taken = Flag()

    def work(*, gives_back: bool) -> None:
        while True:
            pacing.at(Step(Action.ACQUIRE, "lock"))
            if not taken.up:
                break
            pacing.note(pacing.UNCHANGED, "taken")
            pacing.note(pacing.RETRY, "taken")
            pacing.sleep(0.01)
        taken.up = True
        if gives_back:
            pacing.at(Step(Action.RELEASE, "lock"))
            taken.up = False

    toy = Toy(lambda: work(gives_back=False), lambda: work(gives_back=True), shared=[taken])
    with Inline(toy) as executor:
        told = {one.sentence for run in search(executor, DepthFirst()) if (one := explain(run, 2))}
    assert told == {"buyer 2 waits for lock, held by buyer 1"}
