"""Text as the detectors read it: full width as ASCII, one dash, one space, jamo composed, no zero width.

What is found in folded text is said in code points of the text given: a fold that moves characters keeps
where each came from. Line feeds stay, and nothing folds across them; so a text and its lines agree.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from dataclasses import dataclass

_JAMO = "\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb"
_INVISIBLE = "\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
_DASHES = "\u00ad\u2010-\u2015\u2212\ufe58\ufe63"
_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_KEYCAP = "\u20e3"
_MATHEMATICAL = "\U0001d7ce-\U0001d7ff"  # digits, bold to monospace
_WIDE = "\uff01-\uff5e"
_CASED = "\u0130\u0131\u017f\u212a"  # what `re` takes for i, s and k where case is ignored; they stay
# Lines that hold one of these pass the gate whatever they say: clean text holds next to none of them.
FOLDABLE = f"[{_JAMO}{_INVISIBLE}{_DASHES}{_SPACES}{_KEYCAP}{_MATHEMATICAL}{_WIDE}{_CASED}]"

_FOLDABLE = re.compile(FOLDABLE)
_MOVING = re.compile(f"(?P<jamo>[{_JAMO}]+)|(?P<keycap>\ufe0f?{_KEYCAP})|[{_INVISIBLE}]+")


def _characters(ranges: str) -> list[str]:
    """What a class of characters and ranges of them holds."""
    found: list[str] = []
    for low, high in re.findall("(.)(?:-(.))?", ranges):
        found += map(chr, range(ord(low), ord(high or low) + 1))
    return found


FOLDABLE_CHARACTERS = tuple(_characters(FOLDABLE[1:-1]))
# One character for one: full width, dashes, spaces. The gate reads them so, too.
PLAIN = (
    {chr(wide): chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
    | dict.fromkeys(_characters(_DASHES), "-")
    | dict.fromkeys(_characters(_SPACES), " ")
)
_TABLE = str.maketrans(PLAIN | {chr(0x1D7CE + i): str(i % 10) for i in range(50)})


@dataclass(frozen=True)
class Folded:
    """Folded text; `starts` and `ends`: where each of its characters lies in the text given, None: there."""

    text: str
    starts: array[int] | None = None
    ends: array[int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A span of the folded text, not empty, in the text given."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]

    def place(self, given: int) -> int:
        """The first folded character at or behind a place in the text given."""
        return given if self.starts is None else bisect_left(self.starts, given)


def fold(text: str) -> Folded:
    """The text as the detectors read it."""
    if text.isascii() or not _FOLDABLE.search(text):
        return Folded(text)
    plain = text.translate(_TABLE)
    if not _MOVING.search(plain):
        return Folded(plain)
    pieces: list[str] = []
    starts, ends = array("i"), array("i")
    read = 0
    for moving in _MOVING.finditer(plain):
        at = moving.start()
        pieces.append(plain[read:at])
        starts.extend(range(read, at))
        ends.extend(range(read + 1, at + 1))
        read = moving.end()
        if moving["keycap"] and ends:
            ends[-1] = read
        elif moving["jamo"]:
            composed = unicodedata.normalize("NFC", moving[0])
            pieces.append(composed)
            for character in composed:
                starts.append(at)
                at += len(unicodedata.normalize("NFD", character))
                ends.append(at)
    pieces.append(plain[read:])
    starts.extend(range(read, len(plain)))
    ends.extend(range(read + 1, len(plain) + 1))
    return Folded("".join(pieces), starts, ends)
