"""Children of this process that look after a server: they end when it has ended, and remove the server's files then."""

from __future__ import annotations

KEEPERS: set[int] = set()
"""Their process ids."""
