"""A clerk: one process owns the inventory, and buyers ask it through queues.

`clerk` has one queue of requests, and a queue of answers for each buyer; a sentinel stops the clerk. `clerk:joinable`
has several clerks behind a JoinableQueue: they share the inventory, so they take turns by a lock, and `join()` on the
queue returns when all requests have been answered. `clerk:socket` is a box office (`box_office`), and `clerk:robust`
one that outlives its clerk (`robust_clerk`).
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from ticketlab.core.errors import PurchaseError
from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.pacing import BLOCKED, at, block
from ticketlab.core.plugin import Capability, Perform, Store, Strategy, StrategyContext, StrategyKind
from ticketlab.core.spec import Option
from ticketlab.core.steps import Action, Step
from ticketlab.strategies.purchase import BaseStrategy, Guard, attempt, unwrap

_REQUESTS = "requests"
_STOP = None
"""The sentinel: a clerk that receives it stops."""

_RECEIVING = Step(Action.RECEIVE, _REQUESTS, in_memory=True)


class Clerk(BaseStrategy):
    """One clerk behind a `SimpleQueue`, which has no helper thread: an item that was put can be got at once."""

    def prepare(self, setting: StrategyContext) -> None:
        """Make the queues; they can be handed over only when a process starts."""
        self._store = setting.store
        self._requests: Any = setting.context.SimpleQueue()
        self._answers: list[Any] = [setting.context.SimpleQueue() for _ in range(setting.buyers)]

    def services(self) -> Sequence[Callable[[], None]]:
        """Return one clerk."""
        return (self.serve,)

    def serve(self) -> None:
        """Answer requests until the sentinel comes."""
        with self._store.session() as session:
            while (request := self.receive()) is not _STOP:
                self.answer(request.buyer, attempt(session, request))

    def receive(self) -> Request | None:
        """Wait for the next request."""
        request: Request | None = block(_RECEIVING, partial(_poll, self._requests), self._requests.get)
        return request

    def answer(self, buyer: int, answer: Outcome | PurchaseError) -> None:
        """Send an answer to the buyer that asked."""
        at(Step(Action.SEND, f"answers {buyer}", in_memory=True))
        self._answers[buyer - 1].put(answer)

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy by asking the clerk; a buyer never opens the store."""
        mine = self._answers[buyer - 1]
        asking = Step(Action.SEND, _REQUESTS, in_memory=True)
        hearing = Step(Action.RECEIVE, f"answers {buyer}", in_memory=True)

        def purchase(request: Request) -> Outcome:
            at(asking)
            self._requests.put(request)
            return unwrap(block(hearing, partial(_poll, mine), mine.get))

        yield purchase

    def stop_services(self) -> None:
        """Send the sentinel."""
        self._requests.put(_STOP)

    def close(self) -> None:
        """Close the queues."""
        for each in (self._requests, *self._answers):
            each.close()


class JoinableClerks(Clerk):
    """Several clerks behind a JoinableQueue, who take turns by a lock."""

    def __init__(self, clerks: int) -> None:
        self._clerks = clerks

    def prepare(self, setting: StrategyContext) -> None:
        """Make the queues, and the clerks' lock."""
        super().prepare(setting)
        self._requests.close()
        self._requests = setting.context.JoinableQueue()
        self._lock: Any = setting.context.Lock()

    def services(self) -> Sequence[Callable[[], None]]:
        """Return the clerks."""
        return (self.serve,) * self._clerks

    def serve(self) -> None:
        """Answer requests until the sentinel comes; one clerk at a time uses the inventory."""
        guard = Guard("clerks' lock", self._lock.acquire, self._lock.release, mutex=True, in_memory=True)
        with self._store.session() as session:
            while (request := self.receive()) is not _STOP:
                with guard:
                    answer = attempt(session, request)
                self.answer(request.buyer, answer)
                self._requests.task_done()
        self._requests.task_done()

    def receive(self) -> Request | None:
        """Wait for the next request; the queue's helper thread may not have delivered it yet."""
        request: Request | None = block(_RECEIVING, partial(_get_nowait, self._requests), self._requests.get)
        return request

    def stop_services(self) -> None:
        """Wait until every request has been answered, then send a sentinel to each clerk."""
        self._requests.join()
        for _ in range(self._clerks):
            self._requests.put(_STOP)

    def close(self) -> None:
        """Close the queues, and wait for the helper thread to end."""
        super().close()
        self._requests.join_thread()


def _poll(source: Any) -> Any:
    return BLOCKED if source.empty() else source.get()


def _get_nowait(requests: Any) -> Any:
    try:
        return requests.get_nowait()
    except queue.Empty:
        return BLOCKED


def _build(variant: str, clerks: str, server: str, transport: str, workers: str) -> Strategy:
    if variant == "socket":
        from ticketlab.strategies.office.box_office import BoxOffice

        return BoxOffice(server, transport, int(workers))
    if variant in ("robust", "retry"):
        from ticketlab.strategies.office.robust_clerk import RobustClerk

        return RobustClerk(record=variant == "robust")
    return JoinableClerks(int(clerks)) if variant == "joinable" else Clerk()


KIND = StrategyKind(
    name="clerk",
    summary="a process owns the inventory, and buyers ask it",
    variants={
        "queue": "one clerk behind a queue, stopped by a sentinel",
        "joinable": "several clerks behind a JoinableQueue",
        "socket": "a box office on a Unix or loopback TCP socket",
        "robust": "a box office with a clerk on standby and a record of answers: it outlives its clerk",
        "retry": "wrong on purpose: robust without the record, so an order that is sent again is sold again",
    },
    options={
        "clerks": Option("2", "how many clerks", variant="joinable"),
        "server": Option(
            "selector", "one loop, a process a connection, or a pool", ("selector", "process", "pool"), "socket"
        ),
        "transport": Option("unix", "a Unix socket, or TCP on the loopback interface", ("unix", "tcp"), "socket"),
        "workers": Option("4", "how many processes a pool has", variant="socket"),
    },
    needs=frozenset({Capability.RECORDS, Capability.SHARED}),
    build=_build,
    wrong=frozenset({"retry"}),
    has_services=True,
    uncontrolled={"server": frozenset({"process", "pool"})},
    reasons={
        "": "one process does every purchase",
        "joinable": "clerks do every purchase, one at a time",
        "socket": "the box office does every purchase, one at a time",
    },
    parts={
        "": ("a clerk process", "a queue of requests", "a queue of answers for each buyer"),
        "joinable": ("clerk processes", "a queue of requests", "a queue of answers for each buyer", "the clerks' lock"),
        "socket": ("a clerk process", "a socket", "a message format"),
        "retry": ("two clerk processes", "a socket", "a message format", "a lock file"),
        "robust": (
            "two clerk processes",
            "a socket",
            "a message format",
            "a lock file",
            "numbered orders",
            "a record of answers",
        ),
    },
)
