"""The catalogue of plugins as text: which strategy runs on which store, why not, and all names and options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ticketlab.report.safe_console import Roomy


def print_catalogue(catalogue: Mapping[str, Any], console: Console) -> None:
    """Print the matrix of strategies and stores, and all names that --store, --strategy and --launcher take."""
    console.print(Roomy(_matrix(catalogue)))
    console.print()
    for each in catalogue["strategies"]:
        for reason in _reasons(catalogue, each["name"]):
            console.print(Text(reason, style="dim"))
    for title, option in (("stores", "--store"), ("strategies", "--strategy"), ("launchers", "--launcher")):
        console.print(Text(f"\n{title.capitalize()} ({option} NAME[:VARIANT][,OPTION=VALUE])", style="bold"))
        console.print(Roomy(_names(catalogue[title])))


def _matrix(catalogue: Mapping[str, Any]) -> Table:
    """Return the table of strategies (rows) and stores (columns)."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("", no_wrap=True)
    stores = [store["name"] for store in catalogue["stores"]]
    for store in stores:
        table.add_column(store, no_wrap=True)
    missing = {(each["store"], each["strategy"]): each["missing"] for each in catalogue["combinations"]}
    yes, no = Text("✓ runs", style="green"), Text("no", style="dim")
    for strategy in catalogue["strategies"]:
        name = strategy["name"]
        table.add_row(Text(name, style="bold"), *(no if missing[store, name] else yes for store in stores))
    return table


def _reasons(catalogue: Mapping[str, Any], strategy: str) -> list[str]:
    """Say why a strategy does not run on some stores; stores with the same reason share a line."""
    stores: dict[str, list[str]] = {}
    for each in catalogue["combinations"]:
        if each["strategy"] == strategy and each["missing"]:
            stores.setdefault(" and ".join(each["missing"]), []).append(each["store"])
    return [f"{strategy} needs {missing}: not on {', '.join(names)}" for missing, names in stores.items()]


def _names(kinds: list[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for kind in kinds:
        name = f"{kind['name']}:N" if kind["number"] else kind["name"]
        table.add_row(Text(name, style="bold"), kind["summary"])
        for number, (variant, text) in enumerate(kind["variants"].items()):
            default = " (default)" if number == 0 else ""
            table.add_row(Text(f"  {kind['name']}:{variant}", style="cyan"), text + default)
        for key, option in kind["options"].items():
            choices = "|".join(option["choices"]) or ("TEXT" if option.get("text") else "N")
            before = f"  {kind['name']}:{option['variant']}" if "variant" in option else "  ..."
            default = f" (default {option['default']})" if option["default"] else ""
            table.add_row(Text(f"{before},{key}={choices}", style="cyan"), option["help"] + default)
    return table
