"""The laws of holds, for stores whose records carry them."""

from __future__ import annotations

from typing import Final, cast

from ticketlab.core.inventory import (
    Buy,
    Cancel,
    Cancelled,
    Confirm,
    Expired,
    Found,
    Held,
    Hold,
    Search,
    Sold,
    SoldOut,
    Stock,
)
from ticketlab.core.plugin import Capability, Conditional
from ticketlab.testing.require import same
from ticketlab.testing.store_under_test import StoreLaw, StoreUnderTest


def keeps_holds(subject: StoreUnderTest) -> None:
    """If records carry holds, every session sees a hold, and a reset removes it."""
    if not subject.has(Capability.HOLDS):
        return
    with subject.opened() as store, store.session() as one, store.session() as other:
        held = Hold(7, "floor", 2, 3600.0, "7.1").on(one.read("floor")).stock
        assert held is not None
        one.write(held, None)
        same("what another session reads of a record with a hold", other.read("floor"), held)
        same("the books of a record with a hold", store.books().stocks["floor"], held)
        sold = Confirm(7, "floor", "7.1").on(other.read("floor"))
        assert sold.stock is not None
        other.write(sold.stock, sold.entry)
        same("a record whose hold was confirmed", one.read("floor"), Stock("floor", 3, 1, issued=2, version=2))
        one.write(held, None)
        store.reset()
        same("what a session reads after a reset", one.read("floor"), Stock("floor", 3, 3))


def holds_in_one_step(subject: StoreUnderTest) -> None:
    """A conditional update places, confirms and cancels holds, and sells the tickets of holds that have expired."""
    if not {Capability.HOLDS, Capability.CONDITIONAL_UPDATE} <= subject.kind.capabilities:
        return
    with subject.opened() as store, store.session() as session:
        apply = cast("Conditional", session).apply
        same("a hold of two", apply(Hold(1, "floor", 2, 3600.0, "1.1")), Held("1.1"))
        same("a hold of what is not left", apply(Hold(2, "floor", 2, 3600.0, "2.1")), SoldOut())
        same("an order of what is not left", apply(Buy(2, "floor", 2)), SoldOut())
        same("a confirmation", apply(Confirm(1, "floor", "1.1")), Sold((1, 2)))
        same("the same confirmation again", apply(Confirm(1, "floor", "1.1")), Expired())
        same("a hold that expires at once", apply(Hold(2, "floor", 1, 1e-9, "2.2")), Held("2.2"))
        same("its confirmation", apply(Confirm(2, "floor", "2.2")), Expired())
        same("another such hold", apply(Hold(2, "floor", 1, 1e-9, "2.3")), Held("2.3"))
        same("a search after it", apply(Search(1, "floor")), Found(1))
        same("a hold that is to be cancelled", apply(Hold(3, "floor", 1, 3600.0, "3.1")), Held("3.1"))
        same("its cancellation", apply(Cancel(3, "floor", hold="3.1")), Cancelled(()))
        same("one more such hold", apply(Hold(2, "floor", 1, 1e-9, "2.4")), Held("2.4"))
        same("an order after it", apply(Buy(1, "floor")), Sold((3,)))
        same("what is left", store.books().stocks["floor"]._replace(version=0), Stock("floor", 3, 0, 3))


HOLD_LAWS: Final[tuple[StoreLaw, ...]] = (keeps_holds, holds_in_one_step)
