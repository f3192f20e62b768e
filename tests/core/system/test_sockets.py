"""The addresses of Unix sockets: where there is no room for one, the lab says so, and none is left behind."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

from tests.cli.command_line import ticketlab
from ticketlab.core.inventory import Inventory
from ticketlab.stores.manager import ManagerStore

NEED_A_SOCKET = (["--store", "manager"], ["--store", "json", "--launcher", "process:forkserver"])


def long_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "long" / ("x" * 76)
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("words", NEED_A_SOCKET, ids=["manager", "fork server"])
def test_there_is_no_room_for_an_address(words: list[str], tmp_path: Path) -> None:
    folder = long_folder(tmp_path)
    done = ticketlab("race", *words, "--strategy", "none", "--buyers", "2", cwd=folder, TMPDIR=str(folder))
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ticketlab: the folder of temporary files {folder} has a path of ")
    assert line.endswith("set TMPDIR to a shorter one")


@pytest.mark.parametrize("long", [False, True], ids=["in its folder", "elsewhere, since the folder's path is too long"])
@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_a_manager_leaves_no_socket_behind(
    *, killed: bool, long: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        monkeypatch.setattr(tempfile, "tempdir", temporary)
        folder = long_folder(tmp_path) if long else Path(tempfile.mkdtemp())
        store = ManagerStore(folder, "")
        store.create(Inventory({"main": 1}), ledger=True)
        assert bool(list(folder.iterdir())) is not long
        if killed:
            os.kill(store.servers()[0], signal.SIGKILL)
        store.close()
        assert list(folder.iterdir()) == []
        assert [path for path in Path(temporary).iterdir() if path != folder] == []
