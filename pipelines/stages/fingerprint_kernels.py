"""Compiled loops of the fingerprint stage, over the UTF-8 buffers of an Arrow string column.

All arithmetic is on unsigned integers of fixed width, so every processor gives the same values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.kernels import njit
from schemas.documents import BANDS, ROWS_PER_BAND

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Offsets = NDArray[np.int32] | NDArray[np.int64]


class Texts(NamedTuple):
    """A column of texts: row i is data[offsets[i]:offsets[i + 1]], UTF-8."""

    data: Bytes
    offsets: Offsets


class Spans(NamedTuple):
    """A column of span lists: row i's are numbers offsets[i] to offsets[i + 1], in code points."""

    offsets: Offsets
    starts: Offsets
    ends: Offsets
    labels: Offsets  # numbers of the token column


SHINGLE = 5  # code points (not bytes): one measure for Hangul and Latin, and the pair truth's
FUNCTIONS = BANDS * ROWS_PER_BAND
_SEED = 0x6D616C6D6F69  # "malmoi" in ASCII; all constants below follow from it
_MASK = (1 << 64) - 1
_BLOCK = 4096  # shingles hashed before the functions run over them: 16 KiB, stays in the L1 cache


def _splitmix64(seed: int, count: int) -> list[int]:
    """The first numbers of SplitMix64 (Steele, Lea, Flood 2014)."""
    numbers = []
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & _MASK
        z = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        numbers.append(z ^ (z >> 31))
    return numbers


_NUMBERS = _splitmix64(_SEED, FUNCTIONS + 4)
# Function i: x -> (x * MULTIPLIERS[i] + ADDENDS[i]) mod 2^32, a permutation as the multiplier is odd.
MULTIPLIERS = np.array([number >> 32 | 1 for number in _NUMBERS[:FUNCTIONS]], dtype=np.uint32)
ADDENDS = np.array([number & 0xFFFFFFFF for number in _NUMBERS[:FUNCTIONS]], dtype=np.uint32)
_LOW = np.uint64(_NUMBERS[FUNCTIONS] | 1)
_HIGH = np.uint64(_NUMBERS[FUNCTIONS + 1] | 1)
_BAND = np.uint64(_NUMBERS[FUNCTIONS + 2] | 1)
_NO_VALUE = np.uint32(0xFFFFFFFF)


@njit(cache=True, nogil=True, inline="always")
def _mix(value: np.uint64) -> np.uint64:
    """The finaliser of MurmurHash3 (Appleby): a bijection on 64 bits."""
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    value ^= value >> np.uint64(33)
    return value


@njit(cache=True, nogil=True, inline="always")
def _width(lead: np.uint8) -> int:
    """Bytes of the code point that starts with this byte."""
    if lead < 0x80:
        return 1
    if lead < 0xE0:
        return 2
    if lead < 0xF0:
        return 3
    return 4


@njit(cache=True, nogil=True, inline="always")
def _code_point(data: Bytes, i: int, width: int) -> np.uint64:
    """The code point of `width` bytes at byte i."""
    value = np.uint64(data[i])
    if width == 1:
        return value
    value &= np.uint64(0x7F >> width)
    for j in range(i + 1, i + width):
        value = value << np.uint64(6) | (np.uint64(data[j]) & np.uint64(0x3F))
    return value


@njit(cache=True, nogil=True, inline="always")
def _is_space(data: Bytes, i: int, width: int) -> bool:
    """Whether Python's str.isspace says so of the code point at byte i."""
    lead = int(data[i])
    if width == 1:
        return lead == 32 or 9 <= lead <= 13 or 28 <= lead <= 31
    if 0xC2 < lead < 0xE1 or lead > 0xE3:  # nearly all of Hangul, kanji and accented Latin leaves here
        return False
    value = int(_code_point(data, i, width))
    return 0x2000 <= value <= 0x200A or value in (
        0x85,
        0xA0,
        0x1680,
        0x2028,
        0x2029,
        0x202F,
        0x205F,
        0x3000,
    )


@njit(cache=True, nogil=True, inline="always")
def _append(data: Bytes, start: int, end: int, out: Bytes, o: int) -> int:
    """Copy bytes to out[o:]; returns where the next ones go."""
    for i in range(start, end):
        out[o] = data[i]
        o += 1
    return o


@njit(cache=True, nogil=True, inline="always")
def _skip(data: Bytes, i: int, stop: int, count: int) -> int:
    """The byte after `count` code points from byte i, or -1 where there are fewer or none are asked for."""
    if count <= 0:
        return -1
    for _ in range(count):
        if i >= stop:
            return -1
        i += _width(data[i])
    return i


@njit(cache=True, nogil=True)
def write_canonical(texts: Texts, spans: Spans, tokens: Texts, out: Texts) -> int:
    """Write each row's text with its spans as tokens and white space as single spaces, stripped.

    `out` must hold all the text and one token per span. Returns the first row whose spans overlap, are
    empty or run past the text, or -1.
    """
    data = texts.data
    o = 0
    out.offsets[0] = 0
    for row in range(len(texts.offsets) - 1):
        i, stop, first = texts.offsets[row], texts.offsets[row + 1], o
        span, last_span = spans.offsets[row], spans.offsets[row + 1]
        position = 0
        gap = False
        while i < stop:
            width = min(_width(data[i]), stop - i)
            starts = span < last_span and position == spans.starts[span]
            if not starts and _is_space(data, i, width):
                gap = True
                i += width
                position += 1
                continue
            if gap and o > first:
                out.data[o] = 32
                o += 1
            gap = False
            if starts:
                token = spans.labels[span]
                o = _append(tokens.data, tokens.offsets[token], tokens.offsets[token + 1], out.data, o)
                i = _skip(data, i, stop, spans.ends[span] - position)
                if i < 0:
                    return row
                position = spans.ends[span]
                span += 1
            else:
                o = _append(data, i, i + width, out.data, o)
                i += width
                position += 1
        if span < last_span:
            return row
        out.offsets[row + 1] = o
    return -1


@njit(cache=True, nogil=True, inline="always")
def _shingle(a: np.uint64, b: np.uint64, c: np.uint64, d: np.uint64, e: np.uint64) -> np.uint64:
    """64-bit hash of five code points of 21 bits each."""
    head = a | b << np.uint64(21) | c << np.uint64(42)
    tail = d | e << np.uint64(21)
    return _mix(head * _LOW + tail * _HIGH)


@njit(cache=True, nogil=True, inline="always")
def _short(length: int) -> np.uint64:
    """What tells a text shorter than a shingle from the end of a longer one: bits above a code point."""
    return np.uint64(1 + length) << np.uint64(21)


@njit(cache=True, nogil=True)
def min_hash(texts: Texts, bands: Words) -> None:
    """Write BANDS values a row: each hashes the minima of ROWS_PER_BAND functions (Broder 1997).

    A text shorter than SHINGLE is one shingle. The functions see the upper 32 bits of a shingle's hash.
    """
    data, offsets = texts.data, texts.offsets
    block = np.empty(_BLOCK, np.uint32)
    minima = np.empty(FUNCTIONS, np.uint32)
    for row in range(len(offsets) - 1):
        i, stop = offsets[row], offsets[row + 1]
        a = b = c = d = e = np.uint64(0)
        seen = 0
        minima[:] = _NO_VALUE
        while True:
            filled = 0
            while i < stop and filled < _BLOCK:
                width = _width(data[i])
                a, b, c, d, e = b, c, d, e, _code_point(data, i, width)
                i += width
                seen += 1
                if seen >= SHINGLE:
                    block[filled] = np.uint32(_shingle(a, b, c, d, e) >> np.uint64(32))
                    filled += 1
            if i >= stop and seen < SHINGLE:
                block[0] = np.uint32(_shingle(a, b, c, d, e | _short(seen)) >> np.uint64(32))
                filled = 1
            _lower(block, filled, minima)
            if i >= stop:
                break
        for band in range(BANDS):
            value = np.uint64(band) * _BAND
            for j in range(band * ROWS_PER_BAND, (band + 1) * ROWS_PER_BAND, 2):
                value = _mix(value + (np.uint64(minima[j]) | np.uint64(minima[j + 1]) << np.uint64(32)))
            bands[row * BANDS + band] = value


@njit(cache=True, nogil=True)
def _lower(block: NDArray[np.uint32], filled: int, minima: NDArray[np.uint32]) -> None:
    """Lower each function's minimum by the values it takes on a block; the inner loop runs in SIMD."""
    for f in range(FUNCTIONS):
        multiplier, addend, least = MULTIPLIERS[f], ADDENDS[f], minima[f]
        for j in range(filled):
            least = min(least, np.uint32(block[j] * multiplier + addend))
        minima[f] = least


@njit(cache=True, nogil=True)
def shingle_hashes(texts: Texts, out: Words, out_offsets: Offsets) -> None:
    """Write each row's shingle hashes in text order, repeats included.

    `out` must hold a value per code point and one per row.
    """
    data, offsets = texts.data, texts.offsets
    o = 0
    out_offsets[0] = 0
    for row in range(len(offsets) - 1):
        i, stop = offsets[row], offsets[row + 1]
        a = b = c = d = e = np.uint64(0)
        seen = 0
        while i < stop:
            width = _width(data[i])
            a, b, c, d, e = b, c, d, e, _code_point(data, i, width)
            i += width
            seen += 1
            if seen >= SHINGLE:
                out[o] = _shingle(a, b, c, d, e)
                o += 1
        if seen < SHINGLE:
            out[o] = _shingle(a, b, c, d, e | _short(seen))
            o += 1
        out_offsets[row + 1] = o


@njit(cache=True, nogil=True)
def keep_distinct(values: Words, offsets: Offsets) -> int:
    """Squeeze repeats out of each row's sorted values, in place; returns how many values are left."""
    o = 0
    start = offsets[0]
    for row in range(len(offsets) - 1):
        stop = offsets[row + 1]
        first = o
        for i in range(start, stop):
            if o == first or values[i] != values[o - 1]:
                values[o] = values[i]
                o += 1
        start = stop
        offsets[row + 1] = o
    return o
