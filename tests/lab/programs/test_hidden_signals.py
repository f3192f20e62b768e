"""What decides about signals, and what is told because it cannot be controlled: nothing is proved without it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.lab.programs.meetings import Meeting, assert_as_told, explored, then

MEETINGS: Final = {
    "a handler that is there for a moment": Meeting(
        (
            """
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            if child := os.fork():
                os.kill(child, signal.SIGUSR1)
                os.wait()
            else:
                signal.signal(signal.SIGUSR1, lambda *_: os.abort())
                signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            """,
        ),
        "killed",
    ),
    "a handler for the end of a child that has ended already": Meeting(
        (
            """
            if os.fork() == 0:
                os._exit(0)
            told = []
            signal.signal(signal.SIGCHLD, told.append)
            signal.signal(signal.SIGCHLD, lambda *_: told.append(1))
            os.wait()
            sys.exit(not told)
            """,
        )
    ),
    "a group that a process joins": Meeting(
        (
            then(
                """
                if (child := os.fork()) == 0:
                    os.setpgid(0, 0)
                    os._exit(0)
                """,
                "return os.getpgid(child)",
            ),
        )
    ),
    "a parent that ends": Meeting(
        (
            """
            if os.fork() == 0:
                if os.fork() == 0:
                    sys.exit(os.getppid() != os.getppid())
                os._exit(0)
            os.wait()
            """,
        )
    ),
    "the order of names and a handler that matter to nobody": Meeting(
        (
            """
            signal.signal(signal.SIGUSR1, lambda *_: None)
            for number in range(2):
                if os.fork() == 0:
                    open(f"d/{number}", "w").close()
                    os._exit(0)
            os.wait(), os.wait()
            sys.exit(sorted(os.listdir("d")) != ["0", "1"] or not os.path.exists("d/0"))
            """,
        ),
        "",
    ),
}

UNSEEN: Final = {
    "a terminal": "os.openpty()",
    "how much room": "os.statvfs('.')",
    "a signal when something happens to a file": "import fcntl\nfcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())",
    "limits how long a socket waits": "import socket, struct\n"
    "socket.socket().setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack('ll', 1, 0))",
    "looks into another process": "if os.fork():\n    os.wait()\nelse:\n    open(f'/proc/{os.getppid()}/stat')",
    "memory that processes share": "import mmap\nfile = open('log', 'r+')\n"
    "mmap.mmap(file.fileno(), 1, prot=mmap.PROT_READ)",
}


@pytest.mark.parametrize("way", MEETINGS)
def test_a_way_to_notice_each_other_is_seen(way: str, tmp_path: Path) -> None:
    assert_as_told(tmp_path, MEETINGS[way])


@pytest.mark.parametrize("way", UNSEEN)
def test_a_way_that_is_not_controlled_is_told_and_nothing_is_proved(way: str, tmp_path: Path) -> None:
    found = explored(tmp_path, Meeting((UNSEEN[way], "")))
    assert (found.valid, found.names) == (None, {})
    assert way in " ".join(found.outside)
