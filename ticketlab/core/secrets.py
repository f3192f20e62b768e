"""Passwords in addresses: they are used, and never shown or saved.

A text that people see, or that is saved, has stars in the place of the password. This process and those that it forks
know what the stars stand for.
"""

from __future__ import annotations

import re
from typing import Final

_PASSWORD: Final = re.compile(r"(://[^/@:\s]*:)[^/\s]*(?=@)|([?&]password=)[^&\s]*")
_STARS: Final = "***"
_known: dict[str, str] = {}


def concealed(text: str) -> str:
    """Return a text with stars for the password of each address in it."""
    shown = _PASSWORD.sub(lambda found: f"{found[1] or found[2]}{_STARS}", text)
    if shown != text:
        _known[shown] = text
    return shown


def revealed(text: str) -> str:
    """Return the text that was concealed; if it is not known here, it has no password: the driver looks elsewhere."""
    return _known.get(text) or text.replace(f":{_STARS}@", "@").replace(f"password={_STARS}", "")
