"""What was written down of a clock, taken out of what runs came to, so that two of them can be compared.

Participants' clocks show virtual time, in which a sleep moves on the sleeper alone. So a run one after another and one
in which somebody waited write down other times though they come to the same. A number is taken for a time if it counts
seconds, or thousandths, millionths or billionths of them, and lies in the first three years of virtual time.
"""

from __future__ import annotations

import re
from typing import Final, TypeVar

from ticketlab.core.pacing import BEGINNING, GATE_BEGINNING

_YEARS_S: Final = 3 * 366 * 86_400
_NUMBER: Final = re.compile(rb"(?<![\d.])(\d{10})((?:\d{3}){0,3})(\.\d+)?(?!\d)")
_OF_DAY: Final = re.compile(rb"(?<!\d)\d\d:\d\d:\d\d(?:[.,]\d+)?(?!\d)")
_TIME: Final = b"{time}"

Text = TypeVar("Text", str, bytes)


def without_times(text: Text) -> Text:
    """Return a text with one word in place of each time that a clock may have shown in virtual time."""
    if isinstance(text, str):
        return _without(text.encode(errors="surrogateescape")).decode(errors="surrogateescape")
    return _without(text)


def _without(data: bytes) -> bytes:
    return _OF_DAY.sub(_TIME, _NUMBER.sub(_blurred, data))


def _blurred(number: re.Match[bytes]) -> bytes:
    seconds = int(number[1])
    is_time = any(0 <= seconds - beginning <= _YEARS_S for beginning in (int(BEGINNING), GATE_BEGINNING))
    return _TIME if is_time else number[0]
