"""Measurements of texts in compiled loops over the Arrow buffers: `measure`, one row of counts a text.

Everything is an integer count, so every ratio a rule forms of them is exact to the last bit and the same on
every machine. A word is what `str.split()` gives; where a language is written without spaces
(`Units.split_characters`), each of its characters is a word of its own, and other runs are words as before.
The text has to be valid UTF-8, which Arrow's string type promises.

numba's cache notices an edit of this file, not of the files of the functions it calls: after editing
word_kernels.py or repetition_kernels.py remove __pycache__/*.nbi, or the old code runs on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.kernels import njit
from pipelines.stages.character_classes import SINGLE, SPACE, TABLE_SIZE, TERMINAL, character_classes
from pipelines.stages.repetition_kernels import (
    BASE,
    U64,
    Bytes,
    I32s,
    I64s,
    Integer,
    U64s,
    duplicate_ngram_characters,
    duplicate_paragraphs,
    mixed,
    seen_before,
    table_mask,
    top_ngram_characters,
)
from pipelines.stages.word_kernels import STOP_SLOTS, Count, count_words, decode


class Units(NamedTuple):
    """What is counted, and in which units: the same for all texts of one call."""

    split_characters: bool = False  # characters of scripts without spaces are words of their own
    stop_words: tuple[str, ...] = ()  # at most 64
    stop_word_ends: bool = False  # particles and endings: look at a word's last one or two letters
    short_line: int = 30  # characters
    top_ngrams: tuple[int, ...] = ()
    duplicate_ngrams: tuple[int, ...] = ()
    characters: bool = False  # count the commonest character


_NEWLINE = 10
_FIRST_CAPACITY = 1 << 16  # words or lines the scratch arrays hold before they grow


def measure(texts: pa.StringArray, units: Units) -> npt.NDArray[np.int64]:
    """Counts of each text: int64[len(texts), COLUMNS + top n-grams + duplicate n-grams].

    The n-gram columns hold characters: the commonest n-gram's length times its count, and the characters in
    n-grams that occurred before. `texts` may be a slice; nulls are not allowed.
    """
    width = Count.COLUMNS + len(units.top_ngrams) + len(units.duplicate_ngrams)
    counts = np.zeros((len(texts), width), np.int64)
    if len(texts) == 0:
        return counts
    _, offset_buffer, value_buffer = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    values = np.frombuffer(value_buffer or b"\0", np.uint8)
    for array in (offsets, values):
        array.setflags(write=False)  # one compiled form, whoever owns the memory
    stop_keys, stop_ids = _stop_word_table(units.stop_words)
    _measure(
        offsets,
        values,
        character_classes(),
        units.split_characters,
        stop_keys,
        stop_ids,
        units.stop_word_ends,
        units.short_line,
        np.array(units.top_ngrams, np.int64),
        np.array(units.duplicate_ngrams, np.int64),
        units.characters,
        counts,
    )
    return counts


def _stop_word_table(words: tuple[str, ...]) -> tuple[U64s, I32s]:
    """Open-addressed table of stop words by their code points' hash; id -1 is an empty slot."""
    keys = np.zeros(STOP_SLOTS, np.uint64)
    ids = np.full(STOP_SLOTS, -1, np.int32)
    for number, word in enumerate(words):
        key = 0
        for character in word:
            key = (key * int(BASE) + ord(character)) & 0xFFFFFFFFFFFFFFFF
        slot = (key ^ key >> 8) & (STOP_SLOTS - 1)
        while ids[slot] >= 0:
            slot = (slot + 1) & (STOP_SLOTS - 1)
        keys[slot], ids[slot] = key, number
    return keys, ids


@njit(cache=True, nogil=True)
def _measure(
    offsets: I32s,
    values: Bytes,
    classes: Bytes,
    split: bool,
    stop_keys: U64s,
    stop_ids: I32s,
    stop_ends: bool,
    short_line: Integer,
    top: I64s,
    duplicate: I64s,
    characters: bool,
    counts: npt.NDArray[np.int64],
) -> None:
    longest: Integer = 0
    for row in range(len(counts)):
        longest = max(longest, np.int64(offsets[row + 1]) - np.int64(offsets[row]))
    capacity = min(longest, _FIRST_CAPACITY) + 1
    sums, scales, ends, keys, stamps, tallies = _scratch(capacity)
    histogram = np.zeros(TABLE_SIZE if characters else 1, np.int32)
    base = 1
    for row in range(len(counts)):
        start, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        if end == start:
            continue
        if end - start >= capacity:
            needed = _largest_need(values, start, end, classes, split)
            if needed >= capacity:
                capacity = max(needed, 2 * capacity) + 1
                sums, scales, ends, keys, stamps, tallies = _scratch(capacity)
                base = 1
        out = counts[row]
        count_words(
            values, start, end, classes, split, stop_keys, stop_ids, stop_ends, out, sums, scales, ends
        )
        base = _count_lines(values, start, end, classes, short_line, out, keys, stamps, base)
        words = out[Count.WORDS]
        if len(top):
            hashes = np.empty(words, np.uint64)
            for i in range(words):
                hashes[i] = mixed((sums[i + 1] - sums[i]) * scales[i])
            for k in range(len(top)):
                out[Count.COLUMNS + k] = top_ngram_characters(
                    top[k], 0 if split else 1, words, hashes, ends, keys, stamps, tallies, base
                )
                base += words + 1
        for k in range(len(duplicate)):
            out[Count.COLUMNS + len(top) + k] = duplicate_ngram_characters(
                duplicate[k], words, sums, scales, ends, keys, stamps, base
            )
            base += words + 1
        if characters:
            out[Count.COMMONEST_CHARACTER] = _commonest_character(values, start, end, classes, histogram)


@njit(cache=True, nogil=True)
def _scratch(capacity: Integer) -> tuple[U64s, U64s, I64s, U64s, I64s, I32s]:
    slots = table_mask(capacity) + 1
    return (
        np.zeros(capacity + 1, np.uint64),  # polynomial hash of the words so far, joined
        np.zeros(capacity + 1, np.uint64),  # the power that brings a sum's tail back to its start
        np.zeros(capacity + 1, np.int64),  # characters of the words so far
        np.zeros(slots, np.uint64),
        np.zeros(slots, np.int64),
        np.zeros(slots, np.int32),
    )


@njit(cache=True, nogil=True)
def _largest_need(values: Bytes, start: Integer, end: Integer, classes: Bytes, split: bool) -> Integer:
    """Words or lines of a text, whichever are more (an upper bound of the words)."""
    words, newlines, inside = 0, 2, False
    i = start
    while i < end:
        point, size = decode(values, i)
        flags = classes[point]
        single = split and (flags & SINGLE) != 0
        space = (flags & SPACE) != 0
        words += single or (not space and not inside)
        inside = not space and not single
        newlines += point == _NEWLINE
        i += size
    return max(words, newlines)


@njit(cache=True, nogil=True)
def _count_lines(
    values: Bytes,
    start: Integer,
    end: Integer,
    classes: Bytes,
    short_line: Integer,
    out: I64s,
    keys: U64s,
    stamps: I64s,
    base: Integer,
) -> Integer:
    """Lines between newlines and paragraphs, and their repeats; returns the next base of the stamps.

    Two notions of a line share one set of hashes: Gopher's (every line that is not empty; an empty one before
    a leading and after a trailing newline) and FineWeb's (every line that is not blank).
    """
    mask = table_mask(out[Count.NEWLINES] + 1)
    lines, repeated, repeats = 0, 0, 0
    text_lines, punctuated, short, text_repeats = 0, 0, 0, 0
    key, characters, line = U64(0), 0, start
    for i in range(start, end + 1):
        if i < end and values[i] != _NEWLINE:
            key = key * BASE + U64(values[i]) + U64(1)
            characters += (values[i] & 0xC0) != 0x80
            continue
        if i > line:
            lines += 1
            again = seen_before(mixed(key), keys, stamps, mask, base, base + lines)
            repeated += again
            repeats += characters if again else 0
            if not _is_blank(values, line, i, classes):
                text_lines += 1
                short += characters <= short_line
                text_repeats += characters if again else 0
                last = i - 1
                while last > line and (values[last] & 0xC0) == 0x80:
                    last -= 1
                punctuated += (classes[decode(values, last)[0]] & TERMINAL) != 0
        key, characters, line = U64(0), 0, i + 1
    base += lines + 1
    leading = values[start] == _NEWLINE
    trailing = values[end - 1] == _NEWLINE
    out[Count.LINES] = lines + leading + trailing
    out[Count.REPEATED_LINES] = repeated + (leading and trailing)
    out[Count.REPEATED_LINE_CHARACTERS] = repeats
    out[Count.TEXT_LINES], out[Count.PUNCTUATED_LINES] = text_lines, punctuated
    out[Count.SHORT_LINES], out[Count.REPEATED_TEXT_LINE_CHARACTERS] = short, text_repeats
    first, behind = _stripped(values, start, end, classes)
    paragraphs, repeated, repeats = duplicate_paragraphs(values, first, behind, keys, stamps, mask, base)
    out[Count.PARAGRAPHS], out[Count.REPEATED_PARAGRAPHS] = paragraphs, repeated
    out[Count.REPEATED_PARAGRAPH_CHARACTERS] = repeats
    return base + paragraphs + 1


@njit(cache=True, nogil=True)
def _is_blank(values: Bytes, start: Integer, end: Integer, classes: Bytes) -> bool:
    i = start
    while i < end:
        point, size = decode(values, i)
        if (classes[point] & SPACE) == 0:
            return False
        i += size
    return True


@njit(cache=True, nogil=True)
def _stripped(values: Bytes, start: Integer, end: Integer, classes: Bytes) -> tuple[Integer, Integer]:
    """The bounds that str.strip() leaves."""
    while start < end:
        point, size = decode(values, start)
        if (classes[point] & SPACE) == 0:
            break
        start += size
    while start < end:
        last = end - 1
        while last > start and (values[last] & 0xC0) == 0x80:
            last -= 1
        if (classes[decode(values, last)[0]] & SPACE) == 0:
            break
        end = last
    return start, end


@njit(cache=True, nogil=True)
def _commonest_character(
    values: Bytes, start: Integer, end: Integer, classes: Bytes, histogram: I32s
) -> Integer:
    """How often the commonest character occurs, white space left out; leaves the histogram all zero."""
    commonest: Integer = 0
    for clearing in range(2):
        i = start
        while i < end:
            point, size = decode(values, i)
            if clearing:
                histogram[point] = 0
            elif (classes[point] & SPACE) == 0:
                histogram[point] += 1
                commonest = max(commonest, histogram[point])
            i += size
    return commonest
