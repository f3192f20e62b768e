"""The lessons of `ticketlab learn`: the pages of docs/lessons, read as data, and their commands, run for real."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ticketlab.core.errors import UsageError, unknown_name

_FOLDERS: Final = (Path(__file__).parents[1] / "lessons", Path(__file__).parents[2] / "docs" / "lessons")
"""Where the pages are: in a wheel, in a checkout."""

_FILE: Final = re.compile(r"^<!-- file: (\S+) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND: Final = re.compile(r"^```console\n\$ (.*)$", re.MULTILINE)
_ANSWER: Final = re.compile(r"<details><summary>Answer</summary>\n(.*?)</details>", re.DOTALL)
_PROGRAMS: Final = {"python": (sys.executable,), "ticketlab": (sys.executable, "-m", "ticketlab")}


@dataclass(frozen=True, slots=True)
class Lesson:
    """One page: its number, its name, its title, and its text in Markdown."""

    number: int
    name: str
    title: str
    text: str

    @property
    def command(self) -> str:
        """Return the lesson's command: the first that its page shows."""
        return str(_COMMAND.findall(self.text)[0])

    @property
    def files(self) -> dict[str, str]:
        """Return the programs and other files of the lesson, by name."""
        return dict(_FILE.findall(self.text))

    @property
    def answer(self) -> str:
        """Return the answer to the lesson's question, in Markdown."""
        return str(_ANSWER.findall(self.text)[0]).strip()

    @property
    def text_without_answer(self) -> str:
        """Return the page without its title and without the answer."""
        return _ANSWER.sub("", self.text.partition("\n")[2])


def read_lessons() -> list[Lesson]:
    """Read all lessons, in their order."""
    pages = sorted(page for folder in _FOLDERS for page in folder.glob("[0-9]*.md"))
    return [_read(page) for page in pages]


def find_lesson(wanted: str) -> Lesson:
    """Return the lesson of a number or a name; raises UsageError if there is none."""
    lessons = read_lessons()
    for lesson in lessons:
        if wanted in (lesson.name, str(lesson.number)):
            return lesson
    if wanted.isdecimal():
        raise UsageError(f"there is no lesson {wanted}: they are numbered from 1 to {len(lessons)}")
    raise unknown_name("lesson", wanted, [lesson.name for lesson in lessons])


def _read(page: Path) -> Lesson:
    text = page.read_text(encoding="utf-8")
    number, _, name = page.stem.partition("-")
    return Lesson(int(number), name, re.sub(r"^# \d+\. ", "", text.partition("\n")[0]), text)


def write_files(lesson: Lesson, folder: Path) -> None:
    """Write a lesson's files into a folder; a file that is there already is left as it is.

    Raises:
        UsageError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in lesson.files.items():
            if not (folder / name).exists():
                (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write the lesson's files into {folder}: {error.strerror}") from None


def run_command(lesson: Lesson, folder: Path) -> int:
    """Run a lesson's command in the folder that has its files, on the terminal; return its exit code."""
    done = subprocess.run(_words(lesson.command), cwd=folder, check=False)  # noqa: S603  # the lab's own command
    return done.returncode


def _words(command: str) -> Sequence[str]:
    """Return a command's words; Python and the lab are those that run now."""
    first, *others = shlex.split(command)
    return [*_PROGRAMS[first], *others]
