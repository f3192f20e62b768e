"""A robust clerk's record of answers: written before each sale, so that the next clerk knows what was sold.

Before a clerk sells, it enters who will be told what, and which version the section's record in the store will then
have. A later clerk reads the record. All entries but the last were carried out, or the next one would not have been
written; whether the last one was, the version in the store tells. If it was not, it is removed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from ticketlab.core.inventory import Request
from ticketlab.core.pacing import at, note
from ticketlab.core.plugin import Session
from ticketlab.core.steps import Action, Step
from ticketlab.strategies.office.wire import format_answer

_READING: Final = Step(Action.READ, "answers")
_ENTERING: Final = Step(Action.WRITE, "answers")
_REMOVING: Final = Step(Action.TRUNCATE, "answers")


class AnswerRecord:
    """The answers to sales, in a file with one line for each: buyer, number, section, version, answer."""

    def __init__(self, path: Path, session: Session) -> None:
        """Read the file, and remove its last entry if that was not carried out."""
        self._path = path
        at(_READING)
        lines = path.read_bytes().splitlines(keepends=True)
        last = lines[-1:]
        if last and not self._carried_out(last[0], session):
            del lines[-1]
            at(_REMOVING)
            os.truncate(path, sum(map(len, lines)))
        entries = (json.loads(line) for line in lines)
        self._latest: dict[int, tuple[int, bytes]] = {
            buyer: (number, answer.encode()) for buyer, number, _, _, answer in entries
        }

    def _carried_out(self, line: bytes, session: Session) -> bool:
        if not line.endswith(b"\n"):
            return False  # its clerk died while it wrote the entry, and so before it sold anything
        _, _, section, version, _ = json.loads(line)
        return session.read(section).version >= int(version)

    def answer(self, session: Session, number: int, request: Request) -> bytes:
        """Return the answer to a buyer's order: the recorded one, or if there is none, that of performing it now."""
        latest, answer = self._latest.get(request.buyer, (0, b""))
        if latest == number:
            note("answered", "from the record")
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
