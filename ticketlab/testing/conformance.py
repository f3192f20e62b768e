"""Hold a stranger's store or strategy to the laws, all of them, and say of each broken one what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, TypeVar

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.plugin import Capability, Store, StoreKind, StrategyKind
from ticketlab.core.spec import Spec
from ticketlab.lab.plugins.registry import registered, store_kind, strategy_kind
from ticketlab.testing.store_laws import STORE_LAWS, StoreUnderTest
from ticketlab.testing.strategy_laws import STRATEGY_LAWS, StrategyUnderTest, keeps_its_word

T = TypeVar("T")
EXECUTIONS: Final = 10_000
_AT_ONCE: Final = {
    Capability.TRANSACTION: Spec("transaction", "immediate"),
    Capability.COMPARE_AND_SET: Spec("optimistic"),
    Capability.CONDITIONAL_UPDATE: Spec("atomic"),
}
"""The strategy that relies on each capability alone."""


def check_store(
    store: str | StoreKind | Callable[[Path], Store], *, capabilities: Iterable[Capability] | None = None
) -> None:
    """Hold a store to the laws, in every variant, and explore purchases of it.

    An unguarded one must go wrong, and what the store can do at once must keep one right.

    `store` is a name as on the command line, a kind, or anything that builds a store whose files stand in the folder
    that it is given, with `capabilities` that say what the store can do.

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
                unguarded = StrategyUnderTest(strategy_kind(Spec("none")), Spec("none"), spec, EXECUTIONS)
                failures += [f"{spec}: {failure}" for failure in _broken(STRATEGY_LAWS, unguarded)]
                for capability, strategy in _AT_ONCE.items():
                    if capability in kind.capabilities:
                        trial_of_it = StrategyUnderTest(strategy_kind(strategy), strategy, spec, EXECUTIONS)
                        failures += [f"{spec}: {failure}" for failure in _broken([keeps_its_word], trial_of_it)]
    _raise(failures)


def check_strategy(
    strategy: str | StrategyKind, *, store: str | StoreKind = "json:in-place", executions: int = EXECUTIONS
) -> None:
    """Hold a strategy to the laws on a store, in every variant: what claims safety holds, what does not is found out.

    Raises:
        AssertionError: laws are broken; the message lists each with what was found.
        UsageError: a name is unknown, or the strategy does not run on the store.
    """
    shelf, specs = _store(store, None)
    if isinstance(strategy, str):
        variants = [Spec.parse(strategy)]
        kind = strategy_kind(variants[0])
    else:
        kind = strategy
        variants = [Spec(kind.name, variant) for variant in kind.variants or ("",)]
    if reason := kind.unsupported_on(shelf):
        raise UsageError(f"{kind.name} cannot be checked on {shelf.name}: {reason}")
    failures = []
    with registered(kind), registered(shelf) if isinstance(store, StoreKind) else nullcontext():
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
        summary="a store on trial",
        capabilities=frozenset(capabilities),
        build=lambda folder, _variant: build(folder),
    )
    return kind, [Spec(kind.name)]


def _broken(laws: Sequence[Callable[[T], None]], subject: T) -> list[str]:
    """Return the laws that do not hold, each with what was found."""
    failures = []
    for law in laws:
        try:
            law(subject)
        except (AssertionError, TicketlabError) as error:
            failures.append(f"{_sentence(law)}\n    {error}")
        except Exception as error:  # the code on trial may raise anything
            failures.append(f"{_sentence(law)}\n    {type(error).__name__}: {error}")
    return failures


def _sentence(law: Callable[..., object]) -> str:
    return " ".join((law.__doc__ or law.__name__).split())


def _raise(failures: Sequence[str]) -> None:
    if failures:
        laws = "1 law is broken" if len(failures) == 1 else f"{len(failures)} laws are broken"
        raise AssertionError("\n  ".join([f"{laws}:", *failures]))
