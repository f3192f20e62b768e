"""Programs on the command line: explored, printed, saved, drawn and replayed; refused in one line; nothing is left."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.cli.command_line import refused, ticketlab
from tests.cli.whole_lab import WholeLab
from ticketlab.lab.artifacts.race_folder import fastest

BUY = "read n < hits\necho $((n + 1)) > hits\n"
SHOP = """
import multiprocessing, sys

def buy():
    with open("hits") as file: n = int(file.read())
    with open("hits", "w") as file: file.write(f"{n + 1}\\n")

if __name__ == "__main__":
    for _ in range(int(sys.argv[1])): multiprocessing.get_context("fork").Process(target=buy).start()
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "buy.sh").write_text(BUY)
    (folder / "shop.py").write_text(SHOP)
    (folder / "hits").write_text("1\n")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("shop/shop.py", "2"),
        ("--run", "sh buy.sh", "--run", "sh buy.sh", "--in", "shop"),
        ("--copies", "2", "--in", "shop", "--", "sh", "buy.sh"),
    ],
)
def test_each_way_to_name_a_program_finds_drawn_and_replayed_what_is_wrong(words: tuple[str, ...], shop: Path) -> None:
    done = ticketlab("explore", "--json", "--html", "page.html", *words, cwd=shop)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert "lost update" in [anomaly["name"] for anomaly in told["anomalies"]]
    page = (shop / "page.html").read_text()
    assert "hits" in page
    assert "lost update" in page
    replayed = ticketlab("replay", told["file"], cwd=shop)
    assert replayed.returncode == 1
    assert "lost update" in replayed.stdout
    assert "read hits" in replayed.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere.py",), "there is no script nowhere.py"),
        (("--run", "no-such-command", "--in", "shop"), "there is no command no-such-command"),
        (("--run", "sh 'buy.sh", "--in", "shop"), "misquoted"),
        (("--run", "sh buy.sh", "--in", "elsewhere"), "elsewhere"),
        (("--copies", "2"), "--copies needs a command"),
        (("--run", "sh buy.sh", "--in", "shop", "--allow-exit", "none"), "--allow-exit"),
        (("--run", "sh buy.sh", "--in", "shop", "--buyers", "3"), "--buyers"),
    ],
)
def test_what_is_no_program_is_refused_in_one_line(words: tuple[str, ...], said: str, shop: Path) -> None:
    done = refused("explore", *words, cwd=shop)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


FOR_EVER = ("explore", "--policy", "random", "--executions", "1000000000", "--exhaust", "--in", "shop", "--copies", "2")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_lab_that_is_stopped_leaves_no_process_and_no_folder(how: signal.Signals, shop: Path) -> None:
    with WholeLab((*FOR_EVER, "--", "sh", "buy.sh"), shop) as lab:
        lab.await_started(3)
        mine = list(fastest().glob(f"race-{lab.command.pid}-*"))
        if how is signal.SIGINT:
            lab.interrupt()
        else:
            os.kill(lab.command.pid, how)
        lab.await_end()
    assert lab.command.returncode in (130, -how)
    if how is signal.SIGINT:
        assert not any(each.exists() for each in mine)
