"""`ticketlab learn`: each lesson is complete, its command runs as its page says, and keys do what they say."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.cli.command_line import ENVIRONMENT, ticketlab
from tests.docs.session import PAGES, ROOT, Outcome, blocks, commands, differences
from ticketlab.cli.lessons import Lesson, read_lessons

LESSONS = read_lessons()
MOST_LINES = 31
TOPICS = {
    "processes": "pid parent share",
    "life": "start() join() is_alive exitcode terminate() daemon",
    "start-methods": "fork spawn forkserver __main__ twice input()",
    "states": "running ready blocked",
    "scheduling": "FCFS SJF RR MLFQ",
    "words": "parallel concurrent synchronous asynchronous blocking non-blocking",
    "tickets": "race schedule",
    "locks": "Lock critical",
    "lock-files": "flock file",
    "messages": "Queue sentinel JoinableQueue",
    "manager": "Manager().dict never",
    "transactions": "BEGIN COMMIT",
    "pool": "apply apply_async callback pickle synchronous",
    "server": "connection pool",
    "deadlock": "deadlock order",
    "dead-holder": "killed Lock",
}


def by_name(lesson: Lesson) -> str:
    return lesson.name


def test_the_lessons_are_numbered_and_every_topic_has_one() -> None:
    assert [lesson.number for lesson in LESSONS] == list(range(1, len(LESSONS) + 1))
    assert [lesson.name for lesson in LESSONS] == list(TOPICS)


@pytest.mark.parametrize("lesson", LESSONS, ids=by_name)
def test_a_lesson_has_all_its_parts_and_explains_its_topic(lesson: Lesson) -> None:
    headings = re.findall(r"^## (.*)$", lesson.text, re.MULTILINE)
    assert [each for each in headings if each != "Often asked"] == ["Look at", "Question", "Next"]
    assert lesson.answer
    assert lesson.files
    for name, content in lesson.files.items():
        assert len(content.splitlines()) < MOST_LINES, name
    for word in TOPICS[lesson.name].split():
        assert word in lesson.text, word
    if lesson.number < len(LESSONS):
        following = LESSONS[lesson.number]
        assert f"[{following.number}. {following.title}]({following.number:02}-{following.name}.md)" in lesson.text


@pytest.mark.parametrize("lesson", LESSONS, ids=by_name)
def test_a_lesson_runs_its_command_as_its_page_shows(lesson: Lesson, tmp_path: Path) -> None:
    done = ticketlab("learn", lesson.name, "--run", cwd=tmp_path)
    page = (command for block in blocks(lesson.text) if block.kind == "console" for command in commands(block))
    first, *lines = done.stdout.splitlines()
    assert first == f"$ {lesson.command}"
    while lines and not lines[-1].strip():
        lines.pop()
    assert not list(differences(next(page), Outcome(done.returncode, [line.rstrip() for line in lines])))
    assert list(tmp_path.iterdir()) == []


def test_the_list_names_every_lesson_and_a_lesson_shows_no_answer_unless_asked(tmp_path: Path) -> None:
    listed = ticketlab("learn", cwd=tmp_path).stdout
    shown = ticketlab("learn", "deadlock", cwd=tmp_path).stdout
    answered = ticketlab("learn", "15", "--answer", cwd=tmp_path).stdout
    assert all(lesson.title in listed and lesson.name in listed for lesson in LESSONS)
    assert "Each process holds what the other waits for" in " ".join(shown.split())
    assert "whoever moves where" not in " ".join(shown.split())
    assert "whoever moves where" in " ".join(answered.split())


def test_programs_can_be_kept_and_changed(tmp_path: Path) -> None:
    ticketlab("learn", "processes", "--folder", "mine", cwd=tmp_path)
    program = tmp_path / "mine" / "processes.py"
    assert program.read_text(encoding="utf-8") == LESSONS[0].files["processes.py"]
    program.write_text("print('changed')\n", encoding="utf-8")
    assert ticketlab("learn", "1", "--run", "--folder", "mine", cwd=tmp_path).stdout.endswith("changed\n")


ENDLESS = """
import time
from multiprocessing.context import ForkProcess

if __name__ == "__main__":
    child = ForkProcess(target=time.sleep, args=(1000,))
    child.start()
    print(child.pid, flush=True)
"""


def test_a_lesson_that_is_stopped_leaves_no_process_behind(tmp_path: Path) -> None:
    (tmp_path / "processes.py").write_text(ENDLESS, encoding="utf-8")
    words = [sys.executable, "-m", "ticketlab", "learn", "1", "--run", "--folder", "."]
    with subprocess.Popen(words, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        told = [lab.stdout.readline() for _ in range(3)]
        lab.terminate()
        lab.communicate(timeout=60)  # the output ends when nobody is left to write to it
        assert lab.returncode == 130
    assert not Path(f"/proc/{int(told[-1])}").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["99"], "there is no lesson 99: they are numbered from 1 to 16"),
        (["lock"], "unknown lesson 'lock': did you mean 'locks'?"),
        (["--run"], "which lesson? Name one: ticketlab learn 1 --run"),
    ],
)
def test_what_is_no_lesson_is_refused_in_one_line(words: list[str], told: str, tmp_path: Path) -> None:
    done = ticketlab("learn", *words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"ticketlab: {told}\n")


def test_on_a_terminal_keys_run_answer_and_go_on(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    lab = subprocess.Popen(
        [sys.executable, "-m", "ticketlab", "learn", "1"],
        cwd=tmp_path, env=ENVIRONMENT | {"TERM": "dumb"}, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
    )  # fmt: skip
    os.close(theirs)
    shown = ""
    for key, awaited in ("r", "parent: seats"), ("a", "It is 0."), ("n", "2. The life of a process"), ("q", None):
        shown = _read_until(ours, shown, "[q] quit")
        while termios.tcgetattr(ours)[3] & termios.ICANON:  # a key before the terminal is in raw mode would be lost
            time.sleep(0.01)
        os.write(ours, key.encode())
        if awaited:
            shown = _read_until(ours, shown, awaited)
    assert lab.wait(60) == 0
    os.close(ours)


def _read_until(terminal: int, text: str, awaited: str) -> str:
    """Read until the terminal shows a text; return what stands after it."""
    while awaited not in text:
        text += os.read(terminal, 4096).decode()
    return text.partition(awaited)[2]


def test_the_wheel_has_the_lessons() -> None:
    assert '"docs/lessons" = "ticketlab/lessons"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_pages_name_only_lessons_that_there_are() -> None:
    named = {
        name for page in PAGES for name in re.findall(r"ticketlab learn ([a-z-]+)`", page.read_text(encoding="utf-8"))
    }
    assert named <= {lesson.name for lesson in LESSONS}
    assert len(named) > 5
