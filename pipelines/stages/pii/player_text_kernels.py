# ruff: noqa: PLR0911, PLR0912, PLR0915, PLR1714, SIM102, SIM109 (compiled code: calls cost)
"""A line as the search for players reads it, compiled: runs of characters, words beside names, known words.

A line is cut into runs of letters, digits and underscores (a point or a dash between Latin letters is in the
run), of single jamo, and marks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.kernels import njit
from pipelines.stages.pii.hash_kernels import Integer, Ints, looked_up, mixed

Points = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint16]

WEIGHT_BITS = 15
WORD_BITS = 17
MAX_SIGNS = 64
MOST_TOKENS = 512  # of a line: what stands behind is not looked at
LONGEST, SHORTEST = 20, 2  # characters of a name, its tag apart
MOST_ENDS = 12  # candidates that begin with one token
OTHER, SYLLABLE, JAMO, LOWER, UPPER, DIGIT, UNDER, DASH, POINT, SPACE, HAN = range(11)
START, END, KIND, GAP, CUE, WHOLE, HEAD, TAIL, LEVEL = range(9)  # columns of a token
NAME_RUN, JAMO_RUN, MARK_RUN = 1, 2, 3
CONSONANT, VOWEL = 1, 2
TRIGGER, APART = 16, 32  # bits above the kinds of cues
ALONE, MULTI, TAGGED = 0, 1, 2  # forms of a candidate


@njit(cache=True, nogil=True, inline="always")
def kind_of(c: Integer) -> Integer:
    """What a character is."""
    if 0xAC00 <= c <= 0xD7A3:
        return SYLLABLE
    if c < 0x80:
        if 97 <= c <= 122:
            return LOWER
        if 65 <= c <= 90:
            return UPPER
        if 48 <= c <= 57:
            return DIGIT
        if c == 95:
            return UNDER
        if c == 45:
            return DASH
        if c == 46:
            return POINT
        if c == 32 or c == 9 or c == 13:
            return SPACE
        return OTHER
    if 0x3131 <= c <= 0x3163:
        return JAMO
    if 0x4E00 <= c <= 0x9FFF or 0x3041 <= c <= 0x30FE:
        return HAN
    if 0xC0 <= c <= 0x24F:
        return LOWER
    return OTHER


@njit(cache=True, nogil=True)
def hash_run(points: Points, start: Integer, end: Integer) -> Integer:
    """A 64-bit polynomial of the code points, capitals as small letters, digits as 0."""
    h = np.int64(11)
    for at in range(start, end):
        c = np.int64(points[at])
        if 65 <= c <= 90:
            c += 32
        elif 48 <= c <= 57:
            c = np.int64(48)
        h = h * np.int64(1_000_003) + c
    return h


@njit(cache=True, nogil=True)
def level_of(words: Words, h: Integer) -> Integer:
    """How often a run of Hangul begins so, as a power of two (0 unknown, 1 to 15)."""
    m = mixed(h)
    at = m & np.int64((1 << WORD_BITS) - 1)
    check = (m >> np.int64(30)) & np.int64(0xFFF)
    for _ in range(8):
        entry = np.int64(words[at])
        if entry == 0:
            return np.int64(0)
        if entry >> np.int64(4) == check:
            return entry & np.int64(15)
        at = (at + np.int64(1)) & np.int64((1 << WORD_BITS) - 1)
    return np.int64(0)


@njit(cache=True, nogil=True)
def put_levels(words: Words, hashes: Ints, levels: Ints) -> Integer:
    """Puts words with levels of 1 to 15 into an empty table; how many found no place."""
    lost = 0
    for k in range(len(hashes)):
        m = mixed(hashes[k])
        at = m & np.int64((1 << WORD_BITS) - 1)
        check = (m >> np.int64(30)) & np.int64(0xFFF)
        for _ in range(8):
            if words[at] == 0:
                words[at] = np.uint16((check << np.int64(4)) | levels[k])
                break
            at = (at + np.int64(1)) & np.int64((1 << WORD_BITS) - 1)
        else:
            lost += 1
    return lost


@njit(cache=True, nogil=True, inline="always")
def _is_short_particle(c: Integer) -> Integer:
    """Whether it is one of 은 는 이 가 을 를 도 의 로 만 요 에 님."""
    return (
        c == 0xC740 or c == 0xB294 or c == 0xC774 or c == 0xAC00 or c == 0xC744 or c == 0xB97C or c == 0xB3C4
        or c == 0xC758 or c == 0xB85C or c == 0xB9CC or c == 0xC694 or c == 0xC5D0 or c == 0xB2D8
    )  # fmt: skip


@njit(cache=True, nogil=True)
def tokens_of(
    points: Points, n: Integer, first: Integer, keys: Ints, values: Points, words: Words, out: Ints
) -> tuple[int, int]:
    """Fills the columns of `out` with the runs of a line; how many, and a bit for each kind of cue.

    Bit 0: a trigger. `first`: the line begins with the first character.
    """
    seen: Integer = 0
    count, at = 0, 0
    gap = 1
    while at < n and count < MOST_TOKENS:
        kind = kind_of(points[at])
        start = at
        at += 1
        if kind == SPACE:
            gap = 1
            continue
        run = MARK_RUN
        if kind == SYLLABLE or LOWER <= kind <= UNDER or kind == HAN:
            run = NAME_RUN
            last = kind
            while at < n:
                kind = kind_of(points[at])
                if kind == SYLLABLE or LOWER <= kind <= UNDER or kind == HAN:
                    last = kind
                    at += 1
                    continue
                if (kind == DASH or kind == POINT) and LOWER <= last <= UNDER and at + 1 < n:
                    if LOWER <= kind_of(points[at + 1]) <= UPPER or (
                        kind == DASH and kind_of(points[at + 1]) == DIGIT
                    ):
                        at += 1
                        continue
                break
        elif kind == JAMO:
            run = JAMO_RUN
            while at < n and kind_of(points[at]) == JAMO:
                at += 1
        out[START, count], out[END, count], out[KIND, count], out[GAP, count] = start, at, run, gap
        out[CUE, count] = out[LEVEL, count] = 0
        size = at - start
        whole = hash_run(points, start, at)
        out[WHOLE, count] = whole
        out[HEAD, count] = hash_run(points, start, min(at, start + 2))
        out[TAIL, count] = hash_run(points, max(start, at - 2), at)
        if run == NAME_RUN:
            h = np.int64(11)
            cue = np.int64(0)
            for k in range(min(size, 12)):
                c = np.int64(points[start + k])
                if 65 <= c <= 90:
                    c += 32
                elif 48 <= c <= 57:
                    c = np.int64(48)
                h = h * np.int64(1_000_003) + c
                if k == 0 and size > 1 and not (size == 2 and _is_short_particle(points[start + 1])):
                    continue
                if k < size - 1 and c < 0x80:
                    nearby = kind_of(points[start + k + 1])
                    if LOWER <= nearby <= UPPER:
                        continue
                found = looked_up(keys, values, h)
                if found:
                    cue = found
                    if found & TRIGGER and not seen & 1:
                        if not found & APART or (first if start == 0 else points[start - 1] == 32):
                            seen |= 1
            if points[start] >= 0xAC00:
                out[LEVEL, count] = level_of(words, whole)
            out[CUE, count] = cue & 15
            if cue:
                seen |= 1 << (cue & 15)
        count += 1
        gap = 0
    return count, seen


@njit(cache=True, nogil=True)
def least_known(tokens: Ints, count: Integer) -> Integer:
    """Of a line's runs of Hangul that are no words beside names: the lowest level, and how many have it."""
    lowest: Integer = np.int64(15)
    held = np.int64(0)
    for at in range(count):
        if tokens[KIND, at] != NAME_RUN or tokens[CUE, at] or tokens[END, at] - tokens[START, at] < SHORTEST:
            continue
        level = tokens[LEVEL, at]
        if level < lowest:
            lowest, held = level, np.int64(1)
        elif level == lowest:
            held += 1
    return lowest * 4 + min(held, np.int64(3))
