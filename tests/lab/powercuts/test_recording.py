"""What the recorder takes down of a program, in whatever language and by whatever call it is done."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.lab.powercuts.recording import Recording, recorded
from ticketlab.lab.powercuts.steps import step_texts
from ticketlab.lab.programs.program import Program


def steps(folder: Path, script: str, name: str = "app.py") -> tuple[list[str], Recording]:
    (folder / name).write_text(dedent(script))
    recording = recorded(Program.of(f"sh {name}" if name.endswith(".sh") else name, folder=folder))
    return step_texts(recording, len(recording.operations)), recording


def test_calls_of_a_script_are_taken_down_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"x" * 10)
    script = """
        import os
        os.mkdir("d")
        with open("d/new", "wb") as file:
            file.write(b"1" * 20)
            file.flush()
            os.fdatasync(file.fileno())
        os.rename("d/new", "moved")
        os.link("moved", "again")
        os.unlink("moved")
        os.truncate("old", 4)
        with open("old", "ab") as file:
            file.write(b"yy")
        folder = os.open(".", os.O_RDONLY)
        os.fsync(folder)
        os.sync()
        print("done", flush=True)
    """
    assert steps(tmp_path, script)[0] == [
        "create d",
        "create d/new",
        "write d/new: bytes 0 to 20",
        "fdatasync d/new",
        "rename d/new to moved",
        "link moved to again",
        "unlink moved",
        "truncate old to 4 bytes",
        "write old: bytes 4 to 6",
        "fsync .",
        "sync",
        "print 'done'",
    ]


def test_a_write_through_o_dsync_is_forced_and_only_bytes_that_change_count(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"aaaa")
    script = """
        import os
        file = os.open("log", os.O_WRONLY | os.O_DSYNC)
        os.write(file, b"aXaa")
        os.pwritev(file, [b"b", b"c"], 4)
    """
    expected = ["write log: bytes 1 to 2", "fdatasync log", "write log: bytes 4 to 6", "fdatasync log"]
    assert steps(tmp_path, script)[0] == expected


def test_a_copy_within_the_kernel_is_seen_for_what_it_did(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"x" * 10)
    script = """
        import os
        with open("old", "rb") as old, open("new", "wb") as new:
            os.sendfile(new.fileno(), old.fileno(), 0, 6)
            os.copy_file_range(old.fileno(), new.fileno(), 4, 6, 6)
    """
    assert steps(tmp_path, script)[0] == ["create new", "write new: bytes 0 to 6", "write new: bytes 6 to 10"]


def test_a_shell_script_and_the_processes_that_it_starts_are_recorded(tmp_path: Path) -> None:
    script = """
        echo one > new
        mv new books
        sync
        echo told
    """
    found, _ = steps(tmp_path, script, "app.sh")
    assert found == ["create new", "write new: bytes 0 to 4", "rename new to books", "sync", "print 'told'"]


def test_what_is_told_is_what_came_to_be_printed(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"x" * 10)
    script = """
        import os
        print("one", flush=True)
        with open("old", "rb") as old:
            for copy in (os.sendfile, os.copy_file_range):
                try:
                    copy(1, old.fileno(), 0, 4) if copy is os.sendfile else copy(old.fileno(), 1, 4)
                except OSError:
                    pass  # what is printed is appended, which these cannot
        os.write(1, b"y" * 100_000)
        os.pwrite(1, b"two\\n", 0)
    """
    _, recording = steps(tmp_path, script)
    assert recording.told(len(recording.operations)) == "one\n" + "y" * 100_000 + "two\n"


def test_only_the_index_of_a_database_is_no_file_of_its_own(tmp_path: Path) -> None:
    script = """
        for name in ("shop.db", "shop.db-shm", "cache-shm"):
            with open(name, "w") as file:
                file.write("x")
    """
    assert steps(tmp_path, script)[0] == [
        "create shop.db",
        "write shop.db: bytes 0 to 1",
        "create cache-shm",
        "write cache-shm: bytes 0 to 1",
    ]


def test_what_is_written_in_mapped_memory_is_named(tmp_path: Path) -> None:
    (tmp_path / "map").write_bytes(bytes(4096))
    script = """
        import mmap
        with open("map", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            memory[0] = 7
            memory.flush()
    """
    found, recording = steps(tmp_path, script)
    assert found == ["write map: bytes 0 to 1", "fdatasync map"]
    assert list(recording.unseen) == ["map is changed in memory that maps it, and when is not seen"]


def test_a_program_that_fails_by_itself_has_no_cuts_to_judge(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"process 1 ends with 3 without a power cut: oh"):
        steps(tmp_path, "import sys\nprint('oh')\nsys.exit(3)\n")


def test_the_recorder_leaves_no_descriptor_open(tmp_path: Path) -> None:
    steps(tmp_path, "open('a', 'w').write('x')\n")
    before = len(list(Path("/proc/self/fd").iterdir()))
    steps(tmp_path, "open('a', 'w').write('x')\n")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
