"""A turnstile: a semaphore that lets one buyer through at a time; the broken one lets two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from ticketlab.plugins import (
    BLOCKED,
    Action,
    BaseStrategy,
    Blocked,
    Capability,
    Outcome,
    Perform,
    Request,
    Step,
    Store,
    StrategyContext,
    StrategyKind,
    at,
    block,
)

ENTERING = Step(Action.ACQUIRE, "turnstile")
LEAVING = Step(Action.RELEASE, "turnstile")


class Turnstile(BaseStrategy):
    """Read, check and write behind the turnstile."""

    def __init__(self, variant: str) -> None:
        self._through = 2 if variant == "broken" else 1
        self._semaphore: Any = None

    def prepare(self, setting: StrategyContext) -> None:
        """Make the semaphore that all buyers share."""
        self._semaphore = setting.context.Semaphore(self._through)

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy behind the turnstile; an access that may block is given a way to attempt it, and a way to wait."""
        with store.session() as session:

            def attempt() -> Literal[True, Blocked.BLOCKED]:
                return True if self._semaphore.acquire(False) else BLOCKED

            def wait() -> Literal[True]:
                self._semaphore.acquire()
                return True

            def purchase(request: Request) -> Outcome:
                block(ENTERING, attempt, wait)
                try:
                    change = request.on(session.read(request.section))
                    if change.stock is not None:
                        session.write(change.stock, change.entry)
                    return change.outcome
                finally:
                    at(LEAVING)
                    self._semaphore.release()

            yield purchase


KIND = StrategyKind(
    name="turnstile",
    summary="a semaphore around the purchase",
    variants={"whole": "one buyer at a time", "broken": "wrong on purpose: two buyers at a time"},
    needs=frozenset({Capability.RECORDS}),
    build=Turnstile,
    wrong=frozenset({"broken"}),
)
