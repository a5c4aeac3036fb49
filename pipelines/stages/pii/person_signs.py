# mypy: disable-error-code="no-untyped-call, no-untyped-def, operator, index, assignment"
# mypy: disable-error-code="return-value, arg-type, no-any-return"
# ruff: noqa: ANN001, ANN201, ANN202, PLR0911, PLR0912, PLR0915, PLR1714, SIM109
"""The hashed signs that speak for or against a candidate, and the pass that weighs them; compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from pipelines.stages.pii.person_kernels import (
    _COPULA,
    _FIRST,
    _JOSA,
    _SYLLABLES,
    COUNT_BITS,
    DIGITS,
    ENGLISH,
    FOREIGN,
    FULL,
    GIVEN,
    HANGUL,
    LATIN,
    LATIN_NAME,
    LEXICON_BITS,
    MARK,
    MAX_SIGNS,
    NEWLINE,
    NOUN,
    PART,
    SPACED,
    VERB,
    class_of,
    hash_of,
    propose,
    sign,
    slot,
    tokens_of,
)


@njit(cache=True)
def agrees(points: np.ndarray, end: int, stop: int) -> int:
    """Whether the particle right behind fits the final sound: 0 no such particle, 1 fits, 2 does not."""
    if end >= stop:
        return 0
    last = points[end - 1] - _FIRST
    if last < 0 or last >= _SYLLABLES:
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


@njit(cache=True)
def _foreign(points, start, end, shape):
    """How much like a transliteration the syllables are, 0 to 31."""
    total = 0
    for at in range(start, end):
        c = points[at] - _FIRST
        if 0 <= c < _SYLLABLES:
            total += shape[3, c]
    return total // max(1, end - start)


@njit(cache=True)
def beside(points, out, count, i, keys, kinds, ctx):
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
    ctx[k, 1] = class_of(keys, kinds, ctx[k, 0])
    if out[2, i] == DIGITS:
        ctx[k, 0] = 3
    if ctx[k, 1] == 0 and out[2, i] == HANGUL:
        for cut in range(1, min(4, e - s - 1)):  # "감독의", "배우는"
            kind = class_of(keys, kinds, hash_of(points, s, e - cut))
            if kind != 0 and kind < 12:
                rest = class_of(keys, kinds, hash_of(points, e - cut, e))
                if rest == _JOSA or rest == _COPULA:
                    ctx[k, 1] = kind + 16
                    break
    ctx[k, 2] = hash_of(points, max(s, e - 2), e)
    ctx[k, 3] = hash_of(points, s, min(e, s + 2))
    return k


@njit(cache=True)
def signs_of(points, out, count, i, j, end, kind, tail, keys, kinds, counts, lexicon, prior, shape, buf, ctx):
    """The signs of the candidate that begins token i and ends at `end` in token j; how many they are."""
    start = out[0, i]
    stop = out[1, j]
    size = end - start
    n = 0
    name = hash_of(points, start, end)
    bucket = counts[slot(name, COUNT_BITS)]
    word = counts[slot(hash_of(points, start, stop) + 11, COUNT_BITS)]  # the whole run as a word
    bits = lexicon[slot(name, LEXICON_BITS)]
    known = prior[slot(name, COUNT_BITS - 1)]
    first = points[start] - _FIRST
    given = 0
    surname = 0
    if kind == FULL or kind == PART or kind == SPACED:
        surname = shape[0, first]
        total = 0
        if kind == FULL and size == 3:
            given = shape[1, points[start + 1] - _FIRST] + shape[2, points[start + 2] - _FIRST]
        elif kind == FULL and size == 4:
            given = shape[1, points[start + 2] - _FIRST] + shape[2, points[start + 3] - _FIRST]
        elif kind == FULL:
            given = 2 * shape[1, points[start + 1] - _FIRST]
        elif size == 2:
            given = shape[1, first] + shape[2, points[start + 1] - _FIRST]
        letters = 0
        for at in range(start, end):
            c = points[at] - _FIRST
            if 0 <= c < _SYLLABLES:
                total += shape[3, c]
                letters += 1
        foreign = total // max(1, letters)
        parts = 0
        for t in range(i, j + 1):
            if out[2, t] == HANGUL:
                stop_t = out[1, t] if t < j else end
                parts |= lexicon[slot(hash_of(points, out[0, t], stop_t), LEXICON_BITS)]
        if j > i:
            bits |= parts & FOREIGN
    else:
        foreign = 0
        for t in range(i, j + 1):
            h = np.int64(7)
            for at in range(out[0, t], out[1, t]):
                c = points[at]
                h = h * np.int64(1_000_003) + np.int64(c + 32 if 65 <= c <= 90 else c)
            if out[2, t] == LATIN and lexicon[slot(h, LEXICON_BITS)] & ENGLISH:
                foreign += 1
    form = kind * 64 + min(size, 12) * 4 + min(3, j - i)
    s = (surname * 2 + given) // 3 - bucket
    t = np.int64(tail)

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
        pk = 41 + before
        if ppk != 0:
            pk = 64 + ppk
    elif out[2, i - 1] != HANGUL:
        pk = pk + 44 if pk == 0 else pk
    if after == 0:
        nk = 40
    elif out[2, j + 1] == MARK:
        nk = 41 + after
    rest = hash_of(points, end, stop)
    quality = (
        (max(-8, min(12, s)) + 8) * 8
        + (1 if bits & NOUN else 0)
        + (2 if bits & (GIVEN | FOREIGN) else 0)
        + (4 if bits & VERB else 0)
    )
    if kind == PART or kind == SPACED:
        quality = (
            1000
            + bucket * 64
            + min(15, max(0, foreign // 2)) * 4
            + (1 if bits & NOUN else 0)
            + (2 if bits & (GIVEN | FOREIGN) else 0)
        )
    elif kind == LATIN_NAME:
        quality = 3000 + foreign
    common = min(word, 12)
    fit = agrees(points, end, stop)

    def_form = form * 4096
    buf[0] = sign(1, form)
    buf[1] = sign(2, name)
    buf[2] = sign(3, def_form + bucket)
    buf[3] = sign(4, def_form + common * 16 + bucket)
    buf[4] = sign(5, def_form + bits)
    buf[5] = sign(6, form * 64 + known)
    buf[6] = sign(7, quality * 64 + kind)
    buf[7] = sign(8, form * 512 + t)
    buf[8] = sign(9, rest * 8 + kind)
    buf[9] = sign(10, ctx[p, 0] * 8 + before)
    buf[10] = sign(11, ctx[p, 2] * 8 + before)
    buf[11] = sign(12, (pk * 8 + before) * 8 + kind)
    buf[12] = sign(13, ctx[q, 0] * 8 + after)
    buf[13] = sign(14, ctx[q, 3] * 8 + after)
    buf[14] = sign(15, (nk * 8 + after) * 512 + t)
    buf[15] = sign(16, ctx[pp, 0] * 8 + before)
    buf[16] = sign(17, ctx[qq, 0] * 8 + after)
    buf[17] = sign(18, (pk * 128 + nk) * 512 + t)
    buf[18] = sign(19, (quality * 512 + t) * 8 + kind)
    buf[19] = sign(20, (quality * 128 + pk) * 8 + kind)
    buf[20] = sign(21, (quality * 128 + nk) * 8 + kind)
    buf[21] = sign(22, fit * 64 + kind * 4 + (1 if t & 15 else 0))
    buf[22] = sign(23, np.int64(points[start]) * 64 + min(size, 12))
    buf[23] = sign(24, np.int64(points[end - 1]) * 512 + t)
    buf[24] = sign(25, hash_of(points, max(start, end - 2), end) * 16 + kind)
    buf[25] = sign(26, hash_of(points, start, min(end, start + 2)) * 16 + kind)
    buf[26] = sign(27, np.int64(known) * 1024 + pk * 8 + kind)
    buf[27] = sign(28, (np.int64(known) * 512 + t) * 8 + kind)
    buf[28] = sign(29, (before * 4 + after) * 512 + t)
    buf[29] = sign(30, ((pk * 64 + ppk) * 8 + before) * 8 + kind)
    buf[30] = sign(31, (nk * 64 + nnk) * 8 + kind)
    buf[31] = sign(32, (max(0, surname) * 64 + max(0, given // 2)) * 64 + form)
    buf[32] = sign(33, (bucket * 512 + t) * 64 + form)
    buf[33] = sign(34, (np.int64(known) * 32 + bucket) * 16 + kind)
    buf[34] = sign(35, (np.int64(foreign) * 16 + bucket) * 1024 + form)
    buf[35] = sign(36, (rest * 64 + nk) * 8 + kind)
    buf[36] = sign(37, (ctx[p, 0] * 512 + t) * 8 + kind)
    buf[37] = sign(38, (ctx[q, 0] * 512 + t) * 8 + kind)
    buf[38] = sign(39, (ctx[p, 2] * 128 + nk) * 8 + kind)
    buf[39] = sign(40, (pk * 1024 + form) * 16 + fit)
    n = 40
    if kind == PART or kind == SPACED:
        for at in range(start, end):
            if n >= MAX_SIGNS - 8:
                break
            buf[n] = sign(50, hash_of(points, at, min(at + 2, end)) * 8 + kind)
            n += 1
        if j > i and n < MAX_SIGNS - 6:
            h = hash_of(points, start, out[1, i])
            a = np.int64(lexicon[slot(h, LEXICON_BITS)]) & (FOREIGN | NOUN | VERB)
            la = min(out[1, i] - start, 4)
            ca = np.int64(counts[slot(h + 11, COUNT_BITS)])
            g = hash_of(points, out[0, j], end)
            b = np.int64(lexicon[slot(g, LEXICON_BITS)]) & (FOREIGN | NOUN | VERB)
            lb = min(end - out[0, j], 4)
            cb = np.int64(counts[slot(g, COUNT_BITS)])
            fa, fb = _foreign(points, start, out[1, i], shape), _foreign(points, out[0, j], end, shape)
            buf[n] = sign(51, ((a * 8 + la) * 256 + b) * 8 + lb)
            buf[n + 1] = sign(52, h)
            buf[n + 2] = sign(57, (((a * 8 + la) * 16 + ca) * 256 + b) * 16 + cb)
            buf[n + 3] = sign(58, ((fa // 3) * 16 + fb // 3) * 64 + (ca // 3) * 8 + cb // 3)
            buf[n + 4] = sign(59, ((fa // 3) * 16 + fb // 3) * 512 + t)
            buf[n + 5] = sign(60, ((a * 8 + la) * 256 + b) * 512 + t)
            n += 6
        elif kind == PART and n < MAX_SIGNS - 3:
            glued = 0
            for cut in range(start + 2, end - 1):
                if (
                    lexicon[slot(hash_of(points, start, cut), LEXICON_BITS)] & FOREIGN
                    and lexicon[slot(hash_of(points, cut, end), LEXICON_BITS)] & FOREIGN
                ):
                    glued = 1
            buf[n] = sign(61, glued * 16 + min(size, 12))
            buf[n + 1] = sign(62, ((np.int64(foreign) // 2 * 16 + bucket) * 512 + t) * 8 + min(size, 7))
            buf[n + 2] = sign(63, ((np.int64(foreign) // 2 * 16 + bucket) * 128 + nk) * 8 + min(size, 7))
            n += 3
    elif kind == LATIN_NAME:
        buf[n] = sign(53, foreign * 16 + (j - i))
        buf[n + 1] = sign(54, (foreign * 16 + (j - i)) * 128 + pk)
        buf[n + 2] = sign(55, hash_of(points, start, out[1, i]))
        buf[n + 3] = sign(56, np.int64(1 if points[start + 1] <= 90 else 0) * 16 + j - i)
        n += 4
    return n


@njit(cache=True)
def score_rows(points, offsets, char_kinds, tables, weights, least, spans, values):
    """Names of every row: candidates whose sum of weights reaches `least`, the best of those that overlap.

    spans gets (row, start, end) in code points of the row, values the sums; how many they are, or -1 if
    there was no room.
    """
    keys, kinds, counts, lexicon, prior, shape = tables
    found = np.empty((64, 4), np.int64)
    buf = np.empty(MAX_SIGNS, np.int64)
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    out = np.empty((3, longest + 1), np.int32)
    ctx = np.zeros((longest + 2, 5), np.int64)
    n = 0
    for row in range(len(offsets) - 1):
        begin, end = offsets[row], offsets[row + 1]
        count = tokens_of(points, begin, end, char_kinds, out)
        ctx[: count + 1, 4] = 0
        first = n
        for i in range(count):
            for c in range(propose(points, out, count, i, keys, kinds, counts, lexicon, prior, shape, found)):
                size = signs_of(
                    points,
                    out,
                    count,
                    i,
                    found[c, 0],
                    found[c, 1],
                    found[c, 2],
                    found[c, 3],
                    keys,
                    kinds,
                    counts,
                    lexicon,
                    prior,
                    shape,
                    buf,
                    ctx,
                )
                total = np.int64(0)
                for k in range(size):
                    total += weights[buf[k]]
                if total < least:
                    continue
                start, stop = out[0, i] - begin, found[c, 1] - begin
                better = True
                at = n
                while at > first and spans[at - 1, 2] > start:
                    if values[at - 1] >= total:
                        better = False
                        break
                    at -= 1
                if not better:
                    continue
                n = at
                if n >= len(spans):
                    return -1
                spans[n, 0] = row
                spans[n, 1] = start
                spans[n, 2] = stop
                values[n] = total
                n += 1
    return n
