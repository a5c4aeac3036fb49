"""Cases of personal data and of what only looks like it, written before the recognizers (README.md here).

A text marks its spans as `{{LABEL:value}}`; `{{?:value}}` is neutral: finding it is neither rewarded nor
punished. The marks are parsed out, so that no offset is counted by hand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

HERE = Path(__file__).parent
NEUTRAL = "?"
FRESH = "fresh_"  # families written after the recognizers, by somebody who had not read them: all held out
SECOND = "second_"  # a second time so, but half for development and half held out
MORE = "more_"  # families written while the recognizers were mended: all for development
LABELS = frozenset(
    {
        *("KR_RRN", "KR_FRN", "KR_BRN", "KR_CRN", "KR_PASSPORT", "KR_DRIVER_LICENSE", "KR_BANK_ACCOUNT"),
        *("KR_VEHICLE_PLATE", "KR_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "EMAIL_ADDRESS", "IP_ADDRESS"),
        *("MAC_ADDRESS", "IMEI", "VIN", "GPS_COORDINATE", "PERSON", "DATE_OF_BIRTH", "MESSENGER_ID"),
        *("GAME_ID", "URL", "CREDENTIAL"),
    }
)
_MARK = re.compile(r"\{\{(?P<label>[A-Z_]+|\?):(?P<value>.+?)\}\}", re.DOTALL)


class Span(NamedTuple):
    """What is to be found (or, with the label NEUTRAL, may be); code points of the text, end exclusive."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Case:
    """One text with its spans; without spans that count it is a near miss, and nothing may be found."""

    family: str
    text: str
    spans: tuple[Span, ...]
    why: str

    @property
    def id(self) -> str:
        """Family and digest of the text."""
        return f"{self.family}-{_digest(self.text):016x}"

    @property
    def held_out(self) -> bool:
        """Whether the case is kept from whoever tunes: by digest of the text a third, of second ones half.

        Fresh ones are all held out, and more ones never.
        """
        if self.family.startswith(MORE):
            return False
        if self.family.startswith(SECOND):
            return _digest(self.text) % 2 == 1
        return self.family.startswith(FRESH) or _digest(self.text) % 3 == 0

    @property
    def near_miss(self) -> bool:
        """Whether nothing is to be found."""
        return all(span.label == NEUTRAL for span in self.spans)


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def parse(marked: str, *, form: str | None = None) -> tuple[str, tuple[Span, ...]]:
    """The text without marks, and the spans; `form` "nfd" decomposes the text, as macOS writes it."""
    pieces: list[str] = []
    spans: list[Span] = []
    length = read = 0
    for mark in _MARK.finditer(marked):
        before, value = (
            unicodedata.normalize("NFD", piece) if form == "nfd" else piece
            for piece in (marked[read : mark.start()], mark["value"])
        )
        start = length + len(before)
        length = start + len(value)
        spans.append(Span(start, length, mark["label"]))
        pieces += (before, value)
        read = mark.end()
    rest = marked[read:]
    pieces.append(unicodedata.normalize("NFD", rest) if form == "nfd" else rest)
    return "".join(pieces), tuple(spans)


def families() -> list[str]:
    """The names of the files, sorted."""
    return sorted(path.stem for path in HERE.glob("*.yaml"))


def load(family: str) -> list[Case]:
    """The cases of one file, in its order."""
    rows = YAML(typ="safe").load((HERE / f"{family}.yaml").read_text(encoding="utf-8"))
    return [Case(family, *parse(row["text"], form=row.get("form")), row["why"]) for row in rows]


def all_cases() -> Iterator[Case]:
    """Every case, file by file."""
    for family in families():
        yield from load(family)
