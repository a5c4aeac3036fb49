"""Repeated lines, paragraphs and n-grams: hash tables in compiled loops.

Strings are equal where their 64-bit hashes are: among k different strings some two share a hash with a
chance of about k^2 / 2^65; a document of 1 MB has k of some 10^5, so once in 10^9 such documents.
The counts are those of datatrove 0.10 (filters/gopher_repetition_filter.py), oddities included.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.kernels import njit

# Scalars of compiled code: numba infers their types, and NumPy's stubs cannot follow its arithmetic.
Integer: TypeAlias = Any
U64 = np.uint64
U64s = npt.NDArray[np.uint64]
I64s = npt.NDArray[np.int64]
I32s = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]

# Base of the polynomial hash (the multiplier of PCG64's LCG, odd) and its inverse modulo 2^64.
BASE = np.uint64(6364136223846793005)
INVERSE = np.uint64(pow(6364136223846793005, -1, 1 << 64))
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)  # splitmix64's finaliser
_MIX_2 = np.uint64(0x94D049BB133111EB)
_NEWLINE = 10


@njit(cache=True, nogil=True, inline="always")
def mixed(value: Integer) -> Integer:
    """The finaliser of splitmix64: a bijection that spreads every bit over the slot's bits."""
    value = (value ^ (value >> U64(30))) * _MIX_1
    value = (value ^ (value >> U64(27))) * _MIX_2
    return value ^ (value >> U64(31))


@njit(cache=True, nogil=True, inline="always")
def seen_before(key: Integer, keys: U64s, stamps: I64s, mask: Integer, base: Integer, stamp: Integer) -> bool:
    """Whether key is in the set; puts it in where it is not. A slot is taken when its stamp is >= base."""
    slot = np.int64(key) & mask
    while stamps[slot] >= base:
        if keys[slot] == key:
            return True
        slot = (slot + 1) & mask
    keys[slot] = key
    stamps[slot] = stamp
    return False


@njit(cache=True, nogil=True)
def table_mask(elements: Integer) -> Integer:
    """Slots - 1 of a table of a power of two, at most half full."""
    slots = 16
    while slots < 2 * elements:
        slots *= 2
    return slots - 1


@njit(cache=True, nogil=True)
def top_ngram_characters(
    n: Integer,
    joiner: Integer,
    words: Integer,
    hashes: U64s,
    ends: I64s,
    keys: U64s,
    stamps: I64s,
    counts: I32s,
    base: Integer,
) -> Integer:
    """Characters of the commonest n-gram times its count; 0 with fewer than n words.

    `joiner` characters stand between its words: 1, a space, or 0 where words are characters.

    Of equally common ones the one met first counts, as in collections.Counter.most_common(1).
    """
    last = words - n + 1
    if last <= 0:
        return 0
    mask = table_mask(last)
    best_count = 0
    best_first = 0
    for i in range(last):
        key = U64(0)
        for k in range(n):
            key = key * BASE + hashes[i + k]
        key = mixed(key)
        slot = np.int64(key) & mask
        while stamps[slot] >= base and keys[slot] != key:
            slot = (slot + 1) & mask
        if stamps[slot] < base:
            keys[slot] = key
            stamps[slot] = base + i
            counts[slot] = 0
        counts[slot] += 1
        first = stamps[slot] - base
        if counts[slot] > best_count or (counts[slot] == best_count and first < best_first):
            best_count = counts[slot]
            best_first = first
    return best_count * (ends[best_first + n] - ends[best_first] + joiner * (n - 1))


@njit(cache=True, nogil=True)
def duplicate_ngram_characters(
    n: Integer, words: Integer, sums: U64s, scales: U64s, ends: I64s, keys: U64s, stamps: I64s, base: Integer
) -> Integer:
    """Characters in n-grams (words joined without a space) that occurred before, none counted twice.

    After a repeated n-gram the search goes on behind it, and n-grams that overlap it are not noted.
    """
    last = words - n + 1
    if last <= 0:
        return 0
    mask = table_mask(last)
    repeated = 0
    i = 0
    while i < last:
        key = mixed((sums[i + n] - sums[i]) * scales[i])
        if seen_before(key, keys, stamps, mask, base, base + i):
            repeated += ends[i + n] - ends[i]
            i += n
        else:
            i += 1
    return repeated


@njit(cache=True, nogil=True)
def duplicate_paragraphs(
    values: Bytes, start: Integer, end: Integer, keys: U64s, stamps: I64s, mask: Integer, base: Integer
) -> tuple[Integer, Integer, Integer]:
    """(paragraphs, repeated ones, characters in repeated ones) of a text already stripped.

    Paragraphs lie between runs of two or more newlines; a single newline is part of one.
    """
    paragraphs = 0
    repeated = 0
    repeated_characters = 0
    key = U64(0)
    characters = 0
    newlines = 0
    for i in range(start, end + 1):
        if i < end and values[i] == _NEWLINE:
            newlines += 1
            continue
        if newlines >= 2 or i == end:
            paragraphs += 1
            if seen_before(mixed(key), keys, stamps, mask, base, base + paragraphs):
                repeated += 1
                repeated_characters += characters
            key = U64(0)
            characters = 0
        elif newlines == 1:
            key = key * BASE + U64(_NEWLINE + 1)
            characters += 1
        newlines = 0
        if i < end:
            key = key * BASE + U64(values[i]) + U64(1)
            characters += (values[i] & 0xC0) != 0x80
    return paragraphs, repeated, repeated_characters
