"""Dates and times as text: ISO 8601, or a JDK DateTimeFormatter pattern as ODCS has them.

A text is an instant (microseconds since 1970, local unless it says its offset), or none: it is not
written as the pattern says, or the day or the hour does not exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.errors import UsageError

_PARTS = ("year", "month", "day", "hour", "minute", "second", "fraction", "offset", "half")
_OFFSET = r"Z|[+-](?:0\d|1[0-8])(?::?[0-5]\d)?"
_DAY = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"
_TIME = r"(?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
# The extended format of ISO 8601 down to days, and to fractions of a second for what has a time.
_ISO = {
    "date": _DAY,
    "timestamp": rf"{_DAY}(?:[T ]{_TIME}(?P<offset>{_OFFSET})?)?",
    "time": rf"{_TIME}(?P<offset>{_OFFSET})?",
}
_LETTERS = {
    "y": "year",
    "u": "year",
    "M": "month",
    "L": "month",
    "d": "day",
    "H": "hour",
    "h": "hour",
    "m": "minute",
    "s": "second",
    "S": "fraction",
    "n": "fraction",
    "a": "half",
    "X": "offset",
    "x": "offset",
    "Z": "offset",
}
_TWO_DIGIT_YEARS = 2000  # DateTimeFormatter: yy lies in 2000 to 2099


@dataclass(frozen=True)
class DatePattern:
    """A pattern as an expression with the named groups of `_PARTS`."""

    regex: str
    short_years: bool
    half_days: bool


@lru_cache(maxsize=256)
def pattern_of(logical_type: str, date_format: str | None) -> DatePattern:
    """The pattern of a column. Raises UsageError for letters that no date in files is written with."""
    if date_format is None:
        return DatePattern(_ISO[logical_type], short_years=False, half_days=False)
    regex, seen, at = "", set(), 0
    short = False
    while at < len(date_format):
        letter = date_format[at]
        if letter == "'":
            end = date_format.find("'", at + 1)
            if end < 0:
                raise _unknown(date_format, "a quote is not closed")
            regex += re.escape(date_format[at + 1 : end]) if end > at + 1 else "'"
            at = end + 1
            continue
        if letter in "[]":
            regex += "(?:" if letter == "[" else ")?"
            at += 1
            continue
        if not (letter.isascii() and letter.isalpha()):
            regex += re.escape(letter)
            at += 1
            continue
        count = len(date_format) - at - len(date_format[at:].lstrip(letter))
        part = _LETTERS.get(letter)
        if part is None or part in seen or (part == "month" and count > 2):
            raise _unknown(date_format, f"{letter * count} is not read here")
        seen.add(part)
        short = short or (part == "year" and count == 2)
        regex += f"(?P<{part}>{_digits(part, count)})"
        at += count
    try:
        re.compile(regex)
    except re.error:
        raise _unknown(date_format, "its brackets do not match") from None
    return DatePattern(regex, short, "half" in seen)


def _digits(part: str, count: int) -> str:
    if part == "offset":
        return _OFFSET
    if part == "half":
        return "[AaPp][Mm]"
    if part == "fraction":
        return rf"\d{{{count}}}"
    if part == "year":
        return r"\d{2}" if count == 2 else r"\d{4}"
    return r"\d{1,2}" if count == 1 else rf"\d{{{count}}}"


def _unknown(date_format: str, why: str) -> UsageError:
    return UsageError(
        f"date format {date_format!r}: {why}: write it with y M d H h m s S a X and quoted text, "
        "as in yyyy-MM-dd'T'HH:mm:ss"
    )


def instants(
    texts: pa.Array, pattern: DatePattern, *, local: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The instant of each text, and whether it is one; nulls are none.

    `local`: what the clock on the wall showed, whatever its offset.
    """
    found = pc.extract_regex(texts, rf"\A(?:{pattern.regex})\z")
    valid = pc.is_valid(found).to_numpy(zero_copy_only=False)
    names = [found.type.field(i).name for i in range(found.type.num_fields)]
    parts = {name: found.field(names.index(name)) for name in _PARTS if name in names}
    default = {"year": 1970, "month": 1, "day": 1}
    number = {
        name: _numbers(parts[name], default.get(name, 0)) if name in parts else default.get(name, 0)
        for name in ("year", "month", "day", "hour", "minute", "second")
    }
    if pattern.short_years:
        number["year"] = number["year"] + _TWO_DIGIT_YEARS
    hour = number["hour"]
    if pattern.half_days:
        afternoon = (
            pc.equal(pc.utf8_lower(parts["half"]), "pm").fill_null(False).to_numpy(zero_copy_only=False)
        )
        valid &= (hour >= 1) & (hour <= 12)
        hour = hour % 12 + 12 * afternoon
    year, month, day = number["year"], number["month"], number["day"]
    minute, second = number["minute"], number["second"]
    valid &= (
        np.asarray(year >= 1) & (month >= 1) & (month <= 12) & (hour <= 23) & (minute <= 59) & (second <= 59)
    )
    months = (np.asarray(year, np.int64) - 1970) * 12 + np.clip(month, 1, 12) - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    following = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    valid &= (day >= 1) & (day <= following - first)
    seconds = ((first + day - 1) * 24 + hour) * 3600 + minute * 60 + second
    if "offset" in parts and not local:
        seconds = seconds - _offsets(parts["offset"])
    micros = np.zeros(len(texts), np.int64) + seconds * 1_000_000
    if "fraction" in parts:
        digits = pc.utf8_slice_codeunits(pc.utf8_rpad(parts["fraction"], 6, "0"), 0, 6)
        micros = micros + _numbers(digits, 0)
    return micros, valid


def instant(text: str, pattern: DatePattern) -> int | None:
    """The instant of one text, or None."""
    micros, valid = instants(pa.array([text], pa.string()), pattern)
    return int(micros[0]) if valid[0] else None


def _numbers(texts: pa.Array, default: int) -> NDArray[np.int64]:
    filled = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    numbers: NDArray[np.int64] = filled.cast(pa.int64()).fill_null(default).to_numpy()
    return numbers


def _offsets(texts: pa.Array) -> NDArray[np.int64]:
    """Seconds east of Greenwich; what names no offset is 0."""
    digits = pc.replace_substring_regex(texts, "[^0-9]", "")
    padded = pc.utf8_rpad(digits, 4, "0")
    hours = _numbers(pc.utf8_slice_codeunits(padded, 0, 2), 0)
    minutes = _numbers(pc.utf8_slice_codeunits(padded, 2, 4), 0)
    west = pc.starts_with(texts, "-").fill_null(False).to_numpy(zero_copy_only=False)
    return np.asarray(np.where(west, -1, 1) * (hours * 3600 + minutes * 60), np.int64)
