"""The gate's pass over a column's characters, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.kernels import njit
from pipelines.stages.pii.automaton_kernels import HEAD, LETTER, PAIR, Q1, Q3, T1, T2, TWO, edge_of, slot_of

# ruff: noqa: PLR0912, PLR0915 -- one pass over the characters is one function

# Bits of a character: what is counted.
DIGIT, JOINT, LONG, MARK, POINT = (1 << bit for bit in range(5))
# Bits of a character beside its symbol: a sign for zero, a word by itself, read as another, end of its line.
NOUGHT, ALONE, READ_AS, ENDS = (1 << bit for bit in range(4))
SYMBOL = 4  # bits below it
SPELLS = 1 << 7  # of a pair whose first is a sign for zero: what may follow it; no bit is shifted here
SIGNS = _ZERO, _ONE, _SIGN, _BLANK, _FEED = tuple(1 << bit for bit in range(5))  # of a number spelled out
# Bits of a line above those of the detectors: it folds, a number spelled out, over lines.
FOLDS, SPELLED, CROSSING = (1 << bit for bit in (62, 61, 60))
MOST = 32  # more of anything counts as so many
BEYOND, MATHEMATICAL = 0xFFFF, 0xFFFE  # what is beyond the first plane is read as: others, digits in styles
_FIRST_MATHEMATICAL, _LAST_MATHEMATICAL = 0x1D7CE, 0x1D7FF
_SPELLED_DIGITS = 11
_BEGINS = Q1 | T1 | TWO  # what a pair may be whatever the pair before it was
_COMPLETE = Q3 | T2 | TWO | SPELLS


@njit(cache=True, nogil=True)
def scan(
    values: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    symbols: NDArray[np.uint16],
    kinds: NDArray[np.uint8],
    pairs: NDArray[np.uint8],
    heads: NDArray[np.int64],
    head_states: NDArray[np.int16],
    roots: NDArray[np.int16],
    keys: NDArray[np.int32],
    successors: NDArray[np.int16],
    dense: NDArray[np.int16],
    fails: NDArray[np.int16],
    outputs: NDArray[np.int64],
    depths: NDArray[np.int8],
    ascii_symbols: int,
    signs: NDArray[np.uint8],
    allowed: NDArray[np.int64],
    also: NDArray[np.int64],
    sets: tuple[int, int, int, int],
    found: NDArray[np.int64],
    folds: NDArray[np.bool_],
    place: tuple[int, int, int],
) -> tuple[int, int, int, int]:
    """Fills `found` and `folds` from a place on (row, byte, code point).

    Returns the place to go on from and how many lines were found. Characters that fold to one of ASCII are
    read as that.
    """
    wordless, spelled, over, every = sets
    uncounted = allowed[1, 0] & allowed[2, 0] & allowed[3, 0] & allowed[4, 0]
    row, at, position = place
    done = 0
    blank, digit = int(np.int64(symbols[32])) >> SYMBOL, int(np.int64(symbols[48])) >> SYMBOL
    while row < len(bounds) - 1:
        begin, end = bounds[row], bounds[row + 1]
        i = known = begin + at  # `position` is that of `known`
        while i <= end:
            start = i
            state = flags = 0
            first, second, third = 0, 0, blank  # the letters before: as behind a blank
            seen = digits = zero = 0
            while i < end:
                point, after = _decoded(values, i)
                kind = int(np.int64(symbols[point]))
                symbol = kind >> SYMBOL
                if kind & (ENDS | READ_AS | ALONE):
                    if kind & ENDS:
                        break
                    if kind & READ_AS:
                        folds[row] = True
                    if kind & ALONE:
                        seen |= outputs[roots[symbol]]
                digits += symbol == digit
                pair = int(np.int64(pairs[(third << PAIR) + symbol]))
                flags = (flags << 1 | _BEGINS | zero * SPELLS) & pair
                if state:
                    state = _after(state, symbol, roots, keys, successors, dense, fails, ascii_symbols)
                    seen |= outputs[state]
                    if depths[state] < HEAD:
                        state = 0
                    if flags & SPELLS:
                        seen |= _spells(values, i, end, signs)
                elif flags & _COMPLETE:
                    two = third << LETTER | symbol
                    if flags & TWO:
                        seen |= outputs[head_states[slot_of(heads, two)]]
                    if flags & T2:
                        seen |= outputs[head_states[slot_of(heads, second << 2 * LETTER | two)]]
                    if flags & Q3:
                        key = first << 3 * LETTER | second << 2 * LETTER | two
                        state = int(head_states[slot_of(heads, key)])
                        seen |= outputs[state]
                    if flags & SPELLS:
                        seen |= _spells(values, i, end, signs)
                first, second, third, zero = second, third, symbol, kind & NOUGHT
                i = after
            if zero and i < end:
                seen |= _spells(values, i, end, signs)
            mask = seen | wordless
            if seen & SPELLED:
                mask |= spelled
            if seen & CROSSING:
                mask |= over
            mask &= allowed[0, min(digits, MOST)]
            if mask:
                for k in range(len(also)):
                    if not seen & also[k, 1]:
                        mask &= ~also[k, 0]
            if mask & ~uncounted:
                mask &= _allowed(values, start, i, kinds, allowed)
            if seen & FOLDS:
                mask = every
                folds[row] = True
            if mask:
                from_point = position + _points(values, known, start)
                position = from_point + _points(values, start, i)
                known = i
                found[done, 0], found[done, 1], found[done, 2], found[done, 3] = (
                    row,
                    from_point,
                    position,
                    mask,
                )
                done += 1
            i += 1
            if done == len(found):
                if i <= end:
                    return row, i - begin, position + 1, done
                return row + 1, 0, 0, done
        row, at, position = row + 1, 0, 0
    return row, 0, 0, done


@njit(cache=True, nogil=True)
def _after(
    state: int,
    symbol: int,
    roots: NDArray[np.int16],
    keys: NDArray[np.int32],
    successors: NDArray[np.int16],
    dense: NDArray[np.int16],
    fails: NDArray[np.int16],
    ascii_symbols: int,
) -> int:
    """The state behind a state and a symbol."""
    if symbol < ascii_symbols:
        return int(dense[state * ascii_symbols + symbol])
    edge = edge_of(keys, state, symbol)
    while not keys[edge]:
        state = int(fails[state])
        if state == 0:
            return int(roots[symbol])
        edge = edge_of(keys, state, symbol)
    return int(successors[edge])


@njit(cache=True, nogil=True)
def _points(values: NDArray[np.uint8], start: int, end: int) -> int:
    """How many code points begin in these bytes."""
    count = 0
    for i in range(start, end):
        count += (values[i] & 0xC0) != 0x80
    return count


@njit(cache=True, nogil=True)
def _allowed(
    values: NDArray[np.uint8], i: int, end: int, kinds: NDArray[np.uint8], allowed: NDArray[np.int64]
) -> int:
    """The detectors that a line has enough for, but for its digits: in a row, points, marks, letters."""
    run = most = points = most_points = marks = long = longest = 0
    while i < end:
        point, i = _decoded(values, i)
        kind = int(np.int64(kinds[point]))
        if not kind & (DIGIT | JOINT | LONG | MARK):
            run = points = long = 0
            continue
        if kind & DIGIT:
            run += 1
            most = max(most, run)
            most_points = max(most_points, points)
        elif not kind & JOINT:
            run = points = 0
        elif run and kind & POINT:
            points += 1
        if kind & MARK:
            marks += 1
        if kind & LONG:
            long += 1
            longest = max(longest, long)
        else:
            long = 0
    return int(
        allowed[1, min(most, MOST)]
        & allowed[2, min(most_points, MOST)]
        & allowed[3, min(marks, MOST)]
        & allowed[4, min(longest, MOST)]
    )


@njit(cache=True, nogil=True, inline="always")
def _decoded(values: NDArray[np.uint8], i: int) -> tuple[int, int]:
    """The code point that begins at byte i, or what stands for it, and the byte behind it."""
    byte = int(np.int64(values[i]))
    if byte < 0x80:
        return byte, i + 1
    if byte < 0xE0:
        return (byte & 31) << 6 | (int(np.int64(values[i + 1])) & 63), i + 2
    low = (int(np.int64(values[i + 1])) & 63) << 6 | (int(np.int64(values[i + 2])) & 63)
    if byte < 0xF0:
        return (byte & 15) << 12 | low, i + 3
    point = (byte & 7) << 18 | low << 6 | (int(np.int64(values[i + 3])) & 63)
    return (MATHEMATICAL if _FIRST_MATHEMATICAL <= point <= _LAST_MATHEMATICAL else BEYOND), i + 4


@njit(cache=True, nogil=True)
def _spells(values: NDArray[np.uint8], i: int, end: int, signs: NDArray[np.uint8]) -> int:
    """What a number may be whose zero lies just before byte i: spelled in its line, over several lines."""
    count = 1
    feeds = begun = False
    while i < end and count < _SPELLED_DIGITS:
        point, i = _decoded(values, i)
        sign = signs[point]
        wanted = _ONE if count == 1 else _ZERO if count == 2 else _ZERO | _ONE | _SIGN
        if sign & _FEED:
            feeds = True
        elif sign & wanted:
            count += 1
            begun |= count == 3 and not feeds
        elif not sign & _BLANK:
            break
    result = 0
    if begun:
        result |= SPELLED
    if feeds and count == _SPELLED_DIGITS:
        result |= CROSSING
    return result
