"""Known-wrong structures are convicted by few participants and calls; their right twins are not."""

from __future__ import annotations

import re

import pytest
from hypothesis import settings

from tests.testing.machines.structures.pairs import PAIRS
from ticketlab import ConcurrentMachine

DRAWN = settings(settings.get_profile("ci"), max_examples=100)
BRIEFLY = settings(settings.get_profile("ci"), max_examples=4)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [wrong for wrong, _ in PAIRS], ids=lambda machine: machine.__name__)
def test_a_wrong_structure_is_convicted_by_few_calls(wrong: type[ConcurrentMachine]) -> None:
    test = wrong.TestCase
    test.settings = DRAWN
    with pytest.raises(AssertionError) as caught:
        test().runTest()
    told = re.search(r"\((\d+) \w+, (\d+) calls?;", str(caught.value))
    assert told is not None, str(caught.value)
    assert int(told[1]) <= 3
    assert int(told[2]) <= 4


@pytest.mark.slow
@pytest.mark.parametrize("right", dict.fromkeys(right for _, right in PAIRS), ids=lambda machine: machine.__name__)
def test_its_right_twin_is_not(right: type[ConcurrentMachine]) -> None:
    test = right.TestCase
    test.settings = BRIEFLY
    test().runTest()


def test_there_are_twenty_wrong_structures() -> None:
    assert len({wrong for wrong, _ in PAIRS}) >= 20
