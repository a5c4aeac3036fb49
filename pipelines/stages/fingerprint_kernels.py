"""Compiled loops of the fingerprint stage, over the UTF-8 buffers of an Arrow string column.

All arithmetic is on unsigned integers of fixed width, so every processor gives the same values.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.kernels import njit

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


class Functions(NamedTuple):
    """bands x rows functions x -> (x * multiplier + addend) mod 2^32, permutations as multipliers are odd."""

    multipliers: NDArray[np.uint32]
    addends: NDArray[np.uint32]
    bands: int


# "malmoi" in ASCII, and the first number from there on whose 14 x 8 functions share bands of the handed pairs
# as often as theory says, to 1.5 points in each bin (the fourth one tried). Those pairs are revisions of few
# pages, so that one function decides over many at once: a seed strays by 3 to 5 points, with a strong 64-bit
# mix in place of the multiply-add functions no less.
_SEED = 0x6D616C6D6F69 + 3
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


_CONSTANTS = [np.uint64(number | 1) for number in _splitmix64(0x6D616C6D6F69, 3)]
_BASE, _UNIT, _BAND = _CONSTANTS
_NO_VALUE = np.uint32(0xFFFFFFFF)


@lru_cache(maxsize=8)
def functions(bands: int, rows: int) -> Functions:
    """The first bands x rows functions of the seed; fewer are the beginning of more."""
    numbers = _splitmix64(_SEED, bands * rows)
    return Functions(
        np.array([number >> 32 | 1 for number in numbers], dtype=np.uint32),
        np.array([number & 0xFFFFFFFF for number in numbers], dtype=np.uint32),
        bands,
    )


@njit(cache=True, nogil=True, inline="always")
def mix(value: np.uint64) -> np.uint64:
    """The finaliser of MurmurHash3 (Appleby): a bijection on 64 bits."""
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    value ^= value >> np.uint64(33)
    return value


@njit(cache=True, nogil=True, inline="always")
def width_of(lead: np.uint8) -> int:
    """Bytes of the code point that starts with this byte."""
    if lead < 0x80:
        return 1
    if lead < 0xE0:
        return 2
    if lead < 0xF0:
        return 3
    return 4


@njit(cache=True, nogil=True, inline="always")
def code_point(data: Bytes, i: int, width: int) -> np.uint64:
    """The code point of `width` bytes at byte i."""
    value = np.uint64(data[i])
    if width == 1:
        return value
    value &= np.uint64(0x7F >> width)
    for j in range(i + 1, i + width):
        value = value << np.uint64(6) | (np.uint64(data[j]) & np.uint64(0x3F))
    return value


@njit(cache=True, nogil=True, inline="always")
def is_space(data: Bytes, i: int, width: int) -> bool:
    """Whether Python's str.isspace says so of the code point at byte i."""
    lead = int(data[i])
    if width == 1:
        return lead == 32 or 9 <= lead <= 13 or 28 <= lead <= 31
    if 0xC2 < lead < 0xE1 or lead > 0xE3:  # nearly all of Hangul, kanji and accented Latin leaves here
        return False
    value = int(code_point(data, i, width))
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
        i += width_of(data[i])
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
            width = min(width_of(data[i]), stop - i)
            starts = span < last_span and position == spans.starts[span]
            if not starts and is_space(data, i, width):
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
def _fill(data: Bytes, i: int, stop: int, units: Words, have: int, words: bool) -> tuple[int, int]:
    """Append units (code points, or words between single spaces) to units[have:] until it is full.

    Returns the byte after the last one and how many units there are now.
    """
    while i < stop and have < len(units):
        if words:
            value = np.uint64(0)
            while i < stop and data[i] != 32:
                value = (value + np.uint64(data[i]) + np.uint64(1)) * _UNIT
                value ^= value >> np.uint64(32)
                i += 1
            i += 1  # the space
            units[have] = mix(value)
        else:
            width = width_of(data[i])
            units[have] = (code_point(data, i, width) + np.uint64(1)) * _UNIT
            i += width
        have += 1
    return i, have


@njit(cache=True, nogil=True, inline="always")
def _windows(units: Words, have: int, size: int, power: np.uint64, out: Words) -> int:
    """Hash each run of `size` units: a polynomial in _BASE mod 2^64, rolled and mixed (Karp, Rabin 1987)."""
    rolling = np.uint64(0)
    for j in range(size - 1):
        rolling = rolling * _BASE + units[j]
    for j in range(size - 1, have):
        rolling = rolling * _BASE + units[j]
        out[j - size + 1] = mix(rolling)
        rolling -= units[j - size + 1] * power
    return have - size + 1


@njit(cache=True, nogil=True, inline="always")
def _whole(units: Words, have: int) -> np.uint64:
    """The one shingle of a text of fewer units than a shingle has: itself, and told from any window."""
    value = np.uint64(have + 1)
    for j in range(have):
        value = mix(value * _BASE + units[j])
    return mix(value ^ _BAND)


@njit(cache=True, nogil=True)
def _power(size: int) -> np.uint64:
    """_BASE to the power of size - 1: what the unit that leaves a window was multiplied by."""
    power = np.uint64(1)
    for _ in range(size - 1):
        power *= _BASE
    return power


@njit(cache=True, nogil=True)
def min_hash(texts: Texts, size: int, words: bool, family: Functions, bands: Words) -> None:
    """Write family.bands values a row: each hashes the minima of its functions (Broder 1997).

    The functions see the upper 32 bits of a shingle's hash.
    """
    data, offsets = texts.data, texts.offsets
    count = len(family.multipliers)
    rows = count // family.bands
    units = np.empty(_BLOCK + size - 1, np.uint64)
    hashes = np.empty(_BLOCK, np.uint64)
    block = np.empty(_BLOCK, np.uint32)
    minima = np.empty(count, np.uint32)
    power = _power(size)
    for row in range(len(offsets) - 1):
        i, stop = offsets[row], offsets[row + 1]
        minima[:] = _NO_VALUE
        i, have = _fill(data, i, stop, units, 0, words)
        if have < size:
            block[0] = np.uint32(_whole(units, have) >> np.uint64(32))
            _lower(block, 1, family, minima)
        while have >= size:
            filled = _windows(units, have, size, power, hashes)
            for j in range(filled):
                block[j] = np.uint32(hashes[j] >> np.uint64(32))
            _lower(block, filled, family, minima)
            units[: size - 1] = units[have - size + 1 : have].copy()
            i, have = _fill(data, i, stop, units, size - 1, words)
        for band in range(family.bands):
            value = np.uint64(band) * _BAND
            for j in range(band * rows, (band + 1) * rows):
                value = mix(value * _BASE + np.uint64(minima[j]))
            bands[row * family.bands + band] = value


@njit(cache=True, nogil=True)
def _lower(block: NDArray[np.uint32], filled: int, family: Functions, minima: NDArray[np.uint32]) -> None:
    """Lower each function's minimum by the values it takes on a block; the inner loop runs in SIMD."""
    for f in range(len(minima)):
        multiplier, addend, least = family.multipliers[f], family.addends[f], minima[f]
        for j in range(filled):
            least = min(least, np.uint32(block[j] * multiplier + addend))
        minima[f] = least


@njit(cache=True, nogil=True)
def shingle_hashes(texts: Texts, size: int, words: bool, out: Words, out_offsets: Offsets) -> None:
    """Write each row's shingle hashes in text order, repeats included.

    `out` must hold a value per code point and one per row.
    """
    data, offsets = texts.data, texts.offsets
    units = np.empty(_BLOCK + size - 1, np.uint64)
    power = _power(size)
    o = 0
    out_offsets[0] = 0
    for row in range(len(offsets) - 1):
        i, stop = offsets[row], offsets[row + 1]
        i, have = _fill(data, i, stop, units, 0, words)
        if have < size:
            out[o] = _whole(units, have)
            o += 1
        while have >= size:
            o += _windows(units, have, size, power, out[o:])
            units[: size - 1] = units[have - size + 1 : have].copy()
            i, have = _fill(data, i, stop, units, size - 1, words)
        out_offsets[row + 1] = o


@njit(cache=True, nogil=True, inline="always")
def _starts_unit(data: Bytes, i: int, words: bool) -> bool:
    """Whether a unit of a canonical text that has something before byte i starts there."""
    return bool(data[i - 1] == 32) if words else bool(data[i] & 0xC0 != 0x80)


@njit(cache=True, nogil=True)
def cut(data: Bytes, start: int, stop: int, length: int, size: int, words: bool) -> tuple[int, int]:
    """Where a piece of some `length` bytes from `start` ends, and where the next one starts.

    Pieces overlap by size - 1 units and have more, so that each window lies whole in exactly one. The last
    one ends at `stop`.
    """
    end = start + length
    while end < stop:
        while end < stop and not _starts_unit(data, end, words):
            end += 1
        following, back = end, size - 1
        while back > 0 and following > start:
            following -= 1
            back -= following > start and _starts_unit(data, following, words)
        if end < stop and following > start:
            return end - words, following  # without the space behind a word
        end += length  # of too few units for one window: words can be long
    return stop, stop


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
