"""Histories that papers and reports are known for: each is named as its source names it.

A. Adya, *Weak consistency*, MIT 1999. H. Berenson et al., *A critique of ANSI SQL isolation levels*, SIGMOD 1995.
A. Fekete, E. O'Neil, P. O'Neil, *A read-only transaction anomaly under snapshot isolation*, SIGMOD Record 2004.
A. Cerone, A. Gotsman, *Analysing snapshot isolation*, JACM 2018. K. Kingsbury, P. Alvaro, *Elle*, VLDB 2020.
"""

from __future__ import annotations

import pytest

from tests.checker.transactions.histories import judge, named

SI, RC, RU, S = "snapshot-isolation", "read-committed", "read-uncommitted", "serializable"

LISTS: dict[str, tuple[tuple[str, ...], list[str], list[str]]] = {
    "dirty write (Adya's H-wcycle)": (
        ("append x 1, append y 1", "append x 2, append y 2", "r x [1 2], r y [2 1]"),
        ["G0"],
        [],
    ),
    "aborted read": (("fail: append x 1", "r x [1]"), ["G1a"], [RU]),
    "intermediate read": (("append x 1, append x 2", "r x [1]"), ["G1b"], [RU]),
    "circular information flow": (("append x 1, r y [1]", "append y 1, r x [1]"), ["G1c"], [RU]),
    "dirty update": (("fail: append x 1", "append x 2", "r x [1 2]"), ["G1a", "dirty update"], [RU]),
    "lost update (P4)": (("r x [], append x 1", "r x [], append x 2", "r x [1 2]"), ["lost update"], [RC]),
    "read skew (A5A)": (("append x 1, append y 1", "r x [1], r y []"), ["G-single"], [RC]),
    "fuzzy read (P2)": (("append x 1", "r x [], r x [1]"), ["internal inconsistency", "G-single"], [RC]),
    "long fork": (
        ("append x 1", "append y 1", "r x [1], r y []", "r x [], r y [1]"),
        ["G-nonadjacent"],
        [RC],
    ),
    "write skew (A5B)": (("r x [], r y [], append x 1", "r x [], r y [], append y 1"), ["G2-item"], [SI]),
    "Fekete's read-only transaction": (
        # T1 withdraws from x, having seen no deposit; T2 deposits to y; T3 sees the deposit and no withdrawal.
        ("r x [], r y [], append x 1", "r y [], append y 2", "r x [], r y [2]"),
        ["G2-item"],
        [SI],
    ),
    "serial": (("append x 1", "r x [1], append x 2", "r x [1 2]"), [], [S]),
}


@pytest.mark.parametrize("name", LISTS)
def test_known_anomalies_of_lists(name: str) -> None:
    texts, anomalies, strongest = LISTS[name]
    found = judge(*texts)
    held = [level for level in found.strongest if not level.startswith("str")] or (
        [S] if found.of_levels[S] else found.strongest
    )
    assert (named(found), held) == (anomalies, strongest)
    assert found.verdict.valid is (not anomalies)


REGISTERS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "aborted read": (("fail: w x 1", "r x 1"), ["G1a"]),
    "intermediate read": (("w x 1, w x 2", "r x 1"), ["G1b"]),
    "circular information flow": (("w x 1, r y 1", "w y 1, r x 1"), ["G1c"]),
    "lost update (P4)": (("w x 100", "r x 100, w x 120", "r x 100, w x 130"), ["lost update"]),
    "oversell: both read 1 and write 0": (("w left 1", "r left 1, w left 0", "r left 1, w left 0"), ["lost update"]),
    "read skew (A5A)": (
        ("w x 50, w y 50", "r x 50, w x 25, r y 50, w y 75", "r x 50, r y 75"),
        ["G-single"],
    ),
    "write skew (A5B)": (("r x nil, r y nil, w x 1", "r x nil, r y nil, w y 1"), ["G2-item"]),
    "serial": (("w x 1", "r x 1, w x 2", "r x 2"), []),
    "blind writes that no order explains": (
        ("w x 1, w y 2", "w x 2, w y 1", "r x 1, r y 1", "r x 2, r y 2"),
        ["not serializable"],
    ),
}


@pytest.mark.parametrize("name", REGISTERS)
def test_known_anomalies_of_registers(name: str) -> None:
    texts, anomalies = REGISTERS[name]
    found = judge(*texts)
    assert (named(found), found.verdict.valid) == (anomalies, not anomalies)


def test_an_anomaly_that_the_level_allows_is_not_one() -> None:
    skew = ("r x [], r y [], append x 1", "r x [], r y [], append y 1")
    found = judge(*skew, level=SI)
    assert (found.verdict.valid, named(found), found.of_levels[S]) == (True, [], False)


def test_a_stale_read_contradicts_only_the_order_in_time() -> None:
    found = judge("append x 1", "r x []", level="strict-serializable", one_by_one=True)
    assert named(found) == ["G-single-realtime"]
    assert list(found.strongest) == ["strong-session-serializable"]
    assert [edge["dependency"] for edge in found.verdict.anomalies[0].evidence["cycle"]] == ["realtime", "rw"]


def test_elles_lists_disagree_about_an_order() -> None:
    found = judge("append x 1", "append x 2", "r x [1 2]", "r x [2]")
    assert named(found) == ["incompatible order"]
    assert "neither is a beginning of the other" in found.verdict.anomalies[0].sentence


def test_what_nobody_wrote_contradicts_every_level() -> None:
    for texts in (("append x 1", "r x [1 7]"), ("w x 1", "r x 7"), ("append x 1", "r x [1 1]")):
        found = judge(*texts, level=RU)
        assert (found.verdict.valid, list(found.strongest)) == (False, [])
