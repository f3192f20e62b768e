"""Hold a store or a strategy of one's own to all laws, and say of each broken law what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, TypeVar

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.plugin import Capability, Store, StoreKind, StrategyKind
from ticketlab.core.spec import Spec
from ticketlab.lab.plugins.registry import registered, store_kind, strategy_kind
from ticketlab.testing.store_laws import STORE_LAWS
from ticketlab.testing.store_under_test import StoreUnderTest
from ticketlab.testing.strategy_laws import STRATEGY_LAWS, StrategyUnderTest, keeps_its_word

T = TypeVar("T")
_EXECUTIONS: Final = 10_000
_AT_ONCE: Final = {
    Capability.BEGIN_MODES: Spec("transaction", "immediate"),
    Capability.ISOLATION_LEVELS: Spec("transaction", "repeatable-read"),
    Capability.ROW_LOCKS: Spec("row-lock"),
    Capability.ADVISORY_LOCKS: Spec("advisory"),
    Capability.NUMBERED_TICKETS: Spec("unique"),
    Capability.TICKET_LISTS: Spec("list"),
    Capability.COMPARE_AND_SET: Spec("optimistic"),
    Capability.CONDITIONAL_UPDATE: Spec("atomic"),
}
"""For each capability, the strategy that relies on it alone."""


def check_store(
    store: str | StoreKind | Callable[[Path], Store], *, capabilities: Iterable[Capability] | None = None
) -> None:
    """Hold a store to the laws, in every variant, and explore purchases from it.

    An unsynchronized purchase must go wrong; a purchase by a transaction, compare-and-set or conditional update of the
    store must not. `store` is a name as on the command line, a kind, or a function that builds a store in the folder
    that it is given; `capabilities` then say what the store can do.

    Raises:
        AssertionError: laws are broken; the message lists each with what was found.
        UsageError: the name is unknown, or capabilities are missing.
    """
    kind, specs = _store(store, capabilities)
    failures = []
    for spec in specs:
        subject = StoreUnderTest(kind, spec)
        failures += [f"{spec}: {failure}" for failure in _broken(STORE_LAWS, subject)]
    if not failures and {Capability.RECORDS, Capability.SHARED} <= kind.capabilities:
        with registered(kind):
            for spec in specs:
                unsynchronized = StrategyUnderTest(strategy_kind(Spec("none")), Spec("none"), spec, _EXECUTIONS)
                failures += [f"{spec}: {failure}" for failure in _broken(STRATEGY_LAWS, unsynchronized)]
                for capability, strategy in _AT_ONCE.items():
                    if capability in kind.capabilities:
                        by_capability = StrategyUnderTest(strategy_kind(strategy), strategy, spec, _EXECUTIONS)
                        failures += [f"{spec}: {failure}" for failure in _broken([keeps_its_word], by_capability)]
    _raise(failures)


def check_strategy(
    strategy: str | StrategyKind, *, store: str | StoreKind = "json:in-place", executions: int = _EXECUTIONS
) -> None:
    """Hold a strategy to the laws on a store, in every variant: safe ones must hold, and wrong ones be found out.

    Raises:
        AssertionError: laws are broken; the message lists each with what was found.
        UsageError: a name is unknown, or the strategy does not run on the store.
    """
    store_of_it, specs = _store(store, None)
    if isinstance(strategy, str):
        variants = [Spec.parse(strategy)]
        kind = strategy_kind(variants[0])
    else:
        kind = strategy
        variants = [Spec(kind.name, variant) for variant in kind.variants or ("",)]
    if reason := kind.unsupported_on(store_of_it, variants[0]):
        raise UsageError(f"{kind.name} cannot be checked on {store_of_it.name}: {reason}")
    failures = []
    with registered(kind), registered(store_of_it) if isinstance(store, StoreKind) else nullcontext():
        for each in variants:
            subject = StrategyUnderTest(kind, each, specs[0], executions)
            failures += [f"{each}: {failure}" for failure in _broken(STRATEGY_LAWS, subject)]
    _raise(failures)


def _store(store: str | StoreKind | Callable[[Path], Store], capabilities: Any) -> tuple[StoreKind, Sequence[Spec]]:
    if isinstance(store, str):
        spec = Spec.parse(store)
        return store_kind(spec), [spec]
    if isinstance(store, StoreKind):
        return store, [Spec(store.name, variant) for variant in store.variants or ("",)]
    if capabilities is None:
        raise UsageError("what the store can do is not known: name its capabilities, or give its StoreKind")
    build = store
    kind = StoreKind(
        name=getattr(store, "__name__", "store").lower(),
        summary="a store under test",
        capabilities=frozenset(capabilities),
        build=lambda folder, _variant: build(folder),
    )
    return kind, [Spec(kind.name)]


def _broken(laws: Sequence[Callable[[T], None]], subject: T) -> list[str]:
    """Return the laws that are broken, each with what was found."""
    failures = []
    for law in laws:
        try:
            law(subject)
        except (AssertionError, TicketlabError) as error:
            failures.append(f"{_sentence(law)}\n    {error}")
        except Exception as error:  # the code under test may raise anything
            failures.append(f"{_sentence(law)}\n    {type(error).__name__}: {error}")
    return failures


def _sentence(law: Callable[..., object]) -> str:
    return " ".join((law.__doc__ or law.__name__).split())


def _raise(failures: Sequence[str]) -> None:
    if failures:
        laws = "1 law is broken" if len(failures) == 1 else f"{len(failures)} laws are broken"
        raise AssertionError("\n  ".join([f"{laws}:", *failures]))
