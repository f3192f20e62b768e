"""Shared fixtures, and Hypothesis profiles: `ci` repeats the same examples each time, `campaign` goes on looking."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=50, database=None)
settings.register_profile("campaign", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the test's own folder the working directory, so that `.ticketlab` is made there; return it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
