"""What a scenario asks of each buyer, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec

SCENARIO = Scenario(Spec("json"), Spec("none"), inventory=Inventory({"floor": 20, "boxes": 4}))


@given(st.integers(), st.integers(1, 1000), st.integers(1, 20))
def test_requests_depend_on_the_seed_and_the_buyer_alone(seed: int, buyer: int, orders: int) -> None:
    one = replace(SCENARIO, seed=seed, orders=orders, quantity=(1, 4))
    other = replace(one, store=Spec("sqlite"), buyers=7)
    assert one.requests(buyer) == other.requests(buyer)
    assert len(one.requests(buyer)) == orders
    assert {request.section for request in one.requests(buyer)} <= {"floor", "boxes"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"buyers": 0}, "0 buyers cannot race"),
        ({"buyers": -3}, "-3 buyers cannot race"),
        ({"orders": 0}, "nothing to do"),
        ({"quantity": (0, 0)}, "makes no sense"),
        ({"quantity": (3, 2)}, "makes no sense"),
        ({"quantity": (1, 21)}, "can never be met: no section has more than 20"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        replace(SCENARIO, **change)  # type: ignore[arg-type]
