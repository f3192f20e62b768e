"""A transaction of which nobody knows whether it happened is never held against a history, unless it was seen."""

from __future__ import annotations

from tests.checker.transactions.histories import judge, named


def test_a_crashed_transaction_need_not_have_happened() -> None:
    found = judge("info: append x 1, append y 1", "r x [], append y 2", "r y [2], r x []")
    assert found.verdict.valid is True


def test_what_was_seen_of_it_proves_that_it_happened() -> None:
    found = judge("info: append x 1, append y 1", "r x [1], r y []")
    assert named(found) == ["G-single"]


def test_it_may_have_happened_long_after_its_process_gave_up() -> None:
    valid = ("info: append x 1", "r x []", "r x [1]")
    assert judge(*valid, level="strict-serializable", one_by_one=True).verdict.valid is True


def test_what_it_read_says_nothing() -> None:
    assert judge("append x 1", "info: r x [7], append y 1", "r y [1]").verdict.valid is True


def test_a_cycle_of_writes_through_it_is_no_dirty_write_for_sure() -> None:
    """If it was aborted, others read what it wrote: read uncommitted allows that, and nothing above does."""
    texts = ("append x 1, append y 1", "info: append x 2, append y 2", "r x [1 2], r y [2 1]")
    found = judge(*texts)
    assert named(found) == ["G0"]
    assert list(found.strongest) == ["read-uncommitted"]


def test_registers_that_two_may_have_written_are_not_traced() -> None:
    found = judge("w x 1", "info: w x 1", "r x 1, w x 2", "r x 1", level="read-committed")
    assert found.verdict.valid is True  # a serial order was found, whoever wrote it
    found = judge("w x 1, w y 1", "w x 1, w y 2", "r x nil, r y 1, r x 1", level="read-committed")
    assert found.verdict.valid is None
    assert "1 was written to x by each of T1 and T2" in found.verdict.reason


def test_snapshots_of_writes_in_unknown_order_are_undecided() -> None:
    texts = ("w x 1, w y 2", "w x 2, w y 1", "r x 1, r y 1", "r x 2, r y 2")
    found = judge(*texts, level="snapshot-isolation")
    assert (found.verdict.valid, found.of_levels["serializable"]) == (None, False)
