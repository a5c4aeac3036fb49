# mypy: disable-error-code="no-untyped-call, no-untyped-def, operator, index, assignment"
# mypy: disable-error-code="return-value, arg-type, no-any-return"
# ruff: noqa: ANN001, ANN201, ANN202, PLR0911, PLR0912, PLR0915, PLR1714, SIM102, SIM109, SIM110
"""Candidates for names, compiled: code points to tokens, tokens to runs that could be somebody's name.

A candidate is a run of Hangul syllables less what may stand behind a name (particles, copulas, titles), two
or three such runs (transliterated names), capitalised Latin words, or a run of Han and kana beside a cue. A
common word costs one look into a table. After editing this file remove __pycache__/*.nbi: numba's cache of
person_signs.py does not notice.
"""

from __future__ import annotations

import numpy as np
from numba import njit

HANGUL, LATIN, DIGITS, HAN, MARK, NEWLINE, SPACE = 1, 2, 3, 4, 5, 6, 7
MAX_SIGNS = 72
WEIGHT_BITS = 18
COUNT_BITS = 20
LEXICON_BITS = 21
MAX_NAME = 40
NOUN, TITLE_WORD, GIVEN, FOREIGN_GIVEN, FOREIGN_SURNAME, PLACE, VERB, ENGLISH = (1 << bit for bit in range(8))
FOREIGN = FOREIGN_GIVEN | FOREIGN_SURNAME
_SYLLABLES, _FIRST = 11_172, 0xAC00
FULL, PART, SPACED, LATIN_NAME, HAN_NAME = 1, 2, 3, 4, 5  # kinds of candidates
_HONORIFIC, _TITLE, _LABEL, _KIN, _INTRODUCTION, _SIGNING, _JOSA, _COPULA, _ROLE, _STAGE, _GROUP = range(
    1, 12
)


@njit(cache=True)
def hash_of(points: np.ndarray, start: int, end: int) -> int:
    """A 64-bit polynomial of the code points."""
    h = np.int64(7)
    for at in range(start, end):
        h = h * np.int64(1_000_003) + np.int64(points[at])
    return h


@njit(cache=True)
def slot(h: int, bits: int) -> int:
    """The place of a hash in a table of 2**bits."""
    h = h * np.int64(0x2545F4914F6CDD1D)
    return (h >> np.int64(64 - 1 - bits)) & np.int64((1 << bits) - 1)


@njit(cache=True)
def sign(kind: int, h: int) -> int:
    """The place of a sign's weight."""
    h = (h + np.int64(kind) * np.int64(0x9E3779B97F4A7C1)) * np.int64(0x2545F4914F6CDD1D)
    h ^= (h >> np.int64(29)) & np.int64(0x7FFFFFFFF)
    h = h * np.int64(0x369DEA0F31A53F85)
    return (h >> np.int64(40)) & np.int64((1 << WEIGHT_BITS) - 1)


@njit(cache=True)
def class_of(keys: np.ndarray, kinds: np.ndarray, h: int) -> int:
    """The class of a context word, 0 if it is none; linear probing, an empty place holds key 0."""
    mask = np.int64(len(keys) - 1)
    at = slot(h, 14) & mask
    while keys[at] != 0:
        if keys[at] == h:
            return kinds[at]
        at = (at + 1) & mask
    return 0


@njit(cache=True)
def tokens_of(points: np.ndarray, begin: int, end: int, kinds: np.ndarray, out: np.ndarray) -> int:
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


@njit(cache=True)
def tail_of(points, start, end, keys, kinds, shape):
    """What stands behind a name in its run: -1 unexplained, else title class * 16 + particle class."""
    if start == end:
        return 0
    size = end - start
    if size > 9:
        return -1
    a, b = points[start] - _FIRST, points[end - 1] - _FIRST
    if 0 <= a < _SYLLABLES and 0 <= b < _SYLLABLES and not (shape[6, a] & 1 and shape[6, b] & 2):
        return -1
    whole = class_of(keys, kinds, hash_of(points, start, end))
    if whole == _JOSA or whole == _COPULA:
        return whole
    if whole != 0 and whole != _LABEL and whole != _INTRODUCTION:
        return whole * 16
    for cut in range(min(5, size - 1), 0, -1):
        kind = class_of(keys, kinds, hash_of(points, start, start + cut))
        if kind == 0 or kind == _JOSA or kind == _COPULA or kind == _LABEL or kind == _INTRODUCTION:
            continue
        rest = class_of(keys, kinds, hash_of(points, start + cut, end))
        if rest == _JOSA or rest == _COPULA:
            return kind * 16 + rest
        if kind == _HONORIFIC or kind == _TITLE or kind == _STAGE:
            return kind * 16
    return -1


@njit(cache=True)
def propose(points, out, count, i, keys, kinds, counts, lexicon, prior, shape, found):
    """Candidates that begin with token i into found (end token, end, kind, tail); how many they are."""
    start, stop, kind = out[0, i], out[1, i], out[2, i]
    size = stop - start
    n = 0
    if kind == HANGUL:
        first = points[start] - _FIRST
        double = size >= 2 and shape[4, first] > 0 and shape[5, points[start + 1] - _FIRST] == shape[4, first]
        h = np.int64(7) * np.int64(1_000_003) + np.int64(points[start])
        for length in range(2, min(size, 7) + 1):
            h = h * np.int64(1_000_003) + np.int64(points[start + length - 1])
            bucket = counts[slot(h, COUNT_BITS)]
            full = (shape[0, first] > 0 and length <= 3) or (double and (length == 3 or length == 4))
            common = bucket > (9 if full and length > 2 else 6)
            if common and bucket > 11 and prior[slot(h, COUNT_BITS - 1)] < 7:
                continue
            tail = tail_of(points, start + length, stop, keys, kinds, shape)
            if tail < 0:
                continue
            if (
                common
                and tail < 16
                and prior[slot(h, COUNT_BITS - 1)] < 7
                and not lexicon[slot(h, LEXICON_BITS)] & (GIVEN | FOREIGN)
            ):
                continue
            found[n, 0] = i
            found[n, 1] = start + length
            found[n, 2] = FULL if full else PART
            found[n, 3] = tail
            n += 1
        if (
            size <= 6
            and i + 1 < count
            and out[2, i + 1] == HANGUL
            and out[0, i + 1] == stop + 1
            and points[stop] != 10
        ):
            n = _spaced(points, out, count, i, i + 1, keys, kinds, counts, lexicon, prior, shape, found, n)
        elif (
            size <= 6
            and i + 2 < count
            and out[2, i + 1] == MARK
            and out[2, i + 2] == HANGUL
            and (points[stop] == 0xB7 or points[stop] == 45 or points[stop] == 0x30FB)
            and out[0, i + 2] == stop + 1
        ):
            n = _spaced(points, out, count, i, i + 2, keys, kinds, counts, lexicon, prior, shape, found, n)
        if size == 1 and shape[0, first] > 0 and i + 2 < count:  # 김 서 윤
            a, b = i + 1, i + 2
            if (
                out[2, a] == HANGUL
                and out[1, a] - out[0, a] == 1
                and out[2, b] == HANGUL
                and out[0, a] - stop <= 4
                and out[0, b] - out[1, a] <= 4
                and out[0, b] - out[1, a] > 0
                and (out[1, b] - out[0, b] == 1 or out[1, b] - out[0, b] == 2)
            ):
                tail = tail_of(points, out[0, b] + 1, out[1, b], keys, kinds, shape)
                if tail >= 0:
                    found[n, 0] = b
                    found[n, 1] = out[0, b] + 1
                    found[n, 2] = SPACED
                    found[n, 3] = tail
                    n += 1
    elif kind == LATIN and _capital(points[start]) and size <= 14 and (size >= 2 or i + 1 < count):
        j = i
        back = i - 1
        while back > 0 and out[2, back] >= MARK and back > i - 3:
            back -= 1
        cue = 0
        if back >= 0:
            cue = class_of(keys, kinds, hash_of(points, out[0, back], min(out[1, back], out[0, back] + 12)))
        named = cue != 0 and cue != _JOSA and cue != _COPULA and cue != _GROUP
        named = named and (out[2, back] != LATIN or back < i - 1)  # "name As String" is code
        for _ in range(3):
            if _camel(points, out[0, j], out[1, j]):
                break
            if not named and out[1, j] - out[0, j] > 1:
                h = np.int64(7)
                for at in range(out[0, j], out[1, j]):
                    c = points[at]
                    h = h * np.int64(1_000_003) + np.int64(c + 32 if 65 <= c <= 90 else c)
                named = lexicon[slot(h, LEXICON_BITS)] & ENGLISH != 0
            if named and out[1, j] - start >= 2:
                found[n, 0] = j
                found[n, 1] = out[1, j]
                found[n, 2] = LATIN_NAME
                found[n, 3] = 0
                n += 1
            nxt = j + 1
            if nxt < count and points[out[0, nxt]] == 46 and out[1, j] - out[0, j] == 1:
                nxt += 1  # an initial's full stop
            if (
                nxt >= count
                or out[2, nxt] != LATIN
                or out[0, nxt] - out[1, j] > 2
                or out[0, nxt] == out[1, j]
            ):
                break
            if not _capital(points[out[0, nxt]]) or points[out[1, j]] == 10 or out[1, nxt] - start > MAX_NAME:
                break
            j = nxt
    elif kind == HAN and size >= 2:
        cue = _line_starts(points, start) and (i + 1 >= count or out[2, i + 1] == NEWLINE)
        if i > 0 and not cue:
            back = i - 1
            if out[2, back] == MARK and back > 0:
                back -= 1
            k = class_of(keys, kinds, hash_of(points, out[0, back], min(out[1, back], out[0, back] + 12)))
            cue = k == _LABEL or k == _SIGNING or k == _INTRODUCTION
        for length in range(2, min(size, 7) + 1):
            tail = tail_of(points, start + length, stop, keys, kinds, shape)
            if tail < 0 or (tail < 16 and tail != _COPULA and not cue):
                continue
            found[n, 0] = i
            found[n, 1] = start + length
            found[n, 2] = HAN_NAME
            found[n, 3] = tail
            n += 1
    return n


@njit(cache=True)
def _camel(points, start, end):
    """Whether a capital follows a small letter: ContactID is nobody."""
    for at in range(start + 1, end):
        if _capital(points[at]) and not _capital(points[at - 1]):
            return True
    return False


@njit(cache=True)
def _capital(c):
    return 65 <= c <= 90 or 0xC0 <= c <= 0xDE or c == 0x160 or c == 0x10C or c == 0x17D


@njit(cache=True)
def _line_starts(points, start):
    return start == 0 or points[start - 1] == 10


@njit(cache=True)
def _spaced(points, out, count, i, j, keys, kinds, counts, lexicon, prior, shape, found, n):
    """Transliterated names of two or three runs: 존 스미스, 허우 샤오시엔, 장 뤽 고다르."""
    head = hash_of(points, out[0, i], out[1, i])
    head_bits = lexicon[slot(head, LEXICON_BITS)]
    head_count = counts[slot(head + 11, COUNT_BITS)]
    if out[1, i] - out[0, i] == 1 and head_count > 7:
        head_bits = 0 if points[out[0, i]] != 0xC874 and points[out[0, i]] != 0xD1B0 else head_bits  # 존 톰
    if head_count > 6 and not head_bits & FOREIGN:
        return n
    start, stop = out[0, j], out[1, j]
    for length in range(1, min(7, stop - start) + 1):
        h = hash_of(points, start, start + length)
        bits = lexicon[slot(h, LEXICON_BITS)]
        bucket = counts[slot(h, COUNT_BITS)]
        if length == 1 and not head_bits & FOREIGN:
            continue
        if bits & FOREIGN:
            if not head_bits & FOREIGN and head_count > 5:
                continue
        elif bucket > (6 if head_bits & FOREIGN else 3) or (not head_bits & FOREIGN and head_count > 3):
            continue
        tail = tail_of(points, start + length, stop, keys, kinds, shape)
        if tail < 0:
            continue
        found[n, 0] = j
        found[n, 1] = start + length
        found[n, 2] = SPACED
        found[n, 3] = tail
        n += 1
    k = j + 1
    if (
        k < count
        and out[2, k] == HANGUL
        and out[0, k] == stop + 1
        and points[stop] != 10
        and stop - start <= 4
    ):
        middle = counts[slot(hash_of(points, start, stop) + 11, COUNT_BITS)]
        if middle <= 6:
            for length in range(2, min(6, out[1, k] - out[0, k]) + 1):
                h = hash_of(points, out[0, k], out[0, k] + length)
                bits = lexicon[slot(h, LEXICON_BITS)]
                if not bits & FOREIGN and counts[slot(h, COUNT_BITS)] > 4:
                    continue
                tail = tail_of(points, out[0, k] + length, out[1, k], keys, kinds, shape)
                if tail >= 0 and n < len(found):
                    found[n, 0] = k
                    found[n, 1] = out[0, k] + length
                    found[n, 2] = SPACED
                    found[n, 3] = tail
                    n += 1
    return n


@njit(cache=True)
def decode_rows(values, bounds):
    """Code points of UTF-8 texts end to end, where each begins, and which hold what a fold changes."""
    rows = len(bounds) - 1
    points = np.empty(bounds[-1] - bounds[0], np.int32)
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
        offsets[row + 1] = n
    return points[:n], offsets, foldable
