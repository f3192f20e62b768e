"""The laws of scheduling points: a store passes them before its accesses, and says truly what it accesses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeVar

from ticketlab.core.inventory import Books, Buy, Stock
from ticketlab.core.pacing import Blocked, Free, paced_by
from ticketlab.core.plugin import Capability
from ticketlab.core.steps import Action, Step
from ticketlab.testing.require import require, same
from ticketlab.testing.store_under_test import StoreLaw, StoreUnderTest, sell

T = TypeVar("T")


class _Watching(Free):
    """A pacer that, once armed, calls a function at the point of the first step that reads, or that changes."""

    def __init__(self, action_changes: bool) -> None:
        self.came = False
        self._changes = action_changes
        self._then: Callable[[], object] | None = None

    def arm(self, then: Callable[[], object]) -> None:
        """Set the function to call."""
        self._then = then

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        self.at(step)
        return wait()

    def at(self, step: Step) -> None:
        if self._then and step.changes == self._changes and step.action not in (Action.BEGIN, Action.COMMIT):
            then, self._then, self.came = self._then, None, True
            then()


def point_before_reading(subject: StoreUnderTest) -> None:
    """A read passes its scheduling point before its access, so it finds what is written at that point."""
    if not subject.has(Capability.RECORDS):
        return
    watching, sold = _Watching(False), list[Stock]()
    # A session may keep the pacer that was installed when it was opened, so this one is opened under the watching one.
    with subject.opened() as store, store.session() as other, paced_by(watching), store.session() as session:
        watching.arm(lambda: sold.append(sell(other, 2)))
        found = session.read("floor")
        require(watching.came, "a read passes no scheduling point: call at(Step(Action.READ, ...)) before the access")
        same("what a read finds after a sale at its scheduling point", found, sold[0])


def point_before_writing(subject: StoreUnderTest) -> None:
    """A write passes its scheduling point before it changes anything."""
    if not subject.has(Capability.RECORDS):
        return
    watching, seen = _Watching(True), list[Books]()
    with subject.opened() as store, paced_by(watching), store.session() as session:
        change = Buy(1, "floor").on(session.read("floor"))
        assert change.stock is not None
        watching.arm(lambda: seen.append(store.books()))
        session.write(change.stock, change.entry)
        require(watching.came, "a write passes no scheduling point: call at(Step(Action.WRITE, ...)) before the access")
        same("what is left at the scheduling point of a write", seen[0].stocks["floor"].remaining, 3)


def points_on_one_resource(subject: StoreUnderTest) -> None:
    """The steps of a read and of a write of one section do not commute: their order matters."""
    if not subject.has(Capability.RECORDS):
        return
    listening = _Listening()
    with subject.opened() as store, paced_by(listening), store.session() as session:
        change = Buy(1, "floor").on(session.read("floor"))
        assert change.stock is not None
        reading, listening.steps = listening.steps, []
        session.write(change.stock, change.entry)
    require(
        any(not one.commutes_with(other) for one in reading for other in listening.steps),
        f"the steps of a read, {_words(reading)}, and of a write, {_words(listening.steps)}, seem to commute: a search "
        "would leave out their order (name one resource; no step may be `private`, or `uncommitted` without a COMMIT)",
    )


class _Listening(Free):
    """A pacer that collects the steps."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def at(self, step: Step) -> None:
        self.steps.append(step)

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        self.at(step)
        return wait()


def _words(steps: Sequence[Step]) -> str:
    return ", ".join(f"{step.action.value} {step.resource}" for step in steps) or "none"


POINT_LAWS: Final[tuple[StoreLaw, ...]] = (point_before_reading, point_before_writing, points_on_one_resource)
