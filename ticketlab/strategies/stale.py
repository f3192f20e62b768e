"""A lock file that exists while somebody holds the lock, and how to break one whose holder has died.

The lock is a symbolic link to nowhere, as Emacs and Firefox make theirs. The system creates it only if there is none,
and with its whole label at once. A file that was created with O_EXCL would be empty for a moment, and for ever if its
maker died then.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.pacing import UNCHANGED, at, note
from ticketlab.core.plugin import Perform, Store, StrategyContext
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.descriptors import opened
from ticketlab.strategies.purchase import BaseStrategy, Guard, flock_guard, fulfil, wait_and_retry

LINK: Final = "inventory.soft"

_ACQUIRING: Final = Step(Action.ACQUIRE, LINK)
_LOOKING: Final = Step(Action.READ, LINK)
_BREAKING: Final = Step(Action.WRITE, LINK)
_RELEASING: Final = Step(Action.RELEASE, LINK)


class LinkLock(BaseStrategy):
    """A link as the lock around a purchase; subclasses decide its label, and when to break another buyer's lock."""

    def prepare(self, setting: StrategyContext) -> None:
        """Choose the link, and make the file by which buyers that break a lock take turns."""
        self.link, self._breakers = setting.folder / LINK, setting.folder / f"{LINK}.breakers"
        self._breakers.touch()

    @abstractmethod
    def label(self) -> str:
        """Return the label of a link that is about to be made."""

    @abstractmethod
    def refused(self, holder: str, breakers: Guard) -> None:
        """Wait for the lock's holder, whose label is given, or break its lock."""

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy with the link made, and remove it afterwards."""
        with opened(self._breakers) as file, store.session() as session:
            breakers = flock_guard(self._breakers.name, file)

            def purchase(request: Request) -> Outcome:
                with self._held(breakers):
                    return fulfil(session, request)

            yield purchase

    @contextmanager
    def _held(self, breakers: Guard) -> Iterator[None]:
        while not self._take():
            if (holder := self.look()) is not None:
                self.refused(holder, breakers)
        try:
            yield
        finally:
            at(_RELEASING)
            self.link.unlink(missing_ok=True)

    def _take(self) -> bool:
        at(_ACQUIRING)
        try:
            self.link.symlink_to(self.label())
        except FileExistsError:
            note(UNCHANGED, "locked")
            return False
        return True

    def look(self) -> str | None:
        """Return the link's label, or None if there is no link."""
        at(_LOOKING)
        try:
            return os.readlink(self.link)  # noqa: PTH115 - the label is no path
        except FileNotFoundError:
            return None

    def break_lock(self) -> None:
        """Remove the link, whoever made it."""
        at(_BREAKING)
        self.link.unlink(missing_ok=True)


class StaleHolder(LinkLock):
    """Breaks the locks of dead holders only: the label names a process so that no later process has the same label.

    After a buyer has seen a dead holder's link, and before it removes it, a second buyer may remove it and a third make
    its own; the first would then remove the third's. So buyers that break a lock take turns by a flock, and look again
    when it is their turn.
    """

    def prepare(self, setting: StrategyContext) -> None:
        """Refuse to start where the system does not say which processes live."""
        if living(os.getpid()) is None:
            raise TicketlabError(
                "filelock:stale-holder looks up in /proc which processes live, and this system has none"
            )
        super().prepare(setting)

    def label(self) -> str:
        """Return the calling process's number and start time."""
        return str(living(os.getpid()))

    def refused(self, holder: str, breakers: Guard) -> None:
        """Wait for a holder that lives; break the lock of one that does not."""
        if living(int(holder.partition("-")[0])) == holder:
            wait_and_retry("locked")
            return
        with breakers:
            if self.look() == holder:
                self.break_lock()


def living(process: int) -> str | None:
    """Return the number and start time of a process that lives, or None if no living process has that number.

    The system gives numbers out again; the start time, in ticks since the machine's start, then differs. A process that
    was killed and has not been reaped yet, a zombie, does not live.
    """
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # from the third on: the second is a name, which may contain anything
    return None if fields[0] in "ZX" else f"{process}-{fields[19]}"
