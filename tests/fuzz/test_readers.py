"""Damaged documents for every reader; `python -m tests.fuzz.readers` feeds more, and bombs, with bounds on time."""

from __future__ import annotations

from contextlib import chdir
from dataclasses import replace

import pytest

from tests.fuzz import corpus
from tests.fuzz.readers import MOST_MIB, fuzz, shares

INPUTS = 4_000


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[corpus.Reader, int]]:
    with chdir(tmp_path_factory.mktemp("documents")):
        return {reader.name: (reader, share) for reader, share in shares(corpus.readers(), INPUTS)}


@pytest.mark.usefixtures("in_tmp_path")
@pytest.mark.parametrize("name", corpus.NAMES)
def test_damaged_documents_are_read_or_refused_by_each_reader(
    name: str, readers: dict[str, tuple[corpus.Reader, int]]
) -> None:
    reader, share = readers[name]
    tally = fuzz(replace(reader, bombs=lambda: ()), share, seed=0)
    assert not tally.tracebacks, "\n".join([tally.line(), *tally.shown])
    assert tally.peak_mib <= MOST_MIB
