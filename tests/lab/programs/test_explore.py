"""Programs explored: wrong ones are convicted by their names and replayed, right ones proved, others undecided."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from tests.gate.forking import forked
from ticketlab.core.errors import UsageError
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.programs.case import ProgramCase
from ticketlab.lab.programs.explore import explore_program, replay_program
from ticketlab.lab.programs.program import Program
from ticketlab.lab.programs.results import ProgramExploration


class Pair(NamedTuple):
    """A program as people write it, its fix, the commands that run either, and what is wrong with the first."""

    bad: str
    good: str
    commands: tuple[str, ...]
    wrong: str
    files: Mapping[str, str] = {}


_SELLS = forked("""
import json
from multiprocessing import Lock, Process

def buy(lock):
    {taken}
        with open("stock.json") as file:
            stock = json.load(file)
        stock["left"] -= 1
        with open("stock.json", "w") as file:
            json.dump(stock, file)

if __name__ == "__main__":
    lock = Lock()
    clerks = [Process(target=buy, args=(lock,)) for _ in range(2)]
    for clerk in clerks: clerk.start()
    for clerk in clerks: clerk.join()
""")
_MOVES = """
import fcntl, sys
names = {names}
with open(names[0], "w") as first, open(names[1], "w") as second:
    fcntl.flock(first, fcntl.LOCK_EX)
    fcntl.flock(second, fcntl.LOCK_EX)
"""
_READS = "import json\nwith open('settings') as file: json.load(file)\n"
_PERL = """
use Fcntl qw(:flock :seek);
open(my $file, "+<", "hits") or die;
flock($file, LOCK_EX) or die;
my $n = <$file>;
seek($file, 0, SEEK_SET); truncate($file, 0);
print $file $n + 1, "\\n"; close $file;
"""
PAIRS = {
    "json counter": Pair(
        _SELLS.format(taken="if True:"), _SELLS.format(taken="with lock:"), ("python main",), "lost update",
        {"stock.json": '{"left": 2}'},
    ),
    "pid file": Pair(
        "import os, sys\nif os.path.exists('pid'): sys.exit()\nwith open('pid', 'w') as f: f.write(str(os.getpid()))\n"
        "open(f'started.{sys.argv[1]}', 'w').close()\n",
        "import os, sys\ntry: fd = os.open('pid', os.O_CREAT | os.O_EXCL | os.O_WRONLY)\n"
        "except FileExistsError: sys.exit()\nos.write(fd, str(os.getpid()).encode())\n"
        "open(f'started.{sys.argv[1]}', 'w').close()\n",
        ("python main one", "python main two"), "check then act",
    ),
    "two locks": Pair(
        _MOVES.format(names="sys.argv[1:]"), _MOVES.format(names="sorted(sys.argv[1:])"),
        ("python main east west", "python main west east"), "deadlock",
    ),
    "invitation": Pair(
        "import sys\nfrom pathlib import Path\ninvite = Path('invite')\nif invite.exists():\n"
        "    Path(f'member.{sys.argv[1]}').touch()\n    invite.unlink(missing_ok=True)\n",
        "import sys\nfrom pathlib import Path\ntry: Path('invite').unlink()\nexcept FileNotFoundError: sys.exit()\n"
        "Path(f'member.{sys.argv[1]}').touch()\n",
        ("python main kim", "python main lee"), "check then act", {"invite": ""},
    ),
    "torn read": Pair(
        "import json\nwith open('settings', 'w') as file: json.dump({'theme': 'dark'}, file)\n",
        "import json, os\nwith open('new', 'w') as file: json.dump({'theme': 1}, file)\nos.rename('new', 'settings')\n",
        ("python main", "python reads.py"), "torn read", {"settings": "{}", "reads.py": _READS},
    ),
    "shell": Pair(
        "read n < hits\necho $((n + 1)) > hits\n",
        "exec 9> hits.lock\nflock 9\nread n < hits\necho $((n + 1)) > hits\n",
        ("sh main", "sh main"), "lost update", {"hits": "1\n"},
    ),
    "perl": Pair(
        'open(my $in, "<", "hits"); my $n = <$in>; close $in;\nopen(my $out, ">", "hits"); print $out $n + 1, "\\n";\n',
        _PERL, ("perl main", "perl main"), "lost update", {"hits": "1\n"},
    ),
}  # fmt: skip


def explored(
    folder: Path, script: str, commands: tuple[str, ...] = ("python main",), how: int = 300, **judged: object
) -> ProgramExploration:
    name = "main.py" if commands[0].startswith("python") else "main"
    (folder / name).write_text(dedent(script))
    lines = tuple(tuple(line.replace("python main", "python main.py").split()) for line in commands)
    program = Program(commands=lines, folder=folder, **judged)  # type: ignore[arg-type]
    return explore_program(program, ExploreOptions(executor="program", executions=how))


def names(found: ProgramExploration) -> list[str]:
    return [anomaly.name for anomaly in found.verdict.anomalies]


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_the_wrong_one_is_convicted_by_its_name_and_replayed_and_the_right_one_is_proved(
    name: str, tmp_path: Path
) -> None:
    pair = PAIRS[name]
    for file, text in pair.files.items():
        (tmp_path / file).write_text(text)
    bad = explored(tmp_path, pair.bad, pair.commands)
    assert bad.verdict.valid is False
    assert names(bad)[0] == pair.wrong
    assert bad.finding is not None
    case = ProgramCase.from_json(bad.finding.case.to_json())
    told = [(anomaly.name, anomaly.sentence) for anomaly in bad.verdict.anomalies]
    for _ in range(3):
        assert [(anomaly.name, anomaly.sentence) for anomaly in replay_program(case).anomalies] == told
    good = explored(tmp_path, pair.good, pair.commands)
    assert (good.verdict.valid, names(good)) == (True, [])


def test_a_lock_that_is_contested_only_in_some_orders_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "used").write_text("0")
    found = explored(
        tmp_path,
        """
        import fcntl
        with open("used") as file:
            if file.read() == "1": raise SystemExit
        with open("lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with open("used", "r+") as file: file.write("1")
        """,
        ("python main", "python main"),
    )
    assert "deadlock" not in found.names


@pytest.mark.parametrize(("allowed", "valid"), [((), False), ((3,), True)])
def test_an_exit_code_that_only_some_orders_lead_to_is_wrong_unless_it_is_allowed(
    allowed: tuple[int, ...], valid: bool, tmp_path: Path
) -> None:
    script = "import os, sys\nfd = os.open('l', os.O_CREAT | os.O_RDWR)\nos.write(fd, b'x')\nos.unlink('l')\n"
    guarded = f"{script.replace(chr(10) + 'os.unlink', chr(10) + 'try: os.unlink')}except OSError: sys.exit(3)\n"
    found = explored(tmp_path, guarded, ("python main", "python main"), allowed=frozenset(allowed))
    assert found.verdict.valid is valid
    assert valid or "exit code" in names(found)


def test_what_only_some_orders_leave_behind_is_told(tmp_path: Path) -> None:
    found = explored(
        tmp_path,
        """
        import os, sys
        os.mkdir(sys.argv[1])
        if sys.argv[1] == "busy" and os.path.exists("stop"): sys.exit()
        os.rmdir(sys.argv[1])
        """,
        ("python main busy", "python main stop"),
    )
    assert "left behind" in names(found)


def test_a_program_that_shares_nothing_is_undecided(tmp_path: Path) -> None:
    found = explored(tmp_path, "import sys\nopen(sys.argv[1], 'w').close()", ("python main a", "python main b"))
    assert (found.verdict.valid, names(found)) == (None, [])
    assert found.verdict.reason


def test_a_script_that_cannot_be_read_ends_wrong_in_any_order(tmp_path: Path) -> None:
    found = explored(tmp_path, "if True print()", ("python main",))
    assert found.verdict.valid is not True


def test_a_command_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no command no-such-command"):
        Program(commands=(("no-such-command",),), folder=tmp_path)


@pytest.mark.slow
def test_threads_of_one_process_are_not_proved_right(tmp_path: Path) -> None:
    """What they do in their memory is no call: another one may come in between wherever Python switches."""
    (tmp_path / "main.py").write_text(
        "import threading\nleft = [1]\n"
        "def take():\n    if left: left.pop()\n    open('log', 'a').write('x')\n"
        "for each in [threading.Thread(target=take) for _ in range(2)]: each.start()\n"
    )
    found = explore_program(Program(commands=(("python", "main.py"),), folder=tmp_path), ExploreOptions())
    assert found.exhausted
    assert found.valid is None
    assert "process 1 has threads, and what they do in its memory is not seen" in found.outside
