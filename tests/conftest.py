"""Shared fixtures, and Hypothesis profiles: `ci` repeats the same examples each time, `campaign` goes on looking."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BYTECODE = Path(__file__).resolve().parents[1] / ".pytest_cache" / "bytecode"

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    # The tests start Python thousands of times: where it may keep nothing, it would compile every module each time.
    shutil.rmtree(f"{BYTECODE}{tempfile.gettempdir()}", ignore_errors=True)  # modules that earlier tests wrote
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(BYTECODE)
    sys.dont_write_bytecode = False

for library in (
    "hypothesis.stateful",
    "jinja2",
    "rich.console",
    "sqlalchemy.orm",
    "ticketlab.testing",
    "ticketlab.lab.api",
):
    import_module(library)
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=50, database=None)
settings.register_profile("campaign", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.hookimpl(trylast=True)
def pytest_sessionstart() -> None:
    """Freeze what there is: searches collect before they fork, and need not look through all this, or copy its pages.

    What tests share is made later: the lab finds it among the objects that the collector knows.
    """
    given(st.none())(lambda _: None)()  # Hypothesis looks for who holds its random numbers, and not among the frozen
    gc.collect()
    gc.freeze()


def pytest_collection_finish() -> None:
    """Keep no compiled module that a test is the first to import: tests look at the files that are written."""
    sys.dont_write_bytecode = True


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the test's own folder the working directory, so that `.ticketlab` is made there; return it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def strict(pytester: pytest.Pytester) -> None:
    """Have the inner pytest of a test refuse what it does not know, and take warnings for errors."""
    pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config\nfilterwarnings = error\n")


@pytest.fixture
def memory_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the kernel's gate not speak of memory that modules of other tests share, and which the test cannot reach."""
    from ticketlab.core.system.own_memory import own_addresses
    from ticketlab.gate import inherited

    others = {span.start for span in inherited._spans() if not span.is_lock}
    monkeypatch.setattr(inherited, "own_addresses", lambda: own_addresses() | others)
