"""Stores in files: caches and dictionaries on the disk."""

from __future__ import annotations

import dbm.dumb
import mailbox
import shelve
from contextlib import closing
from pathlib import Path
from typing import Any

import configobj
import diskcache
import joblib
import lmdb
import pickledb
import portalocker
import semidbm
import sqlitedict
import tinydb
import unqlite
import zict
from atomicwrites import atomic_write
from cachelib import FileSystemCache
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from keyrings.alt.file import PlaintextKeyring

from tests.soak.strangers.kit import all_apart, counted, one_true, one_two, use, zero


def cached_zero(folder: Path) -> None:
    with diskcache.Cache("cache") as cache:
        cache["n"] = 0


def cache_counted(returned: list[Any]) -> bool:
    with diskcache.Cache("cache") as cache:
        return bool(cache["n"] == len(returned))


@use("diskcache", right=True, reset=cached_zero, invariant=cache_counted)
def diskcache_incr() -> None:
    with diskcache.Cache("cache") as cache:
        cache.incr("n")


@use("diskcache", right=False, reset=cached_zero, invariant=cache_counted)
def diskcache_read_then_write() -> None:
    with diskcache.Cache("cache") as cache:
        cache["n"] = cache["n"] + 1


@use("diskcache", right=True, reset=cached_zero, invariant=cache_counted)
def diskcache_transact() -> None:
    with diskcache.Cache("cache") as cache, cache.transact():
        cache["n"] = cache["n"] + 1


@use("diskcache", right=True, reset=cached_zero, returned=one_true)
def diskcache_add() -> bool:
    with diskcache.Cache("cache") as cache:
        return bool(cache.add("owner", "me"))


@use("diskcache", right=False, reset=cached_zero, returned=one_true)
def diskcache_asks_first() -> bool:
    with diskcache.Cache("cache") as cache:
        if "owner" in cache:
            return False
        cache["owner"] = "me"
        return True


@use("diskcache", right=True, reset=cached_zero, invariant=cache_counted)
def diskcache_lock() -> None:
    with diskcache.Cache("cache") as cache, diskcache.Lock(cache, "lock"):
        cache["n"] = cache["n"] + 1


@use("diskcache", right=True, reset=cached_zero, returned=all_apart)
def diskcache_pop(who: int) -> Any:
    deque = diskcache.Deque(directory="deque")
    deque.append(who)
    return deque.popleft()


def dict_zero(folder: Path) -> None:
    with sqlitedict.SqliteDict("n.sqlite") as found:
        found["n"] = 0
        found.commit()


def dict_counted(returned: list[Any]) -> bool:
    with sqlitedict.SqliteDict("n.sqlite") as found:
        return bool(found["n"] == len(returned))


@use("sqlitedict", right=False)
def sqlitedict_read_then_write() -> None:
    with sqlitedict.SqliteDict("n.sqlite", autocommit=True) as found:
        found["n"] = found.get("n", 0) + 1


def tiny_zero(folder: Path) -> None:
    with tinydb.TinyDB("db.json") as db:
        db.insert({"n": 0})


def tiny_counted(returned: list[Any]) -> bool:
    with tinydb.TinyDB("db.json") as db:
        return bool(db.all()[0]["n"] == len(returned))


@use("tinydb", right=False, reset=tiny_zero, invariant=tiny_counted)
def tinydb_update() -> None:
    with tinydb.TinyDB("db.json") as db:
        db.update({"n": db.all()[0]["n"] + 1})


@use("tinydb", right=True, reset=tiny_zero, invariant=tiny_counted)
def tinydb_under_lock() -> None:
    with portalocker.Lock("db.lock", timeout=10), tinydb.TinyDB("db.json") as db:
        db.update({"n": db.all()[0]["n"] + 1})


@use("tinydb", right=True, options="--threads 2", reset=tiny_zero, invariant=tiny_counted)
def tinydb_threads_under_lock() -> None:
    with portalocker.Lock("db.lock", timeout=10), tinydb.TinyDB("db.json") as db:
        db.update({"n": db.all()[0]["n"] + 1})


def pickle_zero(folder: Path) -> None:
    db = pickledb.PickleDB("pickle.json")
    db.load()
    db.set("n", 0)
    db.save()


def pickle_counted(returned: list[Any]) -> bool:
    db = pickledb.PickleDB("pickle.json")
    db.load()
    return bool(db.get("n") == len(returned))


@use("pickledb", right=False, reset=pickle_zero, invariant=pickle_counted)
def pickledb_update() -> None:
    db = pickledb.PickleDB("pickle.json")
    db.load()
    db.set("n", db.get("n") + 1)
    db.save()


@use("pickledb", right=True, reset=pickle_zero, invariant=pickle_counted)
def pickledb_under_lock() -> None:
    with portalocker.Lock("db.lock", timeout=10):
        db = pickledb.PickleDB("pickle.json")
        db.load()
        db.set("n", db.get("n") + 1)
        db.save()


def shelf_zero(folder: Path) -> None:
    with shelve.open("shelf") as shelf:
        shelf["n"] = 0


def shelf_counted(returned: list[Any]) -> bool:
    with shelve.open("shelf") as shelf:
        return bool(shelf["n"] == len(returned))


@use("shelve (stdlib)", right=False, reset=shelf_zero, invariant=shelf_counted)
def shelve_update() -> None:
    with shelve.open("shelf") as shelf:
        shelf["n"] += 1


@use("shelve (stdlib)", right=True, reset=shelf_zero, invariant=shelf_counted)
def shelve_under_lock() -> None:
    with portalocker.Lock("shelf.lock", timeout=10), shelve.open("shelf") as shelf:
        shelf["n"] += 1


def dumb_zero(folder: Path) -> None:
    with dbm.dumb.open("dumb", "c") as db:
        db["n"] = b"0"


def dumb_counted(returned: list[Any]) -> bool:
    with dbm.dumb.open("dumb", "r") as db:
        return bool(int(db["n"]) == len(returned))


@use("dbm.dumb (stdlib)", right=False, reset=dumb_zero, invariant=dumb_counted)
def dumb_update() -> None:
    with dbm.dumb.open("dumb", "w") as db:
        db["n"] = str(int(db["n"]) + 1).encode()


@use("dbm.dumb (stdlib)", right=True, reset=dumb_zero, invariant=dumb_counted)
def dumb_under_lock() -> None:
    with portalocker.Lock("dumb.lock", timeout=10), dbm.dumb.open("dumb", "w") as db:
        db["n"] = str(int(db["n"]) + 1).encode()


def semi_zero(folder: Path) -> None:
    with closing(semidbm.open("semi", "c")) as db:
        db["n"] = b"0"


def semi_counted(returned: list[Any]) -> bool:
    with closing(semidbm.open("semi", "r")) as db:
        return bool(int(db["n"]) == len(returned))


@use("semidbm", right=False, reset=semi_zero, invariant=semi_counted)
def semidbm_update() -> None:
    with closing(semidbm.open("semi", "w")) as db:
        db["n"] = str(int(db["n"]) + 1).encode()


@use("semidbm", right=True, reset=semi_zero, invariant=semi_counted)
def semidbm_under_lock() -> None:
    with portalocker.Lock("semi.lock", timeout=10), closing(semidbm.open("semi", "w")) as db:
        db["n"] = str(int(db["n"]) + 1).encode()


def lmdb_zero(folder: Path) -> None:
    with lmdb.open("lm") as env, env.begin(write=True) as transaction:
        transaction.put(b"n", b"0")


def lmdb_counted(returned: list[Any]) -> bool:
    with lmdb.open("lm") as env, env.begin() as transaction:
        return bool(int(transaction.get(b"n")) == len(returned))


@use("lmdb", right=True, reset=lmdb_zero, invariant=lmdb_counted)
def lmdb_in_transaction() -> None:
    with lmdb.open("lm") as env, env.begin(write=True) as transaction:
        transaction.put(b"n", str(int(transaction.get(b"n")) + 1).encode())


@use("lmdb", right=False, reset=lmdb_zero, invariant=lmdb_counted)
def lmdb_in_two() -> None:
    with lmdb.open("lm") as env:
        with env.begin() as transaction:
            count = int(transaction.get(b"n"))
        with env.begin(write=True) as transaction:
            transaction.put(b"n", str(count + 1).encode())


@use("lmdb", right=False, options="--gate kernel", reset=lmdb_zero, invariant=lmdb_counted)
def lmdb_in_two_kernel() -> None:
    lmdb_in_two()


@use("unqlite", right=False)
def unqlite_update() -> None:
    db = unqlite.UnQLite("un.db")
    count = int(db["n"]) if "n" in db else 0
    db["n"] = str(count + 1)
    db.close()


def all_four(returned: list[Any]) -> bool:
    return returned == [4] * len(returned)


@use("joblib", right=True, returned=all_four)
def joblib_memory() -> int:
    return int(joblib.Memory("joblib", verbose=0).cache(_square_plain)(2))


def _square_plain(number: int) -> int:
    return number * number


def joblib_zero(folder: Path) -> None:
    joblib.dump(0, "n.pkl")


def joblib_counted(returned: list[Any]) -> bool:
    return bool(joblib.load("n.pkl") == len(returned))


@use("joblib", right=False, reset=joblib_zero, invariant=joblib_counted)
def joblib_dump() -> None:
    joblib.dump(joblib.load("n.pkl") + 1, "n.pkl")


def box_with_one(folder: Path) -> None:
    box = mailbox.mbox("box")
    box.add("Subject: one\n\none\n")
    box.close()


def box_with_all(returned: list[Any]) -> bool:
    with closing(mailbox.mbox("box")) as box:
        return len(box) == 1 + len(returned)


@use("mailbox (stdlib)", right=True, reset=box_with_one, invariant=box_with_all)
def mailbox_locked(who: int) -> None:
    box = mailbox.mbox("box")
    while True:
        try:
            box.lock()
            break
        except mailbox.ExternalClashError:
            continue
    try:
        box.add(f"Subject: {who}\n\n{who}\n")
        box.flush()
    finally:
        box.unlock()
        box.close()


@use("mailbox (stdlib)", right=True, reset=box_with_one)
def mailbox_locked_or_not(who: int) -> bool:
    box = mailbox.mbox("box")
    try:
        box.lock()
    except mailbox.ExternalClashError:
        return False
    try:
        box.add(f"Subject: {who}\n\n{who}\n")
        box.flush()
        return True
    finally:
        box.unlock()
        box.close()


@use("mailbox (stdlib)", right=False, reset=box_with_one, invariant=box_with_all)
def mailbox_unlocked(who: int) -> None:
    with closing(mailbox.mbox("box")) as box:
        box.add(f"Subject: {who}\n\n{who}\n")


@use("mailbox (stdlib)", right=False)
def maildir_make_and_add(who: int) -> None:
    """It looks whether the folder is there before it makes it."""
    box = mailbox.Maildir("mail")
    box.add(f"Subject: {who}\n\n{who}\n")


def maildir(folder: Path) -> None:
    mailbox.Maildir("mail")


@use("mailbox (stdlib)", right=True, reset=maildir)
def maildir_add(who: int) -> None:
    box = mailbox.Maildir("mail")
    box.add(f"Subject: {who}\n\n{who}\n")


@use("atomicwrites", right=True, returned=one_true)
def atomicwrites_once() -> bool:
    try:
        with atomic_write("only", overwrite=False) as file:
            file.write("mine")
        return True
    except FileExistsError:
        return False


@use("atomicwrites", right=False, reset=zero, invariant=counted)
def atomicwrites_update() -> None:
    count = int(Path("count").read_text())
    with atomic_write("count", overwrite=True) as file:
        file.write(str(count + 1))


@use("atomicwrites", right=True)
def atomicwrites_same() -> None:
    with atomic_write("page", overwrite=True) as file:
        file.write("the same for all")


def conf_zero(folder: Path) -> None:
    (folder / "app.ini").write_text("n = 0\n")


def conf_counted(returned: list[Any]) -> bool:
    return int(configobj.ConfigObj("app.ini")["n"]) == len(returned)


@use("configobj", right=False, reset=conf_zero, invariant=conf_counted)
def configobj_update() -> None:
    config = configobj.ConfigObj("app.ini")
    config["n"] = int(config["n"]) + 1
    config.write()


@use("configobj", right=True, reset=conf_zero, invariant=conf_counted)
def configobj_under_lock() -> None:
    with portalocker.Lock("app.lock", timeout=10):
        config = configobj.ConfigObj("app.ini")
        config["n"] = int(config["n"]) + 1
        config.write()


@use("zict", right=True)
def zict_file(who: int) -> None:
    store = zict.File("zict")
    store[f"key{who}"] = b"value"


@use("zict", right=False, reset=zero)
def zict_file_same() -> int:
    store = zict.File("zict")
    count = int(store.get("n", b"0")) + 1
    store["n"] = str(count).encode()
    return count


@use("cachelib", right=False, returned=one_true)
def cachelib_add() -> bool:
    """`add` looks for the file and then makes it."""
    return bool(FileSystemCache("cl", mode=0o600).add("owner", "me"))


@use("cachelib", right=False, returned=one_two)
def cachelib_inc() -> int | None:
    return FileSystemCache("cl").inc("n")


@use("cachelib", right=False)
def cachelib_set_same() -> bool | None:
    """It looks for the file, and counts one more in another file if there is none: two count two for one."""
    return FileSystemCache("cl").set("page", "the same for all")


@use("fsspec", right=False, reset=zero, invariant=counted)
def fsspec_update() -> None:
    files = DirFileSystem(path=str(Path.cwd()), fs=LocalFileSystem())
    count = int(files.cat_file("count"))
    files.pipe_file("count", str(count + 1).encode())


@use("fsspec", right=True)
def fsspec_transaction(who: int) -> None:
    files = LocalFileSystem()
    with files.transaction, files.open(str(Path.cwd() / f"made.{who}"), "wb") as file:
        file.write(b"made")


@use("keyring", right=False)
def keyring_set(who: int) -> str | None:
    keyring = PlaintextKeyring()
    keyring.file_path = "keyring.cfg"
    keyring.set_password("service", f"user{who}", "secret")
    return keyring.get_password("service", f"user{who}")
