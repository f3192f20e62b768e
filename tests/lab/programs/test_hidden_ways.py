"""Ways by which processes notice each other that are easily overlooked: none may be missing in a proof."""

from __future__ import annotations

from pathlib import Path
from socket import AF_UNIX, socket
from typing import Final

import pytest

from tests.lab.programs.meetings import Meeting, assert_as_told, explored, twice

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
    "rights that a file is given": Meeting(
        ("os.chmod('f', 0o755)", twice("return os.access('f', os.X_OK)")),
        files={"f": ""},
    ),
    "attributes of a file": Meeting(
        ("os.setxattr('f', 'user.seen', b'1')", twice("return os.listxattr('f')")),
        files={"f": ""},
    ),
    "a folder to go to": Meeting(
        (
            "os.mkdir('new')",
            twice(
                """
                try:
                    os.chdir("new")
                    os.chdir("..")
                except OSError:
                    return False
                return True
                """
            ),
        )
    ),
    "a program to run": Meeting(
        (
            "os.symlink('/bin/true', 'tool')",
            twice(
                """
                if child := os.fork():
                    return os.waitpid(child, 0)[1]
                try:
                    os.execv("./tool", ["tool"])
                except OSError:
                    os._exit(1)
                """
            ),
        )
    ),
    "a process that /proc shows": Meeting(
        (
            """
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            if not (child := os.fork()):
                os._exit(0)
            if os.fork():
                try:
                    os.wait()
                except ChildProcessError:
                    sys.exit()
            """
            + twice("return os.path.exists(f'/proc/{child}')").replace("\n", "\n" + " " * 12),
        )
    ),
    "a name that a socket is bound to": Meeting(
        (
            "import socket\nsocket.socket(socket.AF_UNIX).bind('s')",
            twice("return os.path.exists('s')"),
        )
    ),
    "datagrams of several senders": Meeting(
        (
            """
            import socket
            receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            receiver.bind("s")
            for number in range(2):
                if os.fork() == 0:
                    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                    for _ in range(2):
                        sender.sendto(b"%d" % number, "s")
                    os._exit(0)
            sys.exit(b"".join(receiver.recv(1) for _ in range(4)) not in (b"0011", b"1100"))
            """,
        )
    ),
    "an end of a socket that is shut down": Meeting(
        (
            """
            import socket
            mine, other = socket.socketpair()
            if os.fork() == 0:
                mine.close()
                while other.recv(1):
                    pass
                other.send(b"x")
                os._exit(0)
            other.close()
            mine.send(b"a")
            mine.shutdown(socket.SHUT_WR)
            mine.recv(1)
            """,
            "",
        ),
        "",
    ),
    "ends of pipes that are closed together": Meeting(
        (
            """
            (asks, asked), (answers, answered) = os.pipe(), os.pipe()
            if os.fork() == 0:
                os.close(asked)
                while os.read(asks, 1):
                    pass
                os.write(answered, b"x")
                os._exit(0)
            if os.fork() == 0:
                os.closerange(asked, asked + 1)
                os.read(answers, 1)
                os._exit(0)
            os.close(asked)
            os.wait(), os.wait()
            """,
            "",
        ),
        "",
    ),
    "numbers that are drawn from a device": Meeting(
        ("n = open('/dev/urandom', 'rb', 0).read(1)[0]\nopen(f'drawn{n}', 'w').close()", ""),
        "",
    ),
    "an older file": Meeting(
        ("sys.exit(os.path.getmtime('main1.py') > 1.5e9)", "sys.exit(os.path.getmtime('main0.py') > 1.5e9)"),
        "",
    ),
    "an end of a pipe that has a name": Meeting(
        (
            "os.close(os.open('p', os.O_RDONLY | os.O_NONBLOCK))",
            twice(
                """
                try:
                    os.close(os.open("p", os.O_WRONLY | os.O_NONBLOCK))
                except OSError:
                    return False
                return True
                """
            ),
        )
    ),
    "a folder by two names": Meeting(
        ("open('d/f', 'w').close()", twice("return os.path.exists('link/f')")),
    ),
    "a port that the kernel chooses": Meeting(
        (
            """
            import socket
            server = socket.create_server(("127.0.0.1", 0))
            if os.fork() == 0:
                client = socket.create_connection(server.getsockname())
                client.send(b"x")
                client.recv(1)
                os._exit(0)
            one, _ = server.accept()
            one.send(one.recv(1))
            os.wait()
            """,
            "",
        ),
        "",
    ),
    "a handle of a process": Meeting(
        (
            """
            import select
            if (child := os.fork()) == 0:
                open("log", "a").write("x")
                os._exit(0)
            select.select([os.pidfd_open(child)], [], [])
            os.wait()
            """,
            "",
        ),
        "",
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("way", MEETINGS)
def test_a_way_to_notice_each_other_is_seen(way: str, tmp_path: Path) -> None:
    assert_as_told(tmp_path, MEETINGS[way])


UNSEEN: Final = {
    "a timer": "signal.signal(signal.SIGALRM, lambda *_: None)\nsignal.alarm(1)\nsignal.pause()",
    "share it with its children": "import mmap\nmmap.mmap(-1, 1)",
    "source files": "open('settings.py', 'w').close()",
}


def test_a_file_that_is_read_in_memory_while_others_change_it_is_told_and_nothing_is_proved(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a")
    scripts = (
        "import mmap\nwith open('f', 'rb') as file: mmap.mmap(file.fileno(), 1, prot=mmap.PROT_READ)",
        "with open('f', 'r+') as file: file.write('b')",
    )
    found = explored(tmp_path, Meeting(scripts))
    assert (found.valid, found.names) == (None, {})
    assert found.outside == ["f is read in memory, and changed: when it is read is not seen"]


@pytest.mark.parametrize("way", UNSEEN)
def test_a_way_that_is_not_controlled_is_told_and_nothing_is_proved(way: str, tmp_path: Path) -> None:
    found = explored(tmp_path, Meeting((UNSEEN[way], "")))
    assert (found.valid, found.names) == (None, {})
    assert way in " ".join(found.outside)


def test_what_stands_in_a_folder_beside_files_keeps_nobody_waiting(tmp_path: Path) -> None:
    with socket(AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
    found = explored(tmp_path, Meeting(("import stat\nassert stat.S_ISFIFO(os.stat('p').st_mode)", "")))
    assert found.valid is True


@pytest.mark.slow
def test_what_is_written_in_several_parts_is_judged_as_well(tmp_path: Path) -> None:
    (tmp_path / "n").write_text("1")
    scripts = (
        "os.writev(1, [open('n', 'rb').read(), open('n', 'rb').read()])",
        "open('m', 'w').write('2')\nos.rename('m', 'n')",
    )
    found = explored(tmp_path, Meeting(scripts), serial=True)
    assert found.valid is False
