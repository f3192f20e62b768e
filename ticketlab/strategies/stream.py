"""Clerks behind a stream of orders on a server: a consumer group gives each order to one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import cast

from ticketlab.core.errors import PurchaseError
from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.plugin import Capability, Perform, Store, StrategyContext, StrategyKind
from ticketlab.core.queues import Streaming, StreamingStore
from ticketlab.core.spec import Option
from ticketlab.strategies.purchase import BaseStrategy, unwrap


class StreamClerks(BaseStrategy):
    """Clerks that read orders, perform each by one script, answer, and acknowledge.

    Clerks that are not `grouped` each read all orders. A clerk that `claims` takes over at once what another one has
    read and not acknowledged, though that one may be at work on it.
    """

    def __init__(self, clerks: int, *, grouped: bool = True, claims: bool = False) -> None:
        self._clerks = clerks
        self._grouped = grouped
        self._claims = claims

    def prepare(self, setting: StrategyContext) -> None:
        """Have the store make the stream."""
        self._store = setting.store
        cast("StreamingStore", setting.store).open_stream()

    def services(self) -> Sequence[Callable[[], None]]:
        """Return the clerks."""
        return [partial(self._serve, clerk) for clerk in range(1, 1 + self._clerks)]

    def _serve(self, clerk: int) -> None:
        with self._store.session() as opened:
            session = cast("Streaming", opened)
            while True:
                number, order = session.receive_order(clerk, grouped=self._grouped, claims=self._claims)
                if order is not None:
                    session.send_answer(order.buyer, _answer(session, order))
                if self._grouped:
                    session.acknowledge(number)
                if order is None:
                    return

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy by sending an order; a buyer looks at no stock."""

        def purchase(request: Request) -> Outcome:
            session.send_order(request)
            return unwrap(session.receive_answer(buyer))

        with store.session() as opened:
            session = cast("Streaming", opened)
            yield purchase

    def stop_services(self) -> None:
        """Send a sentinel to each clerk."""
        with self._store.session() as session:
            for _ in range(self._clerks):
                cast("Streaming", session).send_order(None)


def _answer(session: Streaming, order: Request) -> Outcome | PurchaseError:
    try:
        return session.apply(order)
    except PurchaseError as error:
        return error


def _build(variant: str, clerks: str) -> StreamClerks:
    return StreamClerks(int(clerks), grouped=variant != "no-group", claims=variant == "claim-early")


KIND = StrategyKind(
    name="stream",
    summary="XADD, XREADGROUP and XACK: clerks behind a stream of orders",
    variants={
        "group": "a consumer group gives each order to one clerk, which acknowledges it when it is answered",
        "no-group": "each clerk reads the stream by itself, so each order is served by all (wrong)",
        "claim-early": "a clerk claims orders that another one is still serving (wrong)",
    },
    options={"clerks": Option("2", "how many clerks")},
    needs=frozenset({Capability.STREAMS, Capability.CONDITIONAL_UPDATE}),
    build=_build,
    wrong=frozenset({"no-group", "claim-early"}),
    has_services=True,
    parts={"": ("clerk processes", "a stream of orders", "a consumer group", "a list of answers for each buyer")},
)
