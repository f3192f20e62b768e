"""What is started runs as it would without the lab, and nothing of it is left."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, STDOUT
from textwrap import dedent
from threading import Thread
from typing import Final

import pytest

from tests.gate.starting.answering import CALLS, Programs
from ticketlab.core.errors import TicketlabError
from ticketlab.gate.starting.starter import CommandLine, Starter

SCRIPTS: Final = {
    "arguments": "import sys; print(sys.argv, sys.orig_argv, sys.path[0], sys.flags)",
    "module": "print({name: value for name, value in globals().items() if name != '__loader__'}, type(__loader__))",
    "exit": "import sys; sys.exit(3)",
    "negative": "raise SystemExit(-1)",
    "words": "import sys; print('first'); sys.exit('a reason')",
    "error": "def sell():\n    raise ValueError('sold out')\nsell()",
    "chained": "try:\n    1 / 0\nexcept ArithmeticError as error:\n    raise KeyError('x') from error",
    "syntax": "print('never')\nif True print()",
    "interrupt": "raise KeyboardInterrupt",
    "annotations": "def sell(count: int): ...\nprint(sell.__annotations__)",
    "exits": "import atexit; atexit.register(print, 'at exit'); print('main')",
    "thread": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.01), print('thread'))).start()",
    "open": "kept = open('written', 'w'); kept.write('text')\ndef refers(): return kept",
    "deleted": "class Last:\n    def __del__(self): print('deleted')\nlast = Last()\nlast.self = last",
    "hook": "import sys\nsys.excepthook = lambda *of: print('hook', of[1], of[2].tb_lineno)\n1 / 0",
    "closed": "import sys; sys.stdout.close(); sys.exit(4)",
    "prints": "import this",
    "hidden": "import queue; print(queue.MINE)",
    "beside": "import helper; import helper as again; print(helper.shown)",
    "linked": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def write(file: Path, text: str, mode: int = 0o644) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(dedent(text))
    file.chmod(mode)


def test_a_script_runs_as_in_a_new_interpreter(folder: Path) -> None:
    for name, text in SCRIPTS.items():
        write(folder / name / "script.py", text)
    write(folder / "hidden" / "queue.py", "MINE = 'mine'")
    write(folder / "beside" / "helper.py", "print('imported'); shown = 1")
    (folder / "linked" / "script.py").unlink()
    (folder / "linked" / "script.py").symlink_to(folder / "beside" / "script.py")
    commands = [("python", f"{name}/script.py", "one", "2") for name in SCRIPTS]
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    cold = [
        subprocess.run(command, executable=sys.executable, cwd=folder, env=environment, stdout=PIPE, stderr=STDOUT)
        for command in commands
    ]
    (folder / "written").unlink()
    programs = Programs.of(folder, *commands)
    with programs.starter:
        for _ in range(2):  # what the first execution imports, the second imports anew
            warm = programs.run()
            for name, printed, expected in zip(SCRIPTS, warm, cold, strict=True):
                assert printed == expected.stdout.decode(), name
            ends = {number: programs.exits.get(number, -signal.SIGINT) for number, _ in enumerate(cold, 1)}
            assert ends == {number: each.returncode for number, each in enumerate(cold, 1)}
            assert (folder / "written").read_text() == "text"
            (folder / "written").unlink()
    assert not programs.alive()


METHODS: Final = """
    import multiprocessing, sys

    def serve(queue):
        queue.put(__name__)
        sys.exit(5)

    if __name__ == "__main__":
        for method in sys.argv[1:]:
            context = multiprocessing.get_context(method)
            queue = context.SimpleQueue()
            process = context.Process(target=serve, args=(queue,))
            process.start()
            print(method, queue.get(), process.join(), process.exitcode, process.name)
"""


def test_a_script_starts_processes_by_each_method(folder: Path) -> None:
    write(folder / "serve.py", METHODS)
    programs = Programs.of(folder, ("python", "serve.py", "fork", "spawn", "forkserver"))
    with programs.starter:
        [printed] = programs.run()
    assert printed.splitlines() == [
        "fork __main__ None 5 ForkProcess-1",
        "spawn __mp_main__ None 5 SpawnProcess-2",
        "forkserver __mp_main__ None 5 ForkServerProcess-3",
    ]
    assert not programs.alive()


def test_commands_are_executed_as_by_a_shell(folder: Path) -> None:
    write(folder / "buy.sh", "#!/bin/sh\necho $1 $PYTHONHASHSEED; exit 4", 0o755)
    write(folder / "bare", "echo bare $1", 0o755)
    write(folder / "data", "")
    write(folder / "script.py", "import sys; print(sys.argv)")
    commands = (("./buy.sh", "alice"), ("./bare", "x"), ("./data",), ("no-such",), ("./no-such",), ("script.py", "x"))
    programs = Programs.of(
        folder, *commands, ("python", "-c", "import sys; print(sys.executable)"), ("sh", "-c", "kill 0")
    )
    with programs.starter:
        assert programs.run() == [
            "alice 0\n",
            "bare x\n",
            "./data: Permission denied\n",
            "no-such: No such file or directory\n",
            "./no-such: No such file or directory\n",
            "['script.py', 'x']\n",
            f"{sys.executable}\n",
            "",
        ]
    assert programs.exits == {1: 4, 2: 0, 3: 126, 4: 127, 5: 127, 6: 0, 7: 0}


def test_each_process_draws_its_own_chance(folder: Path) -> None:
    write(folder / "draw.py", "import random; print(random.random())")
    programs = Programs.of(folder, ("python", "draw.py"), ("python", "draw.py"))
    with programs.starter:
        drawn = [*programs.run(), *programs.run()]
        assert len(set(drawn)) == 4
        assert sum(stop.number == CALLS["getrandom"] for stop in programs.stops()) == 2


def test_objects_lie_at_the_same_addresses_in_each_execution(folder: Path) -> None:
    write(
        folder / "where.py", "import sys\nclass Thing: ...\nprint([id(each) for each in {Thing() for _ in range(9)}])"
    )
    programs = Programs.of(folder, ("python", "where.py"), ("true",))
    with programs.starter:
        found = programs.run()
        for _ in zip(range(9), programs.stops(), strict=False):
            pass  # it is ended in the middle
        found += programs.run()
        for _ in range(20):
            found += programs.run(keeps_leader=True)
    with programs.starter:
        found += programs.run()
    assert set(found[1::2]) == {""}
    assert len(set(found[::2])) == 1


def test_one_leader_leads_executions_that_are_alike(folder: Path) -> None:
    programs = Programs.of(folder, ("true",), ("sh", "-c", "echo $PPID"))

    def leader() -> str:
        return programs.run(keeps_leader=True)[1]

    with programs.starter as starter:
        kept = leader()
        assert leader() == kept
        [handle] = pidfds([int(kept)])
        os.kill(int(kept), signal.SIGKILL)
        assert select.select([handle], [], [], 30)[0], "it dies"
        os.close(handle)
        after_death = leader()
        assert after_death != kept
        started = starter.start([1])
        assert str(started.leader) != after_death
        in_another_folder = folder.with_name("before")
        folder.rename(in_another_folder)
        folder.mkdir()
        moved = leader()
        in_another_folder.rmdir()
        assert leader() == moved
    assert not programs.alive()


LEAVING: Final = """
    import os, signal, sys
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.mkdir("reached")
            signal.pause()
        os._exit(0)
    os.wait()
    signal.pause()
"""


def test_an_end_in_the_middle_leaves_no_process(folder: Path) -> None:
    write(folder / "leave.py", LEAVING)
    programs = Programs.of(folder, ("python", "leave.py"), ("sh", "-c", "cat /dev/zero | cat > /dev/null"))
    with programs.starter:
        for _ in range(2):
            stops = programs.stops()
            assert any(stop.number in (CALLS["mkdir"], CALLS["mkdirat"]) for stop in stops)
            stops.close()
            assert not programs.alive()
            assert not (folder / "reached").exists(), "a call that was stopped has been performed"


def pidfds(processes: Iterable[int]) -> Iterator[int]:
    for each in processes:
        with suppress(ProcessLookupError):  # it has ended before
            yield os.pidfd_open(each)


def test_a_killed_lab_leaves_no_process(folder: Path) -> None:
    write(folder / "leave.py", LEAVING)
    programs = Programs.of(folder, ("python", "leave.py"))
    reading, writing = os.pipe()
    lab = os.fork()
    if lab == 0:
        try:
            with programs.starter:
                for stop in programs.stops():
                    if stop.number in (CALLS["mkdir"], CALLS["mkdirat"]):
                        os.write(writing, b" ".join(b"%d" % each for each in programs.threads))
                        signal.pause()
        finally:
            os._exit(1)
    started = list(pidfds(map(int, os.read(reading, 4096).split())))
    os.kill(lab, signal.SIGKILL)
    os.waitpid(lab, 0)
    assert len(started) >= 3, "the leader, the script, and what it left behind"
    for each in started:
        assert select.select([each], [], [], 30)[0], "a process has outlived the lab"
        os.close(each)
    os.close(reading)
    os.close(writing)


def test_the_thread_that_starts_the_interpreter_may_end_before(folder: Path) -> None:
    programs = Programs.of(folder, ("true",))
    thread = Thread(target=programs.starter.__enter__)
    thread.start()
    thread.join()
    try:
        assert programs.run() == [""]
    finally:
        programs.starter.__exit__(None, None, None)


def test_what_cannot_be_started_is_said(folder: Path) -> None:
    programs = Programs.of(folder, ("true",))
    with programs.starter:
        folder.rmdir()
        with pytest.raises(TicketlabError, match=r"cannot be started: .*No such file or directory: .*folder"):
            programs.starter.start()
        folder.mkdir()
        assert programs.run() == [""]


WALK: Final = """\
import os, threading
import helper
def walk(name):
    helper.look(name)
    os.mkdir(f"{name} end")
walk("main")
thread = threading.Thread(target=walk, args=["thread"])
thread.start()
thread.join()
if os.fork() == 0:
    os.mkdir("child"); walk("grandchild")
os.mkdir(
    "last"
)
"""


def test_the_line_of_each_thread_is_read_from_outside(folder: Path) -> None:
    write(folder / "walk.py", WALK)
    write(folder / "helper.py", "import json, os\ndef look(name):\n    json.JSONEncoder(default=os.mkdir)", 0o644)
    write(folder / "helper.py", "import os\ndef look(name):\n    os.makedirs(f'{name} look')\n")
    programs = Programs.of(folder, ("python", "walk.py"))
    with programs.starter:
        met = {
            name: line(programs.starter, stop.thread)
            for stop in programs.stops(with_lines=True)
            if stop.number == CALLS["mkdir"]
            for name in [text(stop.thread, stop.arguments[0])]
        }
        assert not any(line(programs.starter, stop.thread) for stop in programs.stops())
    walk, helper = str(folder / "walk.py"), str(folder / "helper.py")
    assert met == {
        **{f"{name} look": (helper, 3) for name in ("main", "thread", "grandchild")},
        **{f"{name} end": (walk, 5) for name in ("main", "thread", "grandchild")},
        "child": (walk, 11),
        "last": (walk, 12),
    }


def line(starter: Starter, thread: int) -> tuple[str, int] | None:
    return starter.line_at(lambda address, size: read_memory(thread, address, size), thread)


def text(thread: int, address: int) -> str:
    return read_memory(thread, address, 100).partition(b"\0")[0].decode()


def read_memory(thread: int, address: int, size: int) -> bytes:
    memory = os.open(f"/proc/{thread}/mem", os.O_RDONLY)
    try:
        return os.pread(memory, size, address)
    finally:
        os.close(memory)


def test_without_a_gate_all_run_at_once_on_all_cores_and_in_their_time(folder: Path) -> None:
    write(folder / "cores.py", "import os, sys; print(len(os.sched_getaffinity(0))); sys.exit(3)")
    programs = Programs.of(folder, ("python", "cores.py"), ("sh", "-c", "kill -9 $$"), ("sh", "-c", "read x <&3"))
    with programs.starter as starter:
        for _ in range(2):
            assert starter.run_freely(60) == ({1: 3, 2: -9, 3: 2}, True)
        assert (programs.output / "1.out").read_text() == f"{len(os.sched_getaffinity(0))}\n"
    with Starter(
        [CommandLine(("sleep", "600")), CommandLine(("sh", "-c", "sleep 600 & exit 4"))], folder, folder
    ) as starter:
        codes, is_over = starter.run_freely(0.2)
        assert not is_over
        assert codes.keys() <= {2}
