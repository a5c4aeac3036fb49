"""Digits, separators and letters as they stand in real text: full width, exotic hyphens, no-break spaces.

Every class here is spelled out, character by character: what the gate and the patterns must agree on may not
depend on an engine's idea of a digit or a word.
No class holds a line feed: nothing that is looked for crosses a line.
"""

from __future__ import annotations

import re

_FULL_WIDTH = 0xFEE0  # U+FF01..U+FF5E are U+0021..U+007E, this much higher
DIGITS = "0-9０-９"
DIGIT = f"[{DIGITS}]"
LETTER = "[A-Za-zＡ-Ｚａ-ｚ]"
DASHES = "‐-―−﹘﹣－\u00ad\\-"  # U+2010..U+2015, minus, small and full-width hyphens, soft hyphen
SPACES = " \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
INVISIBLE = "\u200b-\u200f\u2060\ufeff"  # zero width, direction marks, word joiner, byte order mark
JOINT = f"[{DASHES}{SPACES}{INVISIBLE}.．]{{0,3}}"  # between the groups of an identity number
LOOSE_JOINT = f"[{DASHES}{SPACES}{INVISIBLE}.．_·・~～)）]{{0,3}}"  # between the groups of a phone number
DASH = f"[{DASHES}]"
NO_DIGIT_BEFORE = f"(?<!{DIGIT})"
NO_DIGIT_AFTER = f"(?!{DIGIT})"
# A number that hangs on another one by a dash or a point is a piece of something longer.
ALONE_BEFORE = f"{NO_DIGIT_BEFORE}(?<!{DIGIT}[{DASHES}.．])"
ALONE_AFTER = f"{NO_DIGIT_AFTER}(?![{DASHES}]{DIGIT})"

_NO_DIGIT = re.compile(f"[^{DIGITS}]+")
_HAS_DASH = re.compile(DASH)
_FOLD = {wide: wide - _FULL_WIDTH for wide in range(0xFF01, 0xFF5F)}


def one_of(characters: str) -> str:
    """A class of ASCII characters together with their full-width forms; ranges like 6-9 are allowed."""
    wide = "".join(c if c == "-" else chr(ord(c) + _FULL_WIDTH) for c in characters)
    return f"[{characters}{wide}]"


def folded(text: str) -> str:
    """The text with full-width letters, digits and punctuation as ASCII; the length stays the same."""
    return text if text.isascii() else text.translate(_FOLD)


def digits_of(text: str) -> str:
    """Only the digits, as ASCII."""
    return folded(_NO_DIGIT.sub("", text))


def has_dash(text: str) -> bool:
    """Whether a hyphen of any kind stands in it."""
    return _HAS_DASH.search(text) is not None
