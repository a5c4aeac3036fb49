# ruff: noqa: SIM102 (compiled code)
"""Text as the search for names reads it, compiled: code points, tokens, and what is known of words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.kernels import njit
from pipelines.stages.pii.hash_kernels import Integer, Ints, mixed

Points = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Shape = npt.NDArray[np.int8]
Units = npt.NDArray[np.int16]

HANGUL, LATIN, DIGITS, HAN, MARK, NEWLINE, SPACE = 1, 2, 3, 4, 5, 6, 7  # kinds of characters and tokens
SYLLABLES, FIRST = 11_172, 0xAC00  # of Hangul
WORD_BITS = 19  # places of the table of words: 2**WORD_BITS
PROBES = 16  # places that are looked at for a word
COUNT = 15  # bits of a word's value: log2 of how often it begins a run of Hangul
GIVEN, FOREIGN, PLACE, ENGLISH = 16, 32, 64, 128
NOUN = ENGLISH  # of a word in Hangul: a dictionary holds it as a word, and not as a place
HABITS = 8  # above: four levels of two bits, how often 하다, a place's particle, an object's, nothing follows
WHOLE = 11  # is added to the hash of a whole run of Hangul
HOPELESS = 16  # of a whole run: no name in it weighs enough, whatever stands beside it


class Tables(NamedTuple):
    """What is known of words: context words (keys, kinds), words (values and checks), syllables (shape).

    `units` numbers syllables (0 any other, 1 the edge of a word), `pairs` (2, 1024, 1024) tells in quarters
    of a nat how much a pair of them speaks for a transliterated name, and for a given name behind a surname.

    Compiled functions take the arrays apart: handing on a tuple of arrays costs more than what they do.
    """

    keys: Ints
    kinds: Bytes
    words: Words
    shape: Shape
    chars: Bytes
    units: Units
    pairs: Shape


@njit(cache=True, nogil=True)
def hash_of(points: Points, start: Integer, end: Integer) -> Integer:
    """A 64-bit polynomial of the code points."""
    h = np.int64(7)
    for at in range(start, end):
        h = h * np.int64(1_000_003) + np.int64(points[at])
    return h


@njit(cache=True, nogil=True)
def small_hash(points: Points, start: Integer, end: Integer) -> Integer:
    """hash_of with capital A to Z as small letters."""
    h = np.int64(7)
    for at in range(start, end):
        c = points[at]
        h = h * np.int64(1_000_003) + np.int64(c + 32 if 65 <= c <= 90 else c)
    return h


@njit(cache=True, nogil=True)
def word_of(words: Words, h: Integer) -> Integer:
    """What is known of a word: 16 bits, 0 of an unknown one (and of one in 2**16 a stranger's)."""
    m = mixed(h)
    at = m & np.int64((1 << WORD_BITS) - 1)
    check = (m >> np.int64(24)) & np.int64(0xFFFF) | np.int64(1)
    for _ in range(PROBES):
        entry = np.int64(words[at])
        if entry == 0:
            return np.int64(0)
        if entry >> np.int64(16) == check:
            return entry & np.int64(0xFFFF)
        at = (at + np.int64(1)) & np.int64((1 << WORD_BITS) - 1)
    return np.int64(0)


@njit(cache=True, nogil=True)
def put_words(words: Words, hashes: Ints, values: Ints) -> Integer:
    """Puts values (16 bits, not 0) into an empty table; how many found no place. The first come first."""
    lost = 0
    for k in range(len(hashes)):
        m = mixed(hashes[k])
        at = m & np.int64((1 << WORD_BITS) - 1)
        check = (m >> np.int64(24)) & np.int64(0xFFFF) | np.int64(1)
        for _ in range(PROBES):
            if words[at] == 0:
                words[at] = np.uint32((check << np.int64(16)) | values[k])
                break
            at = (at + np.int64(1)) & np.int64((1 << WORD_BITS) - 1)
        else:
            lost += 1
    return lost


@njit(cache=True, nogil=True)
def tokens_of(points: Points, begin: Integer, end: Integer, kinds: Bytes, out: Points) -> Integer:
    """Fill out (starts, ends, kinds) with runs of one kind; marks and line feeds stand alone."""
    count = 0
    at = begin
    while at < end:
        c = points[at]
        kind = kinds[c] if c < 65_536 else MARK
        start = at
        at += 1
        if kind == SPACE:
            continue
        if kind <= HAN:
            while at < end and points[at] < 65_536 and kinds[points[at]] == kind:
                at += 1
        out[0, count] = start
        out[1, count] = at
        out[2, count] = kind
        count += 1
    return count


@njit(cache=True, nogil=True)
def decode_rows(values: Bytes, bounds: Ints) -> tuple[Points, Ints, npt.NDArray[np.bool_]]:
    """Code points of UTF-8 texts, a line feed behind each, where each begins, and which fold."""
    rows = len(bounds) - 1
    points = np.empty(bounds[-1] - bounds[0] + rows, np.int32)
    offsets = np.zeros(rows + 1, np.int64)
    foldable = np.zeros(rows, np.bool_)
    n = 0
    for row in range(rows):
        at, end = bounds[row], bounds[row + 1]
        while at < end:
            b = np.int32(values[at])
            if b < 0x80:
                points[n] = b
                at += 1
            elif b < 0xE0:
                points[n] = (b & 0x1F) << 6 | (np.int32(values[at + 1]) & 0x3F)
                at += 2
            elif b < 0xF0:
                c = (
                    (b & 0x0F) << 12
                    | (np.int32(values[at + 1]) & 0x3F) << 6
                    | (np.int32(values[at + 2]) & 0x3F)
                )
                points[n] = c
                at += 3
                if c < 0xAC00 or c >= 0xD7B0:
                    if (
                        (c < 0x1200 and c >= 0x1100)
                        or (c >= 0x200B and c <= 0x200F)
                        or (c >= 0x202A and c <= 0x202E)
                        or c == 0x2060
                        or (c >= 0x2066 and c <= 0x2069)
                        or c == 0xFEFF
                        or (c >= 0xFF01 and c <= 0xFF5E)
                        or (c >= 0xA960 and c <= 0xA97C)
                        or (c >= 0xD7B0 and c <= 0xD7FB)
                    ):
                        foldable[row] = True
            else:
                points[n] = (
                    (b & 0x07) << 18
                    | (np.int32(values[at + 1]) & 0x3F) << 12
                    | (np.int32(values[at + 2]) & 0x3F) << 6
                    | (np.int32(values[at + 3]) & 0x3F)
                )
                at += 4
            n += 1
        points[n] = 10  # what is looked at beside a text is no other text
        n += 1
        offsets[row + 1] = n
    return points[:n], offsets, foldable
