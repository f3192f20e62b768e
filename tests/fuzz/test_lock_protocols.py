"""Tiny protocols of locks, drawn at random: the laws, and a brute force of all interleavings, say the same of each."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.testing.lock_check.interpreter import Protocol
from tests.testing.lock_check.test_protocols import agree, left_by_a_dead_holder, protocols
from ticketlab.testing.lock_check.remains import LockRemains


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> LockRemains:
    return left_by_a_dead_holder(tmp_path_factory.mktemp("left"))


@settings(max_examples=200)
@given(protocol=protocols())
def test_both_judges_say_the_same_of_any_lock(left: LockRemains, protocol: Protocol) -> None:
    agree(protocol, left)
