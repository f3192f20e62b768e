"""A few executions of each program on a busy machine: the same as on a quiet one."""

from __future__ import annotations

import pytest

from tests.soak.load import PROGRAMS, differences


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_busy_machine_changes_nothing(name: str) -> None:
    assert differences(name, 4, seed=1) == []
