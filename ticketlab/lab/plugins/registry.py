"""Kinds by name: the stores, strategies, launchers, policies and executors that installed packages name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from ticketlab.core.errors import TicketlabError, UsageError, unknown_name
from ticketlab.core.plugin import Capability, StoreKind, StrategyKind
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Kind, Spec
from ticketlab.lab.plugins import entry_points
from ticketlab.launch.launcher import LauncherKind

if TYPE_CHECKING:
    from ticketlab.explorer.executors.executor import ExecutorKind
    from ticketlab.explorer.policies.policy import PolicyKind
    from ticketlab.probes.kind import ProbeKind

K = TypeVar("K", bound=Kind)


def store_kind(spec: Spec) -> StoreKind:
    """Return the store that a spec names; raises UsageError with the closest name if there is none."""
    return _kind("store", spec.name, StoreKind)


def strategy_kind(spec: Spec) -> StrategyKind:
    """Return the strategy that a spec names; raises UsageError with the closest name if there is none."""
    return _kind("strategy", spec.name, StrategyKind)


def policy_kind(spec: Spec) -> PolicyKind:
    """Return the policy that a spec names; raises UsageError with the closest name if there is none."""
    from ticketlab.explorer.policies.policy import PolicyKind  # a live race does without

    return _kind("policy", spec.name, PolicyKind)


def executor_kind(spec: Spec) -> ExecutorKind:
    """Return the executor that a spec names; raises UsageError with the closest name if there is none."""
    from ticketlab.explorer.executors.executor import ExecutorKind  # a live race does without

    return _kind("executor", spec.name, ExecutorKind)


def launcher_kind(spec: Spec) -> LauncherKind:
    """Return the launcher that a spec names; raises UsageError with the closest name if there is none."""
    return _kind("launcher", spec.name, LauncherKind)


def full_name(spec: Spec, kind: Kind) -> str:
    """Return a spec's text with its variant, the default one included."""
    return str(replace(spec, variant=kind.variant(spec)))


def toured_stores() -> list[StoreKind]:
    """Return the stores that `ticketlab race` races for if none is named, in the order of their entry points."""
    return [kind for kind in _all("store", StoreKind) if kind.toured and not kind.on_request]


def compared_stores() -> list[StoreKind]:
    """Return the stores that `ticketlab compare` compares if none is named, in the order of their entry points."""
    return [kind for kind in _all("store", StoreKind) if kind.compared and not kind.on_request]


def refuse_combination(scenario: Scenario) -> None:
    """Raise UsageError if a scenario's strategy cannot run on its store, or its store cannot keep its holds."""
    store, strategy = store_kind(scenario.store), strategy_kind(scenario.strategy)
    reason = strategy.unsupported_on(store, scenario.strategy)
    if reason:
        raise UsageError(f"{scenario.strategy} does not run on {scenario.store}: {reason} (see ticketlab strategies)")
    if scenario.hold:
        refuse_holds(scenario)


def refuse_holds(scenario: Scenario) -> None:
    """Raise UsageError if a scenario's store or its strategy cannot keep holds."""
    store, strategy = store_kind(scenario.store), strategy_kind(scenario.strategy)
    if Capability.HOLDS not in store.capabilities:
        raise UsageError(f"{store.name} cannot keep holds: they need {Capability.HOLDS.value}, and it has none")
    if not strategy.keeps_holds(scenario.strategy):
        raise UsageError(f"{scenario.strategy} cannot keep holds: it sells each ticket by its number, at once")


def stores() -> list[StoreKind]:
    """Return all stores, in the order of their names."""
    return [_load("store", name, point, StoreKind) for name, point in sorted(_points("store").items())]


def strategies() -> list[StrategyKind]:
    """Return all strategies, in the order of their names."""
    return [_load("strategy", name, point, StrategyKind) for name, point in sorted(_points("strategy").items())]


def launchers() -> list[LauncherKind]:
    """Return all launchers, in the order of their names."""
    return [_load("launcher", name, point, LauncherKind) for name, point in sorted(_points("launcher").items())]


def probes() -> list[ProbeKind]:
    """Return all families of probes, in the order of their names."""
    from ticketlab.probes.kind import ProbeKind  # only a search of a plain function needs them

    return sorted(_all("probe", ProbeKind), key=lambda kind: kind.name)


def names(what: str) -> list[str]:
    """Return the names of all stores, strategies, launchers, policies or executors, without importing any of them."""
    return sorted(_points(what))


_registered: dict[tuple[type[Kind], str], Kind] = {}


@contextmanager
def registered(kind: StoreKind | StrategyKind) -> Iterator[None]:
    """Register a kind that no entry point names, so that it is found by its name, until the context ends."""
    key = (type(kind), kind.name)
    before = _registered.get(key)
    _registered[key] = kind
    try:
        yield
    finally:
        if before is None:
            del _registered[key]
        else:
            _registered[key] = before


_GROUPS = {
    "store": "ticketlab.stores",
    "strategy": "ticketlab.strategies",
    "launcher": "ticketlab.launchers",
    "policy": "ticketlab.policies",
    "executor": "ticketlab.executors",
    "probe": "ticketlab.probes",
}


def _points(what: str) -> dict[str, str]:
    """Return the installed entry points of a group: each name with its "module:attribute"."""
    from importlib import metadata

    return {point.name: point.value for point in metadata.entry_points(group=_GROUPS[what])}


def _kind(what: str, name: str, expected: type[K]) -> K:
    registered_kind = _registered.get((expected, name))
    if isinstance(registered_kind, expected):
        return registered_kind
    point = entry_points.entry_points()[_GROUPS[what]].get(name) or _points(what).get(name)
    if point is None:
        raise unknown_name(what, name, _points(what))
    return _load(what, name, point, expected)


def _all(what: str, expected: type[K]) -> list[K]:
    """Load all that the metadata on disk names, in their order; import hooks and zip files are not asked."""
    return [_load(what, name, point, expected) for name, point in entry_points.entry_points()[_GROUPS[what]].items()]


def _load(what: str, name: str, point: str, expected: type[K]) -> K:
    module, _, attribute = point.partition("[")[0].replace(" ", "").partition(":")
    try:
        loaded: Any = attrgetter(attribute)(import_module(module))
    except Exception as error:
        raise TicketlabError(f"the {_GROUPS[what]} entry point {name!r} does not load: {error}") from error
    if not isinstance(loaded, expected):
        raise TicketlabError(f"the {_GROUPS[what]} entry point {point!r} is not a {expected.__name__}")
    return loaded
