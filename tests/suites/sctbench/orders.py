"""Programs of the suite CS whose bug needs one order among many threads: reorder, twostage and wronglock."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from tests.suites.program import WRONG, ThreadsOfProgram, only_if, program, shared

SUITE = "SCTBench"
Make = Callable[[bool], ThreadsOfProgram]


def _reorder(setters: int) -> Make:
    def make(fixed: bool) -> ThreadsOfProgram:
        a, b, lock = shared(), shared(), Lock()

        def sets() -> None:
            with only_if(fixed, lock):
                a.value = 1
                b.value = -1

        def checks() -> bool:
            with only_if(fixed, lock):
                return bool((a.value == 0 and b.value == 0) or (a.value == 1 and b.value == -1))

        return ThreadsOfProgram([*[sets] * setters, checks])

    return make


def _twostage(writers: int, readers: int) -> Make:
    def make(fixed: bool) -> ThreadsOfProgram:
        a, b, first, second = shared(), shared(), Lock(), Lock()

        def writes() -> None:
            with first:
                a.value = 1
                if fixed:
                    b.value = a.value + 1
            if not fixed:
                with second:
                    b.value = a.value + 1

        def reads() -> bool:
            with first:
                seen = a.value
                if fixed:
                    return not seen or b.value == seen + 1
            if not seen:
                return True
            with second:
                return bool(b.value == seen + 1)

        return ThreadsOfProgram([*[writes] * writers, *[reads] * readers])

    return make


def _wronglock(right: int, wrong: int) -> Make:
    def make(fixed: bool) -> ThreadsOfProgram:
        data, lock, other = shared(), Lock(), Lock()

        def counts() -> bool:
            with lock:
                before = data.value
                data.value += 1
                return bool(data.value == before + 1)

        def counts_elsewhere() -> None:
            with lock if fixed else other:
                data.value += 1

        return ThreadsOfProgram([*[counts] * right, *[counts_elsewhere] * wrong])

    return make


_HALF_SET = "atomicity violation: a pair seen half set"

for _threads in (3, 4, 5, 10, 20):
    program(SUITE, f"CS/reorder_{_threads}", _HALF_SET, WRONG, hard=_threads > 5)(_reorder(_threads - 1))
program(SUITE, "CS/twostage", "atomicity violation: two locks, one after the other", WRONG)(_twostage(1, 1))
program(SUITE, "CS/twostage_100", "atomicity violation: two locks, one after the other", WRONG, hard=True)(
    _twostage(99, 1)
)
program(SUITE, "CS/wronglock", "data race: another lock", WRONG)(_wronglock(1, 7))
program(SUITE, "CS/wronglock_3", "data race: another lock", WRONG)(_wronglock(1, 3))
