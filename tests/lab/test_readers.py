"""Every reader takes any bytes: a value, or a one-line refusal. `python -m tests.fuzz.readers` feeds them a million."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import corpus, document_readers
from tests.fuzz.readers import Tally
from ticketlab.core.errors import UsageError
from ticketlab.lab.artifacts.case_files import load_case
from ticketlab.lab.artifacts.files import read_file
from ticketlab.lab.artifacts.opening_stock import opening_stock
from ticketlab.lab.artifacts.result_files import read_document

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=8), inside, max_size=4),
    max_leaves=10,
).map(lambda value: json.dumps(value).encode())


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, corpus.Reader]:
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("documents"))
    try:
        return {reader.name: reader for reader in corpus.readers()}
    finally:
        os.chdir(before)


def test_every_reader_has_its_law(readers: dict[str, corpus.Reader]) -> None:
    assert tuple(readers) == corpus.NAMES


@pytest.mark.usefixtures("in_tmp_path")
@pytest.mark.parametrize("name", corpus.NAMES)
def test_any_bytes_are_a_value_or_a_refusal_of_one_line(name: str, readers: dict[str, corpus.Reader]) -> None:
    reader, path = readers[name], Path(readers[name].file)
    path.parent.mkdir(parents=True, exist_ok=True)
    read = reader.open()

    def fed(content: bytes) -> Tally:
        tally = Tally(name)
        path.write_bytes(content)
        tally.feed(read, path)
        return tally

    for document in reader.documents:
        assert fed(document).accepted, "the lab reads its own documents"

    damaged = st.integers(0, 1 << 32).map(lambda seed: reader.mutate(Random(seed)))

    @settings(max_examples=40)
    @given(damaged | st.binary(max_size=200) | JSON)
    def law(content: bytes) -> None:
        assert fed(content).shown == []

    law()


@pytest.mark.parametrize("read", [read_document, load_case, lambda path: opening_stock(str(path))])
def test_only_regular_files_are_read_so_nothing_is_waited_for(read: document_readers.Read, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    for name in ("pipe.json", "folder.json", "missing.json", "a\0b.json"):
        with pytest.raises(UsageError) as refusal:
            read(tmp_path / name)
        assert "\n" not in str(refusal.value)
    with pytest.raises(UsageError, match="is not a regular file"):
        read_file(Path("/dev/zero"), "result")
