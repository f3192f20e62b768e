"""Many damaged documents for every reader, each in a process of its own with bounds on time and memory."""

from __future__ import annotations

from contextlib import chdir

import pytest

from tests.fuzz import corpus
from tests.fuzz.readers import fuzz, shares

INPUTS = 100_000


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[corpus.Reader, int]]:
    with chdir(tmp_path_factory.mktemp("documents")):
        return {reader.name: (reader, share) for reader, share in shares(corpus.readers(), INPUTS)}


@pytest.mark.usefixtures("in_tmp_path")
@pytest.mark.parametrize("name", corpus.NAMES)
def test_a_hundred_thousand_inputs_over_all_readers(name: str, readers: dict[str, tuple[corpus.Reader, int]]) -> None:
    tally = fuzz(*readers[name], seed=0)
    assert tally.sound, "\n".join([tally.line(), *tally.shown])
