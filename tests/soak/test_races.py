"""A thousand races in which faults strike at random: two judges that agree, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.races import soak


def test_a_thousand_races_meet_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert soak(races=1_000, seed=0, first=0, say=False)["troubles"] == []
