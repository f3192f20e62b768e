"""A whole lab as the operating system sees it: its command, all it started, and what they leave behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final, Self

from tests.cli.command_line import ENVIRONMENT

DEADLINE: Final = 60.0
"""Guards against hanging; nothing is expected to take this long."""


class WholeLab:
    """A command in a session of its own, with temporary files of its own, so that all of it can be found again."""

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        self.folder = folder
        self.temporary = Path(mkdtemp(prefix="lab-"))  # short, since there are sockets in it
        self.command = subprocess.Popen(
            [sys.executable, "-m", "ticketlab", *words],
            cwd=folder,
            env=ENVIRONMENT | {"TMPDIR": str(self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.shared: set[Path] = set()
        self.left: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.living():
            os.kill(each, signal.SIGKILL)
        self.command.kill()
        self.command.communicate()
        rmtree(self.temporary)

    def living(self) -> list[int]:
        """Return the processes of the session that have not ended."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                except OSError:
                    continue
                if int(session) == self.command.pid and state not in "ZX":
                    found.append(int(folder.name))
        return found

    def await_started(self, processes: int) -> None:
        """Wait until there are so many processes, and note the shared memory that they have."""
        wait_until(lambda: len(self.living()) >= processes or self.command.poll() is not None)
        assert self.command.poll() is None, self.command.communicate()
        self.note_shared_memory()

    def note_shared_memory(self) -> None:
        """Note the shared memory that the processes have now; `await_end` requires that nothing of it is left."""
        for each in self.living():
            try:
                maps = Path(f"/proc/{each}/maps").read_text()
            except OSError:
                continue
            self.shared |= {Path(name) for name in re.findall(r"/dev/shm/[\w.-]+(?=$|\n)", maps)}

    def interrupt(self) -> None:
        """Press Ctrl-C: the terminal sends the signal to everybody."""
        os.killpg(self.command.pid, signal.SIGINT)

    def await_end(self) -> tuple[str, str]:
        """Wait until nobody is left, note the temporary files that are, and return what was printed."""
        wait_until(lambda: not self.living())
        output, errors = self.command.communicate(timeout=DEADLINE)
        self.left = list(self.temporary.iterdir())
        assert [path for path in self.shared if path.exists()] == []
        return output, errors


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait for an event."""
    deadline = time.monotonic() + DEADLINE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)  # to look for all processes of a session takes time of the processor
