# ruff: noqa: PLR0912, PLR0915, PLR1714 (compiled code: calls cost)
"""Candidates for names of players in a line, their signs, and the sum of the signs' weights; compiled.

A candidate is a run of letters and digits with or without the particle at its end, such a run with a game's
tag (#KR1), or some Latin words. What speaks for it stands in it and beside it; a line without a trigger
(player_cues.py) has none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.kernels import njit
from pipelines.stages.pii.hash_kernels import Integer, Ints, looked_up, mixed
from pipelines.stages.pii.player_text_kernels import (
    ALONE,
    CONSONANT,
    CUE,
    DASH,
    DIGIT,
    END,
    GAP,
    HEAD,
    KIND,
    LEVEL,
    LONGEST,
    LOWER,
    MARK_RUN,
    MAX_SIGNS,
    MOST_ENDS,
    MOST_TOKENS,
    MULTI,
    NAME_RUN,
    POINT,
    SHORTEST,
    START,
    SYLLABLE,
    TAGGED,
    TAIL,
    UNDER,
    UPPER,
    VOWEL,
    WEIGHT_BITS,
    WHOLE,
    Points,
    Words,
    hash_run,
    kind_of,
    least_known,
    level_of,
    tokens_of,
)


@njit(cache=True, nogil=True, inline="always")
def _sign(template: Integer, a: Integer, b: Integer) -> Integer:
    h = (np.int64(template) * np.int64(0x9E3779B1) + a) * np.int64(1_000_003) + b
    return mixed(h) & np.int64((1 << WEIGHT_BITS) - 1)


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
    best: Integer = np.int64(0)
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
    while (at < n and at - first < 7 and UPPER >= kind_of(points[at]) >= LOWER) or (
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
    lowest: Integer,
    buf: Ints,
) -> Integer:
    """The signs of a candidate that stands in tokens i to j, into buf; how many."""
    signature, hangul, _ = shape_of(points, start, end)
    size = min(end - start, 12)
    level: Integer = np.int64(0)
    parts: Integer = np.int64(0)
    if hangul:
        level = level_of(words, hash_run(points, start, end))
        parts = parts_of(points, start, end, words) if size <= 8 else np.int64(0)
    script = np.int64(hangul + 2 * form)
    known: Integer = min(level, 9)
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
    buf[0] = _sign(1, signature, zero)
    buf[1] = _sign(2, np.int64(size), script)
    buf[2] = _sign(3, tokens[LEVEL, i], script)
    buf[3] = _sign(4, known, np.int64(min(size, 6)))
    buf[4] = _sign(5, min(parts, 9), known > 0)
    buf[5] = _sign(6, hash_run(points, end - 1, end), np.int64(hangul))
    buf[6] = _sign(7, hash_run(points, end - 2, end), np.int64(hangul))
    buf[7] = _sign(8, hash_run(points, start, start + 2), np.int64(hangul))
    buf[8] = _sign(9, particle, agrees)
    buf[9] = _sign(10, particle, n1cue)
    buf[10] = _sign(11, particle, n1head)
    buf[11] = _sign(12, n1, behind)
    buf[12] = _sign(13, n1head, behind)
    buf[13] = _sign(14, n1cue, behind)
    buf[14] = _sign(15, n2, zero)
    buf[15] = _sign(16, n2cue, zero)
    buf[16] = _sign(17, p1, gap)
    buf[17] = _sign(18, p1head, gap)
    buf[18] = _sign(19, p1tail, gap)
    buf[19] = _sign(20, p1cue, gap)
    buf[20] = _sign(21, p2, zero)
    buf[21] = _sign(22, p2cue, p1cue)
    buf[22] = _sign(23, p1cue, n1cue * 16 + np.int64(particle > 0))
    buf[23] = _sign(24, p1cue, min(known, 4) * 8 + script)
    buf[24] = _sign(25, n1cue, min(known, 4) * 8 + script)
    buf[25] = _sign(26, p1cue, signature)
    buf[26] = _sign(27, n1cue, signature)
    buf[27] = _sign(28, np.int64(i == 0) * 2 + np.int64(j + 1 >= count), script)
    buf[28] = _sign(29, p1kind * 4 + n1kind, script)
    buf[29] = _sign(30, own, script)
    buf[30] = _sign(31, n1head, n2head)
    buf[31] = _sign(32, p1, p2)
    buf[32] = _sign(33, p1, n1)
    buf[33] = _sign(34, n1cue, n2cue)
    buf[34] = _sign(35, tokens[WHOLE, i], zero)
    buf[35] = _sign(36, hash_run(points, start, end), zero)
    buf[36] = _sign(37, p1cue * 16 + p2cue, n1cue)
    buf[37] = _sign(38, p3cue, zero)
    buf[38] = _sign(39, n3cue, zero)
    buf[39] = _sign(40, particle, min(known, 4) * 8 + script)
    buf[40] = _sign(41, min(tokens[LEVEL, i], 6), min(known, 6) * 4 + np.int64(particle > 0))
    above = min(tokens[LEVEL, i] - (lowest >> np.int64(2)), np.int64(3))
    buf[41] = _sign(44, above * 4 + (lowest & np.int64(3)), min(tokens[LEVEL, i], 4) * 8 + script)
    buf[42] = _sign(45, above * 4 + (lowest & np.int64(3)), n1cue * 16 + p1cue)
    buf[43] = _sign(46, seen & 1, script)
    buf[44] = _sign(47, seen & 1, min(tokens[LEVEL, i], 4) * 8 + script)
    m = 45
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
    article = points[start] == 0xC81C and end - start > 1 and kind_of(points[start + 1]) == DIGIT  # 제17조
    if letters == 0 or article:
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
    lowest = least_known(tokens, count)
    m = 0
    for i in range(count):
        for k in range(candidates_of(points, n, tokens, count, i, particles, demands, found)):
            size = signs_of(
                points, tokens, count, seen, i, found[k, 1], tokens[START, i], found[k, 0], found[k, 2],
                found[k, 3], found[k, 4], words, lowest, buf,
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
                c = (
                    (byte & 7) << 18
                    | (np.int32(data[at + 1]) & 63) << 12
                    | (np.int32(data[at + 2]) & 63) << 6
                    | (np.int32(data[at + 3]) & 63)
                )
                at += 4
            if position >= start:
                points[position - start] = c
            position += 1
        if not players_of(
            points, end - start, True, keys, values, particles, demands, words, weights, least, spans
        ):  # fmt: skip
            lines[k, 3] &= ~bit
