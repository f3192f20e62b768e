"""Visits counted in a dict that processes share by a manager; the test starts the manager."""

from typing import Any


def visit(counts: Any) -> None:
    counts["home"] += 1


def visit_locked(counts: Any, lock: Any) -> None:
    with lock:
        counts["home"] += 1
