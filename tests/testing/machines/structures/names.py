"""Structures made of names of files: each wrong one looks before it acts, where the right one does both at once."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from hypothesis import strategies as st

from ticketlab import ConcurrentMachine, rule
from ticketlab.testing.models import (
    CounterModel,
    JobQueueModel,
    LockModel,
    QueueModel,
    RateLimiterModel,
    SemaphoreModel,
)


class LockFile(ConcurrentMachine):
    model = LockModel

    @rule()
    def try_acquire(self, who: int) -> bool:
        try:
            with open("lock", "x") as lock:
                lock.write(str(who))
        except FileExistsError:
            return False
        Path(f"held.{who}").touch()
        return True

    @rule()
    def release(self, who: int) -> bool:
        if not Path(f"held.{who}").exists():
            return False
        Path(f"held.{who}").unlink()
        Path("lock").unlink(missing_ok=True)
        return True


class LockWithTwoOwners(LockFile):
    @rule()
    def try_acquire(self, who: int) -> bool:
        if Path("lock").exists():
            return False
        Path("lock").write_text(str(who))
        Path(f"held.{who}").touch()
        return True


class Slots(ConcurrentMachine):
    """Permits as files with numbers."""

    most = 1

    def take(self, who: int) -> bool:
        for number in range(self.most):
            try:
                os.close(os.open(f"slot.{number}", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            return True
        return False


def take_after_a_count(slots: Slots, who: int) -> bool:
    """Count the files, and then make one of one's own."""
    taken = len([name for name in os.listdir() if name.startswith("slot")])
    if taken >= slots.most:
        return False
    Path(f"slot.{who}.{taken}").touch()
    return True


class RateLimiter(Slots):
    model = RateLimiterModel

    @rule()
    def allow(self, who: int) -> bool:
        return self.take(who)


class RateLimiterOneTooMany(RateLimiter):
    take = take_after_a_count


class Semaphore(Slots):
    most = 2

    @staticmethod
    def model() -> SemaphoreModel:
        return SemaphoreModel(2)

    @rule()
    def try_acquire(self, who: int) -> bool:
        return self.take(who)


class SemaphoreOneTooMany(Semaphore):
    take = take_after_a_count


class FolderQueue(ConcurrentMachine):
    """Items as files, in the order of their names; who renames one has it."""

    @staticmethod
    def model() -> QueueModel:
        queue = QueueModel()
        for item in ("1", "2"):
            queue.put(item)
        return queue

    def setup(self) -> None:
        for name in ("taken", "waiting"):
            Path(name).mkdir()
        for item in ("1", "2"):
            Path("waiting", item).touch()

    @rule()
    def try_get(self, who: int) -> str | None:
        for name in sorted(os.listdir("waiting")):
            try:
                os.rename(f"waiting/{name}", f"taken/{name}")
            except FileNotFoundError:
                continue
            return name
        return None


class QueueThatHandsOutTwice(FolderQueue):
    @rule()
    def try_get(self, who: int) -> str | None:
        for name in sorted(os.listdir("waiting")):
            Path("waiting", name).unlink(missing_ok=True)
            return name
        return None


class Coupons:
    """Coupons "a" and "b": each is redeemed once."""

    def __init__(self) -> None:
        self.left = {"a", "b"}

    def redeem(self, code: str) -> bool:
        if code not in self.left:
            return False
        self.left.remove(code)
        return True


class CouponFiles(ConcurrentMachine):
    model = Coupons

    def setup(self) -> None:
        for code in "ab":
            Path(code).touch()

    @rule(code=st.sampled_from("ab"))
    def redeem(self, code: str) -> bool:
        try:
            os.unlink(code)
        except FileNotFoundError:
            return False
        return True


class CouponRedeemedTwice(CouponFiles):
    @rule(code=st.sampled_from("ab"))
    def redeem(self, code: str) -> bool:
        if not os.path.exists(code):
            return False
        with suppress(FileNotFoundError):
            os.unlink(code)
        return True


class SequenceOfIds(ConcurrentMachine):
    """Numbers from 1, each given once."""

    model = CounterModel

    @rule()
    def increment(self) -> int:
        number = len(os.listdir()) + 1
        while True:
            try:
                os.close(os.open(str(number), os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                number += 1
                continue
            return number


class IdGivenTwice(SequenceOfIds):
    @rule()
    def increment(self) -> int:
        number = len(os.listdir()) + 1
        Path(str(number)).touch()
        return number


class JobFiles(ConcurrentMachine):
    """Jobs as files in two folders."""

    @staticmethod
    def model() -> JobQueueModel:
        jobs = JobQueueModel()
        jobs.submit("1")
        return jobs

    def setup(self) -> None:
        Path("waiting").mkdir()
        Path("claimed").mkdir()
        Path("waiting", "1").touch()

    @rule()
    def claim(self, who: int) -> str | None:
        try:
            os.rename("waiting/1", "claimed/1")
        except FileNotFoundError:
            return None
        return "1"


class JobClaimedTwice(JobFiles):
    @rule()
    def claim(self, who: int) -> str | None:
        if not os.path.exists("waiting/1"):
            return None
        os.close(os.open(f"claimed/{who}", os.O_CREAT))
        with suppress(FileNotFoundError):
            os.unlink("waiting/1")
        return "1"


PAIRS: list[tuple[type[ConcurrentMachine], type[ConcurrentMachine]]] = [
    (LockWithTwoOwners, LockFile),
    (RateLimiterOneTooMany, RateLimiter),
    (SemaphoreOneTooMany, Semaphore),
    (QueueThatHandsOutTwice, FolderQueue),
    (CouponRedeemedTwice, CouponFiles),
    (IdGivenTwice, SequenceOfIds),
    (JobClaimedTwice, JobFiles),
]
