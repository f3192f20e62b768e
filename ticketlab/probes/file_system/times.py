"""Times of files in virtual time: a file is as old as the participants' clocks say.

The kernel writes down when a file was changed in real time, which no participant's clock shows. So whoever changes a
file writes down virtual time in its place, and what was changed before the execution keeps its age, in whole seconds.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from os import PathLike, stat_result
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.probes.here import HERE
from ticketlab.probes.polling.spins import POLLING

_NANO: Final = 1_000_000_000
_REAL: Final = 1_500_000_000  # a time after this one, in seconds, is none of virtual time
_KEPT: Final = ("st_blksize", "st_blocks", "st_rdev")

_utime = os.utime


def stamp(file: int | str | bytes | PathLike[Any]) -> None:
    """Write down that a file has just been changed, as a participant at work."""
    now = round(pacing.now(wall=True) * _NANO)
    with suppress(OSError):  # a file of somebody else's keeps real time
        _utime(file, ns=(now, now))


def in_virtual_time(found: stat_result) -> stat_result:
    """Return what is known of a file with its times as a participant's clock would show them."""
    POLLING.looked_at_file(sys._getframe())
    accessed, modified = (_virtual(each) for each in (found.st_atime_ns, found.st_mtime_ns))
    times = {"atime": accessed, "mtime": modified, "ctime": modified}
    told = {name: getattr(found, name) for name in _KEPT if hasattr(found, name)}
    told |= {f"st_{name}": each / _NANO for name, each in times.items()}
    told |= {f"st_{name}_ns": each for name, each in times.items()}
    return stat_result((*found[:7], *(each // _NANO for each in times.values())), told)


def _virtual(nanoseconds: int) -> int:
    if nanoseconds < _REAL * _NANO:
        return nanoseconds
    age = round(HERE.began - nanoseconds / _NANO)
    return round(pacing.BEGINNING - age) * _NANO
