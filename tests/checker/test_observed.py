"""Crossings of two participants, told from their steps alone."""

from __future__ import annotations

from ticketlab.checker.observed import MadeStep, Pattern, patterns
from ticketlab.core.steps import NAME, TABLE, Access, Action, Step


def named(action: Action, name: str, *also: Access) -> Step:
    return Step(action, NAME + name, also=also)


READ, WRITE, APPEND = (Step(action, "data") for action in (Action.READ, Action.WRITE, Action.APPEND))
EMPTY = Step(Action.TRUNCATE, "data", also=((Action.LOOK, NAME + "data"),))
LOOK, MAKE, DROP = (named(action, "key") for action in (Action.LOOK, Action.CREATE, Action.UNLINK))
OTHER = named(Action.CREATE, "other")


def found(*moves: tuple[int, Step]) -> list[Pattern]:
    return patterns([MadeStep(who, step) for who, step in moves])


def test_a_write_over_what_it_has_not_seen_is_a_lost_update() -> None:
    assert found((0, READ), (1, READ), (1, WRITE), (0, WRITE)) == [Pattern("lost update", "data", (0, 2, 3))]


def test_whoever_reads_again_loses_nothing() -> None:
    assert not found((0, READ), (1, WRITE), (0, READ), (0, WRITE))


def test_who_never_read_or_only_appends_loses_nothing() -> None:
    assert not found((1, WRITE), (0, WRITE))
    assert not found((0, READ), (1, WRITE), (0, APPEND))


def test_a_rename_puts_another_file_in_the_place_of_what_was_read() -> None:
    moved = named(Action.RENAME, "data", (Action.UNLINK, NAME + "new"))
    assert found((0, READ), (1, moved), (0, moved))[0] == Pattern("lost update", "data", (0, 1, 2))


def test_a_read_between_emptying_and_writing_is_torn() -> None:
    assert found((0, EMPTY), (1, READ), (0, WRITE)) == [Pattern("torn read", "data", (0, 1, 2))]
    assert not found((0, EMPTY), (0, WRITE), (1, READ))


def test_what_was_looked_for_and_changed_is_acted_on() -> None:
    assert found((0, LOOK), (1, MAKE), (0, OTHER)) == [Pattern("check then act", "key", (0, 1, 2))]
    assert not found((0, LOOK), (0, OTHER), (1, MAKE))


def test_an_act_that_was_refused_counts_if_it_is_on_that_name() -> None:
    moves = [MadeStep(0, LOOK), MadeStep(1, DROP)]
    assert patterns([*moves, MadeStep(0, DROP, refused=True)]) == [Pattern("check then act", "key", (0, 1, 2))]
    assert not patterns([*moves, MadeStep(0, OTHER, refused=True)])


def test_the_same_crossing_is_told_once() -> None:
    once = found((0, READ), (1, WRITE), (0, WRITE), (0, WRITE))
    assert once == [Pattern("lost update", "data", (0, 1, 2))]


def test_a_statement_that_reads_again_what_it_changes_acts_on_nothing_old() -> None:
    stock = TABLE + "stock in shop.db"
    looked = Step(Action.READ, "shop.db", also=((Action.READ, stock),))
    blind = Step(Action.WRITE, "shop.db", also=((Action.WRITE, stock),))
    afresh = blind._replace(also=((Action.READ, stock), *blind.also))
    assert [each.kind for each in found((0, looked), (1, blind), (0, blind))] == ["lost update", "check then act"]
    assert not found((0, looked), (1, blind), (0, afresh))
