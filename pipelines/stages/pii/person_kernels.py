# ruff: noqa: PLR0911, PLR0912, PLR1714, SIM102, SIM109, SIM110 (compiled code: numba has no fast sets)
"""Candidates for names, compiled: tokens to runs that could be somebody's name.

A candidate is a run of Hangul syllables less what may stand behind a name (particles, copulas, titles), two
or three such runs (transliterated names), capitalised Latin words, or a run of Han and kana beside a cue. A
common word costs one look into a table.
"""

from __future__ import annotations

import numpy as np

from pipelines.kernels import njit
from pipelines.stages.pii.hash_kernels import Integer, Ints, looked_up
from pipelines.stages.pii.person_text_kernels import (
    COUNT,
    ENGLISH,
    FIRST,
    FOREIGN,
    GIVEN,
    HAN,
    HANGUL,
    HOPELESS,
    LATIN,
    MARK,
    NEWLINE,
    SYLLABLES,
    WHOLE,
    Bytes,
    Points,
    Shape,
    Words,
    hash_of,
    small_hash,
    word_of,
)

MAX_NAME = 40
EVERYDAY = 8  # log2: so often seen as a whole word, nobody is looked for in it
FULL, PART, SPACED, LATIN_NAME, HAN_NAME = 1, 2, 3, 4, 5  # kinds of candidates
_HONORIFIC, _TITLE, _LABEL, _KIN, _INTRODUCTION, _SIGNING, _JOSA, _COPULA, _ROLE, _STAGE, _GROUP = range(
    1, 12
)  # as in person_words.py


@njit(cache=True, nogil=True, inline="always")
def tail_of(points: Points, start: Integer, end: Integer, keys: Ints, kinds: Bytes, shape: Shape) -> Integer:
    """What stands behind a name in its run: -1 unexplained, else title class * 16 + particle class."""
    if start == end:
        return 0
    size = end - start
    if size > 9:
        return -1
    a, b = points[start] - FIRST, points[end - 1] - FIRST
    if 0 <= a < SYLLABLES and 0 <= b < SYLLABLES and not (shape[6, a] & 1 and shape[6, b] & 2):
        return -1
    whole = looked_up(keys, kinds, hash_of(points, start, end))
    if whole == _JOSA or whole == _COPULA:
        return whole
    if whole != 0 and whole != _LABEL and whole != _INTRODUCTION:
        return whole * 16
    for cut in range(min(5, size - 1), 0, -1):
        c, d = points[start + cut - 1] - FIRST, points[start + cut] - FIRST
        if 0 <= c < SYLLABLES and 0 <= d < SYLLABLES and not shape[6, c] & 2:
            continue
        kind = looked_up(keys, kinds, hash_of(points, start, start + cut))
        if kind == 0 or kind == _JOSA or kind == _COPULA or kind == _LABEL or kind == _INTRODUCTION:
            continue
        rest = looked_up(keys, kinds, hash_of(points, start + cut, end))
        if rest == _JOSA or rest == _COPULA:
            return kind * 16 + rest
        if kind == _HONORIFIC or kind == _TITLE or kind == _STAGE:
            return kind * 16
    return -1


@njit(cache=True, nogil=True)
def put(found: Ints, n: Integer, end_token: Integer, end: Integer, kind: Integer, tail: Integer) -> Integer:
    """Puts a candidate down where there is room; how many there are then."""
    if n < len(found):
        found[n, 0] = end_token
        found[n, 1] = end
        found[n, 2] = kind
        found[n, 3] = tail
        return n + 1
    return n


@njit(cache=True, nogil=True, inline="always")
def propose(
    points: Points,
    out: Points,
    count: Integer,
    i: Integer,
    words: Words,
    keys: Ints,
    kinds: Bytes,
    shape: Shape,
    found: Ints,
) -> Integer:
    """Candidates that begin with token i into found (end token, end, kind, tail); how many they are."""
    kind = out[2, i]
    if kind >= MARK:
        return 0
    if kind == HANGUL:
        return _hangul(points, out, count, i, words, keys, kinds, shape, found)
    if kind == LATIN and _capital(points[out[0, i]]):
        return _latin(points, out, count, i, words, keys, kinds, found)
    if kind == HAN and out[1, i] - out[0, i] >= 2:
        return _han(points, out, count, i, keys, kinds, shape, found)
    return 0


@njit(cache=True, nogil=True, inline="always")
def _hangul(
    points: Points,
    out: Points,
    count: Integer,
    i: Integer,
    words: Words,
    keys: Ints,
    kinds: Bytes,
    shape: Shape,
    found: Ints,
) -> Integer:
    start, stop = out[0, i], out[1, i]
    size = stop - start
    first = points[start] - FIRST
    n = 0
    longest = min(size, 7)
    whole: Integer = np.int64(0)  # how often the run is seen as a whole word
    if size <= 7:
        whole = word_of(words, hash_of(points, start, stop) + WHOLE)
        longest = 0 if whole & HOPELESS else longest
        whole &= COUNT
        if size > 1 and whole >= EVERYDAY:
            return 0
    double = size >= 2 and shape[4, first] > 0 and shape[5, points[start + 1] - FIRST] == shape[4, first]
    ends = shape[6, points[stop - 1] - FIRST] & 2
    h = np.int64(7) * np.int64(1_000_003) + np.int64(points[start])
    for length in range(2, longest + 1):
        h = h * np.int64(1_000_003) + np.int64(points[start + length - 1])
        if length < size and not (ends and shape[6, points[start + length] - FIRST] & 1):
            continue
        tail = tail_of(points, start + length, stop, keys, kinds, shape)
        if tail < 0:
            continue
        w = word_of(words, h)
        bucket = w & COUNT
        full = (shape[0, first] > 0 and length <= 3) or (double and (length == 3 or length == 4))
        if bucket > (9 if full and length > 2 else 4) and not w & (GIVEN | FOREIGN):
            if bucket > 11 or tail < 16:
                continue
        n = put(found, n, i, start + length, FULL if full else PART, tail)
    if size <= 6 and i + 1 < count:
        j = i + 1
        if out[2, j] == HANGUL:
            if out[0, j] == stop + 1 and points[stop] != 10:
                n = _spaced(points, out, count, i, j, whole, words, keys, kinds, shape, found, n)
        elif out[2, j] == MARK and i + 2 < count and out[2, i + 2] == HANGUL and out[0, i + 2] == stop + 1:
            c = points[stop]
            if c == 0xB7 or c == 45 or c == 0x30FB:
                n = _spaced(points, out, count, i, i + 2, whole, words, keys, kinds, shape, found, n)
    if size == 1 and shape[0, first] > 0 and i + 2 < count:
        n = _single_syllables(points, out, i, keys, kinds, shape, found, n)
    return n


@njit(cache=True, nogil=True)
def _single_syllables(
    points: Points, out: Points, i: Integer, keys: Ints, kinds: Bytes, shape: Shape, found: Ints, n: Integer
) -> Integer:
    """Names that spaces hold apart: 김 서 윤."""
    a, b = i + 1, i + 2
    if (
        out[2, a] == HANGUL
        and out[1, a] - out[0, a] == 1
        and out[2, b] == HANGUL
        and out[0, a] - out[1, i] <= 4
        and 0 < out[0, b] - out[1, a] <= 4
        and 1 <= out[1, b] - out[0, b] <= 2
    ):
        tail = tail_of(points, out[0, b] + 1, out[1, b], keys, kinds, shape)
        if tail >= 0:
            return put(found, n, b, out[0, b] + 1, SPACED, tail)
    return n


@njit(cache=True, nogil=True)
def _latin(
    points: Points,
    out: Points,
    count: Integer,
    i: Integer,
    words: Words,
    keys: Ints,
    kinds: Bytes,
    found: Ints,
) -> Integer:
    start, stop = out[0, i], out[1, i]
    size = stop - start
    if not _capital(points[start]) or size > 14 or (size < 2 and i + 1 >= count):
        return 0
    back = i - 1
    while back > 0 and out[2, back] >= MARK and back > i - 3:
        back -= 1
    cue = 0
    if back >= 0:
        h = hash_of(points, out[0, back], min(out[1, back], out[0, back] + 12))
        cue = looked_up(keys, kinds, h)
    named = cue != 0 and cue != _JOSA and cue != _COPULA and cue != _GROUP
    named = named and (out[2, back] != LATIN or back < i - 1)  # "name As String" is code
    n = 0
    j = i
    for _ in range(3):
        if _camel(points, out[0, j], out[1, j]):
            break
        if not named and out[1, j] - out[0, j] > 1:
            named = word_of(words, small_hash(points, out[0, j], out[1, j])) & ENGLISH != 0
        if named and out[1, j] - start >= 2:
            n = put(found, n, j, out[1, j], LATIN_NAME, 0)
        nxt = j + 1
        if nxt < count and points[out[0, nxt]] == 46 and out[1, j] - out[0, j] == 1:
            nxt += 1  # an initial's full stop
        if nxt >= count or out[2, nxt] != LATIN or not 1 <= out[0, nxt] - out[1, j] <= 2:
            break
        if not _capital(points[out[0, nxt]]) or points[out[1, j]] == 10 or out[1, nxt] - start > MAX_NAME:
            break
        j = nxt
    return n


@njit(cache=True, nogil=True)
def _han(
    points: Points,
    out: Points,
    count: Integer,
    i: Integer,
    keys: Ints,
    kinds: Bytes,
    shape: Shape,
    found: Ints,
) -> Integer:
    start, stop = out[0, i], out[1, i]
    cue = _line_starts(points, start) and (i + 1 >= count or out[2, i + 1] == NEWLINE)
    if i > 0 and not cue:
        back = i - 1
        if out[2, back] == MARK and back > 0:
            back -= 1
        h = hash_of(points, out[0, back], min(out[1, back], out[0, back] + 12))
        k = looked_up(keys, kinds, h)
        cue = k == _LABEL or k == _SIGNING or k == _INTRODUCTION
    n = 0
    for length in range(2, min(stop - start, 7) + 1):
        tail = tail_of(points, start + length, stop, keys, kinds, shape)
        if tail >= 16 or tail == _COPULA or (tail >= 0 and cue):
            n = put(found, n, i, start + length, HAN_NAME, tail)
    return n


@njit(cache=True, nogil=True)
def _camel(points: Points, start: Integer, end: Integer) -> bool:
    """Whether a capital follows a small letter: ContactID is nobody."""
    for at in range(start + 1, end):
        if _capital(points[at]) and not _capital(points[at - 1]):
            return True
    return False


@njit(cache=True, nogil=True)
def _capital(c: Integer) -> Integer:
    return 65 <= c <= 90 or 0xC0 <= c <= 0xDE or c == 0x160 or c == 0x10C or c == 0x17D


@njit(cache=True, nogil=True)
def _line_starts(points: Points, start: Integer) -> bool:
    return bool(start == 0 or points[start - 1] == 10)


@njit(cache=True, nogil=True)
def _ends_in_particle(points: Points, start: Integer, end: Integer, keys: Ints, kinds: Bytes) -> bool:
    """Whether a run ends as no name does, so that the next is not its second half: 은는을를과와의, 이고."""
    c = points[end - 1]
    if end - start >= 3 and (
        c == 0xC740 or c == 0xB294 or c == 0xC744 or c == 0xB97C or c == 0xACFC or c == 0xC640 or c == 0xC758
    ):
        return True
    kind = looked_up(keys, kinds, hash_of(points, end - 2, end)) if end - start >= 4 else 0
    return bool(kind == _JOSA or kind == _COPULA)


@njit(cache=True, nogil=True)
def _spaced(
    points: Points,
    out: Points,
    count: Integer,
    i: Integer,
    j: Integer,
    head_count: Integer,
    words: Words,
    keys: Ints,
    kinds: Bytes,
    shape: Shape,
    found: Ints,
    n: Integer,
) -> Integer:
    """Transliterated names of two or three runs: 존 스미스, 허우 샤오시엔, 장 뤽 고다르."""
    if _ends_in_particle(points, out[0, i], out[1, i], keys, kinds):
        return n
    known = word_of(words, hash_of(points, out[0, i], out[1, i])) & FOREIGN
    if out[1, i] - out[0, i] == 1 and head_count > 7:
        c = points[out[0, i]]
        known = known if c == 0xC874 or c == 0xD1B0 else 0  # 존 톰
    if not known and head_count > 6:
        return n
    start, stop = out[0, j], out[1, j]
    ends = shape[6, points[stop - 1] - FIRST] & 2
    for length in range(1 if known else 2, min(7, stop - start) + 1):
        if length < stop - start and not (ends and shape[6, points[start + length] - FIRST] & 1):
            continue
        tail = tail_of(points, start + length, stop, keys, kinds, shape)
        if tail < 0:
            continue
        w = word_of(words, hash_of(points, start, start + length))
        if w & FOREIGN:
            if not known and head_count > 5:
                continue
        elif w & COUNT > (6 if known else 3) or (not known and head_count > 3):
            continue
        n = put(found, n, j, start + length, SPACED, tail)
    k = j + 1
    if (
        k < count
        and out[2, k] == HANGUL
        and out[0, k] == stop + 1
        and points[stop] != 10
        and stop - start <= 4
    ):
        if word_of(words, hash_of(points, start, stop) + WHOLE) & COUNT > 6:
            return n
        for length in range(2, min(6, out[1, k] - out[0, k]) + 1):
            tail = tail_of(points, out[0, k] + length, out[1, k], keys, kinds, shape)
            if tail < 0:
                continue
            w = word_of(words, hash_of(points, out[0, k], out[0, k] + length))
            if w & FOREIGN or w & COUNT <= 4:
                n = put(found, n, k, out[0, k] + length, SPACED, tail)
    return n
