"""What processes learn of files, folders and descriptors by looking at them: none of it may be missing in a proof."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.lab.programs.meetings import Meeting, assert_as_told, then, twice

MEETINGS: Final = {
    "the times of a folder": Meeting(("open('d/new', 'w').close()", twice("return os.stat('d').st_mtime_ns"))),
    "how many folders a folder has, by its descriptor": Meeting(
        ("os.mkdir('d/new')", "d = os.open('d', os.O_RDONLY)\n" + twice("return os.fstat(d).st_nlink")),
    ),
    "the order in which a folder lists its names": Meeting(
        (
            """
            for first in "xy":
                if os.fork() == 0:
                    open(f"d/{first}1", "w").close()
                    open(f"d/{first}2", "w").close()
                    os._exit(0)
            os.wait(), os.wait()
            sys.exit([name[0] for name in os.listdir("d")] not in (list("xxyy"), list("yyxx")))
            """,
        )
    ),
    "how many names a file has": Meeting(
        ("os.link('f', 'g')", twice("return os.stat('f').st_nlink")),
        files={"f": ""},
    ),
    "whether an open file still has a name": Meeting(
        ("os.rename('g', 'f')", "file = open('f')\n" + twice("return os.fstat(file.fileno()).st_nlink")),
        files={"f": "", "g": ""},
    ),
    "where a process stands in a file, for who only asks": Meeting(
        (
            then(
                """
                file = os.open("f", os.O_RDONLY)
                if os.fork() == 0:
                    os.read(file, 1)
                    os._exit(0)
                """,
                "return os.lseek(file, 0, os.SEEK_CUR)",
            ),
        ),
        files={"f": "ab"},
    ),
    "where a process stands in a file that it copies from": Meeting(
        (
            """
            file, other = os.open("f", os.O_RDONLY), os.open("g", os.O_RDWR | os.O_CREAT)
            if os.fork() == 0:
                os.sendfile(other, file, None, 1)
                os._exit(0)
            sys.exit(os.read(file, 1) != b"a" or os.lseek(file, 0, os.SEEK_CUR) != 1)
            """,
        ),
        files={"f": "ab"},
    ),
    "how much is in a pipe": Meeting(
        (
            then(
                """
                import fcntl, termios
                ends = os.pipe()
                if os.fork() == 0:
                    os.write(ends[1], b"x")
                    os._exit(0)
                """,
                "return fcntl.ioctl(ends[0], termios.FIONREAD, bytes(4))",
            ),
        )
    ),
    "a flag of an open file": Meeting(
        (
            then(
                """
                ends = os.pipe()
                if os.fork() == 0:
                    os.set_blocking(ends[0], False)
                    os._exit(0)
                """,
                "return os.get_blocking(ends[0])",
            ),
        )
    ),
    "a counter by two descriptors": Meeting(
        (
            then(
                """
                counter = os.eventfd(0, os.EFD_NONBLOCK)
                if os.fork() == 0:
                    os.eventfd_write(counter, 1)
                    os._exit(0)
                other = os.dup(counter)
                """,
                "return select.select([other], [], [], 0)[0]",
            ),
        )
    ),
    "a file that is emptied through a descriptor": Meeting(
        (
            then(
                """
                file = os.open("f", os.O_RDWR)
                if os.fork() == 0:
                    os.close(os.open(f"/dev/fd/{file}", os.O_WRONLY | os.O_TRUNC))
                    os._exit(0)
                """,
                "return os.path.getsize('f')",
            ),
        ),
        files={"f": "ab"},
    ),
    "a lock that belongs to an open file": Meeting(
        (
            "lock(os.open('f', os.O_RDWR))",
            "file = os.open('f', os.O_RDWR)\n" + twice("return lock(file, fcntl.F_OFD_GETLK)[0]"),
        ),
        files={"f": "a"},
    ),
    "a socket that is bound and does not listen yet": Meeting(
        (
            """
            import socket
            server = socket.socket(socket.AF_UNIX)
            server.bind("s")
            server.listen()
            os.unlink("s")
            """,
            """
            import socket
            if os.path.exists("s"):
                try:
                    socket.socket(socket.AF_UNIX).connect("s")
                except FileNotFoundError:
                    pass
            """,
        ),
        "exception",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", MEETINGS)
def test_a_way_to_notice_each_other_is_seen(way: str, tmp_path: Path) -> None:
    assert_as_told(tmp_path, MEETINGS[way])
