"""A lease in a key of the server: taken if the key is not there (SET NX PX), and deleted only by whoever has it.

The server deletes the key when its time is over, so that nobody waits for ever for a holder that has died. It cannot
tell a dead holder from a slow one, which goes on beside the next holder. `lease` has more on that, and on the fix, the
fence; here the server compares tokens in the same step as it reads or writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.plugin import Capability, Leasing, Perform, Store, StrategyKind
from ticketlab.core.spec import Option
from ticketlab.strategies.purchase import BaseStrategy, fulfil, retrying, wait_and_retry


class KeyLeases(BaseStrategy):
    """One lease for the whole inventory; the variant says whether it ends, and whether accesses show its token."""

    def __init__(self, variant: str, seconds: str) -> None:
        self._seconds = None if variant == "no-expiry" else float(seconds)
        self._fenced = variant == "fenced"

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy with the lease; if the server refuses its token, try again with a new lease."""

        def purchase(request: Request) -> Outcome:
            with self._leased(session) as token:
                return fulfil(session.fenced(token) if self._fenced else session, request)

        with store.session() as opened:
            session = cast("Leasing", opened)
            yield retrying(purchase, buyer)

    @contextmanager
    def _leased(self, session: Leasing) -> Iterator[int]:
        """Take the lease, yield its token, and give the lease back if it is still this buyer's."""
        while not (lease := session.take_lease(self._seconds)).token:
            wait_and_retry("leased", *([] if lease.ends_in is None else [lease.ends_in]))
        try:
            yield lease.token
        finally:
            session.end_lease(lease.token)


KIND = StrategyKind(
    name="key-lease",
    summary="a lock with an expiry, in a key of the server (SET NX PX)",
    variants={
        "fenced": "the server refuses a lease that is older than one it has seen",
        "unfenced": "a holder that was slow writes after its lease has ended (wrong)",
        "no-expiry": "the key stays until its holder deletes it: for ever, if the holder dies",
    },
    options={"seconds": Option("10", "how long a lease lasts, in seconds")},
    needs=frozenset({Capability.RECORDS, Capability.SHARED, Capability.LEASES}),
    build=KeyLeases,
    wrong=frozenset({"unfenced"}),
    reasons={"": "one buyer at a time holds the lease"},
    parts={
        "": ("a key", "a clock", "a token with each access", "a check of it at the server"),
        "unfenced": ("a key", "a clock"),
        "no-expiry": ("a key",),
    },
)
