"""The catalogue: every store, strategy and launcher that is installed, as data, and pairs that do not go together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ticketlab.core.plugin import StrategyKind
from ticketlab.core.spec import Kind, Spec
from ticketlab.lab.plugins.registry import launchers, stores, strategies


@dataclass(frozen=True, slots=True)
class UnsupportedPair:
    """A store and a strategy that do not go together, and why."""

    store: Spec
    strategy: Spec
    reason: str

    def to_json(self) -> dict[str, str]:
        """Return the pair as results have it."""
        return {"store": str(self.store), "strategy": str(self.strategy), "reason": self.reason}


def catalogue() -> dict[str, Any]:
    """Return stores, strategies and launchers with their variants and options, and what runs on what."""
    known_stores, known_strategies = stores(), strategies()
    return {
        "stores": _entries(known_stores),
        "strategies": [
            _with_safety(kind, entry) for kind, entry in zip(known_strategies, _entries(known_strategies), strict=True)
        ],
        "launchers": _entries(launchers()),
        "combinations": [
            {"store": store.name, "strategy": strategy.name, "missing": strategy.missing_on(store)}
            for strategy in known_strategies
            for store in known_stores
        ],
    }


def _entries(kinds: Iterable[Kind]) -> list[dict[str, Any]]:
    return [
        {
            "name": kind.name,
            "summary": kind.summary,
            "number": kind.number,
            "variants": dict(kind.variants),
            "options": {
                key: {"default": option.default, "help": option.help, "choices": list(option.choices)}
                | ({"variant": option.variant} if option.variant else {})
                | ({"text": True} if option.text else {})
                for key, option in kind.options.items()
            },
        }
        for kind in kinds
    ]


def _with_safety(kind: StrategyKind, entry: dict[str, Any]) -> dict[str, Any]:
    """Add the variants that claim safety; a kind without variants has one, named by the empty string."""
    specs = [Spec(kind.name, variant) for variant in kind.variants or ("",)]
    return entry | {"safe": [spec.variant for spec in specs if kind.claims_safety(spec)]}
