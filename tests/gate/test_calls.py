"""Laws of stopped calls: by which names they concern what, and what they do to it, whatever the program is."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from ticketlab.core.steps import Action, Step
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.policies.replay import LenientReplay
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.program import Program


class Everything(set[str]):
    """All resources."""

    def __contains__(self, _: object) -> bool:
        return True


class Executions:
    """Executions of a script whose every call that may concern others is a step."""

    def __init__(self, folder: Path, script: str) -> None:
        (folder / "main.py").write_text("import fcntl, os, sys\n" + dedent(script))
        self.executor = ProgramExecutor(Program(commands=(("python", "main.py"),), folder=folder))
        self.executor.points = Everything()
        self.executor.frozen = True

    def run(self) -> list[tuple[Step, Step]]:
        """Run one, and return each step as it was announced and as it was made."""
        execution = self.executor.run(LenientReplay(()))
        assert execution is not None
        assert execution.ending is ExecutionEnd.COMPLETED, execution.ending
        trace = execution.trace
        return [
            (trace.table.step(said), trace.table.step(made))
            for said, made in zip(trace.announced, trace.what, strict=True)
        ]


def made(folder: Path, script: str) -> list[Step]:
    executions = Executions(folder, script)
    with executions.executor:
        return [step for _, step in executions.run()]


def does(steps: list[Step], action: Action) -> list[str]:
    """Return the resources to which the steps do something."""
    return [resource for step in steps for did, resource in step.accesses if did is action]


BUSY = """
    import random, tempfile
    os.mkdir("d")
    open("d/x", "w").write("a")
    os.rename("d/x", "y")
    os.link("y", "z")
    os.stat("y"), os.lstat("z"), os.access("y", os.R_OK), os.listdir(".")
    open(f"log.{os.getpid()}", "a").write(str(random.random()))
    with open(tempfile.mkstemp()[1], "r+") as file:
        file.truncate(3)
    os.truncate("z", 1)
    os.remove("z")
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        os.utime("y")
    else:
        open(f"log.{os.getppid()}", "a").write("child")
"""


def test_steps_repeat_themselves_and_no_call_concerns_more_than_it_was_announced_to(tmp_path: Path) -> None:
    executions = Executions(tmp_path, BUSY)
    with executions.executor:
        first = executions.run()
        assert executions.run() == first
    for said, step in first:
        assert said.everywhere or set(step.resources) <= set(said.resources), (said, step)
    names = {step.shown for _, step in first}
    assert {"log.{pid 1}", "d", "y"} <= names


def test_links_are_the_file_that_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("0")
    steps = made(
        tmp_path,
        """
        os.link("x", "hard"); os.symlink("x", "soft"); os.rename("x", "moved"); os.symlink("moved", "again")
        for name in ("moved", "hard", "again"):
            with open(name, "r+") as file: file.write(name)
        os.unlink("moved")
        with open("moved", "w") as file: file.write("another")
        """,
    )
    assert does(steps, Action.WRITE) == ["x", "x", "x", "moved"]


def test_an_append_is_no_write_at_a_place(tmp_path: Path) -> None:
    steps = made(tmp_path, "open('x', 'a').write('1'); open('x', 'r+').write('2'); open('x', 'w').write('3')")
    assert [did for step in steps for did, resource in step.accesses if resource == "x" and not did.looks] == [
        Action.APPEND,
        Action.WRITE,
        Action.TRUNCATE,
        Action.WRITE,
    ]


@pytest.mark.parametrize("inherits", [False, True])
def test_a_lock_ends_with_the_last_descriptor_and_an_exec_closes_what_it_shall(tmp_path: Path, inherits: bool) -> None:
    steps = made(
        tmp_path,
        f"""
        fd = os.open("l", os.O_RDWR | os.O_CREAT)
        os.set_inheritable(fd, {inherits})
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.execv("/bin/true", ["true"])
        """,
    )
    (released,) = [step for step in steps if "lock on l" in does([step], Action.RELEASE)]
    assert (released.action is Action.EXIT) == inherits


def test_a_record_lock_ends_with_any_descriptor_of_its_file(tmp_path: Path) -> None:
    steps = made(
        tmp_path,
        """
        fd = os.open("l", os.O_RDWR | os.O_CREAT)
        os.close(os.open("l", os.O_RDONLY))
        fcntl.lockf(fd, fcntl.LOCK_EX)
        os.close(os.open("l", os.O_RDONLY))
        os.close(fd)
        """,
    )
    assert does(steps, Action.ACQUIRE) == does(steps, Action.RELEASE) == ["record lock on l"]
