"""A lock file that exists while somebody holds the lock, and what to do with one whose holder is no more.

The lock is a symbolic link to nowhere, as Emacs and Firefox make theirs: it is created only where there is none, and at
once with all that it says. A file of O_EXCL would stand empty for a moment, and for ever if its maker died in it.
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
from ticketlab.core.pacing import UNCHANGED, Action, Step, at, note
from ticketlab.core.plugin import Perform, Store, StrategyContext
from ticketlab.strategies.purchase import BaseStrategy, Guard, flock_guard, fulfil, opened, wait_and_retry

LOCK: Final = "inventory.soft"

_ACQUIRING: Final = Step(Action.ACQUIRE, LOCK)
_LOOKING: Final = Step(Action.READ, LOCK)
_BREAKING: Final = Step(Action.WRITE, LOCK)
_RELEASING: Final = Step(Action.RELEASE, LOCK)


class LinkLock(BaseStrategy):
    """A link as the lock around a purchase; what it says, and who may be robbed of it, is what is different."""

    def prepare(self, setting: StrategyContext) -> None:
        """Choose the link, and make the file by which those who break it can take turns."""
        self.link, self._breakers = setting.folder / LOCK, setting.folder / f"{LOCK}.breakers"
        self._breakers.touch()

    @abstractmethod
    def label(self) -> str:
        """Return what the link is to say of who holds it."""

    @abstractmethod
    def refused(self, holder: str, breakers: Guard) -> None:
        """Wait because of the holder, or rob it of the lock."""

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy while the link is one's own."""
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
        """Return what the link says; None where there is none."""
        at(_LOOKING)
        try:
            return os.readlink(self.link)  # noqa: PTH115 - what it says is no path
        except FileNotFoundError:
            return None

    def rob(self) -> None:
        """Remove the link, whosever it is."""
        at(_BREAKING)
        self.link.unlink(missing_ok=True)


class StaleHolder(LinkLock):
    """Robs only the dead: the link names its holder by what no other process is ever called.

    Between looking at a dead holder's link and removing it, another one could remove it first and a third make its own,
    which would then be removed. So those who break take turns, by a flock, and look again when it is theirs.
    """

    def prepare(self, setting: StrategyContext) -> None:
        """See to it that one can ask who is alive."""
        if living(os.getpid()) is None:
            raise TicketlabError("filelock:stale-holder asks /proc who is alive, and there is none on this system")
        super().prepare(setting)

    def label(self) -> str:
        """Name the process."""
        return str(living(os.getpid()))

    def refused(self, holder: str, breakers: Guard) -> None:
        """Wait for who lives; rob who does not."""
        if living(int(holder.partition("-")[0])) == holder:
            wait_and_retry("locked")
            return
        with breakers:
            if self.look() == holder:
                self.rob()


def living(process: int) -> str | None:
    """Name a process that lives by its number and when it was started; None where there is none of that number.

    Numbers are given out again, and the start, in ticks since the machine's own, then differs. What has been killed and
    not yet been reaped, a zombie, does not live.
    """
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # from the third on: the second is a name that may hold anything
    return None if fields[0] in "ZX" else f"{process}-{fields[19]}"
