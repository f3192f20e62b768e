"""Which database servers are the lab's own: their processes may be stopped, and their databases emptied."""

from __future__ import annotations

from typing import Final

OWN_FOLDERS: Final = set[str]()
"""The folders of the servers that the lab has started for functions; their sockets are there."""

ENDS: Final = "ticketlab: when keys expire"
"""The key of the hash that says when keys expire in virtual time."""
