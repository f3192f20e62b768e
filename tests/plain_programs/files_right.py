"""Right ways to share files: claims, appends, renames, and locks that files stand for; for any number of processes."""

from __future__ import annotations

import dbm.dumb
import fcntl
import json
import os
import shelve
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from ticketlab.lab.plain.function import PlainFunction


def one_winner(returned: list[bool]) -> bool:
    """Whether one process got what there was."""
    return returned.count(True) == 1


def lay_out_ticket(folder: Path) -> None:
    """Put a ticket there."""
    (folder / "ticket").touch()


def claim_by_rename(who: int) -> bool:
    try:
        os.rename("ticket", f"sold.{who}")
    except FileNotFoundError:
        return False
    return True


def claim_by_move(who: int) -> bool:
    try:
        shutil.move("ticket", f"sold.{who}")
    except FileNotFoundError:
        return False
    return True


def claim_by_unlink() -> bool:
    try:
        Path("ticket").unlink()
    except FileNotFoundError:
        return False
    return True


def claim_by_link() -> bool:
    try:
        os.link("ticket", "sold")
    except FileExistsError:
        return False
    return True


def claim_by_symlink(who: int) -> bool:
    try:
        os.symlink(f"{who}", "owner")
    except FileExistsError:
        return False
    return os.readlink("owner") == f"{who}"


def claim_by_creation(who: int) -> bool:
    try:
        with open("claim", "x") as file:
            file.write(f"{who}")
    except FileExistsError:
        return False
    return True


def claim_by_folder() -> bool:
    try:
        os.mkdir("claim")
    except FileExistsError:
        return False
    return True


def lay_out_spool(folder: Path) -> None:
    """Put two letters into the spool."""
    for name in ("in", "done"):
        (folder / name).mkdir()
    for name in ("a", "b"):
        (folder / "in" / name).touch()


def all_done(folder: Path) -> bool:
    """Whether every letter was taken and done."""
    return sorted(os.listdir(folder / "done")) == ["a", "b"] and not os.listdir(folder / "in")


def take_letters(who: int) -> None:
    for name in sorted(os.listdir("in")):
        try:
            os.rename(f"in/{name}", f"{who}-{name}")
        except FileNotFoundError:
            continue
        os.rename(f"{who}-{name}", f"done/{name}")


def take_what_is_there(who: int) -> int:
    """Look for each letter before it is taken; who comes too late goes on to the next."""
    taken = 0
    for name in ("a", "b"):
        if Path("in", name).exists():
            try:
                os.rename(f"in/{name}", f"done/{name}")
            except FileNotFoundError:
                continue
            taken += 1
    return taken


def put_name_on_what_is_there(who: int) -> None:
    """The same, and what was taken has the name of who took it."""
    for name in ("a", "b"):
        if Path("in", name).exists():
            try:
                os.rename(f"in/{name}", f"done/{who}-{name}")
            except FileNotFoundError:
                continue


def all_named(folder: Path) -> bool:
    """Whether every letter was taken, by whomever."""
    return sorted(name[-1] for name in os.listdir(folder / "done")) == ["a", "b"]


def deliver(who: int) -> None:
    """Deliver as maildir does: written under a private name, then moved to where readers look."""
    new = Path(f"{who}.tmp")
    new.write_text("hello")
    new.rename(f"in/{who}")
    for name in os.listdir("in"):
        if name.isdigit():
            assert Path("in", name).read_text() == "hello"


def append_lines(who: int) -> None:
    for number in (1, 2):
        with open("log", "a") as log:
            log.write(f"{who} {number}\n")


def append_by_descriptor(who: int) -> None:
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.write(log, f"{who} {number}\n".encode())
    os.close(log)


def all_lines(folder: Path, returned: list[object]) -> bool:
    """Whether every line is there, each process's own in its order."""
    lines = (folder / "log").read_text().splitlines()
    return sorted(lines) == [f"{who} {number}" for who in range(1, 1 + len(returned)) for number in (1, 2)]


def lay_out_settings(folder: Path) -> None:
    """Write the settings as they are first."""
    (folder / "settings.json").write_text('{"theme": "light"}')


def change_or_read_settings(who: int) -> str:
    """Change a setting, as the only one who does, or read it."""
    settings = json.loads(Path("settings.json").read_text())
    if who == 1:
        settings["theme"] = "dark"
        with open("settings.json.new", "w") as file:
            json.dump(settings, file)
        os.replace("settings.json.new", "settings.json")
    assert settings["theme"] in ("light", "dark")
    return "ok"


def save_durably(who: int) -> None:
    """Replace the settings whole; the last one to do so wins."""
    with tempfile.NamedTemporaryFile("w", dir=".", delete=False) as file:
        json.dump({"theme": f"{who}"}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, "settings.json")
    folder = os.open(".", os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def settings_whole(folder: Path) -> bool:
    """Whether the settings can be read."""
    return bool(json.loads((folder / "settings.json").read_text())["theme"])


def switch_folders(who: int) -> str:
    """Put another release behind a symbolic link, as the only one who does, or read by the link."""
    if who == 1:
        os.symlink("new", "next")
        os.replace("next", "current")
        return "new"
    return Path("current/name").read_text()


def lay_out_releases(folder: Path) -> None:
    """Put two releases there, and a link to the old one."""
    for name in ("old", "new"):
        (folder / name).mkdir()
        (folder / name / "name").write_text(name)
    (folder / "current").symlink_to("old")


def whole_names(returned: list[str]) -> bool:
    """Whether every process read the name of a release."""
    return set(returned) <= {"old", "new"}


def fill_cache(who: int) -> str:
    """Compute what is not in the cache; if two do, they come to the same."""
    cached = Path("cache")
    if not cached.exists():
        new = Path(f"cache.{who}")
        new.write_text("42")
        new.replace(cached)
    return cached.read_text()


def initialise_once(who: int) -> str:
    """Look again under the lock."""
    if not Path("ready").exists():
        with open("lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not Path("ready").exists():
                Path("ready.new").write_text("42")
                Path("ready.new").rename("ready")
    return Path("ready").read_text()


def always_42(returned: list[str]) -> bool:
    """Whether every process got the answer."""
    return set(returned) == {"42"}


def next_version(who: int) -> int:
    """Publish the next version: the link fails if another took the number first."""
    new = Path(f"new.{who}")
    new.write_text(f"{who}")
    while True:
        number = 1 + max((int(name[1:]) for name in os.listdir(".") if name.startswith("v")), default=0)
        try:
            os.link(new, f"v{number}")
        except FileExistsError:
            continue
        new.unlink()
        return number


def next_number() -> int:
    """Take the first number that is free."""
    for number in count(1):
        try:
            open(f"{number}", "x").close()
        except FileExistsError:
            continue
        return number
    raise AssertionError


def numbers_apart(returned: list[int]) -> bool:
    """Whether every process got a number of its own, and none was left out."""
    return sorted(returned) == list(range(1, 1 + len(returned)))


def make_folder_and_file(who: int) -> None:
    Path("a/b").mkdir(parents=True, exist_ok=True)
    Path(f"a/b/{who}").touch()


def clear_away() -> None:
    shutil.rmtree("in", ignore_errors=True)
    Path("ticket").unlink(missing_ok=True)


def lay_out_count(folder: Path) -> None:
    """Put a count there, and the token that is needed to change it."""
    (folder / "count").write_text("0")
    (folder / "token").touch()


def counted(folder: Path, returned: list[object]) -> bool:
    """Whether every process was counted."""
    return (folder / "count").read_text() == f"{len(returned)}"


def add() -> None:
    """Count one, which must not be done by two at once."""
    Path("count").write_text(f"{int(Path('count').read_text()) + 1}")


def under_flock() -> None:
    with open("lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        add()


def under_lockf() -> None:
    with open("lock", "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        add()
        fcntl.lockf(lock, fcntl.LOCK_UN)


def in_place_under_flock() -> None:
    with open("count", "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        number = int(file.read())
        file.seek(0)
        file.write(f"{number + 1}")
        file.truncate()


def shared_then_alone(who: int) -> None:
    """Look under a shared lock, give it up, and count under one of its own."""
    with open("lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert int(Path("count").read_text()) < who + 9
        fcntl.flock(lock, fcntl.LOCK_UN)
        fcntl.flock(lock, fcntl.LOCK_EX)
        add()


def unless_it_runs() -> bool:
    """Do the work, unless somebody is at it."""
    with open("lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        add()
        return True


def as_many_as_returned(folder: Path, returned: list[bool]) -> bool:
    """Whether all the work is counted, and some was done."""
    return 0 < returned.count(True) == int((folder / "count").read_text())


def own_record(who: int) -> None:
    """Count in one's own record of a common file, under a lock on this record."""
    with open("records", "r+b", buffering=0) as file:
        fcntl.lockf(file, fcntl.LOCK_EX, 1, who)
        number = os.pread(file.fileno(), 1, who)
        os.pwrite(file.fileno(), bytes([number[0] + 1]), who)
        fcntl.lockf(file, fcntl.LOCK_UN, 1, who)


def lay_out_records(folder: Path) -> None:
    """Make a file of records."""
    (folder / "records").write_bytes(bytes(8))


def records_counted(folder: Path, returned: list[object]) -> bool:
    """Whether every process counted once."""
    return (folder / "records").read_bytes()[1 : 1 + len(returned)] == b"\1" * len(returned)


def opened_shelf(path: str, flag: str) -> shelve.Shelf[int]:
    """Open a shelf that is kept by Python code, and not by C code, which the lab would not see."""
    kept: Any = dbm.dumb.open(path, flag)  # noqa: SIM115 - the shelf closes it
    return shelve.Shelf(kept)


def shelved() -> None:
    """Count in a shelf, under a lock."""
    with open("lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with opened_shelf("shelf", "c") as shelf:
            shelf["n"] = shelf.get("n", 0) + 1


def shelf_counted(folder: Path, returned: list[object]) -> bool:
    """Whether every process was counted in the shelf."""
    with opened_shelf(str(folder / "shelf"), "r") as shelf:
        return shelf["n"] == len(returned)


@contextmanager
def polled(take: Callable[[], object], give: Callable[[], object]) -> Iterator[None]:
    """Try again until it is taken, and give it back afterwards."""
    while True:
        try:
            take()
            break
        except (FileExistsError, FileNotFoundError):
            time.sleep(0.01)
    try:
        yield
    finally:
        give()


def under_created_file() -> None:
    def take() -> None:
        os.close(os.open("lock", os.O_CREAT | os.O_EXCL | os.O_WRONLY))

    with polled(take, lambda: os.unlink("lock")):
        add()


def under_folder() -> None:
    with polled(lambda: os.mkdir("lock"), lambda: os.rmdir("lock")):
        add()


def under_link(who: int) -> None:
    mine = Path(f"mine.{who}")
    mine.touch()
    with polled(lambda: os.link(mine, "lock"), lambda: os.unlink("lock")):
        assert mine.stat().st_nlink == 2
        add()
    mine.unlink()


def with_token(who: int) -> None:
    with polled(lambda: os.rename("token", f"mine.{who}"), lambda: os.rename(f"mine.{who}", "token")):
        add()


_CLAIMS: Final = (claim_by_rename, claim_by_move, claim_by_unlink, claim_by_link, claim_by_symlink)
_CREATIONS: Final = (claim_by_creation, claim_by_folder)
_LOCKED: Final = (under_flock, under_lockf, in_place_under_flock, shared_then_alone)
_POLLED: Final = (under_created_file, under_folder, under_link, with_token)

RIGHT: Final[list[PlainFunction]] = [
    *(PlainFunction(function=each, reset=lay_out_ticket, returned=one_winner) for each in _CLAIMS),
    *(PlainFunction(function=each, returned=one_winner) for each in _CREATIONS),
    PlainFunction(function=take_letters, reset=lay_out_spool, invariant=all_done),
    PlainFunction(function=take_what_is_there, reset=lay_out_spool, returned=lambda told: sum(told) == 2),
    PlainFunction(function=put_name_on_what_is_there, reset=lay_out_spool, invariant=all_named),
    PlainFunction(function=deliver, reset=lay_out_spool),
    *(PlainFunction(function=each, invariant=all_lines) for each in (append_lines, append_by_descriptor)),
    PlainFunction(function=change_or_read_settings, reset=lay_out_settings, invariant=settings_whole),
    PlainFunction(function=save_durably, reset=lay_out_settings, invariant=settings_whole),
    PlainFunction(function=switch_folders, reset=lay_out_releases, returned=whole_names),
    *(PlainFunction(function=each, returned=always_42) for each in (fill_cache, initialise_once)),
    *(PlainFunction(function=each, returned=numbers_apart) for each in (next_version, next_number)),
    PlainFunction(function=make_folder_and_file),
    PlainFunction(function=clear_away, reset=lay_out_spool),
    *(PlainFunction(function=each, reset=lay_out_count, invariant=counted) for each in (*_LOCKED, *_POLLED)),
    PlainFunction(function=unless_it_runs, reset=lay_out_count, invariant=as_many_as_returned),
    PlainFunction(function=own_record, reset=lay_out_records, invariant=records_counted),
    PlainFunction(function=shelved, invariant=shelf_counted),
]
