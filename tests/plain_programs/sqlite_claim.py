"""Two workers take a job from a table: one that is still new by then, or one that was new when they looked."""

import sqlite3
from contextlib import closing
from pathlib import Path


def take(who: int, condition: str) -> None:
    with closing(sqlite3.connect("jobs.db")) as db:
        row = db.execute("select id from job where state = 'new'").fetchone()
        if row is None:
            return
        taken = db.execute(f"update job set state = 'taken' where id = ? {condition}", row).rowcount
        db.commit()
    if taken:
        Path(f"done.{who}").touch()


def bad(who: int) -> None:
    take(who, "")


def good(who: int) -> None:
    take(who, "and state = 'new'")


def reset(folder: Path) -> None:
    for old in Path(folder).glob("done.*"):
        old.unlink()
    Path(folder, "jobs.db").unlink(missing_ok=True)
    with closing(sqlite3.connect(Path(folder, "jobs.db"))) as db, db:
        db.execute("create table job(id integer primary key, state text)")
        db.execute("insert into job values (1, 'new')")


def invariant(folder: Path) -> None:
    assert len(list(Path(folder).glob("done.*"))) == 1
