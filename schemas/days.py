"""Days of the calendar as they are written everywhere here: 2026-01-31."""

from __future__ import annotations

import re
from datetime import date

from schemas.errors import UsageError

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_day(text: str) -> bool:
    """Whether a text is a day that exists, written in full."""
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def checked_day(text: str) -> str:
    """The day, if it is one; UsageError otherwise."""
    if not is_day(text):
        raise UsageError(f"{text[:20]!r}: is no day of the calendar: write it as 2026-01-31")
    return text
