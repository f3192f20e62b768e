"""A store's purchases as a program of its own: python purchases.py STORE NUMBER, in the folder where its files are.

It buys one ticket after another, and prints each that a purchase returned. So a store is recorded as any program is.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

from ticketlab.core.inventory import Buy, Sold
from ticketlab.core.plugin import Capability
from ticketlab.core.spec import Spec
from ticketlab.lab.plugins.registry import store_kind

SOLD_SECTION: Final = "main"
BUYER: Final = 1


def buy(spec: Spec, number: int) -> None:
    """Buy so many tickets, one after another, and print the number of each."""
    kind = store_kind(spec)
    store = kind.make(spec, Path.cwd())
    begins = Capability.BEGIN_MODES in kind.capabilities
    with store.session() as session:
        for _ in range(number):
            transaction: Any = getattr(session, "transaction", None)
            with transaction("immediate") if begins else nullcontext():
                change = Buy(BUYER, SOLD_SECTION).on(session.read(SOLD_SECTION))
                if change.stock is not None:
                    session.write(change.stock, change.entry)
            assert isinstance(change.outcome, Sold), change.outcome
            print("sold", *change.outcome.tickets, flush=True)
    store.close()


if __name__ == "__main__":
    buy(Spec.parse(sys.argv[1]), int(sys.argv[2]))
