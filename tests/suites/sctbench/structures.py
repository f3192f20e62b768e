"""Programs of the suites CS, CB and Chess with a data structure: buffers, queues, stacks, a file system."""

from __future__ import annotations

from functools import partial
from threading import Lock

from tests.suites.program import RAISED, WRONG, ThreadsOfProgram, only_if, program, shared

SUITE = "SCTBench"


@program(SUITE, "CS/circular_buffer", "wrong assertion, in some orders", WRONG)
def circular_buffer(fixed: bool) -> ThreadsOfProgram:
    """Two threads take turns at a buffer by two flags; a try that is out of turn is counted all the same."""
    lock, may_send, may_receive, cells, places = Lock(), shared(1), shared(), [shared() for _ in range(3)], [shared()]
    start = shared()

    def sends() -> None:
        for number in range(3):
            with lock:
                if may_send.value:
                    cells[places[0].value].value = number
                    places[0].value += 1
                    may_send.value, may_receive.value = 0, 1

    def receives() -> bool:
        right = True
        for number in range(3):
            with lock:
                if may_receive.value:
                    got = cells[start.value].value
                    right = right and (fixed or got == number)
                    start.value += 1
                    may_receive.value, may_send.value = 0, 1
        return right

    return ThreadsOfProgram([sends, receives])


@program(SUITE, "CS/queue", "wrong assertion, in most orders", WRONG, has_twin=False)
def queue(_fixed: bool) -> ThreadsOfProgram:
    """One thread fills a queue as a whole, and the other compares, at each try, with the element of that try.

    Tries before the queue is filled come to nothing and are counted, and the writer keeps one element more in mind.
    """
    lock, filled, head = Lock(), shared(), shared()
    items, stored = [shared() for _ in range(3)], [shared() for _ in range(4)]

    def fills() -> None:
        with lock:
            for place in range(3):
                items[place].value = place + 1
                stored[place + 1].value = place + 1
            filled.value = 1

    def empties() -> bool:
        right = True
        for place in range(3):
            with lock:
                if filled.value:
                    right = right and items[head.value].value == stored[place].value
                    head.value += 1
        return right

    return ThreadsOfProgram([fills, empties])


@program(SUITE, "CS/stack", "wrong assertion: underflow", WRONG)
def stack(fixed: bool) -> ThreadsOfProgram:
    """One thread pushes as often as the other pops; a flag says once for all that something was pushed."""
    lock, size, pushed = Lock(), shared(), shared()

    def pushes() -> None:
        for _ in range(3):
            with lock:
                size.value += 1
                pushed.value = 1

    def pops() -> bool:
        right = True
        for _ in range(3):
            with lock:
                if size.value if fixed else pushed.value:
                    right = right and size.value > 0
                    size.value -= 1
        return right

    return ThreadsOfProgram([pushes, pops])


@program(SUITE, "CS/fsbench", "wrong assertion, in every order: no block is left", WRONG)
def fsbench(fixed: bool) -> ThreadsOfProgram:
    """A file system with fewer blocks than there are threads that create a file, each with an inode and a block.

    The original has 27 threads and 26 blocks.
    """
    threads, blocks = 27, 27 if fixed else 26
    inode_locks, block_locks = [Lock() for _ in range(threads)], [Lock() for _ in range(blocks)]
    inodes, busy = [shared() for _ in range(threads)], [shared() for _ in range(blocks)]

    def creates(thread: int) -> bool:
        with inode_locks[thread]:
            for tried in range(blocks):
                block = (thread * 2 + tried) % blocks
                with block_locks[block]:
                    if not busy[block].value:
                        busy[block].value = 1
                        inodes[thread].value = block + 1
                        return True
        return False

    return ThreadsOfProgram([partial(creates, thread) for thread in range(threads)])


@program(SUITE, "CB/aget", "data race: a count saved while it is being changed", WRONG)
def aget(fixed: bool) -> ThreadsOfProgram:
    """Three downloads add to counts of their own and then to the sum of bytes; an interrupt saves both."""
    lock, written, parts = Lock(), shared(), [shared() for _ in range(3)]

    def downloads(part: int) -> None:
        with only_if(fixed, lock):
            parts[part].value += 1
            written.value += 1

    def interrupts() -> bool:
        with only_if(fixed, lock):
            return bool(written.value == sum(part.value for part in parts))

    return ThreadsOfProgram([*(partial(downloads, part) for part in range(3)), interrupts])


@program(SUITE, "CB/pbzip2", "order violation: freed while in use", WRONG)
def pbzip2(fixed: bool) -> ThreadsOfProgram:
    """The main thread frees the queue's lock when all blocks are done, and consumers still look at it once more."""
    lock, left, freed, gone = Lock(), shared(2), shared(), shared()

    def consumes() -> bool:
        right = True
        while True:
            right = right and not freed.value
            with lock:
                if not left.value:
                    gone.value += 1
                    return right
                left.value -= 1

    def frees() -> None:
        with lock:
            done = gone.value == 2 if fixed else left.value == 0
        if done:
            freed.value = 1

    return ThreadsOfProgram([consumes, consumes, frees])


@program(SUITE, "CB/stringbuffer-jdk1.4", "atomicity violation: a length that is stale", RAISED)
def stringbuffer(fixed: bool) -> ThreadsOfProgram:
    """A buffer is appended to another one: its length is asked for, and then, in a second call, its characters."""
    lock, length = Lock(), shared(3)

    def appends() -> None:
        with only_if(fixed, lock):
            with only_if(not fixed, lock):
                asked = length.value
            with only_if(not fixed, lock):
                if asked > length.value:
                    raise IndexError("more characters than there are")

    def deletes() -> None:
        with lock:
            length.value = 0

    return ThreadsOfProgram([appends, deletes])
