"""The four work-stealing queues of the suite Chess.

The owner of a queue puts items at its tail and takes them from there; thieves take them from its head. Each item must
be taken exactly once. The owner's fast way takes no lock unless the queue looks as if one item were left, and in the
buggy queues it looks at the head before it has moved the tail.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from tests.suites.program import WRONG, ThreadsOfProgram, only_if, program, shared

SUITE = "SCTBench"


def _queue(*, interlocked: bool, with_state: bool) -> Callable[[bool], ThreadsOfProgram]:
    def make(fixed: bool) -> ThreadsOfProgram:
        head, tail, lock, word = shared(), shared(), Lock(), Lock()
        taken = [shared() for _ in range(2)]
        states = [shared() for _ in range(2)]

        def note(item: int) -> bool:
            if with_state:
                before, states[item].value = states[item].value, 2
                return bool(before == 1)
            taken[item].value += 1
            return bool(taken[item].value == 1)

        def puts() -> None:
            for item in range(2):
                if with_state:
                    states[item].value = 1
                with only_if(interlocked, word):
                    tail.value = item + 1

        def pops() -> bool:
            with only_if(fixed, lock):
                first = head.value
                last = tail.value - 1
                with only_if(interlocked, word):
                    tail.value = last
                if first <= last:
                    return note(last)
            with lock:
                if head.value <= last:
                    return note(last)
                tail.value = head.value
            return True

        def owns() -> bool:
            puts()
            return all([pops(), pops()])

        def steals() -> bool:
            with lock:
                first = head.value
                with only_if(interlocked, word):
                    head.value = first + 1
                if first < tail.value:
                    return note(first)
                head.value = first
            return True

        return ThreadsOfProgram([owns, steals])

    return make


_TWICE = "atomicity violation: an item taken twice"
program(SUITE, "Chess/WorkStealQueue", _TWICE, WRONG)(_queue(interlocked=False, with_state=False))
program(SUITE, "Chess/InterlockedWorkStealQueue", _TWICE, WRONG)(_queue(interlocked=True, with_state=False))
program(SUITE, "Chess/StateWorkStealQueue", _TWICE, WRONG)(_queue(interlocked=False, with_state=True))
program(SUITE, "Chess/InterlockedWorkStealQueueWithState", _TWICE, WRONG)(_queue(interlocked=True, with_state=True))
