# ruff: noqa: PLR0912, PLR0913, PLR0915, PLR1714, SIM102, SIM109 (compiled code: calls cost)
"""Candidates for names of players in a line, their signs, and the sum of the signs' weights; compiled.

A line is cut into runs of letters, digits and underscores (a point or a dash between Latin letters is in the
run), of single jamo, and marks. A candidate is such a run with or without the particle at its end, or a run
with a game's tag (#KR1). What speaks for it stands in it and beside it; a line without a trigger
(player_cues.py) has none.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.kernels import njit

Integer: TypeAlias = Any
Points = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
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


@njit(cache=True, nogil=True, inline="always")
def spread(h: Integer) -> Integer:
    """A hash with its bits spread; not negative."""
    h = h * np.int64(0x2545F4914F6CDD1D)
    h ^= (h >> np.int64(29)) & np.int64(0x7FFFFFFFF)
    h = h * np.int64(0x369DEA0F31A53F85)
    return (h >> np.int64(8)) & np.int64(0xFFFFFFFFFFFFFF)


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
def looked_up(keys: Ints, values: Points, h: Integer) -> Integer:
    """The value of a key in a table with linear probing, 0 if it is none."""
    mask = np.int64(len(keys) - 1)
    at = spread(h) & mask
    while keys[at] != 0:
        if keys[at] == h:
            return np.int64(values[at])
        at = (at + np.int64(1)) & mask
    return np.int64(0)


@njit(cache=True, nogil=True)
def level_of(words: Words, h: Integer) -> Integer:
    """How often a run of Hangul begins so, as a power of two (0 unknown, 1 to 15)."""
    m = spread(h)
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
        m = spread(hashes[k])
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
def _is_short_particle(c: Integer) -> bool:
    """은 는 이 가 을 를 도 의 로 만 요 에 님"""
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
    count, seen, at = 0, 0, 0
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


@njit(cache=True, nogil=True, inline="always")
def _sign(template: Integer, a: Integer, b: Integer) -> Integer:
    h = (np.int64(template) * np.int64(0x9E3779B1) + a) * np.int64(1_000_003) + b
    return spread(h) & np.int64((1 << WEIGHT_BITS) - 1)


@njit(cache=True, nogil=True)
def shape_of(points: Points, start: Integer, end: Integer) -> tuple[int, int, int]:
    """Signature of a run's kinds in order; whether it is Hangul alone; letters in it."""
    signature, last, letters, hangul = 0, -1, 0, 1
    for at in range(start, end):
        kind = kind_of(points[at])
        if kind == UPPER and last == UPPER and at + 1 < end and kind_of(points[at + 1]) == LOWER:
            last = -1
        if kind != SYLLABLE:
            hangul = 0
        if kind != DIGIT and kind != UNDER and kind != DASH and kind != POINT:
            letters += 1
        if kind != last:
            signature = (signature * 11 + kind + 1) % 1_000_003
            last = kind
    return signature, hangul, letters


@njit(cache=True, nogil=True)
def parts_of(points: Points, start: Integer, end: Integer, words: Words) -> Integer:
    """Of a run of Hangul cut in two: the lesser level of the better known cut."""
    best = np.int64(0)
    for cut in range(start + 1, end):
        first = level_of(words, hash_run(points, start, cut)) if cut - start > 1 else np.int64(1)
        second = level_of(words, hash_run(points, cut, end)) if end - cut > 1 else np.int64(1)
        best = max(best, min(first, second))
    return best


@njit(cache=True, nogil=True)
def tag_end(points: Points, n: Integer, end: Integer) -> Integer:
    """Where a tag behind a name ends: "#KR1", " #1234"; or -1."""
    at = end
    if at < n and points[at] == 32:
        at += 1
    if at >= n or points[at] != 35:
        return -1
    at += 1
    first = at
    while at < n and at - first < 7 and UPPER >= kind_of(points[at]) >= LOWER or (
        at < n and at - first < 7 and kind_of(points[at]) == DIGIT
    ):
        at += 1
    return at if 2 <= at - first <= 6 else -1


@njit(cache=True, nogil=True)
def signs_of(
    points: Points,
    tokens: Ints,
    count: Integer,
    seen: Integer,
    i: Integer,
    j: Integer,
    start: Integer,
    end: Integer,
    particle: Integer,
    agrees: Integer,
    form: Integer,
    words: Words,
    buf: Ints,
) -> Integer:
    """The signs of a candidate that stands in tokens i to j, into buf; how many."""
    signature, hangul, _ = shape_of(points, start, end)
    size = min(end - start, 12)
    level = np.int64(0)
    parts = np.int64(0)
    if hangul:
        level = level_of(words, hash_run(points, start, end))
        parts = parts_of(points, start, end, words) if size <= 8 else np.int64(0)
    script = np.int64(hangul + 2 * form)
    known = min(level, 9)
    zero = np.int64(0)
    p1 = tokens[WHOLE, i - 1] if i > 0 else zero
    p1head = tokens[HEAD, i - 1] if i > 0 else zero
    p1tail = tokens[TAIL, i - 1] if i > 0 else zero
    p1cue = tokens[CUE, i - 1] if i > 0 else np.int64(15)
    p1kind = tokens[KIND, i - 1] if i > 0 else zero
    p2 = tokens[WHOLE, i - 2] if i > 1 else zero
    p2cue = tokens[CUE, i - 2] if i > 1 else np.int64(15)
    p3cue = tokens[CUE, i - 3] if i > 2 else np.int64(15)
    n1 = tokens[WHOLE, j + 1] if j + 1 < count else zero
    n1head = tokens[HEAD, j + 1] if j + 1 < count else zero
    n1cue = tokens[CUE, j + 1] if j + 1 < count else np.int64(15)
    n1kind = tokens[KIND, j + 1] if j + 1 < count else zero
    n2 = tokens[WHOLE, j + 2] if j + 2 < count else zero
    n2head = tokens[HEAD, j + 2] if j + 2 < count else zero
    n2cue = tokens[CUE, j + 2] if j + 2 < count else np.int64(15)
    n3cue = tokens[CUE, j + 3] if j + 3 < count else np.int64(15)
    gap = tokens[GAP, i]
    behind = tokens[GAP, j + 1] if j + 1 < count else np.int64(2)
    own = tokens[CUE, i]
    m = 0
    buf[m] = _sign(1, signature, zero)
    m += 1
    buf[m] = _sign(2, np.int64(size), script)
    m += 1
    buf[m] = _sign(3, tokens[LEVEL, i], script)
    m += 1
    buf[m] = _sign(4, known, np.int64(min(size, 6)))
    m += 1
    buf[m] = _sign(5, min(parts, 9), known > 0)
    m += 1
    buf[m] = _sign(6, hash_run(points, end - 1, end), np.int64(hangul))
    m += 1
    buf[m] = _sign(7, hash_run(points, end - 2, end), np.int64(hangul))
    m += 1
    buf[m] = _sign(8, hash_run(points, start, start + 2), np.int64(hangul))
    m += 1
    buf[m] = _sign(9, particle, agrees)
    m += 1
    buf[m] = _sign(10, particle, n1cue)
    m += 1
    buf[m] = _sign(11, particle, n1head)
    m += 1
    buf[m] = _sign(12, n1, behind)
    m += 1
    buf[m] = _sign(13, n1head, behind)
    m += 1
    buf[m] = _sign(14, n1cue, behind)
    m += 1
    buf[m] = _sign(15, n2, zero)
    m += 1
    buf[m] = _sign(16, n2cue, zero)
    m += 1
    buf[m] = _sign(17, p1, gap)
    m += 1
    buf[m] = _sign(18, p1head, gap)
    m += 1
    buf[m] = _sign(19, p1tail, gap)
    m += 1
    buf[m] = _sign(20, p1cue, gap)
    m += 1
    buf[m] = _sign(21, p2, zero)
    m += 1
    buf[m] = _sign(22, p2cue, p1cue)
    m += 1
    buf[m] = _sign(23, p1cue, n1cue * 16 + np.int64(particle > 0))
    m += 1
    buf[m] = _sign(24, p1cue, min(known, 4) * 8 + script)
    m += 1
    buf[m] = _sign(25, n1cue, min(known, 4) * 8 + script)
    m += 1
    buf[m] = _sign(26, p1cue, signature)
    m += 1
    buf[m] = _sign(27, n1cue, signature)
    m += 1
    buf[m] = _sign(28, np.int64(i == 0) * 2 + np.int64(j + 1 >= count), script)
    m += 1
    buf[m] = _sign(29, p1kind * 4 + n1kind, script)
    m += 1
    buf[m] = _sign(30, own, script)
    m += 1
    buf[m] = _sign(31, n1head, n2head)
    m += 1
    buf[m] = _sign(32, p1, p2)
    m += 1
    buf[m] = _sign(33, p1, n1)
    m += 1
    buf[m] = _sign(34, n1cue, n2cue)
    m += 1
    buf[m] = _sign(35, tokens[WHOLE, i], zero)
    m += 1
    buf[m] = _sign(36, hash_run(points, start, end), zero)
    m += 1
    buf[m] = _sign(37, p1cue * 16 + p2cue, n1cue)
    m += 1
    buf[m] = _sign(38, p3cue, zero)
    m += 1
    buf[m] = _sign(39, n3cue, zero)
    m += 1
    buf[m] = _sign(40, particle, min(known, 4) * 8 + script)
    m += 1
    buf[m] = _sign(41, min(tokens[LEVEL, i], 6), min(known, 6) * 4 + np.int64(particle > 0))
    m += 1
    for cue in range(1, 13):
        if seen >> cue & 1:
            buf[m] = _sign(42, np.int64(cue), min(known, 3) * 8 + script)
            m += 1
    buf[m] = _sign(43, np.int64(min(count, 12)), zero)
    return m + 1


@njit(cache=True, nogil=True)
def candidates_of(
    points: Points,
    n: Integer,
    tokens: Ints,
    count: Integer,
    i: Integer,
    particles: Ints,
    demands: Points,
    found: Ints,
) -> Integer:
    """Candidates that begin with token i: (end, last token, particle, agrees, form) into found; how many."""
    if tokens[KIND, i] != NAME_RUN:
        return 0
    start, end = tokens[START, i], tokens[END, i]
    if i and not tokens[GAP, i] and tokens[KIND, i - 1] == MARK_RUN:
        before = points[start - 1]
        if before == 64 or before == 47 or before == 35 or before == 46 or before == 36:  # @ / # . $
            return 0
    _, hangul, letters = shape_of(points, start, end)
    if letters == 0:
        return 0
    m = 0
    for j in range(i, min(i + 3, count - 2)):
        if j > i and (tokens[KIND, j] != NAME_RUN or not tokens[GAP, j]):
            break
        if tokens[END, j] - start > LONGEST:
            break
        tag = tag_end(points, n, tokens[END, j])
        if tag >= 0:
            found[m, 0], found[m, 1], found[m, 2], found[m, 3], found[m, 4] = tag, j + 2, 0, 0, TAGGED
            if tokens[END, j + 2] > tag:
                found[m, 2] = looked_up(particles, demands, hash_run(points, tag, tokens[END, j + 2])) >> 2
            m += 1
            if j == i:
                return m
            break
    latin = not hangul and points[end - 1] < 0x80
    if latin:
        for j in range(i + 1, min(i + 3, count)):
            if tokens[KIND, j] != NAME_RUN or points[tokens[START, j] - 1] != 32:
                break
            if tokens[START, j] - tokens[END, j - 1] != 1 or points[tokens[START, j]] >= 0x80:
                break
            stop = tokens[END, j]
            last = stop
            while last > tokens[START, j] and points[last - 1] >= 0xAC00:
                last -= 1
            if last - start > LONGEST or points[last - 1] >= 0x80:
                break
            particle = 0
            if last < stop:
                particle = looked_up(particles, demands, hash_run(points, last, stop)) >> 2
                if particle == 0:
                    break
            found[m, 0], found[m, 1], found[m, 2], found[m, 3], found[m, 4] = last, j, particle, 0, MULTI
            m += 1
            if last < stop:
                break
    if SHORTEST <= end - start <= LONGEST:
        found[m, 0], found[m, 1], found[m, 2], found[m, 3], found[m, 4] = end, i, 0, 0, ALONE
        m += 1
    for size in range(1, min(5, end - start - 1) + 1):
        cut = end - size
        if points[cut] < 0xAC00:
            break
        entry = looked_up(particles, demands, hash_run(points, cut, end))
        if entry == 0 or cut - start > LONGEST or cut - start < SHORTEST:
            continue
        agrees = 1
        last = points[cut - 1]
        if 0xAC00 <= last <= 0xD7A3:
            sound = (last - 0xAC00) % 28
            if (entry & 3) == CONSONANT and sound == 0:
                continue
            if (entry & 3) == VOWEL and sound != 0 and sound != 8:
                continue
        else:
            agrees = 3
        found[m, 0], found[m, 1], found[m, 2], found[m, 3], found[m, 4] = cut, i, entry >> 2, agrees, ALONE
        m += 1
    return m


@njit(cache=True, nogil=True)
def players_of(
    points: Points,
    n: Integer,
    first: Integer,
    keys: Ints,
    values: Points,
    particles: Ints,
    demands: Points,
    words: Words,
    weights: npt.NDArray[np.int8],
    least: Integer,
    spans: Ints,
) -> Integer:
    """Names of players in a line: (start, end, sum) of those that reach `least`, into spans; how many.

    Of those that overlap the one with the greater sum.
    """
    tokens = np.empty((9, MOST_TOKENS), np.int64)
    count, seen = tokens_of(points, n, first, keys, values, words, tokens)
    if not seen & 1:
        return 0
    found = np.empty((MOST_ENDS, 5), np.int64)
    buf = np.empty(MAX_SIGNS, np.int64)
    m = 0
    for i in range(count):
        for k in range(candidates_of(points, n, tokens, count, i, particles, demands, found)):
            size = signs_of(
                points, tokens, count, seen, i, found[k, 1], tokens[START, i], found[k, 0], found[k, 2],
                found[k, 3], found[k, 4], words, buf,
            )  # fmt: skip
            total = np.int64(0)
            for s in range(size):
                total += weights[buf[s]]
            if total < least:
                continue
            at = m
            better = True
            while at > 0 and spans[at - 1, 1] > tokens[START, i]:
                if spans[at - 1, 2] >= total:
                    better = False
                    break
                at -= 1
            if better and at < len(spans):
                spans[at, 0], spans[at, 1], spans[at, 2] = tokens[START, i], found[k, 0], total
                m = at + 1
    return m


@njit(cache=True, nogil=True)
def silent_lines(
    data: npt.NDArray[np.uint8],
    bounds: Ints,
    lines: Ints,
    folds: npt.NDArray[np.bool_],
    bit: Integer,
    longest: Integer,
    keys: Ints,
    values: Points,
    particles: Ints,
    demands: Points,
    words: Words,
    weights: npt.NDArray[np.int8],
    least: Integer,
) -> None:
    """Takes the bit off the mask of every line (row, start, end, mask) in which no player is found.

    Lines of texts that fold, and longer ones, keep it: those are looked at in another form, and in pieces.
    """
    points = np.empty(longest, np.int32)
    spans = np.empty((1, 3), np.int64)
    row, at, position = np.int64(-1), np.int64(0), np.int64(0)
    for k in range(len(lines)):
        start, end = lines[k, 1], lines[k, 2]
        if not lines[k, 3] & bit or folds[lines[k, 0]] or end - start > longest:
            continue
        if lines[k, 0] != row:
            row, position = lines[k, 0], np.int64(0)
            at = bounds[row]
        while position < end:
            byte = np.int32(data[at])
            if byte < 0x80:
                c = byte
                at += 1
            elif byte < 0xE0:
                c = (byte & 31) << 6 | (np.int32(data[at + 1]) & 63)
                at += 2
            elif byte < 0xF0:
                c = (byte & 15) << 12 | (np.int32(data[at + 1]) & 63) << 6 | (np.int32(data[at + 2]) & 63)
                at += 3
            else:
                c = np.int32(0x10000)  # no letter, as all beyond the first plane
                at += 4
            if position >= start:
                points[position - start] = c
            position += 1
        if not players_of(
            points, end - start, True, keys, values, particles, demands, words, weights, least, spans
        ):  # fmt: skip
            lines[k, 3] &= ~bit
