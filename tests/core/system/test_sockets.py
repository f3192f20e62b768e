"""Where the folder of temporary files has too long a path, the lab says so in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command_line import ticketlab

NEED_A_SOCKET = (["--store", "manager"], ["--store", "json", "--launcher", "process:forkserver"])


@pytest.mark.parametrize("words", NEED_A_SOCKET, ids=["manager", "fork server"])
def test_there_is_no_room_for_an_address(words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "long" / ("x" * 76)
    folder.mkdir(parents=True)
    done = ticketlab("race", *words, "--strategy", "none", "--buyers", "2", cwd=tmp_path, TMPDIR=str(folder))
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ticketlab: the folder of temporary files {folder} has a path of ")
    assert line.endswith("set TMPDIR to a shorter one")
