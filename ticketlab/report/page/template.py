"""Templates of the page, filled: HTML in which no text of other people can become markup."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from ticketlab.report.rows import number_text


def filled(name: str, **values: Any) -> str:
    """Return the template of that name, filled with the values."""
    from jinja2 import Environment, PackageLoader
    from markupsafe import Markup

    template = Environment(loader=PackageLoader("ticketlab.report.page"), autoescape=True, trim_blocks=True)
    template.filters["number"] = number_text
    values["asset"] = lambda name: Markup(_asset(name))  # noqa: S704 - files of this package
    page = template.get_template(name).render(values)
    # A damaged name may hold half a character, which no file can hold.
    return page.encode("utf-8", "replace").decode("utf-8")


@cache
def _asset(name: str) -> str:
    return (files("ticketlab.report.page") / name).read_text(encoding="utf-8")
