# ruff: noqa: PLR0912, PLR0915, PLR1714, SIM102 (compiled code: calls cost)
"""The pass that weighs the candidates of a column of texts; compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.kernels import njit
from pipelines.stages.pii.hash_kernels import Integer, Ints
from pipelines.stages.pii.person_kernels import PART, propose
from pipelines.stages.pii.person_signs import MAX_SIGNS, signs_of
from pipelines.stages.pii.person_text_kernels import SPACE, Bytes, Points, Tables, hash_of, tokens_of

FLOOR = -50  # of the signs of a name alone: under it no word beside it helps
BARE = 12  # what two syllables weigh less that no title follows: most words that are taken for names are such
SHORT, FEW = (
    10,
    5,
)  # what one in doubt weighs less in a line of fewer than FEW words: little there could speak
SPEAKS = 24  # a name with so much above the least speaks for its other places and for its neighbours
BESIDE = 20  # what a name that speaks adds to one beside it in a row of names
GAP = 5  # characters between two names of a row
REMEMBERED = 32  # names of a text that are


@njit(cache=True, nogil=True)
def score_rows(
    points: Points,
    offsets: Ints,
    t: Tables,
    weights: npt.NDArray[np.int8],
    least: Integer,
    memory: Integer,
    spans: Points,
    values: Points,
) -> Integer:
    """Names of every row: candidates whose sum of weights reaches `least`, the best of those that overlap.

    A row ends with a line feed that is none of it. spans gets (row, start, end) in code points of the row,
    values the sums; how many they are, or -1 if there was no room. In a row with names, one that speaks
    (SPEAKS) adds `memory` to the sum of the same name, and of its given name, anywhere in the row, and BESIDE
    to one beside it with a comma, a dot, a space or "and" between: a second pass over that row.
    """
    words, keys, kinds, shape, units, pairs = t.words, t.keys, t.kinds, t.shape, t.units, t.pairs
    found = np.empty((64, 4), np.int64)
    buf = np.empty(MAX_SIGNS, np.int64)
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    out = np.empty((3, longest + 1), np.int32)
    ctx = np.zeros((longest + 2, 5), np.int64)
    known = np.empty(2 * REMEMBERED, np.int64)
    sure = np.empty((REMEMBERED, 2), np.int64)
    n = 0
    for row in range(len(offsets) - 1):
        begin = offsets[row]
        count = tokens_of(points, begin, offsets[row + 1] - 1, t.chars, out)
        ctx[: count + 1, 4] = 0
        first = n
        hopeful = False  # whether what a sure name says could change anything
        for again in range(2 if memory else 1):
            names = places = 0
            if again:
                if n == first or not hopeful:
                    break
                places = _surely(begin, spans[first:n], values[first:n], least, sure)
                names = _speaking(points, sure[:places], known)
                if names == 0:
                    break
                n = first
            for i in range(count):
                for c in range(propose(points, out, count, i, words, keys, kinds, shape, found)):
                    size = signs_of(
                        points,
                        out,
                        count,
                        i,
                        found[c],
                        words,
                        keys,
                        kinds,
                        shape,
                        units,
                        pairs,
                        buf,
                        ctx,
                        weights,
                        FLOOR,
                    )
                    if size == 0:
                        continue
                    total = np.int64(0)
                    if found[c, 1] - out[0, i] == 2 and found[c, 3] < 16 and found[c, 2] <= PART:
                        total = np.int64(-BARE)
                    for k in range(size):
                        total += weights[buf[k]]
                    unsure = least <= total + memory and total < least + SPEAKS
                    hopeful = hopeful or unsure
                    if unsure and _in_short_line(points, begin, out[0, i], found[c, 1], t.chars):
                        total -= SHORT
                    if names and unsure:
                        h = hash_of(points, out[0, i], found[c, 1])
                        for k in range(names):
                            if known[k] == h:
                                total += memory
                                break
                    if places and total < least <= total + BESIDE:
                        if _in_a_row(points, out[0, i], found[c, 1], sure[:places]):
                            total += BESIDE
                    if total < least:
                        continue
                    start, stop = out[0, i] - begin, found[c, 1] - begin
                    at = n
                    better = True
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


@njit(cache=True, nogil=True)
def _in_short_line(points: Points, begin: Integer, start: Integer, end: Integer, chars: Bytes) -> bool:
    """Whether the line of a candidate has fewer than FEW words, itself one."""
    words = 1
    at = start - 1
    while at >= begin and points[at] != 10 and words < FEW:  # every text ends in a line feed
        c, d = points[at], points[at + 1]
        words += _blank(d, chars) and not _blank(c, chars)
        at -= 1
    at = end
    while points[at] != 10 and words < FEW:
        c, d = points[at - 1], points[at]
        words += _blank(c, chars) and not _blank(d, chars)
        at += 1
    return words < FEW


@njit(cache=True, nogil=True)
def _blank(c: Integer, chars: Bytes) -> bool:
    return bool(c < 65_536 and chars[c] == SPACE)


@njit(cache=True, nogil=True)
def _surely(begin: Integer, spans: Points, values: Points, least: Integer, sure: Ints) -> Integer:
    """Where the names stand that are sure enough, into sure (start, end); how many they are."""
    n = 0
    for k in range(len(spans)):
        if values[k] >= least + SPEAKS and n < len(sure):
            sure[n, 0], sure[n, 1] = begin + spans[k, 1], begin + spans[k, 2]
            n += 1
    return n


@njit(cache=True, nogil=True)
def _speaking(points: Points, sure: Ints, known: Ints) -> Integer:
    """Hashes of the names that are sure, and of what follows their first syllable, into known."""
    n = 0
    for k in range(len(sure)):
        start, end = sure[k]
        known[n] = hash_of(points, start, end)
        n += 1
        if end - start == 3:
            known[n] = hash_of(points, start + 1, end)
            n += 1
    return n


@njit(cache=True, nogil=True)
def _in_a_row(points: Points, start: Integer, end: Integer, sure: Ints) -> bool:
    """Whether a sure name stands right before or behind, with nothing between but what joins names."""
    for k in range(len(sure)):
        left, right = (sure[k, 1], start) if sure[k, 1] <= start else (end, sure[k, 0])
        if not 0 < right - left <= GAP:
            continue
        joined, apart = True, False
        for at in range(left, right):
            c = points[at]
            mark = c == 44 or c == 47 or c == 38 or c == 0xB7 or c == 0x318D or c == 0x3001
            and_ = c == 0xC640 or c == 0xACFC or c == 0xB791 or c == 0xC774  # 와 과 랑 이랑
            apart = apart or mark or and_
            joined = joined and (mark or and_ or c == 32)
        if joined and apart:
            return True
    return False
