"""Ways by which processes notice each other that are easily overlooked: none may be missing in a proof."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Final, NamedTuple

import pytest

from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.programs.explore import explore_program
from ticketlab.lab.programs.program import Program
from ticketlab.lab.programs.results import ProgramExploration

_SHARED: Final = "import os, signal, sys\nopen('log', 'a').write('x')\n"
"""What each Python script begins with: beside the way in question, something is shared that can be seen."""


class Meeting(NamedTuple):
    """Scripts that meet in one way: a command is run for each; and the name of what is wrong, "" if nothing is."""

    scripts: tuple[str, ...]
    wrong: str = "exit code"
    files: Mapping[str, str] = {}


def _twice(question: str) -> str:
    """Return a script that fails if the answer to a question changes while it asks: in no order one after another."""
    return f"def ask():\n    {question}\nsys.exit(ask() != ask())\n"


MEETINGS: Final = {
    "a process that aborts has failed": Meeting(
        2
        * (
            """
            fresh = not os.path.exists("f")
            try:
                os.close(os.open("f", os.O_CREAT | os.O_EXCL))
            except OSError:
                if fresh: os.abort()
            """,
        ),
        "killed",
    ),
    "a signal that was caught is not what ended a process later": Meeting(
        (
            """
            signal.signal(signal.SIGUSR1, lambda *_: None)
            if child := os.fork():
                os.kill(child, signal.SIGUSR1)
                open("f", "w").close()
                os.wait()
            elif os.path.exists("f") != os.path.exists("f"):
                os.abort()
            """,
        ),
        "killed",
    ),
    "a group that is ended by a signal is not blamed": Meeting(
        (
            """
            ends = os.pipe()
            if child := os.fork():
                os.read(ends[0], 1)
                os.killpg(child, signal.SIGTERM)
                os.wait()
            else:
                os.setpgid(0, 0)
                os.write(ends[1], b"x")
                signal.pause()
            """,
        ),
        "",
    ),
    "a writer whose reader has enough is not blamed": Meeting(
        (
            """
            ends = os.pipe()
            if os.fork():
                os.close(ends[0])
                os.close(ends[1])
                os.wait()
            else:
                os.close(ends[0])
                os.dup2(ends[1], 1)
                os.execvp("echo", ["echo"])
            """,
        ),
        "",
    ),
}


def explored(folder: Path, meeting: Meeting) -> ProgramExploration:
    for file, text in meeting.files.items():
        (folder / file).write_text(text)
    for number, script in enumerate(meeting.scripts):
        (folder / f"main{number}.py").write_text(_SHARED + dedent(script))
    commands = tuple(("python", f"main{number}.py") for number in range(len(meeting.scripts)))
    return explore_program(
        Program(commands=commands, folder=folder), ExploreOptions(executor="program", executions=200)
    )


@pytest.mark.parametrize("way", MEETINGS)
def test_a_way_to_notice_each_other_is_seen(way: str, tmp_path: Path) -> None:
    meeting = MEETINGS[way]
    found = explored(tmp_path, meeting)
    if meeting.wrong:
        assert meeting.wrong in found.names
    else:
        assert found.valid is True, (found.names, found.outside)
