"""A box office that outlives its clerk: one clerk is active, another on standby, and no sale is lost or made twice.

- The active clerk holds a flock. When it dies, the kernel gives the flock to the clerk on standby.
- Each buyer numbers its orders. If its connection breaks off, it cannot know whether the order was performed; so it
  connects again, and sends the order with the same number until it is answered.
- A clerk records each answer before it sells (`answer_record`). An order that is in the record is answered from it.

The store must survive the death of a writer, as `json:rename` and `sqlite` do and `json:truncate` does not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from typing import Final

from ticketlab.core.errors import ClerkGone, PurchaseError
from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.pacing import RETRY, note
from ticketlab.core.plugin import Perform, Session, Store, StrategyContext
from ticketlab.core.system.descriptors import opened
from ticketlab.strategies.office.answer_record import AnswerRecord
from ticketlab.strategies.office.box_office import BoxOffice, exchange, failed_access_noted
from ticketlab.strategies.office.wire import format_answer, format_request, parse_answer
from ticketlab.strategies.purchase import flock_guard, unwrap

_CLERKS: Final = 2
_ATTEMPTS: Final = _CLERKS + 1
"""How often a buyer sends an order: once to each clerk, and once more in case a clerk's store failed for a moment."""


class RobustClerk(BoxOffice):
    """Two clerks behind one socket, one of them active.

    Without `record` it is wrong on purpose: an order that is sent again is performed again.
    """

    def __init__(self, *, record: bool) -> None:
        super().__init__("selector", "unix", _CLERKS)
        self._records = record

    def prepare(self, setting: StrategyContext) -> None:
        """Listen, and make the files: the lock of the active clerk, and the record of answers."""
        super().prepare(setting)
        self._active, self._answers = setting.folder / "inventory.active", setting.folder / "inventory.answers"
        self._active.touch()
        self._answers.touch()

    def reset(self) -> None:
        """Empty the record: a reset takes its sales back, so orders must not be answered from it."""
        os.truncate(self._answers, 0)

    def services(self) -> Sequence[Callable[[], None]]:
        """Return two clerks."""
        return (self._serve_when_active,) * _CLERKS

    def _serve_when_active(self) -> None:
        """Wait until the other clerk has died, then serve until told to stop."""
        with opened(self._active) as file, self._store.session() as session, flock_guard("active clerk", file):
            self._record: AnswerRecord | None = None
            with suppress(PurchaseError):  # the store cannot be read now: each buyer will be told so
                self._record = AnswerRecord(self._answers, session)
            self._serve_all()

    def _answer(self, session: Session, line: bytes) -> tuple[int, bytes]:
        number, _, rest = line.partition(b" ")
        if not self._records:
            return super()._answer(session, rest)
        request = self._parse(rest)
        try:
            with failed_access_noted():
                self._record = self._record or AnswerRecord(self._answers, session)
                answer = self._record.answer(session, int(number), request)
        except (OSError, PurchaseError) as error:
            self._record = None  # it is read again for the next order, since this one may or may not be in it
            if isinstance(error, OSError):
                raise  # the buyer is disconnected, and sends the order again
            answer = format_answer(error)
        return request.buyer, answer

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy over a connection; if it breaks off, connect again and send the order again."""
        numbers = count(1)
        with ExitStack() as stack:
            connected = stack.enter_context(self._connect())

            def purchase(request: Request) -> Outcome:
                nonlocal connected
                message = b"%d %b" % (next(numbers), format_request(request))
                for _ in range(_ATTEMPTS):
                    answer = exchange(connected, buyer, message)
                    if answer.endswith(b"\n"):
                        return unwrap(parse_answer(answer))
                    note(RETRY, "the connection to the clerk broke off")
                    stack.close()
                    connected = stack.enter_context(self._connect())
                raise ClerkGone(f"no clerk answered, {_ATTEMPTS} times")

            yield purchase
