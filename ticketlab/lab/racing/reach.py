"""What buyers on other machines can reach: a server, and what it guards."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from ticketlab.core.errors import UsageError
from ticketlab.core.plugin import Capability
from ticketlab.core.scenario import Scenario
from ticketlab.core.secrets import revealed
from ticketlab.lab.plugins.registry import store_kind, strategy_kind

_HERE: Final = (None, "", "localhost", "127.0.0.1", "::1")
_OF_ONE_MACHINE: Final = frozenset({Capability.FILE, Capability.MANAGER})


def refuse_unreachable(scenario: Scenario) -> None:
    """Raise UsageError if buyers on other machines cannot reach the store, or what the strategy guards it with."""
    store, strategy = store_kind(scenario.store), strategy_kind(scenario.strategy)
    url = store.settings(scenario.store).get("url", "")
    if not url:
        instead = ": name a server by url=" if "url" in store.options else " (postgres:url=... can)"
        raise UsageError(f"{scenario.store} cannot be reached from the other machines of this cluster{instead}")
    if urlsplit(revealed(url)).hostname in _HERE:
        raise UsageError(
            f"{scenario.store} means another server on each machine: name it by its address in the network"
        )
    if strategy.needs & _OF_ONE_MACHINE:
        raise UsageError(f"{scenario.strategy} keeps out processes of one machine, and this cluster has several")
