"""A write-ahead journal beside a file, which makes a write in place survive the death of its writer.

A writer puts the new content into the journal, with its length and checksum, and forces it to disk; then it writes the
content over the file, and at last it empties the journal. So at each moment one of the two is whole. A reader that
finds a whole record in the journal finishes that write. A record that was cut short counts as never written, since the
file had not been touched yet. A lock must keep writers, and readers that recover, away from each other.
"""

from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

from ticketlab.core.pacing import at, note
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.descriptors import opened
from ticketlab.stores.disk import overwrite, read_whole, write_whole


class Journal:
    """The journal of one file: `inventory.journal` beside `inventory.json`."""

    def __init__(self, path: Path) -> None:
        journal = path.with_suffix(".journal")
        self._path, self._journal = str(path), str(journal)
        self._reading = Step(Action.READ, journal.name)
        self._logging = Step(Action.WRITE, journal.name)
        self._flushing = Step(Action.FLUSH, journal.name, continuation=True, private=True)
        self._applying = Step(Action.WRITE, path.name)
        self._cutting = Step(Action.TRUNCATE, path.name, continuation=True)
        self._settling = Step(Action.FLUSH, path.name, continuation=True, private=True)
        self._clearing = Step(Action.TRUNCATE, journal.name)

    def clear(self) -> None:
        """Empty the journal, or make an empty one if there is none."""
        with opened(self._journal, os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
            pass

    def write(self, text: str) -> None:
        """Replace the file's content."""
        content = text.encode()
        at(self._logging)
        with opened(self._journal, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as file:
            write_whole(file, b"%d %08x %b\n" % (len(content), crc32(content), content))
            at(self._flushing)
            os.fsync(file)
        self._apply(content)

    def _apply(self, content: bytes) -> None:
        at(self._applying)
        with opened(self._path, os.O_WRONLY) as file:
            overwrite(file, content, lambda: at(self._cutting))
            at(self._settling)
            os.fsync(file)
        at(self._clearing)
        self.clear()

    def recover(self) -> None:
        """Finish the write of a writer that died; if this process dies meanwhile, the next one finishes it."""
        at(self._reading)
        content = self.pending()
        if content is not None:
            note("recovered", len(content))
            self._apply(content)

    def pending(self) -> bytes | None:
        """Return the content of an unfinished write, or None if the journal does not have all of it."""
        length, _, rest = read_whole(self._journal).partition(b" ")
        checksum, _, record = rest.partition(b" ")
        content = record[:-1]
        whole = record[-1:] == b"\n" and length == b"%d" % len(content) and checksum == b"%08x" % crc32(content)
        return content if whole else None
