"""Every interleaving of a program's statements, on a PostgreSQL server: a judge that shares no code with the lab.

A statement is sent only to a session that has none under way. The next one is sent when every session has either been
answered or waits for a lock, by the server's own table of locks. So the search has to know of no lock.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from psycopg import pq

from .postgres_programs import MAKE_TABLE, Kind, Statement, Transactions

Row = tuple[str, ...]
Choices = list[tuple[int, list[int]]]
"""The sessions that were chosen, each with those that could have been."""
TRIES: Final = 20
"""How often an interleaving is tried that begins otherwise than planned, since the server itself has a choice."""
DEADLINE: Final = 60.0
RENEWED: Final = 50
"""After how many executions the table is made anew, so that no page of it or of its index ever fills."""
_SETTINGS: Final = (
    "SET client_min_messages = error",
    "SET enable_indexscan = off",
    "SET enable_bitmapscan = off",
)
"""Tables are read whole, as in an exploration: what conflicts at SERIALIZABLE depends on how they are read."""
ROWS: Final = "SELECT id, value FROM judged ORDER BY id"
_WAITING: Final = """
    SELECT pid, pg_blocking_pids(pid)::text, clock_timestamp() - waitstart > interval '6 ms'
    FROM pg_locks WHERE NOT granted AND pid IN ({})
"""  # after deadlock_timeout, which is 1 ms, who waits looks for a deadlock once


class Answer(NamedTuple):
    """What a statement came to: its command tag and its rows or, if it failed, its SQLSTATE."""

    tag: str
    rows: tuple[Row, ...] = ()
    failed: bool = False


class Ending(NamedTuple):
    """What an execution came to: the answers of each session, and the rows in the end."""

    answers: tuple[tuple[Answer, ...], ...]
    rows: tuple[Row, ...]


class Judged(NamedTuple):
    """All endings of a program, how many interleavings were run, and whether a prefix ever led elsewhere."""

    endings: frozenset[Ending]
    schedules: int
    unsteady: bool


class JudgeError(Exception):
    """The judge could not go on."""


class Line:
    """A connection to the server, by libpq alone."""

    def __init__(self, folder: Path) -> None:
        """Connect to the server whose socket is in a folder."""
        self._connection = pq.PGconn.connect(f"host={folder} user=postgres dbname=postgres".encode())
        if self._connection.status != pq.ConnStatus.OK:
            raise JudgeError(self._connection.error_message.decode())
        self.busy = False
        self._answer = Answer("")
        for setting in _SETTINGS:
            self.ask(setting)
        self.number = self._connection.backend_pid
        self.socket = self._connection.socket

    def ask(self, sql: str) -> Answer:
        """Run a statement that waits for nobody, and return its answer; raise JudgeError if it fails."""
        answer = _answer(self._connection.exec_(sql.encode()))
        if answer.failed:
            raise JudgeError(f"{sql}: {answer}")
        return answer

    def send(self, sql: str) -> None:
        """Send a statement."""
        self._connection.send_query(sql.encode())
        self.busy = True

    def collect(self) -> Answer | None:
        """Return the answer to the statement that was sent, when the server is ready for the next one."""
        self._connection.consume_input()
        while not self._connection.is_busy():
            result = self._connection.get_result()
            if result is None:
                self.busy = False
                return self._answer
            self._answer = _answer(result)
        return None

    def close(self) -> None:
        """End the connection."""
        self._connection.finish()


def _answer(result: pq.abc.PGresult) -> Answer:
    if result.status == pq.ExecStatus.FATAL_ERROR:
        return Answer((result.error_field(pq.DiagnosticField.SQLSTATE) or b"?").decode(), failed=True)
    rows = tuple(
        tuple((result.get_value(row, column) or b"").decode() for column in range(result.nfields))
        for row in range(result.ntuples)
    )
    return Answer((result.command_status or b"").decode(), rows)


class Runner:
    """Runs a program's interleavings one after another, on connections of its own."""

    def __init__(self, program: Transactions, folder: Path) -> None:
        """Take a program, and the folder of the server's socket."""
        self._program = program
        self._observer = Line(folder)
        self._lines = [Line(folder) for _ in program.sessions]
        self._runs = 0

    def close(self) -> None:
        """End all connections."""
        for line in (*self._lines, self._observer):
            line.close()

    def run(self, prefix: Sequence[int]) -> tuple[Ending, Choices]:
        """Run one interleaving, which begins with the sessions of a prefix; return its ending and its choices.

        A choice is a session, and those that could have been chosen. A session of the prefix that cannot move is not
        chosen: the caller sees it.
        """
        if self._runs % RENEWED == 0:
            self._observer.ask(MAKE_TABLE)
        self._runs += 1
        self._observer.ask(self._program.reset)
        for line in self._lines:
            line.ask(self._program.begin)
        self._answers: list[list[Answer]] = [[] for _ in self._lines]
        self._left = [list(statements) for statements in self._program.sessions]
        choices: Choices = []
        while any(self._left) or any(line.busy for line in self._lines):
            able = [who for who, line in enumerate(self._lines) if self._left[who] and not line.busy]
            if not able:
                raise JudgeError("all wait")
            wanted = prefix[len(choices)] if len(choices) < len(prefix) else able[0]
            chosen = wanted if wanted in able else able[0]
            choices.append((chosen, able))
            self._lines[chosen].send(self._left[chosen].pop(0).sql)
            self._settle()
        return Ending(tuple(map(tuple, self._answers)), self._observer.ask(ROWS).rows), choices

    def _settle(self) -> None:
        """Wait until every session has been answered, or waits for a lock."""
        end = time.monotonic() + DEADLINE
        while busy := [who for who, line in enumerate(self._lines) if line.busy]:
            select.select([self._lines[who].socket for who in busy], [], [], 0.001)
            for who in busy:
                answer = self._lines[who].collect()
                if answer is not None:
                    self._answered(who, answer)
            waiting = [self._lines[who].number for who in busy if self._lines[who].busy]
            if waiting and self._all_wait(waiting):
                return
            if time.monotonic() > end:
                raise JudgeError(f"the server does not answer, and does not say that it waits: {waiting}")

    def _answered(self, who: int, answer: Answer) -> None:
        """Write an answer down; a session whose transaction was aborted has nothing left but to give back its locks."""
        self._answers[who].append(answer)
        if answer.failed:
            self._left[who] = _after_commit(self._left[who])
            self._lines[who].ask("ROLLBACK")

    def _all_wait(self, numbers: Iterable[int]) -> bool:
        """Whether each of these backends waits for a lock, has looked for a deadlock, and is in none."""
        numbers = set(numbers)
        rows = self._observer.ask(_WAITING.format(", ".join(map(str, numbers)))).rows
        blocked: dict[int, set[int]] = {}
        for number, blockers, looked in rows:
            if looked != "t":
                return False
            blocked[int(number)] = {int(each) for each in blockers.strip("{}").split(",") if each}
        return blocked.keys() == numbers and not _has_cycle(blocked)


def _after_commit(statements: Sequence[Statement]) -> list[Statement]:
    """Return the statements after the one that ends the transaction."""
    ends = [place for place, each in enumerate(statements) if each.kind in (Kind.COMMIT, Kind.ROLLBACK)]
    return list(statements[ends[0] + 1 :]) if ends else list(statements)


def _has_cycle(blocked: dict[int, set[int]]) -> bool:
    left = {who: by & blocked.keys() for who, by in blocked.items()}
    while free := {who for who, by in left.items() if not by}:
        left = {who: by - free for who, by in left.items() if who not in free}
    return bool(left)


def judge(program: Transactions, folder: Path, limit: int | None = None) -> Judged:
    """Run every interleaving of a program; raise JudgeError if there are more than `limit`."""
    runner = Runner(program, folder)
    endings: set[Ending] = set()
    plan: Choices | None = []
    schedules, tries, unsteady = 0, 0, False
    try:
        while plan is not None:
            prefix = [chosen for chosen, _ in plan]
            ending, choices = runner.run(prefix)
            schedules += 1
            endings.add(ending)
            if limit is not None and schedules > limit:
                raise JudgeError(f"more than {limit} interleavings")
            followed = [chosen for chosen, _ in choices[: len(prefix)]] == prefix
            tries = 0 if followed else tries + 1
            unsteady = unsteady or not followed
            if followed or tries == TRIES:
                plan, tries = _next(choices if followed else plan), 0
    finally:
        runner.close()
    return Judged(frozenset(endings), schedules, unsteady)


def _next(choices: Choices) -> Choices | None:
    """Return the beginning of the next interleaving, in the order of the sessions."""
    for place in range(len(choices) - 1, -1, -1):
        chosen, able = choices[place]
        later = [who for who in able if who > chosen]
        if later:
            return [*choices[:place], (later[0], able)]
    return None
