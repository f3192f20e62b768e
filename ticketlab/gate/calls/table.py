"""All calls that are taken as steps, by the kernel's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ticketlab.gate.calls import channels, files, locks, looks, names, polling, processes, signals, uncontrolled
from ticketlab.gate.calls.family import Classify

ALL_STOPPED: Final[Mapping[str, Classify]] = {
    **files.STOPPED,
    **looks.STOPPED,
    **names.STOPPED,
    **locks.STOPPED,
    **channels.STOPPED,
    **polling.STOPPED,
    **processes.STOPPED,
    **signals.STOPPED,
    **uncontrolled.STOPPED,
}
