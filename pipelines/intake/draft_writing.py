"""How a text file is written: its encoding, its delimiter, and whether its first row names columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice

ENCODINGS = ("utf-8", "cp949", "cp932", "gb18030")  # EUC-KR is read as CP949, which holds it
MAX_NAME = 64  # characters: what is longer is data, no column's name
_DECODED = 0.99  # share of the lines beyond ASCII that an encoding has to fit
_DELIMITERS = (",", "\t", ";", "|")
_LOOKED_AT = 200  # rows that tell a delimiter


def encoding_of(lines: list[bytes]) -> str | None:
    """The first encoding that decodes nearly all lines beyond ASCII; None where none does."""
    beyond = [line for line in lines if not line.isascii()]
    if not beyond:
        return "utf-8"
    for encoding in ENCODINGS:
        fits = sum(_decodes(line, encoding) for line in beyond)
        if fits >= _DECODED * len(beyond) or (fits == len(beyond) - 1 and len(beyond) > 2):
            return encoding
    return None


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def records(text: str, delimiter: str) -> Iterator[list[str] | None]:
    """Rows by the rules of the reader; None for one that is broken, [] for a blank line."""
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)
    while True:
        try:
            yield next(reader)
        except csv.Error:
            yield None
        except StopIteration:
            return


def delimiter_of(text: str) -> str:
    """The sign that cuts most of the first rows into as many fields as the header, and into the most."""
    head = text[: 1 << 20]

    def fit(delimiter: str) -> tuple[float, int]:
        rows = [row for row in islice(records(head, delimiter), _LOOKED_AT) if row]
        width = len(rows[0]) if rows else 0
        return (sum(len(row) == width for row in rows) / max(1, len(rows)) if width > 1 else 0.0, width)

    return max(_DELIMITERS, key=fit)


def looks_like_names(names: tuple[str, ...]) -> bool:
    """Whether a first row is a header: words with letters, none of them prose, a number or an address."""
    said = [name for name in names if name]
    return len(set(said)) == len(said) > 0 and all(
        re.search(r"[^\W\d_]", name) and "@" not in name and len(name) <= MAX_NAME and len(name.split()) <= 5
        for name in said
    )


def is_garbled(fields: list[str]) -> bool:
    """Whether a row holds bytes that are no text."""
    return any("\udc80" <= letter <= "\udcff" for field in fields if not field.isascii() for letter in field)
