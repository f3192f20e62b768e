"""What there is to choose from, as data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ticketlab.core.plugin import StrategyKind
from ticketlab.core.spec import Kind, Spec
from ticketlab.lab.plugins.registry import launchers, stores, strategies


def catalogue() -> dict[str, Any]:
    """Return stores, strategies and launchers with their variants and options, and what runs on what."""
    shelves, ways = stores(), strategies()
    return {
        "stores": _described(shelves),
        "strategies": [_with_safety(way, entry) for way, entry in zip(ways, _described(ways), strict=True)],
        "launchers": _described(launchers()),
        "combinations": [
            {"store": store.name, "strategy": way.name, "missing": way.missing_on(store)}
            for way in ways
            for store in shelves
        ],
    }


def _described(kinds: Iterable[Kind]) -> list[dict[str, Any]]:
    return [
        {
            "name": kind.name,
            "summary": kind.summary,
            "number": kind.number,
            "variants": dict(kind.variants),
            "options": {
                key: {"default": option.default, "help": option.help, "choices": list(option.choices)}
                | ({"variant": option.variant} if option.variant else {})
                for key, option in kind.options.items()
            },
        }
        for kind in kinds
    ]


def _with_safety(kind: StrategyKind, entry: dict[str, Any]) -> dict[str, Any]:
    """Add which variants are meant to be safe; a kind without variants has one, named by the empty string."""
    specs = [Spec(kind.name, variant) for variant in kind.variants or ("",)]
    return entry | {"safe": [spec.variant for spec in specs if kind.claims_safety(spec)]}
