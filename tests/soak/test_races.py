"""A thousand races with faults injected at random: two judges that agree, nothing left behind."""

from __future__ import annotations

import pytest

from tests.soak.races import soak


@pytest.mark.usefixtures("in_tmp_path")
def test_a_thousand_races_meet_no_trouble() -> None:
    assert soak(races=1_000, seed=0, first=0, say=False)["troubles"] == []
