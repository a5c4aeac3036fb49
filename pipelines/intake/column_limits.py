"""Limits of a column's values: whether they can be checked at all, and whether any value fits them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.intake.dates import pattern_of
from pipelines.intake.house_rules import breach
from pipelines.intake.odcs import TODO
from pipelines.intake.yaml_source import Address, Source, did_you_mean
from schemas.errors import Problem, UsageError

MAX_PATTERN = 1_000  # characters; the longest in the six contracts has 46
_CHECKED = {
    "pattern", "format", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minItems", "maxItems",
}  # fmt: skip
_PAIRS = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
    ("minimum", "exclusiveMaximum"),
    ("exclusiveMinimum", "maximum"),
)
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "date": (str,),
    "timestamp": (str,),
    "time": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
# What ODCS lets a string's format be, as far as a value can be checked against it.
_TEXT_FORMATS = ("email", "uuid", "uri", "hostname", "ipv4", "ipv6")


def broken_limits(source: Source, address: Address, column: dict[str, Any]) -> Iterator[Problem]:
    """Every fault of one column's logicalTypeOptions, enum and unique."""
    given, options = column.get("logicalType"), column.get("logicalTypeOptions")
    logical = given if isinstance(given, str) else ""
    options = options if isinstance(options, dict) else {}
    at = (*address, "logicalTypeOptions")
    for name in sorted(options.keys() - _CHECKED):
        if not (name == "format" and logical in {"integer", "number"}):
            message = f"{name} is not checked: say it by another limit or a quality rule, or remove it"
            yield breach(source, "limit", (*at, name), message)
    yield from _format(source, (*at, "format"), logical, options.get("format"))
    yield from _ranges(source, at, logical, options)
    pattern = options.get("pattern")
    if isinstance(pattern, str) and (fault := pattern_fault(pattern)):
        yield breach(source, "pattern", (*at, "pattern"), fault)
        pattern = None
    yield from _values(source, address, column, logical, pattern)
    if column.get("unique") is True and logical in {"array", "object", "map", "vector"}:
        message = f"unique is not checked of a column that is {logical}: remove it"
        yield breach(source, "limit", (*address, "unique"), message)


def pattern_fault(pattern: str) -> str:
    """Why RE2 cannot run a pattern, with the remedy; "" where it can."""
    if TODO.match(pattern):
        return ""
    if len(pattern) > MAX_PATTERN:
        return f"has {len(pattern):,} characters, of {MAX_PATTERN:,} that are allowed: shorten it"
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        reason = str(error).rpartition("Invalid regular expression: ")[2].split("\n")[0]
        kind = reason.partition(":")[0]
        remedy = (
            "RE2 has no look-around and no back-references: say it without"
            if "perl operator" in kind or "escape" in kind
            else "shorten its repetitions"
            if "too large" in kind or "repetition" in kind
            else "mend it"
        )
        return f"is no pattern of RE2 ({kind}): {remedy}"
    return ""


def _format(source: Source, address: Address, logical: str, given: Any) -> Iterator[Problem]:
    if not isinstance(given, str) or TODO.match(given):
        return
    if logical == "string" and given not in _TEXT_FORMATS:
        message = f"{did_you_mean(given, _TEXT_FORMATS)}; others are not checked: say them by a pattern"
        yield breach(source, "limit", address, message)
    elif logical in {"date", "timestamp", "time"}:
        try:
            pattern_of(logical, given)
        except UsageError as error:
            yield breach(source, "limit", address, str(error))


def _ranges(source: Source, at: Address, logical: str, options: dict[str, Any]) -> Iterator[Problem]:
    for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        value = options.get(name)
        if logical in {"date", "timestamp"} and isinstance(value, str) and not _is_moment(value):
            message = "is no day or time that exists: write it as 2026-12-31 or 2026-12-31T23:59:59"
            yield breach(source, "calendar-day", (*at, name), message)
    for least, most in _PAIRS:
        low, high = options.get(least), options.get(most)
        numbers = isinstance(low, (int, float)) and isinstance(high, (int, float))
        both = numbers or (isinstance(low, str) and isinstance(high, str))
        exclusive = "exclusive" in least or "exclusive" in most
        if both and (low > high or (exclusive and low == high)):  # type: ignore[operator]
            message = f"no value lies between {least} and {most}: exchange or mend them"
            yield breach(source, "limit", (*at, most), message)


def _is_moment(value: str) -> bool:
    for kind in (date, datetime):
        try:
            kind.fromisoformat(value)
        except ValueError:
            continue
        return True
    return False


def _values(
    source: Source, address: Address, column: dict[str, Any], logical: str, pattern: Any
) -> Iterator[Problem]:
    """The enumeration: of the column's type, and not forbidden by its own pattern."""
    listed = column.get("enum")
    if not isinstance(listed, list):
        return
    if logical in {"array", "object", "map", "vector"}:
        message = f"enum is not checked of a column that is {logical}: put it on the columns inside"
        yield breach(source, "limit", (*address, "enum"), message)
    if logical not in _PYTHON_TYPES:
        return
    for index, entry in enumerate(listed):
        value = entry.get("value") if isinstance(entry, dict) else None
        at = (*address, "enum", index, "value")
        types = _PYTHON_TYPES[logical]
        if value is None or (isinstance(value, str) and TODO.match(value)):
            continue
        is_type = isinstance(value, types) and (isinstance(value, bool) == (logical == "boolean"))
        if not is_type:
            yield breach(source, "limit", at, f"is no value of a column that is {logical}: write it as one")
        elif isinstance(value, str) and isinstance(pattern, str) and not fits(value, pattern):
            yield breach(source, "limit", at, "does not fit the column's own pattern: mend one of the two")


def fits(value: str, pattern: str) -> bool:
    """Whether the whole of a value fits a pattern of RE2."""
    return bool(pc.match_substring_regex(pa.array([value]), f"^(?:{pattern})$")[0].as_py())
