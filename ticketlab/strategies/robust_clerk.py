"""A box office that outlives its clerk: one is on duty, another stands by, and no sale is lost or made twice.

- Who is on duty holds a flock, which the kernel gives to the other one when its holder dies.
- Each order has a number of its buyer's. A buyer whose connection breaks off connects again, and sends the same order
  with the same number until it is answered: it cannot know whether it was dealt with.
- Before a sale the clerk writes into a book who is going to be told what, and which version the record will have then.
  An order whose number is in the book is answered from it. Who comes on duty looks whether the last entry was carried
  out, by the record's version, and strikes it out if not: all entries before it were, or the next would not be there.

The store must survive the death of who writes to it, as `json:rename` and `sqlite` do, and `json:truncate` does not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

from ticketlab.core.errors import ClerkGone, PurchaseError
from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.pacing import RETRY, Action, Step, at, note
from ticketlab.core.plugin import Perform, Session, Store, StrategyContext
from ticketlab.strategies.box_office import BoxOffice, exchange, failed_access_noted
from ticketlab.strategies.purchase import flock_guard, opened, unwrap
from ticketlab.strategies.wire import format_answer, format_request, parse_answer

CLERKS: Final = 2
ASKS: Final = CLERKS + 1
"""How often a buyer sends an order: once to each clerk, and once more to one that could not answer for a moment."""

_LOOKING_UP: Final = Step(Action.READ, "answers")
_ENTERING: Final = Step(Action.WRITE, "answers")
_STRIKING_OUT: Final = Step(Action.TRUNCATE, "answers")


class RobustClerk(BoxOffice):
    """Two clerks behind one socket, of whom one serves.

    Without `book` it is wrong on purpose: an order that is sent again is dealt with again.
    """

    def __init__(self, *, book: bool) -> None:
        super().__init__("selector", "unix", CLERKS)
        self._has_book = book

    def prepare(self, setting: StrategyContext) -> None:
        """Listen, and make the files: the one that stands for the duty, and the book of answers."""
        super().prepare(setting)
        self._duty, self._answers = setting.folder / "inventory.duty", setting.folder / "inventory.answers"
        self._duty.touch()
        self._answers.touch()

    def reset(self) -> None:
        """Empty the book: sales that were taken back must not be answered from it."""
        os.truncate(self._answers, 0)

    def services(self) -> Sequence[Callable[[], None]]:
        """Employ two clerks."""
        return (self._serve_on_duty,) * CLERKS

    def _serve_on_duty(self) -> None:
        """Stand by until the other one is gone, then serve until sent home."""
        with opened(self._duty) as duty, self._store.session() as session:
            flock_guard("duty", duty).take()  # for good: closing the file gives it back, as dying does
            self._book: Answers | None = None
            with suppress(PurchaseError):  # nobody can read the store now: each buyer will be told
                self._book = Answers(self._answers, session)
            self._serve_all()

    def _answer(self, session: Session, line: bytes) -> tuple[int, bytes]:
        number, _, rest = line.partition(b" ")
        if not self._has_book:
            return super()._answer(session, rest)
        request = self._parse(rest)
        try:
            with failed_access_noted():
                self._book = self._book or Answers(self._answers, session)
                answer = self._book.settle(session, int(number), request)
        except (OSError, PurchaseError) as error:
            self._book = None  # whatever came of it: the next order is answered from what the book says then
            if isinstance(error, OSError):
                raise  # the buyer is disconnected, and asks again
            answer = format_answer(error)
        return request.buyer, answer

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy over a connection that is made anew, and an order that is sent again, when a clerk is gone."""
        numbers = count(1)
        with ExitStack() as line:
            connected = line.enter_context(self._connect())

            def purchase(request: Request) -> Outcome:
                nonlocal connected
                message = b"%d %b" % (next(numbers), format_request(request))
                for _ in range(ASKS):
                    answer = exchange(connected, buyer, message)
                    if answer.endswith(b"\n"):
                        return unwrap(parse_answer(answer))
                    note(RETRY, "the clerk is gone")
                    line.close()
                    connected = line.enter_context(self._connect())
                raise ClerkGone(f"no clerk answered, {ASKS} times")

            yield purchase


class Answers:
    """What each buyer is told, in a file that has one line for each sale: buyer, number, section, version, answer."""

    def __init__(self, path: Path, session: Session) -> None:
        """Read the book, and see to it that all that stands there is true."""
        self._path = path
        at(_LOOKING_UP)
        lines = path.read_bytes().splitlines(keepends=True)
        doubtful = lines[-1:]
        if doubtful and not self._carried_out(doubtful[0], session):
            del lines[-1]
            at(_STRIKING_OUT)
            os.truncate(path, sum(map(len, lines)))
        entries = (json.loads(line) for line in lines)
        self._latest: dict[int, tuple[int, bytes]] = {
            buyer: (number, answer.encode()) for buyer, number, _, _, answer in entries
        }

    def _carried_out(self, line: bytes, session: Session) -> bool:
        if not line.endswith(b"\n"):
            return False  # whoever wrote it died before it could sell anything
        _, _, section, version, _ = json.loads(line)
        return session.read(section).version >= int(version)

    def settle(self, session: Session, number: int, request: Request) -> bytes:
        """Return the answer to a buyer's order: the recorded one, or what comes of it now."""
        latest, answer = self._latest.get(request.buyer, (0, b""))
        if latest == number:
            note("answered", "from the book")
            return answer
        change = request.on(session.read(request.section))
        answer = format_answer(change.outcome)
        if change.stock is not None:
            self._enter(request, number, change.stock.version, answer)
            session.write(change.stock, change.entry)
            self._latest[request.buyer] = number, answer
        return answer

    def _enter(self, request: Request, number: int, version: int, answer: bytes) -> None:
        line = json.dumps([request.buyer, number, request.section, version, answer.decode()])
        at(_ENTERING)
        with self._path.open("ab") as file:
            file.write(line.encode() + b"\n")
