"""Power cuts on the command line: what is found, saved and replayed, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command_line import refused, ticketlab

SHOP = """
import os
with open("new", "w") as file:
    file.write("sold 1")
    {sync}
os.rename("new", "books")
{folder}
print("sold 1", flush=True)
"""
CHECK = """
import sys
assert open("books").read() in ("sold 1", "sold 0"), repr(open("books").read())
assert not sys.stdin.read() or open("books").read() == "sold 1", "the sale is gone"
"""
SYNC = "file.flush(); os.fsync(file.fileno())"
FOLDER = "os.fsync(os.open('.', os.O_RDONLY))"


def shop(folder: Path, sync: str = "", after: str = "") -> None:
    (folder / "shop.py").write_text(SHOP.format(sync=sync, folder=after))
    (folder / "check.py").write_text(CHECK)
    (folder / "books").write_text("sold 0")


WORDS = ("explore", "--faults", "power-cut", "--invariant", "python check.py")


@pytest.mark.slow
def test_a_rename_without_fsync_is_convicted_saved_and_replayed(tmp_path: Path) -> None:
    shop(tmp_path)
    done = ticketlab(*WORDS, "--disk", "strict", "--json", "shop.py", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert [(step["step"], step["fate"]) for step in found["finding"]["steps"]][:3] == [
        ("create new", "on the disk"),
        ("write new: bytes 0 to 6", "lost"),
        ("rename new to books", "on the disk"),
    ]
    assert found["anomalies"][0]["name"] == "invariant broken"
    again = ticketlab("replay", found["file"], cwd=tmp_path)
    assert again.returncode == 1
    assert "the power fails" in again.stdout
    page = ticketlab("report", found["file"], "--markdown", "report.md", cwd=tmp_path)
    assert page.returncode == 0, page.stderr


def test_a_folder_that_is_not_forced_loses_what_was_told(tmp_path: Path) -> None:
    shop(tmp_path, SYNC)
    done = ticketlab(*WORDS, "shop.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "the sale is gone" in done.stdout


def test_a_program_that_forces_both_to_disk_is_cleared_by_every_model(tmp_path: Path) -> None:
    shop(tmp_path, SYNC, FOLDER)
    done = ticketlab(*WORDS, "shop.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "✓ ext4: correct" in done.stdout
    assert "✓ strict: correct" in done.stdout


def test_a_program_without_an_invariant_has_to_run_again_and_may_recover_first(tmp_path: Path) -> None:
    (tmp_path / "count.py").write_text(
        "import os\nn = int(open('n').read()) if os.path.exists('n') else 0\nopen('n', 'w').write(str(n + 1))\n"
    )
    (tmp_path / "mend.py").write_text(
        "import os\nif os.path.exists('n') and not open('n').read().strip('\\0'): os.unlink('n')\n"
    )
    done = ticketlab("explore", "--faults", "power-cut", "--disk", "ext4", "count.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "recovery failed" in done.stdout
    mended = (*WORDS[:3], "--disk", "ext4", "--recover", "python mend.py", "count.py")
    assert ticketlab(*mended, cwd=tmp_path).returncode == 0


@pytest.mark.slow
def test_the_table_has_a_row_for_each_store_and_says_what_is_left_out(tmp_path: Path) -> None:
    stores = ("--stores", "json:durable,json:rename,memory", "--workers", "2", "--export-json", "table.json")
    done = ticketlab("compare", "--faults", "power-cut", *stores, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 of 2 stores outlive every power cut" in done.stdout
    assert "Left out: memory (no files)." in done.stdout
    assert [row["store"] for row in json.loads((tmp_path / "table.json").read_text())["rows"]] == [
        "json:durable",
        "json:rename",
    ]
    assert ticketlab("runs", cwd=tmp_path).returncode == 0
    drawn = ticketlab("report", cwd=tmp_path)
    assert drawn.returncode == 2
    assert "a table of power cuts has no page" in drawn.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("explore", "--faults", "power-cut,kill", "shop.py"), "a power cut is searched on its own"),
        (("explore", "--faults", "power-cut", "--disk", "ext5", "shop.py"), "unknown model of a disk 'ext5'"),
        (("explore", "--disk", "ext4", "shop.py"), "--disk is of power cuts"),
        (("explore", "--faults", "power-cut", "--strategy", "flock"), "--strategy has no meaning for a power cut"),
        (("explore", "--faults", "power-cut", "--workers", "2"), "--workers has no meaning for a power cut"),
        (("explore", "--faults", "power-cut", "--store", "memory"), "a power cut concerns files"),
        (("explore", "--faults", "power-cut", "shop:buy"), "a power cut concerns programs and stores"),
        (("compare", "--faults", "power-cut", "--format", "csv"), "printed as table or json"),
        (("compare", "--faults", "power-cut", "--strategies", "flock"), "nobody else is there"),
        (("compare", "--faults", "power-cut", "--workers", "2", "--cluster", "local:2"), "leave one out"),
        (("compare", "--faults", "power-cut", "--stores", "manager"), "power cuts concern none of these stores"),
        (("race", "--faults", "power-cut"), "unknown fault 'power-cut'"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    shop(tmp_path)
    done = refused(*words, cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert reason in done.stderr
