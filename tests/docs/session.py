"""Runs the commands and programs that the pages show; each page is one session, in a folder of its own.

Fenced blocks of three kinds are run, in their order:

- `console`: lines that begin with `$ ` are commands; what follows, up to the next command, is their output. A line
  `...` in it stands for any number of lines. The output is compared; see `differences`.
- `sh`: a command a line. They must end as a lab that works does: valid (0) or with an anomaly (1), and no traceback.
- `python`: run by Python and, if it has tests, by pytest, which must pass.

A comment just above a block says what is special about it, as many comments as need be:

    <!-- exit: 4 -->                        how its commands must end, if not as their shown output says
    <!-- luck -->                           of a race on the wall clock: only what luck does not decide is compared
    <!-- varies: PATTERN -->                what matches differs from run to run, and is masked; the rest is compared
    <!-- any order -->                      processes print at once: the lines are compared, and not their order
    <!-- file: NAME -->                     the block's text is written into the file NAME, and not run
    <!-- before: COMMAND -->                a command to run first, which the reader is spared
    <!-- instead of COMMAND: COMMAND -->    what is run for a command that takes long; no output is compared
    <!-- not run: REASON -->                the block is not run at all
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
KINDS: Final = ("console", "sh", "python")
ANY: Final = "..."
DEADLINE: Final = 300.0
"""Seconds that a command may take; guards against hanging."""

COMMENT: Final = re.compile(r"<!-- (exit|luck|varies|any order|file|before|instead of|not run)(?:: | )?(.*?) ?-->")
FENCE: Final = re.compile(r"```(\w*)$")

RULES: Final = (
    (re.compile(r"\d[\d,.]* ?(µs|us|ms|s|min|MB|MiB|kB)\b"), r"# \1"),  # times and sizes
    (re.compile(r"\d[\d,.]* ?/s\b"), "# /s"),  # rates
    (re.compile(r"(?<=-)[0-9a-f]{8}(?=\.json)"), "#"),  # the hash in a case's name, which has the versions in it
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ([-\w]*?)(\.\d+)?(?=[/\s]|$)"), r"#\1"),  # when a run was kept
    (re.compile(r"\.\d+\.\d+\.new\b"), ".#.new"),  # the process in the name of a file that was left behind
)
"""What is masked before outputs are compared, and by what. A line in which anything is masked is compared by words."""


@dataclass
class Block:
    """One fenced block of a page: the number of its first line, from 0, and what the comments above it say."""

    kind: str
    start: int
    lines: list[str]
    comments: list[tuple[str, str]] = field(default_factory=list)

    def said(self, what: str) -> list[str]:
        """Return what the comments of a kind say."""
        return [text for kind, text in self.comments if kind == what]


@dataclass
class Command:
    """A command of a block, its shown output, and where that stands in the page."""

    text: str
    shown: list[str]
    start: int
    luck: bool = False
    varies: tuple[str, ...] = ()
    any_order: bool = False
    instead: str = ""
    exits: tuple[int, ...] = ()

    @property
    def exit_codes(self) -> tuple[int, ...]:
        """Return how the command may end; if no comment says so, the first line of its output does."""
        first = " ".join(self.shown[:1])
        told = 1 if "✗" in first or first.startswith("anomalous") else 0
        told = 3 if "undecided" in first else 2 if first.startswith("ticketlab: ") else told
        return self.exits or (told,)


@dataclass
class Outcome:
    """How a command ended, what it printed, and how many seconds it took."""

    code: int
    lines: list[str]
    seconds: float = 0.0


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page with the comments right above each."""
    comments: list[tuple[str, str]] = []
    inside: Block | None = None
    for number, line in enumerate(text.splitlines()):
        if inside is not None:
            if line == "```":
                yield inside
                inside, comments = None, []
            else:
                inside.lines.append(line)
        elif found := FENCE.match(line):
            inside = Block(found[1], number + 1, [], comments)
        elif found := COMMENT.match(line):
            comments.append((found[1], found[2]))
        elif line:
            comments = []


def commands(block: Block) -> list[Command]:
    """Return the commands of a `console` or `sh` block."""
    found: list[Command] = []
    for number, line in enumerate(block.lines, block.start):
        if block.kind == "sh":
            if text := re.sub(r"\s+# .*", "", line).strip():
                found.append(Command(text, [], number, exits=(0, 1)))
        elif line.startswith("$ "):
            found.append(Command(line[2:], [], number + 1, luck=bool(block.said("luck"))))
        else:
            found[-1].shown.append(line.rstrip())
    replaced = dict(each.split(": ", 1) for each in block.said("instead of"))
    exits = tuple(int(code) for text in block.said("exit") for code in text.split(","))
    for each in found:
        each.instead = replaced.pop(each.text, "")
        each.exits = exits or each.exits
        each.varies = tuple(block.said("varies"))
        each.any_order = bool(block.said("any order"))
        while each.shown and not each.shown[-1]:
            each.shown.pop()
    assert not replaced, f"no command {', '.join(replaced)} in the block below"
    return found


def run(text: str, folder: Path) -> Outcome:
    """Run a command in a folder as a reader with the project's environment would."""
    words = re.sub(r"(^|&& )uv run ", r"\1", text).replace("python scripts/", f"python {ROOT}/scripts/")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("TICKETLAB_", "PYTEST_"))}
    environment |= {"COLUMNS": "120", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    began = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return Outcome(done.returncode, lines, time.monotonic() - began)


def masked(line: str) -> str:
    """Return a line without what differs from run to run; if there was any, without its columns as well."""
    found = line
    for pattern, replacement in RULES:
        found = pattern.sub(replacement, found)
    return line if found == line else " ".join(found.split())


def certain(lines: Sequence[str]) -> list[str]:
    """Return what luck does not decide of a race's output.

    That is the verdict's first line without the names of anomalies, and the first two columns of the table.
    """
    found = [re.sub(r"✗ [^(]*", "✗ ", line) for line in lines[:1]]
    for number, line in enumerate(lines):
        if line.startswith("store "):
            found.append(" ".join(line.split()))
            rows = iter(lines[number + 1 :])
            while row := next(rows, ""):
                if not row.startswith(" "):
                    found.append(" ".join(row.split()[:2]))
    return found


def matches(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether lines are as shown, where `...` stands for any number of lines."""
    if not shown:
        return not printed
    if shown[0] == ANY:
        return any(matches(shown[1:], printed[skipped:]) for skipped in range(len(printed) + 1))
    return bool(printed) and masked(shown[0]) == masked(printed[0]) and matches(shown[1:], printed[1:])


def agrees(command: Command, outcome: Outcome) -> bool:
    """Whether the output is as shown, as far as it repeats itself."""
    if command.luck:
        printed = iter(certain(outcome.lines))
        return all(line in printed for line in certain(command.shown))  # each after the one before
    return not command.shown or matches(steady(command.shown, command), steady(outcome.lines, command))


def steady(lines: Sequence[str], command: Command) -> list[str]:
    """Return lines without what the page says differs from run to run."""
    found = list(lines)
    for pattern in command.varies:
        found = [re.sub(pattern, "#", line) for line in found]
    return sorted(found) if command.any_order else found


def differences(command: Command, outcome: Outcome) -> Iterator[str]:
    """Yield what is not as the page says: the exit code, a traceback, and the output if it is shown."""
    said = "\n".join(f"    {line}" for line in outcome.lines)
    if outcome.code not in command.exit_codes:
        yield f"$ {command.text}\nexited with {outcome.code}, not {command.exit_codes}:\n{said}"
    elif "Traceback (most recent call last)" in said:
        yield f"$ {command.text}\nended in a traceback:\n{said}"
    elif not command.instead and not agrees(command, outcome):
        shown = "\n".join(f"    {line}" for line in command.shown)
        yield f"$ {command.text}\nthe page shows:\n{shown}\nprinted was:\n{said}"


def prepare(folder: Path) -> None:
    """Have Hypothesis, in a session's tests, draw few examples, the same each time, whatever the machine's load."""
    lines = (
        "from hypothesis import settings",
        "settings.register_profile('docs', derandomize=True, deadline=None, max_examples=10, database=None)",
        "settings.load_profile('docs')",
    )
    (folder / "conftest.py").write_text("\n".join(lines) + "\n", encoding="utf-8")


def performed(block: Block, folder: Path) -> Iterator[tuple[Command, Outcome]]:
    """Run a block's commands in the session's folder, or write its file; yield each command with its outcome."""
    for text in block.said("before"):
        hidden = Command(text, [], block.start, exits=(0, 1))
        yield hidden, run(text, folder)
    content = "\n".join(block.lines) + "\n"
    if names := block.said("file"):
        (folder / names[0]).write_text(content, encoding="utf-8")
    elif block.kind == "python" and not block.said("not run"):
        path = folder / f"test_line_{block.start}.py"
        path.write_text(content, encoding="utf-8")
        words = f"pytest -q -p no:cacheprovider {path.name}" if "def test_" in content else f"python {path.name}"
        yield Command(words, [], block.start, exits=(0,)), run(words, folder)
    elif block.kind in KINDS and not block.said("not run"):
        for command in commands(block):
            yield command, run(command.instead or command.text, folder)
