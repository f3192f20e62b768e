"""The tests of machines, run briefly: what they fail with, or what they leave undecided."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings

from ticketlab import ConcurrentMachine

BRIEFLY = settings(settings.get_profile("ci"), max_examples=25)


def failure_of(machine: type[ConcurrentMachine]) -> str:
    """Return what the test of a machine fails with."""
    test = machine.TestCase
    test.settings = BRIEFLY
    with pytest.raises(AssertionError) as caught:
        test().runTest()
    return str(caught.value)


def passes(machine: type[ConcurrentMachine]) -> str:
    """Have the test of a machine pass, and return what it leaves undecided."""
    test = machine.TestCase
    test.settings = BRIEFLY
    case = test()
    case.runTest()
    undecided: str = case.ticketlab_undecided
    return undecided


def variant(machine: type[ConcurrentMachine], **changed: Any) -> type[ConcurrentMachine]:
    """Return a machine with other settings."""
    made: type[ConcurrentMachine] = type(machine.__name__, (machine,), changed)
    return made
