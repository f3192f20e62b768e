"""Managers of `multiprocessing`: what is behind each proxy, and the one method through which all proxies call."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.probes.here import shared_probe
from ticketlab.probes.shared.managed import (
    ManagedArray,
    ManagedDict,
    ManagedEvent,
    ManagedIterator,
    ManagedList,
    ManagedLock,
    ManagedNamespace,
    ManagedQueue,
    ManagedValue,
    UnknownObject,
)
from ticketlab.probes.shared.proxies import BY_TOKEN, Proxy
from ticketlab.probes.shared.registry import SharedObject
from ticketlab.probes.standins import StandIn

_KINDS: Final[dict[str, type[Proxy]]] = {
    "dict": ManagedDict,
    "list": ManagedList,
    "Array": ManagedArray,
    "Value": ManagedValue,
    "Namespace": ManagedNamespace,
    "Event": ManagedEvent,
    "Iterator": ManagedIterator,
    **dict.fromkeys(("Lock", "RLock", "Semaphore", "BoundedSemaphore"), ManagedLock),
    **dict.fromkeys(("Queue", "JoinableQueue"), ManagedQueue),
}


def find_proxy(value: Any) -> SharedObject | None:
    """Return what is behind a proxy."""
    from multiprocessing.managers import BaseProxy

    if not isinstance(value, BaseProxy):
        return None
    token = value._token  # type: ignore[attr-defined]
    return BY_TOKEN.get(token.id) or _KINDS.get(token.typeid, UnknownObject)(value)


def proxy_standins() -> list[StandIn]:
    """Return what stands in for the one method through which all proxies call."""
    from multiprocessing.managers import BaseProxy

    original: Any = BaseProxy._callmethod

    def probe(proxy: Any, method: str, args: Any = (), kwds: Any = {}) -> Any:  # noqa: B006 - as the library has it
        found = BY_TOKEN.get(proxy._token.id)
        if found is None:
            raise UsageError(
                f"a {proxy._token.typeid} of a manager was not found before the search: keep its proxy in a variable"
            )
        result = found.perform(partial(original, proxy), method, args, kwds)
        return _named(result, found, method, args)

    return [StandIn(original, shared_probe(original, probe), BaseProxy, "_callmethod")]


def _named(result: Any, found: Proxy, method: str, args: Any) -> Any:
    """Take in a proxy that a call returned: an iterator reads what it goes through, and a part has its place's name."""
    from multiprocessing.managers import BaseProxy

    if not isinstance(result, BaseProxy):
        return result
    token = result._token  # type: ignore[attr-defined]
    kind = _KINDS.get(token.typeid, UnknownObject)
    if kind is ManagedIterator or token.id not in BY_TOKEN:  # the server gives an iterator's number to the next one
        part = "" if kind is ManagedIterator else found.part(method, args) or ""
        kind(result).attach(found.name + part, None)
    return result
