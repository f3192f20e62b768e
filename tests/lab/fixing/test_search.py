"""A fix by search: the fewest lines that one lock has to span are named where they are proved, and only there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from multiprocessing import Manager, Value
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.plain_programs import (
    check_before_lock,
    check_then_mkdir,
    json_counter,
    max_id,
    one_time_invite,
    pid_file,
    shared_temporary,
    shared_value,
    sqlite_claim,
    stale_copy,
    two_locks,
)
from ticketlab.core.errors import UsageError
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.fixing.held_lines import with_lock_held
from ticketlab.lab.fixing.search import FoundFix, find_fix, refuse_unfixable
from ticketlab.lab.fixing.stretches import CodePlace, Stretch
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction

ON_PROCESSES = ExploreOptions(executor="processes", executions=500)

FIXES = [
    (json_counter, "stock = json.loads(", 'Path(f"sold.{who}").touch()'),
    (shared_temporary, 'Path("active.txt.tmp").write_text(', 'os.replace("active.txt.tmp"'),
    (pid_file, 'if Path("service.pid").exists():', 'Path("service.pid").write_text('),
    (check_then_mkdir, 'if not os.path.isdir("reports"):', 'os.mkdir("reports")'),
    (check_before_lock, "if valid():", "count()"),
    (one_time_invite, 'if Path("invite").exists():', 'Path("invite").unlink('),
    (sqlite_claim, "row = db.execute(", "db.commit()"),
    (max_id, 'with closing(sqlite3.connect("orders.db"))', 'db.execute("insert into'),
    (stale_copy, "notes = json.loads(", "save(notes)"),
    (shared_value, "total.value += lines(", "total.value += lines("),
]


def fix_of(function: Callable[..., Any], how: ExploreOptions = ON_PROCESSES, **settings: Any) -> FoundFix:
    plain = PlainFunction(function=function, **settings)
    found = explore_plain(plain, replace(how, executions=500))
    assert found.valid is False
    return find_fix(plain, found, how)


def lines_of(fix: FoundFix) -> tuple[str, str]:
    assert fix.stretch is not None, fix.sentence
    source = fix.stretch.source()
    return source[0].strip(), source[-1].strip()


@pytest.mark.thorough
@pytest.mark.parametrize(("module", "first", "last"), FIXES, ids=lambda each: getattr(each, "__name__", "")[21:])
def test_the_extent_of_the_fix_is_named(module: ModuleType, first: str, last: str) -> None:
    fix = fix_of(module.bad, reset=module.reset, invariant=module.invariant)
    begins, ends = lines_of(fix)
    assert begins.startswith(first)
    assert ends.startswith(last)


def dark_or_read(who: int) -> str | None:
    if who == 1:
        text = Path("settings").read_text()
        Path("settings").write_text(text.replace("light", "dark"))
        return None
    return Path("settings").read_text()


def light(folder: Path) -> None:
    (folder / "settings").write_text("light")


@pytest.mark.slow
def test_a_reader_and_a_writer_on_lines_of_their_own_have_one_stretch() -> None:
    fix = fix_of(dark_or_read, reset=light, returned=lambda returned: returned[1] in ("light", "dark"))
    assert lines_of(fix) == ("if who == 1:", 'return Path("settings").read_text()')


@pytest.mark.slow
def test_locks_in_opposite_order_are_taken_under_one_more() -> None:
    fix = fix_of(two_locks.bad, reset=two_locks.reset, invariant=two_locks.invariant)
    assert lines_of(fix) == ("fcntl.flock(one, fcntl.LOCK_EX)", "fcntl.flock(two, fcntl.LOCK_EX)")


@pytest.mark.slow
def test_one_line_of_two_steps_is_a_stretch() -> None:
    with Manager() as manager:
        counts = manager.dict()

        def visit() -> None:
            counts["home"] += 1

        def all_counted() -> bool:
            return bool(counts["home"] == 2)

        fix = fix_of(visit, reset=lambda: counts.update(home=0), invariant=all_counted)
    assert lines_of(fix) == ('counts["home"] += 1', 'counts["home"] += 1')
    assert fix.sentence.startswith("hold one lock at test_search.py:")


TOTAL = Value("i", 0)


def add_twice() -> None:
    for _ in range(2):
        before = TOTAL.value
        TOTAL.value = before + 1


def put_back() -> None:
    TOTAL.value = 0


@pytest.mark.slow
def test_a_stretch_in_a_loop_is_left_between_the_rounds() -> None:
    fix = fix_of(add_twice, reset=put_back, invariant=lambda: TOTAL.value == 4)
    assert lines_of(fix) == ("before = TOTAL.value", "TOTAL.value = before + 1")
    assert fix.executions > 2, "the rounds of two processes mix"


def add_until_told(who: int) -> None:
    rounds = 0
    while True:
        before = TOTAL.value
        TOTAL.value = before + 1
        rounds += 1
        if rounds == who:
            return


@pytest.mark.slow
def test_an_endless_loop_is_one_stretch_or_its_rounds_are_told_apart() -> None:
    fix = fix_of(add_until_told, reset=put_back, invariant=lambda: TOTAL.value == 3)
    assert lines_of(fix) == ("while True:", "return")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threads", "inline"])
def test_participants_of_one_process_have_fixes_too(kind: str) -> None:
    how = replace(ON_PROCESSES, executor=kind)
    fix = fix_of(one_time_invite.bad, how, reset=one_time_invite.reset, invariant=one_time_invite.invariant)
    assert lines_of(fix)[0] == 'if Path("invite").exists():'


@pytest.mark.slow
def test_what_no_lock_can_mend_has_no_fix() -> None:
    fix = fix_of(first_comes_last, invariant=lambda returned: returned == [1, 2])
    assert fix.stretch is None
    assert fix.sentence.startswith("none found")


def first_comes_last(who: int) -> int:
    """Return in which order they came: whoever is first sees nobody."""
    Path(f"mine.{who}").touch()
    return len(list(Path().glob("mine.*")))


@pytest.mark.slow
def test_a_search_that_is_cut_claims_nothing() -> None:
    how = replace(ON_PROCESSES, executions=1)
    fix = fix_of(one_time_invite.bad, how, reset=one_time_invite.reset, invariant=one_time_invite.invariant)
    assert fix.stretch is None
    assert fix.undecided
    assert "undecided: a lock from one_time_invite.py:" in fix.sentence


@pytest.mark.parametrize(
    ("wrong", "undecided", "sentence"),
    [
        (2, 0, "none found: something still goes wrong under each lock that was tried"),
        (2, 1, "none found: something still goes wrong under 2 locks; undecided: a lock at f.py:7 (cut)"),
        (0, 1, "none found; undecided: a lock at f.py:7 (cut)"),
    ],
)
def test_what_is_undecided_is_not_said_to_go_wrong(wrong: int, undecided: int, sentence: str) -> None:
    stretch = Stretch(CodePlace("f.py", "f", 1), 7, 7)
    assert FoundFix(2, "process", None, 0, wrong, [(stretch, "cut")] * undecided).sentence == sentence


@pytest.mark.slow
def test_nobody_sees_that_the_lock_was_held() -> None:
    plain = PlainFunction(function=one_time_invite.good, reset=one_time_invite.reset)
    fix = fix_of(one_time_invite.bad, reset=one_time_invite.reset, invariant=one_time_invite.invariant)
    assert fix.stretch is not None
    before = explore_plain(plain, ON_PROCESSES)
    after = explore_plain(with_lock_held(plain, fix.stretch), ON_PROCESSES)
    assert (before.valid, before.executions) == (after.valid, after.executions)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (ExploreOptions(executor="kernel"), "--gate kernel"),
        (ExploreOptions(executor="tasks"), "tasks of one event loop"),
    ],
)
def test_searches_without_a_fix_are_refused(how: ExploreOptions, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        refuse_unfixable(how)
