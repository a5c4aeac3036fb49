# ruff: noqa: PLR0911, PLR0912, PLR0915, PLR1714, SIM109 (compiled code: numba has no fast sets; calls cost)
"""The hashed signs that speak for or against a candidate; compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.kernels import njit
from pipelines.stages.pii.hash_kernels import Integer, Ints, looked_up, mixed
from pipelines.stages.pii.person_kernels import (
    _COPULA,
    _JOSA,
    FULL,
    LATIN_NAME,
    PART,
    SPACED,
)
from pipelines.stages.pii.person_text_kernels import (
    COUNT,
    DIGITS,
    ENGLISH,
    FIRST,
    FOREIGN,
    GIVEN,
    HABITS,
    HANGUL,
    LATIN,
    MARK,
    NEWLINE,
    NOUN,
    PLACE,
    SYLLABLES,
    WHOLE,
    Bytes,
    Points,
    Shape,
    Units,
    Words,
    hash_of,
    small_hash,
    word_of,
)

MAX_SIGNS = 80
WEIGHT_BITS = 20
HARDLY = 3  # as a transliteration sounds: no name that no list holds sounds less so


@njit(cache=True, nogil=True)
def sign(kind: Integer, h: Integer) -> Integer:
    """The place of a sign's weight."""
    return mixed(h + np.int64(kind) * np.int64(0x9E3779B97F4A7C1)) >> np.int64(56 - WEIGHT_BITS)


@njit(cache=True, nogil=True, inline="always")
def agrees(points: Points, end: Integer, stop: Integer) -> Integer:
    """Whether the particle right behind fits the final sound: 0 no such particle, 1 fits, 2 does not."""
    if end >= stop:
        return 0
    last = points[end - 1] - FIRST
    if last < 0 or last >= SYLLABLES:
        return 0
    closed = last % 28 != 0
    c = points[end]
    if c == 0xC740 or c == 0xC744 or c == 0xACFC:  # 은 을 과
        return 1 if closed else 2
    if c == 0xC774:  # 이
        return 1 if closed else 2
    if (
        c == 0xB294 or c == 0xB97C or c == 0xC640 or c == 0xAC00 or c == 0xB791 or c == 0xB77C
    ):  # 는 를 와 가 랑 라
        return 2 if closed else 1
    if c == 0xC544:  # 아
        return 1 if closed else 2
    if c == 0xC57C or c == 0xC608 or c == 0xC600:  # 야 예 였
        return 2 if closed else 1
    return 0


@njit(cache=True, nogil=True, inline="always")
def foreign_sound(points: Points, start: Integer, end: Integer, units: Units, pairs: Shape) -> Integer:
    """How much like a transliteration the syllables follow each other, 0 to 31; 16 is undecided."""
    total, letters = 0, 0
    last = np.int64(1)
    for at in range(start, end):
        c = points[at] - FIRST
        if 0 <= c < SYLLABLES:
            unit = np.int64(units[c])
            total += pairs[0, last, unit]
            last = unit
            letters += 1
    total += pairs[0, last, 1]
    return max(0, min(31, 16 + 2 * total // max(1, letters)))


@njit(cache=True, nogil=True)
def beside(
    points: Points, out: Points, count: Integer, i: Integer, keys: Ints, kinds: Bytes, ctx: Ints
) -> Integer:
    """The row of `ctx` that tells of token i; filled once for all candidates near it; row 0 tells of none.

    Columns: hash, class, hash of the last two and of the first two characters, whether it is filled.
    """
    k = i + 1
    if i < 0 or i >= count:
        ctx[0, 0] = 1
        ctx[0, 1] = 0
        ctx[0, 2] = 1
        ctx[0, 3] = 1
        return 0
    if ctx[k, 4] == 1:
        return k
    ctx[k, 4] = 1
    s, e = out[0, i], out[1, i]
    ctx[k, 0] = hash_of(points, s, min(e, s + 12))
    ctx[k, 1] = looked_up(keys, kinds, ctx[k, 0])
    if out[2, i] == DIGITS:
        ctx[k, 0] = 3
    if ctx[k, 1] == 0 and out[2, i] == HANGUL:
        for cut in range(1, min(4, e - s - 1)):  # "감독의", "배우는"
            kind = looked_up(keys, kinds, hash_of(points, s, e - cut))
            if kind != 0 and kind < 12:
                rest = looked_up(keys, kinds, hash_of(points, e - cut, e))
                if rest == _JOSA or rest == _COPULA:
                    ctx[k, 1] = kind + 16
                    break
    ctx[k, 2] = hash_of(points, max(s, e - 2), e)
    ctx[k, 3] = hash_of(points, s, min(e, s + 2))
    return k


@njit(cache=True, nogil=True, inline="always")
def _given(
    points: Points, start: Integer, end: Integer, kind: Integer, shape: Shape, units: Units, pairs: Shape
) -> Integer:
    """How much like a Korean given name the syllables are that stand for one, 0 to 24."""
    size = end - start
    if kind == FULL and size == 2:
        return 2 * shape[1, points[start + 1] - FIRST]
    if (kind == FULL and size <= 4) or size == 2:
        one, two = units[points[end - 2] - FIRST], units[points[end - 1] - FIRST]
        return max(0, min(24, 10 + 3 * np.int64(pairs[1, one, two]) // 8))
    return 0


@njit(cache=True, nogil=True)
def signs_of(
    points: Points,
    out: Points,
    count: Integer,
    i: Integer,
    found: Ints,
    words: Words,
    keys: Ints,
    kinds: Bytes,
    shape: Shape,
    units: Units,
    pairs: Shape,
    buf: Ints,
    ctx: Ints,
    weights: npt.NDArray[np.int8],
    floor: Integer,
) -> Integer:
    """The signs of the candidate `found` (end token, end, kind, tail) of token i; how many they are.

    0 where the signs of the name alone weigh less than `floor`: no words beside it can save such a one.
    With empty weights all are told.
    """
    j, end, kind, tail = found[0], found[1], found[2], found[3]
    start = out[0, i]
    stop = out[1, j]
    size = end - start
    foreign = 0
    name = hash_of(points, start, end)
    w: Integer = np.int64(-1)
    if kind == PART or kind == SPACED:
        foreign = foreign_sound(points, start, end, units, pairs)
        apart = j > i and out[1, i] - start == 1  # 김 서 윤
        if foreign < HARDLY and size > 2 and not apart and len(weights):  # most candidates end here
            w = word_of(words, name)
            if j > i or not w & (GIVEN | FOREIGN):
                return 0
    if w < 0:
        w = word_of(words, name)
    bucket = w & COUNT
    habits = w >> HABITS
    listed = w & (GIVEN | FOREIGN | PLACE | NOUN)
    run = word_of(words, hash_of(points, start, stop) + WHOLE) & COUNT  # the whole run as a word
    surname, given, inner = 0, 0, np.int64(0)
    if kind <= SPACED:
        surname = shape[0, points[start] - FIRST]
        given = _given(points, start, end, kind, shape, units, pairs)
        if kind == FULL:
            foreign = foreign_sound(points, start, end, units, pairs)
            double = size == 4 or (size == 3 and shape[4, points[start] - FIRST] > 0)
            inner = word_of(words, hash_of(points, start + 1, end)) & 255
            if inner & GIVEN or (
                double and size == 4 and word_of(words, hash_of(points, start + 2, end)) & GIVEN
            ):
                given += 8
                listed |= np.int64(256)
        elif j > i:
            for token in range(i, j + 1):
                if out[2, token] == HANGUL:
                    last = out[1, token] if token < j else end
                    listed |= word_of(words, hash_of(points, out[0, token], last)) & FOREIGN
        elif size >= 4 and kind == PART and not listed & FOREIGN:
            for cut in range(start + 1, end - 1):  # 존쿠삭, 소피마르소
                two = word_of(words, hash_of(points, cut, end)) & FOREIGN != 0
                if two and (cut == start + 1 or word_of(words, hash_of(points, start, cut)) & FOREIGN):
                    listed |= np.int64(512)
    else:
        for token in range(i, j + 1):
            if out[2, token] == LATIN:
                h = small_hash(points, out[0, token], out[1, token])
                foreign += 1 if word_of(words, h) & ENGLISH else 0

    pieces = (listed >> np.int64(9)) * 2
    listed &= np.int64(511)
    rest = hash_of(points, end, stop)
    shaped = (max(-8, min(12, (surname * 2 + given) // 3 - bucket)) + 8) * 16 + (listed >> np.int64(4)) % 16
    if kind == PART or kind == SPACED:
        shaped = 1000 + (bucket * 16 + min(15, max(0, foreign // 2))) * 16 + (listed >> np.int64(4)) % 16
    elif kind == LATIN_NAME:
        shaped = np.int64(8000) + foreign
    fit = agrees(points, end, stop)
    form = kind * 64 + min(size, 12) * 4 + min(3, j - i)
    buf[0] = sign(1, form)
    buf[1] = sign(2, form * 64 + fit)
    buf[2] = sign(3, form * 16 + bucket)
    buf[3] = sign(4, (form * 16 + run) * 16 + bucket)
    buf[4] = sign(5, (form * 512 + listed) * 4 + pieces)
    buf[5] = sign(6, (habits * 16 + bucket) * 8 + kind)
    buf[6] = sign(7, shaped * 64 + kind)
    buf[7] = sign(8, form * 512 + tail)
    buf[8] = sign(9, rest * 8 + kind)
    buf[9] = sign(19, (shaped * 512 + tail) * 8 + kind)
    buf[10] = sign(22, fit * 64 + kind * 4 + (1 if tail & 15 else 0))
    buf[11] = sign(23, np.int64(points[start]) * 64 + min(size, 12))
    buf[12] = sign(24, np.int64(points[end - 1]) * 512 + tail)
    buf[13] = sign(25, hash_of(points, max(start, end - 2), end) * 16 + kind)
    buf[14] = sign(26, hash_of(points, start, min(end, start + 2)) * 16 + kind)
    buf[15] = sign(27, (habits * 512 + tail) * 8 + kind)
    buf[16] = sign(32, (max(0, surname) * 64 + max(0, given // 2)) * 64 + form)
    buf[17] = sign(33, (bucket * 512 + tail) * 64 + form)
    buf[18] = sign(35, (np.int64(foreign) * 16 + bucket) * 1024 + form)
    n = 19
    if kind == PART or kind == SPACED:
        for at in range(start, end):
            buf[n] = sign(50, hash_of(points, at, min(at + 2, end)) * 8 + kind)
            n += 1
            if n >= MAX_SIGNS - 45:
                break
    if kind == PART:
        buf[n] = sign(61, ((np.int64(foreign) // 2 * 16 + bucket) * 512 + tail) * 8 + min(size, 7))
        buf[n + 1] = sign(64, ((listed * 4 + pieces) * 16 + bucket) * 512 + tail)
        buf[n + 2] = sign(65, ((listed * 4 + pieces) * 16 + run) * 8 + min(size, 7))
        n += 3
    elif kind == SPACED and j > i:
        n = _two_runs(points, out, i, j, end, tail, words, units, pairs, buf, n)
    elif kind == LATIN_NAME:
        buf[n] = sign(53, np.int64(foreign) * 16 + (j - i))
        buf[n + 1] = sign(55, hash_of(points, start, out[1, i]))
        buf[n + 2] = sign(56, np.int64(1 if points[start + 1] <= 90 else 0) * 16 + j - i)
        n += 3
    if kind <= PART and size >= 3:  # what a shorter word with one more syllable would be: 김밥은, 사이즈표
        head = word_of(words, hash_of(points, start, end - 1)) & 255
        closing = points[end - 1]
        buf[n] = sign(70, (head * 16 + bucket) * 64 + form)
        buf[n + 1] = sign(71, (head * 512 + tail) * 8 + kind)
        buf[n + 2] = sign(72, (np.int64(closing) * 16 + (head & 15)) * 8 + kind)
        buf[n + 3] = sign(73, (inner * 256 + head) * 8 + min(size, 7))
        n += 4
    if len(weights):
        total = np.int64(0)
        for at in range(n):
            total += weights[buf[at]]
        if total < floor and not (j == i + 2 and out[1, i + 1] - start <= 6 and kind == SPACED):  # 김 서 윤
            return 0

    last = i - 1
    if last > 0 and out[2, last] == NEWLINE:  # the word that ends the line before, less its comma
        last -= 1
        if last > 0 and out[2, last] == MARK and points[out[0, last]] == 44:
            last -= 1
    p = beside(points, out, count, last, keys, kinds, ctx)
    q = beside(points, out, count, j + 1, keys, kinds, ctx)
    pp = beside(points, out, count, last - 1, keys, kinds, ctx)
    qq = beside(points, out, count, j + 2, keys, kinds, ctx)
    before = 0  # 0 line or text starts here, 1 glued, 2 space
    if i > 0 and out[2, i - 1] != NEWLINE:
        before = 1 if out[1, i - 1] == start else 2
    after = 0
    if j + 1 < count and out[2, j + 1] != NEWLINE:
        after = 1 if out[0, j + 1] == stop else 2
    pk, nk, ppk, nnk = ctx[p, 1], ctx[q, 1], ctx[pp, 1], ctx[qq, 1]
    if before == 0:
        pk += 32
    elif out[2, i - 1] == MARK:
        pk = 64 + ppk if ppk != 0 else np.int64(41 + before)
    elif out[2, i - 1] != HANGUL:
        pk = pk + 44 if pk == 0 else pk
    if after == 0:
        nk = np.int64(40)
    elif out[2, j + 1] == MARK:
        nk = np.int64(41 + after)
    buf[n + 0] = sign(10, ctx[p, 0] * 8 + before)
    buf[n + 1] = sign(11, ctx[p, 2] * 8 + before)
    buf[n + 2] = sign(12, (pk * 8 + before) * 8 + kind)
    buf[n + 3] = sign(13, ctx[q, 0] * 8 + after)
    buf[n + 4] = sign(14, ctx[q, 3] * 8 + after)
    buf[n + 5] = sign(15, (nk * 8 + after) * 512 + tail)
    buf[n + 6] = sign(16, ctx[pp, 0] * 8 + before)
    buf[n + 7] = sign(17, ctx[qq, 0] * 8 + after)
    buf[n + 8] = sign(18, (pk * 128 + nk) * 512 + tail)
    buf[n + 9] = sign(20, (shaped * 128 + pk) * 8 + kind)
    buf[n + 10] = sign(21, (shaped * 128 + nk) * 8 + kind)
    buf[n + 11] = sign(28, (ctx[q, 3] * 512 + tail) * 8 + after)
    buf[n + 12] = sign(29, (before * 4 + after) * 512 + tail)
    buf[n + 13] = sign(30, ((pk * 64 + ppk) * 8 + before) * 8 + kind)
    buf[n + 14] = sign(31, (nk * 64 + nnk) * 8 + kind)
    buf[n + 15] = sign(34, (listed * 512 + tail) * 128 + pk)
    buf[n + 16] = sign(36, (rest * 64 + nk) * 8 + kind)
    buf[n + 17] = sign(37, (ctx[p, 0] * 512 + tail) * 8 + kind)
    buf[n + 18] = sign(38, (ctx[q, 0] * 512 + tail) * 8 + kind)
    buf[n + 19] = sign(39, (ctx[p, 2] * 128 + nk) * 8 + kind)
    buf[n + 20] = sign(40, (pk * 1024 + form) * 16 + fit)
    n += 21
    buf[n] = sign(66, (ctx[q, 2] * 8 + after) * 8 + kind)
    buf[n + 1] = sign(67, (ctx[q, 2] * 512 + tail) * 8 + kind)
    n += 2
    if kind == PART:
        buf[n] = sign(62, ((np.int64(foreign) // 2 * 16 + bucket) * 128 + nk) * 8 + min(size, 7))
        buf[n + 1] = sign(63, ((np.int64(foreign) // 2 * 16 + bucket) * 128 + pk) * 8 + min(size, 7))
        n += 2
    elif kind == LATIN_NAME:
        buf[n] = sign(54, (np.int64(foreign) * 16 + (j - i)) * 128 + pk)
        n += 1
    return n


@njit(cache=True, nogil=True)
def _two_runs(
    points: Points,
    out: Points,
    i: Integer,
    j: Integer,
    end: Integer,
    tail: Integer,
    words: Words,
    units: Units,
    pairs: Shape,
    buf: Ints,
    n: Integer,
) -> Integer:
    """Signs of a name of several runs: its first and its last; how many signs there are then."""
    h, g = hash_of(points, out[0, i], out[1, i]), hash_of(points, out[0, j], end)
    a, b = word_of(words, h) & FOREIGN, word_of(words, g) & FOREIGN
    one, two = min(out[1, i] - out[0, i], 4), min(end - out[0, j], 4)
    often, seldom = word_of(words, h + WHOLE) & COUNT, word_of(words, g) & COUNT
    x = foreign_sound(points, out[0, i], out[1, i], units, pairs) // 3
    y = foreign_sound(points, out[0, j], end, units, pairs) // 3
    pair = (a * 8 + one) * 1024 + b * 8 + two
    buf[n] = sign(51, pair)
    buf[n + 1] = sign(52, h)
    buf[n + 2] = sign(57, (pair * 16 + often) * 16 + seldom)
    buf[n + 3] = sign(58, (np.int64(x) * 16 + y) * 64 + (often // 3) * 8 + seldom // 3)
    buf[n + 4] = sign(59, (np.int64(x) * 16 + y) * 512 + tail)
    buf[n + 5] = sign(60, pair * 512 + tail)
    return n + 6
