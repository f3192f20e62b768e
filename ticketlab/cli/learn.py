"""`ticketlab learn`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from ticketlab.cli.lessons import Lesson, find_lesson, read_lessons, run_command, write_files
from ticketlab.cli.options import Command
from ticketlab.core.errors import UsageError

_LEAVING: Final = ("n", "q", "\x04", "\x1b")  # the last two: end of input, Escape


@click.command("learn", cls=Command)
@click.argument("lesson", required=False)
@click.option("--run", is_flag=True, help="Run the lesson's command.")
@click.option("--answer", is_flag=True, help="Show the answer to the lesson's question.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Put the lesson's programs here, and keep them. A program that is there already, perhaps changed, is run.",
)
def command(lesson: str | None, run: bool, answer: bool, folder: Path | None) -> int:
    """Learn about processes and shared state, in short lessons with programs that run.

    LESSON is a number or a name. Without one, the lessons are listed. With --run, the exit code is that of the lesson's
    command, and so 1 where it finds what it should find.
    """
    if lesson is None:
        if run or answer or folder:
            raise UsageError("which lesson? Name one: ticketlab learn 1 --run")
        _print_list(read_lessons())
        return 0
    found = find_lesson(lesson)
    if folder:
        write_files(found, folder)
        print(f"{', '.join(found.files)} in {folder}: change them, and run: {found.command}")
    if run:
        return _run(found, folder)
    if answer:
        _print(found.answer)
    elif not folder:
        _show(found)
    return 0


def _run(lesson: Lesson, folder: Path | None = None) -> int:
    print(f"$ {lesson.command}", flush=True)
    if folder:
        return run_command(lesson, folder)
    with tempfile.TemporaryDirectory(prefix="ticketlab-lesson-") as name:
        write_files(lesson, Path(name))
        code = run_command(lesson, Path(name))
    keep = f"ticketlab learn {lesson.number} --run --folder mine"
    print("This ran in a folder that is removed now, with all that was saved there.", file=sys.stderr)
    print(f"To run it in a folder that is kept, where you can change the program: {keep}", file=sys.stderr)
    return code


def _print_list(lessons: list[Lesson]) -> None:
    wide = max(len(lesson.name) for lesson in lessons)
    for lesson in lessons:
        print(f"{lesson.number:2}  {lesson.name.ljust(wide)}  {lesson.title}")
    print("\nticketlab learn 1         # shows a lesson; `ticketlab learn locks` does, too")
    print("ticketlab learn 1 --run   # runs its command")


def _print(markdown: str) -> None:
    from ticketlab.cli.terminal import console
    from ticketlab.report.lesson import lesson_text

    console().print(lesson_text(markdown))


def _show(lesson: Lesson) -> None:
    """Show a lesson; on a terminal, wait for keys that run its command, show its answer, or go on."""
    _print(f"# {lesson.number}. {lesson.title}\n{lesson.text_without_answer}")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(f"\nticketlab learn {lesson.number} --run      # runs the command")
        print(f"ticketlab learn {lesson.number} --answer   # answers the question")
        return
    key = ""
    while key not in _LEAVING:
        print("\n[r] run the command   [a] answer   [n] next lesson   [q] quit", flush=True)
        key = click.getchar().lower()
        if key == "r":
            _run(lesson)
        elif key == "a":
            _print(lesson.answer)
    if key == "n" and lesson.number < len(read_lessons()):
        _show(find_lesson(str(lesson.number + 1)))
