"""How choices are written and checked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.core.spec import Kind, Option, Spec

WORD = st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True)
KIND = Kind(
    name="clerk",
    summary="",
    variants={"queue": "", "socket": ""},
    options={"workers": Option("4", "", variant="socket"), "transport": Option("unix", "", ("unix", "tcp"))},
)


@given(WORD, st.one_of(st.just(""), WORD), st.dictionaries(WORD, WORD))
def test_a_spec_reads_back_what_it_prints(name: str, variant: str, options: dict[str, str]) -> None:
    spec = Spec(name, variant, tuple(options.items()))
    assert Spec.parse(str(spec)) == spec


@given(st.text(min_size=1).filter(lambda text: text == text.strip() and "\0" not in text))
def test_an_option_s_value_may_be_any_text(value: str) -> None:
    kind = Kind(name="server", summary="", options={"url": Option("", "", text=True), "size": Option("1", "")})
    spec = Spec("server", options=(("url", value), ("size", "2")))
    assert Spec.parse(str(spec)) == spec
    assert kind.settings(spec) == {"url": value, "size": "2"}


def test_an_address_is_written_as_it_is_but_for_its_commas() -> None:
    spec = Spec.parse("postgres:pooled,url=postgresql://lab:pw@[::1]:5432/books?a=1,,b=2,size=2")
    assert spec.variant == "pooled"
    assert dict(spec.options) == {"url": "postgresql://lab:***@[::1]:5432/books?a=1,b=2", "size": "2"}


def test_settings_are_the_defaults_and_what_was_set() -> None:
    assert KIND.settings(Spec.parse("clerk:socket,workers=2")) == {"workers": "2", "transport": "unix"}
    assert KIND.variant(Spec.parse("clerk:socket")) == "socket"


def test_the_first_variant_is_the_default() -> None:
    assert KIND.variant(Spec.parse("clerk")) == "queue"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no name"),
        (":x", "has no name"),
        ("clerk:a,b", "at 'b'"),
        ("clerk:=3", "at '=3'"),
        ("clerk:,", "at ''"),
        ("clerk:a,,b", "at 'a,,b'"),
        ("clerk:sockett", "did you mean 'socket'"),
        ("clerk,workers=3", "a colon follows the name"),
        ("clerk:SOCKET", "did you mean 'socket'"),
        ("clerk:wokers=3", "did you mean 'workers'"),
        ("clerk:workers", "needs a value: write workers=VALUE"),
        ("clerk:socket,workers=0", "whole number of at least 1"),
        ("clerk:workers=3", "an option of clerk:socket"),
        ("clerk:transport=tpc", "did you mean 'tcp'"),
    ],
)
def test_a_wrong_choice_is_answered_with_what_would_be_right(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match="(?s)" + complaint.replace("?", r"\?")):
        KIND.settings(Spec.parse(text))


@pytest.mark.parametrize("text", ["pool", "pool:0", "pool:many", "pool:-1", "pool:²"])
def test_a_kind_that_is_numbered_needs_its_number(text: str) -> None:
    with pytest.raises(UsageError, match="needs its number of workers"):
        Kind(name="pool", summary="", number="number of workers").settings(Spec.parse(text))
