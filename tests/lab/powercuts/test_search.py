"""The search of power cuts: it ends, and takes no state for another one."""

from __future__ import annotations

from ticketlab.core.disk import TOP, Disk, DiskOperation, DiskWrite, SetEntry
from ticketlab.core.verdict import Anomaly
from ticketlab.gate.watched import Looks
from ticketlab.lab.powercuts.judges import Judged
from ticketlab.lab.powercuts.recording import Recording
from ticketlab.lab.powercuts.search import CutSearcher, JudgedStates

FIRST, SECOND = 1, 2
BIG, SMALL = b"b" * 512 * 40, b"s" * 100


class SmallMustBeWhole:
    """A judge whose recovery looks at everything, and minds only what the second file holds."""

    heeds_promise = False

    def __init__(self) -> None:
        self.judged = 0

    def judge(self, disk: Disk, _told: str) -> Judged:
        self.judged += 1
        wrong = disk.content().get("small", SMALL) != SMALL
        return Judged([Anomaly("invariant broken", "it is torn")] if wrong else [], Looks(everything=True))


def recording(*operations: DiskOperation) -> Recording:
    return Recording(Disk(), operations, {}, ())


def test_earlier_cuts_with_more_states_than_can_be_judged_do_not_hold_the_search_up() -> None:
    big = SetEntry(TOP, "big", FIRST, True), DiskWrite(FIRST, 0, BIG)
    small = SetEntry(TOP, "small", SECOND, True), DiskWrite(SECOND, 0, SMALL)
    judge = SmallMustBeWhole()
    found = CutSearcher(recording(*big, *small), "strict", JudgedStates(judge)).run()
    wrong = found.wrong["invariant broken"]
    assert wrong.cut == 3, "the name is there before anything is written"
    assert judge.judged < 1_000


def test_one_file_of_two_names_is_not_two_files_that_hold_the_same() -> None:
    states = JudgedStates(SmallMustBeWhole())
    linked = Disk({FIRST: b"x"}, {TOP: {"a": FIRST, "b": FIRST}})
    copied = Disk({FIRST: b"x", SECOND: b"x"}, {TOP: {"a": FIRST, "b": SECOND}})
    renumbered = Disk({FIRST: b"x", SECOND: b"x"}, {TOP: {"a": SECOND, "b": FIRST}})
    assert linked.content() == copied.content()
    assert states.key(linked, "") != states.key(copied, "")
    assert states.key(copied, "") == states.key(renumbered, "")
