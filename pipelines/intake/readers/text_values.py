"""Values of files in which everything is text: numbers and booleans, lists and objects as JSON."""

from __future__ import annotations

import datetime
import re
from typing import Any

import orjson

from schemas.contract import Column

# Written for RE2 as well: the row checks match whole columns by them.
INTEGER = "-?[0-9]+"
NUMBER = r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"
_INTEGER, _NUMBER = re.compile(INTEGER), re.compile(NUMBER)
_MAX_DIGITS = 400
_TRUTH = {"true": True, "false": False}


def typed(cells: list[Any], column: Column) -> list[Any]:
    """The values of the texts; a text that is none of the column's type stays one, and is refused for it."""
    is_container = len(column.path) > 1 or column.logical_type in ("array", "object")
    if not is_container and column.logical_type not in ("integer", "number", "boolean"):
        return cells
    kind = "container" if is_container else column.logical_type
    return [_value(cell, kind) if isinstance(cell, str) else cell for cell in cells]


def _value(text: str, kind: str) -> Any:
    if kind == "boolean":
        return _TRUTH.get(text.lower(), text)
    if kind == "container":
        return _parsed(text) if text.startswith(("[", "{")) else text
    if len(text) <= _MAX_DIGITS and _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if kind == "number" and _NUMBER.fullmatch(text) else text


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return text


def literal(value: Any) -> str:
    """A scalar as text, the same whatever format it came in: dates as ISO strings, null as ""."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
