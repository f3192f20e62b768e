"""The laws of locks: every mistake is found by the law that it breaks, and no right lock is blamed."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, SoftFileLock

from tests.testing.lock_check import samples
from ticketlab import check_lock
from ticketlab.core.errors import UsageError

WRONG: list[tuple[str, Any]] = [
    ("one at a time", samples.flocked_and_unlinked),
    ("one at a time", multiprocessing.Semaphore(2)),
    ("long pause", threading.Lock()),
    ("long pause", multiprocessing.Lock),  # made anew for each call
    ("long pause", samples.created_or_older_than_a_minute),
    ("stale file", samples.TakesOverFromTheDead),
    ("number of its own", samples.TakesItsOwnNumberForItsLock),
    ("taken again", samples.CountsInVain),
    ("taken again", samples.record_locked),  # it ends when any of the process's openings of the file is closed
    ("release by a stranger", samples.ReleasesWhatItHasNot),
    ("release by a stranger", multiprocessing.Lock()),
    ("file removed", samples.OpensOnce),
]


@pytest.mark.slow
@pytest.mark.parametrize(("law", "lock"), WRONG)
def test_a_wrong_lock_is_convicted(law: str, lock: Any) -> None:
    report = check_lock(lock, laws=[law])
    (broken,) = report.broken
    assert report.valid is False
    assert broken.finding is not None
    assert [anomaly.name for anomaly in broken.finding.anomalies] == ["two holders"]
    assert "two holders: process" in str(report)


RIGHT: list[tuple[str, Any]] = [
    ("long pause", samples.record_locked),
    ("long pause", samples.created),
    ("long pause", samples.linked),
    ("file removed", samples.made_directory),
    ("file removed", FileLock),
    ("taken again", FileLock("app.lock")),
    ("stale file", "app.lock"),
    ("stale file", SoftFileLock),
]


@pytest.mark.slow
@pytest.mark.parametrize(("law", "lock"), RIGHT)
def test_a_right_lock_is_not_blamed(law: str, lock: Any) -> None:
    report = check_lock(lock, laws=[law], executions=5)
    assert report.valid is not False, str(report)


@pytest.mark.slow
def test_a_lock_of_the_kernels_keeps_the_laws_and_what_it_does_beside_them_is_told() -> None:
    laws = ("long pause", "number of another", "taken again", "release by a stranger", "file removed")
    report = check_lock(samples.flocked, laws=laws)
    assert report.valid, str(report)
    (again,) = [law for law in report.laws if law.law == "taken again"]
    assert again.facts == ["a holder that takes it again waits for ever"]
    assert [law.law for law in report.laws if not law.applies] == ["number of another", "release by a stranger"]


@pytest.mark.slow
def test_three_processes_are_kept_apart_that_come_twice() -> None:
    assert check_lock(multiprocessing.Lock(), laws=["one at a time"]).valid


@pytest.mark.slow
def test_a_lock_is_put_back_to_how_it_was_given_after_each_law() -> None:
    lock = multiprocessing.RLock()
    report = check_lock(lock, laws=["killed holder", "long pause"], executions=50)
    assert [law.valid for law in report.laws] == [True, True]
    assert report.laws[0].facts == ["it stays taken after a dead holder"]
    assert lock.acquire(False)
    lock.release()


def test_a_lock_that_cannot_be_put_back_is_undecided() -> None:
    class Hidden:
        def __init__(self) -> None:
            self.settings = argparse.Namespace(lock=multiprocessing.Lock())  # a library's object is not looked into

        def acquire(self) -> bool:
            return bool(self.settings.lock.acquire())

        def release(self) -> None:
            self.settings.lock.release()

    (law,) = check_lock(Hidden(), laws=["long pause"]).laws
    assert law.valid is None
    assert "not put back between executions" in law.reason


@pytest.mark.slow
def test_nothing_is_proved_if_no_two_ever_get_in() -> None:
    class OnceOnly(samples.ReleasesWhatItHasNot):
        def release(self) -> None:
            """Keep it."""

    report = check_lock(OnceOnly, laws=["long pause", "stale file"])
    assert [law.valid for law in report.laws] == [None, True]
    assert report.laws[1].facts == ["it stays taken after a dead holder"]


@pytest.mark.slow
def test_a_lock_that_outlives_its_holder_is_no_break_but_told() -> None:
    report = check_lock(multiprocessing.Lock(), laws=["killed holder"], executions=10)
    assert report.valid is not False
    assert report.laws[0].facts == ["it stays taken after a dead holder"]


@pytest.mark.slow
def test_a_release_that_frees_nobody_leaves_the_others_waiting_for_ever() -> None:
    class NeverReleased(samples.OpensOnce):
        def release(self) -> None:
            kept.append(self.file)

    kept: list[Any] = []
    report = check_lock(NeverReleased, laws=["one at a time"])
    assert [anomaly["name"] for anomaly in report.to_json()["laws"][0]["anomalies"]] == ["deadlock"]


def test_a_lock_whose_steps_the_lab_does_not_see_proves_nothing(tmp_path: Path) -> None:
    class Abstract:
        def acquire(self) -> bool:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.bind("\0" + str(tmp_path))
            except OSError:
                return False
            return True

        def release(self) -> None:
            self.socket.close()

    report = check_lock(Abstract, laws=["long pause"])
    assert report.valid is None
    assert "the lock calls socket.bind, which the lab does not see" in report.laws[0].reason
    assert json.loads(json.dumps(report.to_json()))["lock"] == "Abstract"


@pytest.mark.parametrize(
    ("lock", "says"),
    [
        (3, "3 is no lock"),
        (lambda inventory: inventory, "asks for 'inventory'"),
        (int, "a process that is alone cannot take int and let it go: 0 was made as a lock"),
        (lambda folder: (folder / "app.lock").open(), "No such file or directory"),
    ],
)
def test_what_is_no_lock_is_refused(lock: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        check_lock(lock)


def test_an_unknown_law_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown law of locks 'pause': did you mean 'long pause'"):
        check_lock(Path("app.lock"), laws=["pause"])
