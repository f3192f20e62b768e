"""A few of the pairs that `tests.soak.fault_pairs` compares: two policies find the same outcomes of a fault."""

from __future__ import annotations

import math

import pytest

from tests.soak.fault_pairs import Pair, compare

pytestmark = pytest.mark.usefixtures("in_tmp_path")


@pytest.mark.parametrize(
    "pair",
    [
        Pair("sqlite", "transaction:immediate", "locked"),
        Pair("sqlite", "transaction:deferred", "disk-full"),
        Pair("sqlite", "clerk:socket", "locked"),
        Pair("memory", "lock", "terminate"),
        Pair("memory", "none", "pause:20s"),
        Pair("json:rename", "flock", "kill"),
        Pair("manager", "manager-lock", "kill"),
    ],
    ids=str,
)
def test_partial_order_reduction_misses_nothing_that_a_fault_does(pair: Pair) -> None:
    compared = compare(pair, seconds=math.inf)
    assert compared.finished
    assert not compared.missed
    assert not compared.extra
