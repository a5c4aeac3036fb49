"""Markdown out of names that others wrote: escaped, so that none is markup, a link or HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

_MARKS = re.compile(r"([\\`*_{}\[\]#!|~])")
_DOMAIN = re.compile(r"(?<=://)|(?<=www)(?=\.)|(?<=\w)@(?=\w)")


def md(value: object) -> str:
    """A value as plain text inside a line or a table's cell; renderers find no link in it."""
    line = " ".join(str(value).split())
    escaped = _MARKS.sub(r"\\\1", html.escape(line, quote=False).replace("&gt;", "\0"))
    return _DOMAIN.sub(_apart, escaped.replace("\0", "&gt;"))


def _apart(found: re.Match[str]) -> str:
    """A zero width character's entity, before which renderers stop to see an address."""
    return "&#8203;" + found[0] if found[0] else "&#8203;"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A table's lines; whole numbers to the right, with thousands apart."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [
        bool(cells) and all(re.fullmatch(r"[\d,.]+( %)?", row[i]) for row in cells) for i in range(len(heads))
    ]
    return [
        "| " + " | ".join(heads) + " |",
        "| " + " | ".join("---:" if one else "---" for one in right) + " |",
        *("| " + " | ".join(row) + " |" for row in cells),
        "",
    ]


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{100 * value:.1f} %"
    return md(value)
