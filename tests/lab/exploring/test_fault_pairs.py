"""A few of the pairs that `tests.soak.fault_pairs` compares: two policies find the same outcomes of a fault."""

from __future__ import annotations

import math

import pytest

from tests.soak.fault_pairs import LARGE, SMALL, Pair, Size, compare

pytestmark = pytest.mark.usefixtures("in_tmp_path")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pair", "size"),
    [
        (Pair("sqlite", "transaction:immediate", "locked"), LARGE),
        (Pair("sqlite", "transaction:deferred", "disk-full"), LARGE),
        (Pair("sqlite", "clerk:socket", "locked"), LARGE),
        (Pair("memory", "lock", "terminate"), LARGE),
        (Pair("memory", "none", "pause:20s"), LARGE),
        (Pair("json:rename", "flock", "kill"), SMALL),
        (Pair("manager", "manager-lock", "kill"), SMALL),
    ],
    ids=str,
)
def test_partial_order_reduction_misses_nothing_that_a_fault_does(pair: Pair, size: Size) -> None:
    compared = compare(pair, math.inf, (size,))
    assert compared.finished
    assert not compared.missed
    assert not compared.extra
