"""The enumeration: each state is covered by exactly one that was judged, and agrees in all that was looked at."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.disk import Disk
from ticketlab.powercut.choices import DiskFamily, SectorChoice
from ticketlab.powercut.enumeration import Chosen, cover


def family(counts: list[int]) -> DiskFamily:
    choices = (SectorChoice(0, at, tuple(map(bytes, range(1, 1 + count)))) for at, count in enumerate(counts))
    return DiskFamily(Disk(), tuple(choices))


@given(st.lists(st.integers(1, 3), max_size=5))
def test_each_state_is_stood_for_by_exactly_one_that_was_judged(counts: list[int]) -> None:
    looked: dict[Chosen, frozenset[int]] = {}

    def judge(chosen: Chosen) -> frozenset[int]:
        """Look at choices one after another; which is next depends on what was found so far."""
        seen: dict[int, int] = {}
        at = 0
        while at < len(chosen):
            seen[at] = chosen[at]
            at += 1 + hash(tuple(sorted(seen.items()))) % 3
        looked[chosen] = frozenset(seen)
        return looked[chosen]

    covered = cover(family(counts), judge, lambda: True)
    assert (covered.judged, covered.left) == (len(looked), 0)
    for state in product(*map(range, counts)):
        stand = [each for each, places in looked.items() if all(each[at] == state[at] for at in places)]
        assert len(stand) == 1


def test_what_has_lost_least_comes_first() -> None:
    judged: list[Chosen] = []

    def judge(chosen: Chosen) -> range:
        judged.append(chosen)
        return range(3)

    cover(family([2, 2, 2]), judge, lambda: True)
    assert [chosen.count(0) for chosen in judged] == sorted(chosen.count(0) for chosen in judged)
    assert len(set(judged)) == 8


def test_what_is_left_is_counted_if_it_does_not_go_on() -> None:
    judged: list[Chosen] = []

    def judge(chosen: Chosen) -> range:
        judged.append(chosen)
        return range(3)

    covered = cover(family([2, 2, 2]), judge, lambda: len(judged) < 2)
    assert covered.judged == 2
    assert covered.left > 0
