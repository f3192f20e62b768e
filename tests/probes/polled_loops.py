"""Tries of loops that poll: each function returns a try that fails, and that is asked for again after a sleep.

Those in `FORGETFUL` remember nothing; those in `MINDFUL` do, and give up after some tries, each in its own way.
"""

from __future__ import annotations

import builtins
import collections
import contextlib
import contextvars
import fcntl
import functools
import itertools
import json
import operator
import os
import random
import secrets
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any

Try = Callable[[], object]
MOST = 3
"""After so many tries, whoever remembers them gives up."""

FORGETFUL: list[Callable[[], Try]] = []
MINDFUL: list[Callable[[], Try]] = []
forgetful, mindful = FORGETFUL.append, MINDFUL.append

COUNT = 0
BOX: list[int] = []
LEFT: Iterator[int] = iter(())
OF_THREAD = threading.local()
VARIABLE = contextvars.ContextVar("VARIABLE", default=0)


def lay_out() -> None:
    """Put files into the working folder, and what the tries remember back."""
    global COUNT, LEFT
    COUNT, LEFT = 0, iter(range(MOST))
    BOX.clear()
    OF_THREAD.count = 0
    os.environ["TRIES"] = ""
    Path("lines").write_text("x\n" * MOST + "go\n")
    Path("number").write_text("1")


class Counted:
    """Counts in every way that a class has."""

    of_class = 0

    def __init__(self) -> None:
        self.count = 0
        self.parts = {"inner": [{"count": 0}]}

    @property
    def over(self) -> bool:
        """Count by being looked at."""
        self.count += 1
        return self.count > MOST

    def __getattr__(self, name: str) -> bool:
        Counted.of_class += 1
        return Counted.of_class > MOST

    def __eq__(self, other: object) -> bool:
        return self.over

    __hash__ = None  # type: ignore[assignment]

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None: ...


class Slotted:
    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Listed(list[int]): ...


class Unchanged:
    def __init__(self) -> None:
        self.path, self.wanted = Path("nothing"), {"at": [1, 2]}

    def is_there(self) -> bool:
        """Look for a path."""
        return self.path.exists() and len(self.wanted["at"]) > 1


@forgetful
def nothing() -> Try:
    return lambda: False


@forgetful
def looks_for_a_name() -> Try:
    return lambda: os.path.exists("nothing")


@forgetful
def asks_an_object() -> Try:
    return Unchanged().is_there


@forgetful
def makes_a_name() -> Try:
    os.mkdir("folder")

    def make() -> bool:
        try:
            os.mkdir("folder")
        except FileExistsError:
            return False
        return True

    return make


@forgetful
def locks_an_open_file() -> Try:
    held, mine = open("lines"), open("lines")  # noqa: SIM115
    fcntl.flock(held, fcntl.LOCK_EX)

    def lock() -> bool:
        try:
            fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return held.closed
        return True

    return lock


@forgetful
def reads_a_file_anew() -> Try:
    def read() -> bool:
        with open("number") as file:
            return bool(json.load(file) > 1)

    return read


@forgetful
def goes_through_what_stays() -> Try:
    return lambda: any(each > 5 for each in [1, 2, 3])


@mindful
def in_a_closure() -> Try:
    count = 0

    def over() -> bool:
        nonlocal count
        count += 1
        return count > MOST

    return over


@mindful
def in_a_global() -> Try:
    def over() -> bool:
        global COUNT
        COUNT += 1
        return COUNT > MOST

    return over


@mindful
def in_a_global_list() -> Try:
    return lambda: (BOX.append(0), len(BOX) > MOST)[1]  # type: ignore[func-returns-value]


@mindful
def in_a_global_by_text() -> Try:
    def over() -> bool:
        globals()["COUNT"] += 1
        return bool(globals()["COUNT"] > MOST)

    return over


@mindful
def in_an_attribute_of_itself() -> Try:
    def over() -> bool:
        itself[0].count += 1
        return bool(itself[0].count > MOST)

    itself: list[Any] = [over]
    itself[0].count = 0
    return over


@mindful
def in_a_default_value() -> Try:
    def over(box: list[int] = []) -> bool:  # noqa: B006 - the mistake that people make
        box.append(0)
        return len(box) > MOST

    return over


@mindful
def in_an_attribute() -> Try:
    counted = Counted()
    return lambda: counted.over


@mindful
def deep_in_an_attribute() -> Try:
    counted = Counted()

    def over() -> bool:
        counted.parts["inner"][0]["count"] += 1
        return counted.parts["inner"][0]["count"] > MOST

    return over


@mindful
def in_a_slot() -> Try:
    slotted = Slotted()

    def over() -> bool:
        slotted.count += 1
        return slotted.count > MOST

    return over


@mindful
def in_a_class() -> Try:
    Counted.of_class = 0
    counted = Counted()
    return lambda: counted.whatever


@mindful
def by_comparing() -> Try:
    counted = Counted()
    return lambda: counted == 1


@mindful
def by_entering() -> Try:
    counted = Counted()

    def over() -> bool:
        with counted:
            return counted.count > MOST

    return over


@mindful
def in_a_list_of_ones_own() -> Try:
    listed = Listed()
    return lambda: (listed.append(0), len(listed) > MOST)[1]  # type: ignore[func-returns-value]


@mindful
def in_a_deque() -> Try:
    turning = collections.deque(range(MOST + 1))
    return lambda: (turning.rotate(1), turning[0] == 0)[1]  # type: ignore[func-returns-value]


@mindful
def in_bytes() -> Try:
    grown = bytearray()
    return lambda: (grown.append(0), len(grown) > MOST)[1]  # type: ignore[func-returns-value]


@mindful
def by_a_bound_method() -> Try:
    box: list[int] = []
    append = box.append
    return lambda: (append(0), len(box) > MOST)[1]


@mindful
def by_an_operator() -> Try:
    box: list[int] = []
    return lambda: len(operator.iadd(box, [0])) > MOST  # type: ignore[no-untyped-call]


@mindful
def by_adding_in_place() -> Try:
    held = ([0],)

    def over() -> bool:
        box = held[0]
        box += [0]
        return len(box) > MOST

    return over


@mindful
def in_a_generator() -> Try:
    def given() -> Iterator[bool]:
        yield from (False,) * MOST
        yield True

    left = given()
    return lambda: next(left)


@mindful
def in_a_count() -> Try:
    count = itertools.count()
    return lambda: next(count) >= MOST


@mindful
def in_an_iterator() -> Try:
    left = iter([0] * MOST)
    return lambda: 0 not in left


@mindful
def in_a_global_iterator() -> Try:
    return lambda: next(LEFT, None) is None


@mindful
def in_an_iterator_that_is_gone_through() -> Try:
    left = iter([0] * MOST)

    def over() -> bool:
        return not any(True for _ in left)

    return over


@mindful
def by_lot() -> Try:
    return lambda: random.random() < 0.1


@mindful
def by_a_lot_of_its_own() -> Try:
    lots = random.Random(5)
    return lambda: lots.random() < 0.1


@mindful
def by_a_secret() -> Try:
    return lambda: secrets.randbelow(9) == 5


@mindful
def by_random_bytes() -> Try:
    return lambda: os.urandom(1)[0] < 20


@mindful
def in_how_far_a_descriptor_was_read() -> Try:
    file = os.open("lines", os.O_RDONLY)
    return lambda: os.lseek(file, 2, os.SEEK_CUR) > 2 * MOST


@mindful
def in_what_a_descriptor_reads() -> Try:
    file = os.open("lines", os.O_RDONLY)
    return lambda: os.read(file, 2) == b"go"


@mindful
def in_what_a_file_reads() -> Try:
    file = open("lines")  # noqa: SIM115
    return lambda: file.readline() == "go\n"


@mindful
def in_the_lines_of_a_file() -> Try:
    file = open("lines")  # noqa: SIM115

    def over() -> bool:
        for line in file:
            return line == "go\n"
        return True

    return over


@mindful
def in_what_a_file_keeps_back() -> Try:
    file = open("written", "wb")  # noqa: SIM115
    return lambda: file.write(b"x") and file.tell() > MOST


@mindful
def in_descriptors_left_open() -> Try:
    return lambda: os.open("lines", os.O_RDONLY) > 1_000


@mindful
def in_a_pipe() -> Try:
    _, end = os.pipe()
    os.set_blocking(end, False)

    def over() -> bool:
        try:
            os.write(end, b"x" * 30_000)
        except BlockingIOError:
            return True
        return False

    return over


@mindful
def in_the_environment() -> Try:
    def over() -> bool:
        os.environ["TRIES"] += "x"
        return len(os.environ["TRIES"]) > MOST

    return over


@mindful
def in_the_working_folder() -> Try:
    os.makedirs("a/a/a/a")

    def over() -> bool:
        os.chdir("a")
        return os.getcwd().endswith("/a" * MOST)

    return over


@mindful
def by_the_clock() -> Try:
    end = time.monotonic() + 0.1 * MOST
    return lambda: time.monotonic() > end


@mindful
def by_the_clock_of_the_system() -> Try:
    return lambda: time.process_time() > 1e9


@mindful
def in_a_partial() -> Try:
    def over(box: list[int]) -> bool:
        box.append(0)
        return len(box) > MOST

    return functools.partial(over, [])


@mindful
def in_a_cache() -> Try:
    @functools.lru_cache
    def kept() -> list[int]:
        return []

    return lambda: (kept().append(0), len(kept()) > MOST)[1]  # type: ignore[func-returns-value]


@mindful
def in_a_context_variable() -> Try:
    VARIABLE.set(0)

    def over() -> bool:
        VARIABLE.set(VARIABLE.get() + 1)
        return VARIABLE.get() > MOST

    return over


@mindful
def in_what_a_thread_has() -> Try:
    def over() -> bool:
        OF_THREAD.count += 1
        return bool(OF_THREAD.count > MOST)

    return over


@mindful
def in_a_namespace() -> Try:
    names = types.SimpleNamespace(count=0)

    def over() -> bool:
        names.count += 1
        return bool(names.count > MOST)

    return over


@mindful
def in_names_made_by_text() -> Try:
    names = types.SimpleNamespace()

    def over() -> bool:
        setattr(names, f"name{len(vars(names))}", 0)
        return len(vars(names)) > MOST

    return over


def _in_attribute(owner: Any) -> Try:
    """Return a try that counts in an attribute of something that is not the user's."""

    def over() -> bool:
        owner.tries_of_tests += 1
        return bool(owner.tries_of_tests > MOST)

    owner.tries_of_tests = 0
    return over


@mindful
def in_a_module_of_pythons_own() -> Try:
    return _in_attribute(os)


@mindful
def in_the_system() -> Try:
    return _in_attribute(sys)


@mindful
def in_the_builtins() -> Try:
    return _in_attribute(builtins)


@mindful
def in_a_class_of_pythons_own() -> Try:
    return _in_attribute(PurePath)


@mindful
def in_a_function_of_pythons_own() -> Try:
    return _in_attribute(os.path.join)


@mindful
def in_what_shows_what_it_prints() -> Try:
    class Shown:
        count = 0

        def write(self, _: str) -> None:
            Shown.count += 1
            if Shown.count > MOST:
                raise OSError

        def flush(self) -> None: ...

    def over() -> bool:
        before, sys.stdout = sys.stdout, Shown()
        try:
            print(end="again")
        except OSError:
            return True
        finally:
            sys.stdout = before
        return False

    return over


@mindful
def by_an_attribute_that_is_not_there() -> Try:
    class Empty:
        __slots__ = ("left",)
        count = 0

        def __getattr__(self, name: str) -> bool:
            Empty.count += 1
            return Empty.count > MOST

    empty: Any = Empty()
    return lambda: empty.left


@mindful
def in_a_partial_of_ones_own() -> Try:
    class Counting(functools.partial[int]):
        count = 0

    call = Counting(int)

    def over() -> bool:
        call.count += 1
        return call.count > MOST

    return over


@mindful
def in_an_error() -> Try:
    error = Exception()

    def over() -> bool:
        error.args = (*error.args, 0)
        return len(error.args) > MOST

    return over


@mindful
def in_the_notes_of_an_error() -> Try:
    error = Exception()
    return lambda: (error.add_note("again"), len(error.__notes__) > MOST)[1]  # type: ignore[func-returns-value]


@mindful
def in_the_frame() -> Try:
    def over() -> bool:
        names = sys._getframe().f_globals
        names["COUNT"] += 1
        return bool(names["COUNT"] > MOST)

    return over


@mindful
def in_a_memory_view() -> Try:
    view = memoryview(bytearray(1))

    def over() -> bool:
        view[0] += 1
        return view[0] > MOST

    return over


@mindful
def in_a_set() -> Try:
    kept = set[int]()
    return lambda: (kept.add(len(kept)), len(kept) > MOST)[1]  # type: ignore[func-returns-value]


# Loops of other shapes than `while not try(): sleep`.

SHAPES: list[Callable[[], None]] = []
shape = SHAPES.append


def pause() -> int:
    time.sleep(0.1)
    return 1


@shape
def so_many_times() -> None:
    for _ in itertools.repeat(None, MOST):
        if os.path.exists("nothing"):
            break
        time.sleep(0.1)


@shape
def in_a_handler_so_many_times() -> None:
    for _ in [None] * MOST:
        try:
            os.stat("nothing")
            break
        except FileNotFoundError:
            time.sleep(0.1)


@shape
def through_a_generator_that_sleeps() -> None:
    def naps() -> Iterator[None]:
        while True:
            time.sleep(0.1)
            yield

    for _ in zip(range(MOST), naps(), strict=False):
        if os.path.exists("nothing"):
            break


@shape
def in_the_middle_of_an_expression() -> None:
    count = 0
    while count < MOST and not os.path.exists("nothing"):
        count = count + pause()


@shape
def in_the_middle_of_a_list() -> None:
    left = iter(range(MOST))
    while [next(left, None), pause()][0] is not None:
        pass


@shape
def by_calls_in_calls() -> None:
    def go(left: int) -> None:
        while left and not os.path.exists("nothing"):
            time.sleep(0.1)
            go(left - 1)
            return

    go(MOST)


@shape
def longer_and_longer() -> None:
    seconds = 0.1
    while seconds < 0.5:
        time.sleep(seconds)
        seconds *= 1.5


@shape
def in_a_finally() -> None:
    tried: list[int] = []
    while len(tried) < MOST:
        try:
            time.sleep(0.1)
        finally:
            tried.append(0)


@shape
def by_a_library_of_retries() -> None:
    with contextlib.ExitStack() as left:
        for _ in range(MOST):
            left.callback(int)
        while left.pop_all():
            time.sleep(0.1)
            break


@shape
def at_two_places() -> None:
    at_first = True
    while True:
        if at_first:
            time.sleep(0.1)
        else:
            time.sleep(0.1)
            break
        at_first = False


@shape
def in_the_code_of_a_class() -> None:
    class Loop:
        count = 0
        while count < MOST:
            time.sleep(0.1)
            count += 1
