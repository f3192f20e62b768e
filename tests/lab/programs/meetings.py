"""Scripts that meet in some way, and how they are explored."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent, indent
from typing import Final, NamedTuple

from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.programs.explore import explore_program
from ticketlab.lab.programs.program import Program
from ticketlab.lab.programs.results import ProgramExploration

SHARED: Final = """import fcntl, os, select, signal, struct, sys
open('log', 'a').write('x')
def lock(file, how=fcntl.F_OFD_SETLK):
    return struct.unpack("hhqqi4x", fcntl.fcntl(file, how, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 1, 0)))
"""
"""What each Python script begins with: beside the way in question, something is shared that can be seen."""


class Meeting(NamedTuple):
    """Scripts that meet in one way: a command is run for each; and the name of what is wrong, "" if nothing is."""

    scripts: tuple[str, ...]
    wrong: str = "exit code"
    files: Mapping[str, str] = {}


def twice(question: str) -> str:
    """Return a script that fails if the answer to a question changes while it asks: in no order one after another."""
    return f"def ask():\n{indent(dedent(question).strip(), '    ')}\nsys.exit(ask() != ask())\n"


def then(script: str, question: str) -> str:
    """Return a script that begins in some way, and then asks twice."""
    return dedent(script) + twice(question)


def explored(folder: Path, meeting: Meeting, *, serial: bool = False) -> ProgramExploration:
    for file, text in meeting.files.items():
        (folder / file).write_text(text)
    (folder / "d").mkdir()
    (folder / "link").symlink_to("d")
    os.mkfifo(folder / "p")
    for number, script in enumerate(meeting.scripts):
        (folder / f"main{number}.py").write_text(SHARED + dedent(script))
        os.utime(folder / f"main{number}.py", (1e9, 1e9))
    commands = tuple(("python", f"main{number}.py") for number in range(len(meeting.scripts)))
    return explore_program(
        Program(commands=commands, folder=folder, serial=serial), ExploreOptions(executor="program", executions=200)
    )


def assert_as_told(folder: Path, meeting: Meeting) -> None:
    """Explore a meeting: what is wrong is found, and where nothing is, that is proved."""
    found = explored(folder, meeting)
    if meeting.wrong:
        assert meeting.wrong in found.names
    else:
        assert found.valid is True, (found.names, found.outside)
