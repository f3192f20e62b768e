"""What was written down of a clock, taken out of what runs came to, so that two of them can be compared.

Participants' clocks show virtual time, in which a sleep moves on the sleeper alone. So a run one after another and one
in which somebody waited write down other times though they come to the same. A number is taken for a time if it counts
seconds, or thousandths, millionths or billionths of them, and lies soon after virtual time begins; and so is a time of
day, if it has such a date before it, or none and lies within the hours after the beginning. Times that a program is
about, as that of a seat at 18:00:00, are no such times.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from ticketlab.core.pacing import BEGINNING, GATE_BEGINNING

_SOON: Final = timedelta(days=32)  # whoever writes down when something ends adds to what its clock shows
_HOURS: Final = 2
_NUMBER: Final = re.compile(rb"(?<![\d.])(\d{10})((?:\d{3}){0,3})(\.\d+)?(?!\d)")
_OF_DAY: Final = re.compile(rb"((?<!\d)\d{4}-\d\d-\d\d[ T])?(?<!\d)([01]\d|2[0-3])(:[0-5]\d){2}(?:[.,]\d+)?(?!\d)")
_TIME: Final = b"{time}"
_BEGINNINGS: Final = tuple(datetime.fromtimestamp(second, UTC) for second in (BEGINNING, GATE_BEGINNING))

Text = TypeVar("Text", str, bytes)


def without_times(text: Text) -> Text:
    """Return a text with one word in place of each time that a clock may have shown in virtual time."""
    if isinstance(text, str):
        return _without(text.encode(errors="surrogateescape")).decode(errors="surrogateescape")
    return _without(text)


def _without(data: bytes) -> bytes:
    return _OF_DAY.sub(_blurred_of_day, _NUMBER.sub(_blurred, data))


def _blurred(number: re.Match[bytes]) -> bytes:
    shown = datetime.fromtimestamp(int(number[1]), UTC)
    return _TIME if any(begun <= shown <= begun + _SOON for begun in _BEGINNINGS) else number[0]


def _blurred_of_day(shown: re.Match[bytes]) -> bytes:
    date, hour = shown[1] or b"", int(shown[2])
    if date:
        day = date[:-1].decode()
        is_time = any(
            begun.date().isoformat() <= day <= (begun + _SOON).date().isoformat() for begun in _local_beginnings()
        )
    else:
        is_time = any((hour - begun.hour) % 24 < _HOURS for begun in _local_beginnings())
    return date + _TIME if is_time else shown[0]


def _local_beginnings() -> tuple[datetime, ...]:
    """Return when virtual time begins by the clocks that programs show: those of Greenwich, and those here."""
    here = timedelta(seconds=time.localtime(BEGINNING).tm_gmtoff)
    return *_BEGINNINGS, *(begun + here for begun in _BEGINNINGS)
