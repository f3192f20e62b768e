"""Sequences of buy, search and cancel: strategies do what the model does, and a mistake shrinks to what shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Cancel, Outcome, Request, Stock
from ticketlab.core.plugin import Perform, Store
from ticketlab.lab.plugins.registry import registered
from ticketlab.strategies.none import KIND as NONE
from ticketlab.strategies.none import Unsynchronized
from ticketlab.testing import inventory_machine

pytestmark = pytest.mark.usefixtures("in_tmp_path")

BRIEFLY = settings(settings.get_profile("ci"), max_examples=4, stateful_step_count=12)
TestInMemory = inventory_machine("memory", "atomic", tickets={"floor": 3, "boxes": 1}).TestCase
TestInMemory.settings = BRIEFLY


@pytest.mark.parametrize(
    ("store", "strategy"),
    [
        ("json", "flock"),
        ("json:rename", "filelock"),
        ("json:in-place", "clerk"),
        ("json:in-place", "clerk:socket"),
        ("sqlite", "transaction:immediate"),
        ("sqlite:journal=delete", "atomic"),
        ("sqlite", "optimistic"),
        ("manager", "manager-lock"),
        ("private", "none"),
    ],
)
def test_what_is_asked_for_one_after_another_is_done(store: str, strategy: str) -> None:
    run_state_machine_as_test(inventory_machine(store, strategy), settings=BRIEFLY)


class Forgetful(Unsynchronized):
    """Says that tickets are given back, and does nothing."""

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        with super().join(store, buyer) as perform:

            def purchase(request: Request) -> Outcome:
                if isinstance(request, Cancel):
                    return request.on(Stock(request.section, 0, 0)).outcome
                return perform(request)

            yield purchase


@pytest.mark.slow
def test_a_mistake_shrinks_to_the_requests_that_show_it() -> None:
    with registered(replace(NONE, name="forgetful", build=Forgetful)), pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(inventory_machine("memory", "forgetful"), settings=BRIEFLY)
    assert str(caught.value).startswith("the books: found")
    steps = [line.strip() for note in caught.value.__notes__ for line in note.splitlines() if "state." in line]
    assert [step.partition("(")[0].rpartition(".")[2] for step in steps if "books_agree" not in step] == [
        "buy",
        "cancel",
        "teardown",
    ]


def test_staff_that_cannot_share_the_books_is_refused() -> None:
    with pytest.raises(UsageError, match="clerk has service processes, which cannot share memory"):
        inventory_machine("memory", "clerk")()
