"""A lease: a lock with an expiry, so that nobody waits for ever for a holder that has died.

Nothing tells a dead holder from a slow one. A holder that is paused for longer than its lease (by a debugger, a garbage
collector, a closed laptop) goes on as if it still had the lease, beside the next holder. So every lease has a number,
its token, and each lease's token is larger than the one before. A holder shows its token with every read and write, and
the store refuses a token that is older than one it has seen. That is fencing (Kleppmann, "How to do distributed
locking", 2016). It has to cover reads: if only writes show the token, an old holder's write can still come between the
new holder's read and write.

One file stands for the server that grants leases, another for the store's record of tokens. Each is accessed under a
flock that lasts for that access only, as a server would lock within itself. No flock is held between accesses.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from struct import Struct
from typing import Final

from ticketlab.core.errors import Conflict
from ticketlab.core.inventory import Entry, Outcome, Request, Stock
from ticketlab.core.pacing import UNCHANGED, at, note, now
from ticketlab.core.plugin import Capability, Perform, Session, Store, StrategyContext, StrategyKind
from ticketlab.core.spec import Option
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.descriptors import opened
from ticketlab.strategies.purchase import BaseStrategy, flock_guard, fulfil, retrying, wait_and_retry

_LEASE: Final = Struct("<Qd")  # the token of the latest lease, and when it ends
_TOKEN: Final = Struct("<Q")  # the largest token that the store has seen

_TAKING: Final = Step(Action.ACQUIRE, "lease")
_GIVING_BACK: Final = Step(Action.RELEASE, "lease")
_RAISING: Final = Step(Action.WRITE, "fence")


class Leases(BaseStrategy):
    """One lease for the whole inventory; the variant says which accesses show the token."""

    def __init__(self, variant: str, seconds: str, clock: str) -> None:
        self._variant = variant
        self._seconds, self._wall = float(seconds), clock == "wall"

    def prepare(self, setting: StrategyContext) -> None:
        """Make the two files: no lease granted, no token seen."""
        self._lease, self._fence = setting.folder / "inventory.lease", setting.folder / "inventory.fence"
        self._lease.write_bytes(_LEASE.pack(0, 0.0))
        self._fence.write_bytes(_TOKEN.pack(0))

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy with a lease; if the store refuses its token, try again with a new lease."""
        with opened(self._lease) as lease, opened(self._fence) as fence, store.session() as session:

            def purchase(request: Request) -> Outcome:
                with self._leased(lease) as token:
                    if self._variant == "unfenced":
                        return fulfil(session, request)
                    return fulfil(Fenced(session, fence, token, reads=self._variant == "fenced"), request)

            yield retrying(purchase, buyer)

    @contextmanager
    def _leased(self, file: int) -> Iterator[int]:
        """Take the lease, yield its token, and give the lease back if it is still this buyer's."""
        token = self._take(file)
        try:
            yield token
        finally:
            at(_GIVING_BACK)
            with _flocked(file):
                if _LEASE.unpack(os.pread(file, _LEASE.size, 0))[0] == token:
                    os.pwrite(file, _LEASE.pack(token, 0.0), 0)
                else:
                    note(UNCHANGED, "another buyer has the lease by now")

    def _take(self, file: int) -> int:
        while True:
            at(_TAKING)
            with _flocked(file):
                latest, until = _LEASE.unpack(os.pread(file, _LEASE.size, 0))
                time = now(wall=self._wall)
                if time >= until:
                    token: int = latest + 1
                    os.pwrite(file, _LEASE.pack(token, time + self._seconds), 0)
                    return token
            note(UNCHANGED, "leased")
            wait_and_retry("leased", until - time)


class Fenced:
    """A session that shows a token with each write and, if `reads` is set, with each read."""

    def __init__(self, session: Session, file: int, token: int, *, reads: bool) -> None:
        self._session = session
        self._file = file
        self._token = token
        self._reads = reads
        self._guard = flock_guard("fence", file)

    def read(self, section: str) -> Stock:
        """Return the section's record; raises Conflict if the store has seen a newer token."""
        with self._fence() if self._reads else nullcontext():
            return self._session.read(section)

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Write the record; raises Conflict if the store has seen a newer token."""
        with self._fence():
            self._session.write(stock, entry)

    @contextmanager
    def _fence(self) -> Iterator[None]:
        """Keep others out for one access, and show the token; raises Conflict if the store has seen a newer one."""
        with self._guard:
            (seen,) = _TOKEN.unpack(os.pread(self._file, _TOKEN.size, 0))
            if self._token < seen:
                raise Conflict("the store has seen a newer lease")
            if self._token > seen:
                at(_RAISING)
                os.pwrite(self._file, _TOKEN.pack(self._token), 0)
            yield


@contextmanager
def _flocked(file: int) -> Iterator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


KIND = StrategyKind(
    name="lease",
    summary="a lock with an expiry, in a file",
    variants={
        "fenced": "the store refuses a lease that is older than one it has seen",
        "fenced-writes": "wrong on purpose: reads are not fenced, so an old holder's write can follow a new one's read",
        "unfenced": "wrong on purpose: a holder that was paused writes after its lease has ended",
    },
    options={
        "seconds": Option("10", "how long a lease lasts, in seconds"),
        "clock": Option(
            "monotonic",
            "the clock that leases expire by: one that never jumps, or the wall clock",
            ("monotonic", "wall"),
        ),
    },
    needs=frozenset({Capability.RECORDS, Capability.SHARED, Capability.FILE}),
    build=Leases,
    wrong=frozenset({"fenced-writes", "unfenced"}),
    reasons={"": "one buyer at a time holds the lease"},
    parts={
        "": ("a lease file", "a clock", "a token with each access", "a check of it at the store"),
        "unfenced": ("a lease file", "a clock"),
    },
)
