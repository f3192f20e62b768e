"""What is compared: the grammar of lists, and the cells that they make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.core.spec import Spec
from ticketlab.lab.comparing.cells import cell_matrix, default_strategies, parse_buyer_counts, parse_specs
from ticketlab.lab.plugins.registry import strategies

WORD = st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True)
SPECS = st.builds(
    lambda name, variant, options: Spec(name, variant, tuple(options.items())),
    WORD, st.one_of(st.just(""), WORD), st.dictionaries(WORD, WORD, max_size=3),
)  # fmt: skip


@pytest.mark.slow
@given(st.lists(SPECS, min_size=1, unique=True))
def test_a_list_reads_back_what_it_joins(specs: list[Spec]) -> None:
    assert parse_specs([",".join(map(str, specs))]) == specs
    assert parse_specs(map(str, specs)) == specs


def test_a_comma_before_an_option_belongs_to_its_spec() -> None:
    found = parse_specs(["json,sqlite:journal=delete,synchronous=off,json", "manager"])
    assert list(map(str, found)) == ["json", "sqlite:journal=delete,synchronous=off", "manager"]


@given(st.lists(st.integers(1, 2000), min_size=1))
def test_numbers_of_buyers_come_once_and_ascending(numbers: list[int]) -> None:
    assert parse_buyer_counts([",".join(map(str, numbers))]) == sorted(set(numbers))


def test_nothing_named_means_three_stores_unguarded_and_under_their_fixes() -> None:
    found = cell_matrix((), (), (), ())
    assert {str(cell.store) for cell in found.cells} == {"json", "sqlite", "manager"}
    assert found.unsupported == []
    assert {(cell.buyers, str(cell.launcher)) for cell in found.cells} == {(8, "process")}
    unsafe = [str(cell.strategy) for cell in found.cells if not cell.claims_safety]
    assert unsafe == ["none"] * 3


def test_pairs_that_do_not_go_together_are_listed_with_the_reason() -> None:
    found = cell_matrix(["json,sqlite"], ["atomic"], (), ["1,8"])
    assert [(str(cell.store), cell.buyers) for cell in found.cells] == [("sqlite", 1), ("sqlite", 8)]
    assert [str(each.store) for each in found.unsupported] == ["json"]
    assert "needs a conditional update" in found.unsupported[0].reason


def test_a_strangers_store_is_compared_under_all_that_runs_on_it() -> None:
    assert {spec.name for spec in default_strategies(Spec("private"))} == {"none", "lock"}


def test_the_moving_parts_of_every_strategy_of_ours_are_named() -> None:
    for kind in strategies():
        for variant in kind.variants or ("",):
            assert kind.moving_parts(Spec(kind.name, variant)) is not None


def test_a_round_has_as_many_tickets_as_orders() -> None:
    (cell,) = cell_matrix(["sqlite:journal=delete"], ["lock"], ["pool:2"], ["3"]).cells
    assert cell.scenario(4).inventory.tickets == 12


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [(["json,,lock"], "an empty entry"), ([""], "an empty entry"), (["key=value"], "a colon follows the name")],
)
def test_a_list_that_makes_no_sense_is_refused(texts: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        cell_matrix(texts, (), (), ())
