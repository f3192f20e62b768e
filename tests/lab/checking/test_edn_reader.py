"""The reader of EDN, held against another one, `edn_format`, and against what that one does not read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.lab.checking.edn_reader import EdnName, read_forms

names = st.from_regex(r"[a-z][a-z0-9-]{0,5}", fullmatch=True)
texts = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=8)
atoms = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["nil", "true", "false", "1.5", "-2.25", "7N"]),
    names.map(lambda name: f":{name}"),
    names,
    texts.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'),
)


def written(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inside, max_size=4)
    pairs = st.dictionaries(names.map(lambda name: f":{name}"), inside, max_size=3)
    return st.one_of(
        several.map(lambda parts: f"[{' '.join(parts)}]"),
        several.map(lambda parts: f"({', '.join(parts)})"),
        pairs.map(lambda found: "{" + ", ".join(f"{key} {value}" for key, value in found.items()) + "}"),
        inside.map(lambda part: f"[1 #_ {part} ; a comment\n 2]"),
    )


forms = st.recursive(atoms, written, max_leaves=12)


def plain(value: Any) -> Any:
    """Return a form of either reader without the types of either."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, EdnName) or "edn" in type(value).__module__ else value


@given(st.lists(forms, min_size=1, max_size=3))
def test_both_readers_read_the_same(texts: list[str]) -> None:
    text = "\n".join(texts)
    other = import_module("edn_format").loads_all(text)
    assert [plain(each) for each in read_forms(text)] == [plain(each) for each in other]


def test_records_of_jepsen_are_maps() -> None:
    text = '#jepsen.history.Op{:index 0, :time 12, :type :invoke, :error #inst "2020-01-01", :value #{1}}'
    (form,) = read_forms(text)
    assert {str(key): plain(value) for key, value in form.items()} == {
        ":index": 0,
        ":time": 12,
        ":type": ":invoke",
        ":error": "2020-01-01",
        ":value": [1],
    }


def test_texts_and_characters_are_unescaped() -> None:
    assert list(read_forms(r'"a\tb\u00e9\"" \a \newline')) == ['a\tbé"', "a", "\n"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1 2", "line 1: the text ends within a form"),
        ("1\n]", "line 2: found ], which nothing opens"),
        ("[1}", "line 1: found }, which nothing opens"),
        ("{:a}", "line 1: a map has a key without a value"),
        ("{:a 1 :a 2}", "line 1: a map has a key twice"),
        ('"no end', "line 1: found"),
        (r'"\x"', "expected an escape of a text"),
        (r'"\ud800"', "half a character"),
        ("1a", "expected a number or a name"),
        ("9" * 101, "is too long"),
        ("[" * 70, "nested more than 64 deep"),
        ("#_", "the text ends within a form"),
        ("[#_]", "expected a form to discard"),
        ("#a", "the text ends within a form"),
    ],
)
def test_what_is_not_edn_is_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^line ") as error:
        list(read_forms(text))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
