"""The peers that explorations are measured beside, each in an environment that is made for them and thrown away.

`start` makes the environment with venv and pip; it needs the network, or a mirror that pip knows of, and says so where
there is none. interleave-test needs Python 3.12, so on an older one it is left out, and said to be.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from typing import IO, Any

WANTED = ["detangle==0.1.0", "frontrun[process]==0.7.0"]

DETANGLE = """
import asyncio, sys, time, detangle

def program(buyers):
    async def main():
        left, lock, sold = [1], asyncio.Lock(), []
        async def buy():
            async with lock:
                seen = left[0]
                await asyncio.sleep(0)
                if seen:
                    left[0] = seen - 1
                    sold.append(1)
        await asyncio.gather(*[buy() for _ in range(buyers)])
        assert len(sold) == 1
    return main

for line in sys.stdin:
    buyers, runs = map(int, line.split())
    main = program(buyers)
    began = time.perf_counter()
    detangle.explore(main, strategy="random", runs=runs, seed=1)
    print(runs / (time.perf_counter() - began), flush=True)
"""

FRONTRUN = """
import json, multiprocessing, os, sqlite3, sys, tempfile, threading, time
import frontrun

folder = tempfile.mkdtemp()

def sqlite_setup():
    path = tempfile.mktemp(dir=folder)
    with sqlite3.connect(path) as db:
        db.execute("create table stock (remaining int)")
        db.execute("insert into stock values (1)")
    return path

def sqlite_buy(path):
    db = sqlite3.connect(path, timeout=10)
    db.execute("update stock set remaining = remaining - 1 where remaining > 0")
    db.commit()
    db.close()

def sqlite_right(path):
    return sqlite3.connect(path).execute("select remaining from stock").fetchone()[0] == 0

def json_setup():
    path = tempfile.mktemp(dir=folder)
    with open(path, "w") as file:
        json.dump({"left": 1}, file)
    open(path + ".sold", "w").close()
    return path

def sold(path):
    with open(path + ".sold", "ab") as file:
        file.write(b".")

def in_place_buy(path):
    with open(path) as file:
        left = json.load(file)["left"]
    if left:
        with open(path, "r+") as file:
            json.dump({"left": left - 1}, file)
        sold(path)

def rename_buy(path):
    with open(path) as file:
        left = json.load(file)["left"]
    if left:
        new = f"{path}.{os.getpid()}"
        with open(new, "w") as file:
            json.dump({"left": left - 1}, file)
        os.replace(new, path)
        sold(path)

managers = []

def manager_setup():
    path = json_setup()
    managers[:] = [multiprocessing.Manager()]  # one at a time: the one before shuts down
    return managers[0].dict(left=1), path

def manager_buy(books):
    shared, path = books
    left = shared["left"]
    if left:
        shared["left"] = left - 1
        sold(path)

def manager_right(books):
    return json_right(books[1])

def json_right(path):
    return os.path.getsize(path + ".sold") <= 1

def ask(setup, buy, right, buyers, **more):
    began = time.perf_counter()
    found = frontrun.explore(
        setup=setup, workers=[buy] * buyers, invariant=right, execution="process", strategy="dpor", **more
    )
    seconds = time.perf_counter() - began
    return {"holds": found.property_holds, "executions": found.num_explored, "seconds": seconds}

class Locked:
    def __init__(self):
        self.lock, self.left = threading.Lock(), 1
    def buy(self):
        with self.lock:
            if self.left:
                self.left -= 1

def threads():
    began = time.perf_counter()
    found = frontrun.explore(
        setup=Locked, workers=Locked.buy, count=5, invariant=lambda books: books.left == 0, preemption_bound=None
    )
    return {"holds": found.property_holds, "executions": found.num_explored, "seconds": time.perf_counter() - began}

ASKED = {
    "sqlite 2": lambda: ask(sqlite_setup, sqlite_buy, sqlite_right, 2, reuse_workers=True, max_executions=30),
    "sqlite 5": lambda: ask(
        sqlite_setup, sqlite_buy, sqlite_right, 5, reuse_workers=True, max_executions=60, preemption_bound=None
    ),
    "json:in-place": lambda: ask(json_setup, in_place_buy, json_right, 2),
    "json:rename": lambda: ask(json_setup, rename_buy, json_right, 2),
    "manager": lambda: ask(manager_setup, manager_buy, manager_right, 2),
    "sqlite 100": lambda: ask(sqlite_setup, sqlite_buy, sqlite_right, 100, max_executions=3, preemption_bound=None),
    "threads": threads,
}

if __name__ == "__main__":
    for line in sys.stdin:
        try:
            answer = ASKED[line.strip()]()
        except BaseException as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), file=sys.__stdout__, flush=True)
"""


class Peers:
    """The environment, and the peers that run in it; `missing` says why there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[str]] = []
        self._python = folder / "peers" / "bin" / "python"
        self.missing = ""
        try:
            venv.create(folder / "peers", with_pip=True)
            command = [str(self._python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *WANTED]
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            told = getattr(error, "stderr", "") or str(error)
            self.missing = f"no peers here: pip cannot install {', '.join(WANTED)} ({told.strip()[-200:]})"
        if sys.version_info < (3, 12):
            print("interleave-test is left out: it needs Python 3.12", flush=True)
        if self.missing:
            print(self.missing, flush=True)

    def start(self, program: str, runner: str = "") -> tuple[IO[Any], IO[Any]] | None:
        """Run a peer's program; return where to ask it and where it answers, a line each, or None without peers.

        `runner` is a command of the environment that runs it, as frontrun's does to control threads.
        """
        if self.missing:
            return None
        file = self._folder / f"peer{len(self._running)}.py"
        file.write_text(program)
        process = subprocess.Popen(
            [*([str(self._python.with_name(runner))] if runner else []), str(self._python), str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self._folder,
        )
        self._running.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        return process.stdin, process.stdout

    def close(self) -> None:
        """End them."""
        for process in self._running:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
