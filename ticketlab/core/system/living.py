"""Whether a process lives, as the kernel tells."""

from __future__ import annotations

from pathlib import Path


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]  # its name may have spaces
    except OSError:
        return False
    return state not in "ZX"
