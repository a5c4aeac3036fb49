"""The gate's first look: one pass over the bytes of a column that names the lines to look at.

A line passes if it holds four ASCII digits, four Latin letters in a row, one of the detectors' single
characters, or one of their pairs of characters (Latin in lower case); blanks and separators between the two
of a pair are passed over. Why not RE2: Arrow compiles an expression for every batch, and its states are built
anew for every thousand reviews.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

FOUR_DIGITS, FOUR_LETTERS = "0000", "aaaa"  # a detector's head: these, single characters, and pairs
_BLANK, _ALONE, _DIGIT, _LETTER = 1, 2, 4, 8
_BLANKS = " \t-._·•♥♡❤★☆ㅡ~/*+^="
_SIZE = 1 << 16
_AT_ONCE = 1 << 14  # lines


def pairs(firsts: str, seconds: str) -> tuple[str, ...]:
    """Every character of the first with every one of the second."""
    return tuple(first + second for first in firsts for second in seconds)


class FirstLook:
    """Which lines can hold what any of these heads stands for; `foldable`: code points that always pass."""

    def __init__(self, heads: Iterable[str], foldable: Iterable[str]) -> None:
        self.classes = np.zeros(_SIZE + 1, np.uint8)  # the last: what lies beyond the basic plane
        self.pairs = np.zeros(_SIZE, np.bool_)
        for character in _BLANKS:
            self.classes[ord(character)] = _BLANK
        self.classes[ord("0") : ord("9") + 1] = _DIGIT
        self.classes[ord("A") : ord("Z") + 1] = _LETTER
        self.classes[ord("a") : ord("z") + 1] = _LETTER
        known: set[int] = set()
        for head in heads:
            if len(head) == 1:
                self.classes[ord(head)] |= _ALONE
            elif head not in {FOUR_DIGITS, FOUR_LETTERS}:
                known.add(ord(head[0]) << 20 | ord(head[1]))
        self.known = np.array(sorted(known), np.int64)
        self.pairs[(self.known >> 20) * 40503 + (self.known & 0xFFFFF) * 2741 & 0xFFFF] = True
        for character in foldable:
            self.classes[min(ord(character), _SIZE)] |= _ALONE if ord(character) < _SIZE else 0
        self.beyond = np.array([ord(c) for c in foldable if ord(c) >= _SIZE] or [0], np.int32)

    def lines(self, texts: pa.Array) -> NDArray[np.int64]:
        """(row, start, end, first byte, end byte) of every line that passes, in order.

        start and end in code points of its text, bytes in the column's buffer.
        """
        texts = texts.cast(pa.large_string())
        _, offsets, data = texts.buffers()
        count = len(texts)
        if not count or data is None:
            return np.zeros((0, 5), np.int64)
        bounds = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + count + 1]
        values = np.frombuffer(data, np.uint8)
        low, high = int(self.beyond.min()), int(self.beyond.max())
        found = np.empty((_AT_ONCE, 5), np.int64)
        parts, row, at, position = [], 0, 0, 0
        while row < count:
            row, at, position, done = _scan(
                values, bounds, self.classes, self.pairs, self.known, low, high, found, row, at, position
            )
            parts.append(found[:done].copy())
        return np.concatenate(parts)


def line_texts(texts: pa.Array, lines: NDArray[np.int64]) -> pa.Array:
    """The lines' texts, as FirstLook.lines named them; the bytes are shared."""
    texts = texts.cast(pa.large_string())
    bounds = np.empty(2 * len(lines) + 1, np.int64)
    bounds[0:-1:2], bounds[1::2] = lines[:, 3], lines[:, 4]
    bounds[-1] = bounds[-2]
    data = texts.buffers()[2]
    parts = pa.Array.from_buffers(pa.large_string(), 2 * len(lines), [None, pa.py_buffer(bounds), data])
    return parts.take(pa.array(np.arange(0, 2 * len(lines), 2)))


@njit(cache=True)
def _scan(
    values: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    classes: NDArray[np.uint8],
    pairs: NDArray[np.bool_],
    known: NDArray[np.int64],
    low: int,
    high: int,
    found: NDArray[np.int64],
    row: int,
    at: int,
    position: int,
) -> tuple[int, int, int, int]:
    """Fills `found` from byte `at` (code point `position`) of a row on; where to go on, and how many."""
    done = 0
    while row < len(bounds) - 1:
        begin, end = bounds[row], bounds[row + 1]
        i = begin + at
        before = np.int64(0)  # not forgotten at a line's end: numbers run over lines
        while i <= end:
            start, first, digits, letters, passed = position, i, 0, 0, False
            while i < end:
                byte = values[i]
                if byte == 10:
                    break
                if byte < 0x80:
                    point, i = np.int64(byte), i + 1
                elif byte < 0xE0:
                    point = (np.int64(byte) & 31) << 6 | (np.int64(values[i + 1]) & 63)
                    i += 2
                elif byte < 0xF0:
                    point = (
                        (np.int64(byte) & 15) << 12
                        | (np.int64(values[i + 1]) & 63) << 6
                        | (np.int64(values[i + 2]) & 63)
                    )
                    i += 3
                else:
                    point = (
                        (np.int64(byte) & 7) << 18
                        | (np.int64(values[i + 1]) & 63) << 12
                        | (np.int64(values[i + 2]) & 63) << 6
                        | (np.int64(values[i + 3]) & 63)
                    )
                    i += 4
                    if low <= point <= high:
                        passed = True
                    point = 0x10000
                position += 1
                kind = classes[point]
                if kind & 2:
                    passed = True
                if kind & 8:
                    letters += 1
                    passed |= letters >= 4
                    point |= 32
                else:
                    letters = 0
                    if kind & 4:
                        digits += 1
                    elif kind & 1:
                        continue
                if not passed and pairs[(before * 40503 + point * 2741) & 0xFFFF]:
                    key = before << 20 | point
                    place = np.searchsorted(known, key)
                    passed = place < len(known) and known[place] == key
                before = point
            if passed or digits >= 4:
                found[done, 0], found[done, 1], found[done, 2] = row, start, position
                found[done, 3], found[done, 4] = first, i
                done += 1
            i += 1
            position += 1
            if done == len(found):
                if i <= end:
                    return row, i - begin, position, done
                return row + 1, 0, 0, done
        row, at, position = row + 1, 0, 0
    return row, 0, 0, done
