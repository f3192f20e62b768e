"""What Python processes tell makes searches shorter and steps readable, and changes no outcome."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.gate.forking import forked
from ticketlab.checker.observed import MadeStep, patterns
from ticketlab.explorer.analysis.deadlock import explain
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.search import search
from ticketlab.gate.starting import starter
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.program import Program

MOST: Final = 300


class Explored(NamedTuple):
    """What all executions of a program came to: the ends with the outputs, all steps, and the executions."""

    outcomes: set[tuple[str, str]]
    steps: set[str]
    executions: list[Execution]

    def patterns(self) -> set[tuple[str, str]]:
        """Return the patterns that any of the executions shows."""
        moves = ([*map(MadeStep, each.trace.who, each.trace.steps)] for each in self.executions)
        return {(pattern.kind, pattern.path) for made in moves for pattern in patterns(made)}


def explore(folder: Path, script: str) -> Explored:
    """Run all schedules of a script that can make a difference."""
    folder.mkdir(exist_ok=True)
    (folder / "shop.py").write_text(textwrap.dedent(forked(script)))
    with ProgramExecutor(Program(commands=(("python", "shop.py"),), folder=folder)) as executor:
        while True:
            outcomes: set[tuple[str, str]] = set()
            steps: set[str] = set()
            executions = []
            for execution in search(executor, SourceSets(), MOST):
                executions.append(execution)
                outcomes.add((execution.ending.name, "".join(end.output for end in executor.run_of.ends)))
                names = executor.run_of.names
                steps |= {
                    f"{names[who]} {step}" for who, step in zip(execution.trace.who, execution.steps, strict=True)
                }
                if executor.grew:
                    break
            if not executor.grew:
                break
    assert len(executions) < MOST, "the search has not come to an end"
    return Explored(outcomes, steps, executions)


MANAGER: Final = """\
from contextlib import nullcontext
from multiprocessing import Manager, Process

def visit(counts, guard):
    with guard:
        counts["home"] += 1

if __name__ == "__main__":
    with Manager() as manager:
        counts, guard = manager.dict(home=0), {guard}
        visitors = [Process(target=visit, args=(counts, guard)) for _ in range(2)]
        for each in visitors:
            each.start()
        for each in visitors:
            each.join()
        print(counts["home"])
"""


@pytest.mark.slow
def test_requests_of_a_manager_are_the_steps_and_its_server_takes_no_part(tmp_path: Path) -> None:
    found = explore(tmp_path, MANAGER.replace("{guard}", "nullcontext()"))
    assert found.outcomes == {("COMPLETED", "2\n"), ("COMPLETED", "1\n")}
    assert found.patterns() == {("lost update", "dict shop.py:10['home']")}
    assert not any(step.startswith("1.1 ") for step in found.steps), "the server makes a step"


@pytest.mark.slow
def test_a_lock_of_a_manager_excludes(tmp_path: Path) -> None:
    found = explore(tmp_path, MANAGER.replace("{guard}", "manager.Lock()"))
    assert found.outcomes == {("COMPLETED", "2\n")}
    assert found.patterns() == set()


VALUE: Final = """\
from contextlib import nullcontext
from multiprocessing import Process, Value

def add(total, guarded):
    with total.get_lock() if guarded else nullcontext():
        total.value += 1

if __name__ == "__main__":
    total = Value("i", 0)
    adders = [Process(target=add, args=(total, {guarded})) for _ in range(2)]
    for each in adders:
        each.start()
    for each in adders:
        each.join()
    print(total.value)
"""


def test_a_race_on_a_value_is_found_though_no_call_is_made_for_it(tmp_path: Path) -> None:
    found = explore(tmp_path, VALUE.replace("{guarded}", "False"))
    assert found.outcomes == {("COMPLETED", "2\n"), ("COMPLETED", "1\n")}
    assert found.patterns() == {("lost update", "Value shop.py:9")}


def test_a_value_under_its_lock_is_right(tmp_path: Path) -> None:
    found = explore(tmp_path, VALUE.replace("{guarded}", "True"))
    assert found.outcomes == {("COMPLETED", "2\n")}
    assert found.patterns() == set()


SERVED: Final = """\
import multiprocessing

def note():
    open("log", "a").write("x")

if __name__ == "__main__":
    multiprocessing.set_start_method("forkserver")
    lock = multiprocessing.Lock()
    noting = multiprocessing.Process(target=note)
    noting.start()
    print(open("log").read())
    noting.join()
"""


@pytest.mark.slow
def test_a_process_of_a_fork_server_starts_in_one_step(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    found = explore(tmp_path, SERVED)
    assert found.outcomes == {("COMPLETED", "\n"), ("COMPLETED", "x\n")}
    assert not any("socket" in step for step in found.steps), "what is said to the server is a step"


TWO_LOCKS: Final = """\
from multiprocessing import Lock, Process

def move(first, second):
    with first, second:
        pass

if __name__ == "__main__":
    east = Lock()
    west = Lock()
    Process(target=move, args=(east, west)).start()
    Process(target=move, args=(west, east)).start()
"""


@pytest.mark.slow
def test_two_locks_in_opposite_order_are_told_by_the_lines_that_made_them(tmp_path: Path) -> None:
    found = explore(tmp_path, TWO_LOCKS)
    stuck = next(each for each in found.executions if each.ending.name == "STUCK")
    anomaly = explain(stuck, 3)
    assert anomaly is not None
    assert anomaly.name == "deadlock"
    assert "buyer 2 holds Lock shop.py:8 and waits for Lock shop.py:9, held by buyer 3" in anomaly.sentence
    assert "buyer 3 holds Lock shop.py:9 and waits for Lock shop.py:8, held by buyer 2" in anomaly.sentence


QUEUE: Final = """\
from multiprocessing import {kind} as Queue, Process

def cook(queue):
    queue.put("soup")
    {end}

def guest(queue):
    while (dish := queue.get()) is not None:
        print(dish)

if __name__ == "__main__":
    queue = Queue()
    both = [Process(target=each, args=(queue,)) for each in (cook, guest)]
    for each in both:
        each.start()
    for each in both:
        each.join()
"""


@pytest.mark.parametrize("kind", ["Queue", "SimpleQueue"])
def test_queues_are_told_by_what_is_put_and_got(tmp_path: Path, kind: str) -> None:
    found = explore(tmp_path, QUEUE.replace("{kind}", kind).replace("{end}", "queue.put(None)"))
    assert found.outcomes == {("COMPLETED", "soup\n")}
    assert {f"1.1 send {kind} shop.py:12", f"1.2 receive {kind} shop.py:12"} <= found.steps
    assert not any("1.1t1 " in step for step in found.steps), "the thread that feeds the pipe makes a step"


def test_a_queue_that_nobody_fills_is_waited_for(tmp_path: Path) -> None:
    found = explore(tmp_path, QUEUE.replace("{kind}", "Queue").replace("{end}", "pass"))
    assert found.outcomes == {("STUCK", "")}
    waits = explain(found.executions[-1], 3)
    assert waits is not None
    assert "receive Queue shop.py:12" in waits.sentence


FILE: Final = """\
import os
from multiprocessing import Lock, Process
from contextlib import nullcontext

def count(guard):
    with guard:
        with open("n") as file:
            n = int(file.read())
        with open("n", "r+") as file:
            file.write(str(n + 1))

if __name__ == "__main__":
    guard = {guard}
    counters = [Process(target=count, args=(guard,)) for _ in range(2)]
    for each in counters:
        each.start()
    for each in counters:
        each.join()
    with open("n") as file:
        print(file.read())
"""


@pytest.mark.slow
@pytest.mark.parametrize(("guard", "expected"), [("Lock()", {"2\n"}), ("nullcontext()", {"1\n", "2\n"})])
def test_telling_changes_no_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guard: str, expected: set[str]
) -> None:
    (tmp_path / "n").write_text("0")
    told = explore(tmp_path, FILE.replace("{guard}", guard))
    monkeypatch.setattr(starter, "_INSIDE", tmp_path / "nothing")
    untold = explore(tmp_path, FILE.replace("{guard}", guard))
    assert told.outcomes == untold.outcomes == {("COMPLETED", each) for each in expected}


@pytest.mark.slow
def test_executed_interpreters_tell_and_the_users_own_site_module_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import builtins; builtins.own = 'own'")
    monkeypatch.setenv("PYTHONPATH", os.fspath(own))
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "count.py").write_text(forked(VALUE.replace("{guarded}", "True")) + "    print(own)\n")
    script = "import subprocess, sys; subprocess.run([sys.executable, 'count.py'])"
    found = explore(tmp_path / "work", script)
    assert found.outcomes == {("COMPLETED", "2\nown\n")}
    assert any(step.endswith("Value count.py:9") for step in found.steps)
