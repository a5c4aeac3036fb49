"""One pass over a text's characters: what words it has, of what characters, in what lines.

Words are those of `str.split()`, lines those of `str.splitlines()`; the counts are the ones that datatrove
0.10 forms in Python (filters/gopher_quality_filter.py), and tests hold them to it.
"""

# ruff: noqa: PLR0912, PLR0915 -- one pass over the characters is one function
from __future__ import annotations

from enum import IntEnum

import numpy as np

from pipelines.kernels import njit
from pipelines.stages.character_classes import (
    ALPHABETIC,
    ALPHANUMERIC,
    LETTER,
    LINE_BREAK,
    PUNCTUATION,
    SINGLE,
    SPACE,
    TERMINAL,
)
from pipelines.stages.repetition_kernels import BASE, INVERSE, U64, Bytes, I32s, I64s, Integer, U64s

STOP_SLOTS = 256  # of the table of at most 64 stop words
_NEWLINE, _RETURN, _HASH, _DASH, _DOT = 10, 13, 35, 45, 46
_BULLET, _ELLIPSIS = 0x2022, 0x2026
_CLOSING = (0x22, 0x27, 0x29, 0x2019, 0x201D)  # quotes and brackets that may follow a sentence's end


class Count(IntEnum):
    """The columns of `measure`'s answer; behind COLUMNS come the top n-grams, then the duplicate ones."""

    CHARACTERS = 0  # code points
    DENSE = 1  # of them no white space
    ALPHABETIC_CHARACTERS = 2
    LETTERS = 3  # alphabetic and no lone jamo
    ALPHANUMERIC_CHARACTERS = 4
    WORDS = 5
    PLAIN_WORDS = 6  # not of punctuation alone
    PLAIN_WORD_CHARACTERS = 7
    ALPHABETIC_WORDS = 8  # with at least one letter
    STOP_WORDS = 9  # different ones that occur
    HASHES = 10
    ELLIPSES = 11  # ... and …
    BREAK_LINES = 12  # of str.splitlines
    BREAK_LINE_CHARACTERS = 13
    LONGEST_LINE = 14
    BULLET_LINES = 15
    ELLIPSIS_LINES = 16
    SENTENCES = 17  # runs of sentence ends before white space, the end, or (of no-space scripts) anything
    NEWLINES = 18
    TEXT_LINES = 19  # between newlines, not blank
    PUNCTUATED_LINES = 20  # of TEXT_LINES; ends in a sentence end
    SHORT_LINES = 21  # of TEXT_LINES; at most Units.short_line characters
    REPEATED_TEXT_LINE_CHARACTERS = 22
    LINES = 23  # between runs of newlines, the empty first and last among them
    REPEATED_LINES = 24
    REPEATED_LINE_CHARACTERS = 25
    PARAGRAPHS = 26
    REPEATED_PARAGRAPHS = 27
    REPEATED_PARAGRAPH_CHARACTERS = 28
    COMMONEST_CHARACTER = 29  # how often it occurs, white space left out; 0 unless Units.characters
    COLUMNS = 30


@njit(cache=True, nogil=True)
def _stop_word_bit(key: Integer, keys: U64s, ids: I32s) -> Integer:
    slot = np.int64(key ^ key >> U64(8)) & (STOP_SLOTS - 1)
    while ids[slot] >= 0:
        if keys[slot] == key:
            return U64(1) << U64(ids[slot])
        slot = (slot + 1) & (STOP_SLOTS - 1)
    return U64(0)


@njit(cache=True, nogil=True, inline="always")
def decode(values: Bytes, i: Integer) -> tuple[Integer, Integer]:
    """(code point, bytes) of the character at i."""
    lead = np.int64(values[i])
    if lead < 0x80:
        return lead, 1
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | np.int64(values[i + 1] & 0x3F), 2
    if lead < 0xF0:
        middle = np.int64(values[i + 1] & 0x3F) << 6
        return (lead & 0x0F) << 12 | middle | np.int64(values[i + 2] & 0x3F), 3
    upper = np.int64(values[i + 1] & 0x3F) << 12 | np.int64(values[i + 2] & 0x3F) << 6
    return (lead & 0x07) << 18 | upper | np.int64(values[i + 3] & 0x3F), 4


@njit(cache=True, nogil=True)
def count_words(
    values: Bytes,
    start: Integer,
    end: Integer,
    classes: Bytes,
    split: bool,
    stop_keys: U64s,
    stop_ids: I32s,
    stop_ends: bool,
    out: I64s,
    sums: U64s,
    scales: U64s,
    ends: I64s,
) -> None:
    """One pass over the characters: words, letters, symbols, and the lines of str.splitlines."""
    power, total, scale = U64(1), U64(0), U64(1)
    scales[0] = scale
    words, characters, dense, alphabetic, letters, alphanumeric = 0, 0, 0, 0, 0, 0
    plain_words, plain_characters, alphabetic_words = 0, 0, 0
    word_length, word_plain, word_alphabetic = 0, False, False
    word_key, last_letter, letter_before, found = U64(0), U64(0), U64(0), U64(0)
    hashes, ellipses, sentences, newlines = 0, 0, 0, 0
    lines, line_length, line_characters, longest, bullets, ellipsis_lines = 0, 0, 0, 0, 0, 0
    line_first, line_last, dots = 0, 0, 0
    after_dot, after_return, after_terminal = False, False, False
    i = start
    while i <= end:
        point, size = _NEWLINE, 1  # behind the end stands a break that closes word and line
        if i < end:
            point, size = decode(values, i)
        flags = classes[point]
        space = (flags & SPACE) != 0
        single = split and (flags & SINGLE) != 0
        if word_length and (space or single):
            plain_words += word_plain
            plain_characters += word_length if word_plain else 0
            alphabetic_words += word_alphabetic
            if stop_ends:
                found |= _stop_word_bit(last_letter, stop_keys, stop_ids)
                found |= _stop_word_bit(letter_before * BASE + last_letter, stop_keys, stop_ids)
            else:
                found |= _stop_word_bit(word_key, stop_keys, stop_ids)
            words += 1
            sums[words], scales[words], ends[words] = total, scale, dense
            word_length, word_plain, word_alphabetic = 0, False, False
            word_key, last_letter, letter_before = U64(0), U64(0), U64(0)
        if after_terminal and (space or ((flags & TERMINAL) == 0 and line_last > 0x7F)):
            sentences += 1
            after_terminal = False
        if space:
            after_dot = False
            breaks = (flags & LINE_BREAK) != 0
            if breaks and not (after_return and point == _NEWLINE and i < end) and (i < end or line_length):
                lines += 1
                bullets += line_first in (_BULLET, _DASH)
                ellipsis_lines += line_last == _ELLIPSIS or (line_last == _DOT and dots >= 3)
                line_characters += line_length
                longest = max(longest, line_length)
                line_length, line_first, line_last = 0, 0, 0
            after_return = point == _RETURN
            if i == end:
                break
            characters += 1
            line_length += not breaks
            newlines += point == _NEWLINE
            i += size
            continue
        after_return = False
        characters += 1
        dense += 1
        line_length += 1
        word_length += 1
        is_alphabetic = (flags & ALPHABETIC) != 0
        alphabetic += is_alphabetic
        word_alphabetic |= is_alphabetic
        word_plain |= (flags & PUNCTUATION) == 0
        letters += (flags & LETTER) != 0
        alphanumeric += (flags & ALPHANUMERIC) != 0
        word_key = word_key * BASE + U64(point)
        if is_alphabetic:
            letter_before, last_letter = last_letter, U64(point)
        hashes += point == _HASH
        if point == _DOT:
            dots = dots + 1 if after_dot else 1
            ellipses += dots % 3 == 0
        ellipses += point == _ELLIPSIS
        after_dot = point == _DOT
        after_terminal = (flags & TERMINAL) != 0 or (after_terminal and point in _CLOSING)
        line_first = point if line_first == 0 else line_first
        line_last = point
        power *= BASE
        total += (U64(point) + U64(1)) * power
        scale *= INVERSE
        i += size
        if single:  # closes at once: a word of one character
            plain_words += word_plain
            plain_characters += 1 if word_plain else 0
            alphabetic_words += word_alphabetic
            found |= _stop_word_bit(word_key, stop_keys, stop_ids)
            words += 1
            sums[words], scales[words], ends[words] = total, scale, dense
            word_length, word_plain, word_alphabetic = 0, False, False
            word_key, last_letter, letter_before = U64(0), U64(0), U64(0)
    stop_words = 0
    while found:
        found &= found - U64(1)
        stop_words += 1
    out[Count.CHARACTERS], out[Count.DENSE], out[Count.ALPHABETIC_CHARACTERS] = characters, dense, alphabetic
    out[Count.LETTERS], out[Count.ALPHANUMERIC_CHARACTERS] = letters, alphanumeric
    out[Count.WORDS], out[Count.PLAIN_WORDS], out[Count.PLAIN_WORD_CHARACTERS] = (
        words,
        plain_words,
        plain_characters,
    )
    out[Count.ALPHABETIC_WORDS], out[Count.STOP_WORDS], out[Count.HASHES] = (
        alphabetic_words,
        stop_words,
        hashes,
    )
    out[Count.ELLIPSES], out[Count.SENTENCES], out[Count.NEWLINES] = ellipses, sentences, newlines
    out[Count.BREAK_LINES], out[Count.BREAK_LINE_CHARACTERS], out[Count.LONGEST_LINE] = (
        lines,
        line_characters,
        longest,
    )
    out[Count.BULLET_LINES], out[Count.ELLIPSIS_LINES] = bullets, ellipsis_lines
