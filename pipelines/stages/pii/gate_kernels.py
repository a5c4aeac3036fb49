"""The gate's automaton and its pass over a column's characters, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.kernels import njit

# ruff: noqa: PLR0912, PLR0915 -- one pass over the characters is one function

# Bits of a character: what is counted. Its symbol in the automaton lies above them.
DIGIT, FOLDED, JOINT, LINE_FEED, LONG, MARK, NOUGHT, POINT = (1 << bit for bit in range(8))
SYMBOL = 16  # bits below it
SIGNS = _ZERO, _ONE, _SIGN, _BLANK, _FEED = tuple(1 << bit for bit in range(5))  # of a number spelled out
# Bits of a line above those of the detectors: it folds, a sign for zero, a number spelled out, over lines.
FOLDS, ZERO, SPELLED, CROSSING = (1 << bit for bit in (62, 61, 60, 59))
MOST = 32  # more of anything counts as so many
BEYOND, MATHEMATICAL = 0xFFFF, 0xFFFE  # what is beyond the first plane is read as: others, digits in styles
_FIRST_MATHEMATICAL, _LAST_MATHEMATICAL = 0x1D7CE, 0x1D7FF
_SPELLED_DIGITS = 11
_FIBONACCI = 2_654_435_769  # 2**32 / golden ratio: Knuth, TAOCP 3, 6.4


@njit(cache=True, nogil=True, inline="always")
def _place(keys: NDArray[np.int32], state: int, symbol: int) -> int:
    """Where the edge of a state lies in the table, or the free place for it; no edge has key 0."""
    key = state << 16 | symbol
    mask = len(keys) - 1
    at = (key * _FIBONACCI >> 12) & mask
    while keys[at] and keys[at] != key:
        at = (at + 1) & mask
    return at


@njit(cache=True)
def states(
    letters: NDArray[np.int16],
    ends: NDArray[np.int64],
    bits: NDArray[np.int64],
    symbols: int,
    ascii_symbols: int,
) -> tuple[
    NDArray[np.int16],
    NDArray[np.int32],
    NDArray[np.int16],
    NDArray[np.int16],
    NDArray[np.int16],
    NDArray[np.int64],
]:
    """The automaton of words (their symbols end to end), state 0 its start.

    The start's successors; edges of all symbols as a table with linear probing (key: state and symbol), the
    successors of every state for the first `ascii_symbols` symbols, fails, and what every state says.
    """
    size = 1024
    while size < 2 * len(letters):
        size *= 2
    keys, values = np.zeros(size, np.int32), np.zeros(size, np.int16)
    most = len(letters) + 1
    parents, by, depths = np.zeros(most, np.int16), np.zeros(most, np.int16), np.zeros(most, np.int64)
    heard = np.zeros(most, np.int64)
    count, at, deepest = 1, 0, 0
    for word in range(len(ends)):
        state = 0
        while at < ends[word]:
            symbol = int(letters[at])
            place = _place(keys, state, symbol)
            if not keys[place]:
                keys[place] = state << 16 | symbol
                values[place] = count
                parents[count], by[count], depths[count] = state, symbol, depths[state] + 1
                deepest = max(deepest, depths[count])
                count += 1
            state = int(values[place])
            at += 1
        heard[state] |= bits[word]
    order = np.argsort(depths[:count], kind="mergesort")
    fails = np.zeros(count, np.int16)
    dense = np.zeros(count * ascii_symbols, np.int16)
    for state in order[1:]:
        symbol, fail = int(by[state]), int(fails[parents[state]])
        if depths[state] > 1:
            place = _place(keys, fail, symbol)
            while fail and not keys[place]:
                fail = int(fails[fail])
                place = _place(keys, fail, symbol)
            fails[state] = values[place] if keys[place] else 0
        heard[state] |= heard[fails[state]]
    first = 0
    for depth in range(deepest + 1):
        last = first
        while last < count and depths[order[last]] == depth:
            state, fail = order[last], int(fails[order[last]])
            if state:
                for symbol in range(ascii_symbols):
                    dense[state * ascii_symbols + symbol] = dense[fail * ascii_symbols + symbol]
            last += 1
        following = last
        while following < count and depths[order[following]] == depth + 1:
            state = order[following]
            if by[state] < ascii_symbols:
                dense[int(parents[state]) * ascii_symbols + by[state]] = state
            following += 1
        first = last
    roots = np.zeros(symbols, np.int16)
    for symbol in range(1, symbols):
        place = _place(keys, 0, symbol)
        roots[symbol] = values[place] if keys[place] else 0
    return roots, keys, values, dense, fails, heard[:count].copy()


@njit(cache=True, nogil=True)
def scan(
    values: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    characters: NDArray[np.int32],
    roots: NDArray[np.int16],
    keys: NDArray[np.int32],
    successors: NDArray[np.int16],
    dense: NDArray[np.int16],
    fails: NDArray[np.int16],
    outputs: NDArray[np.int64],
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
    row, at, position = place
    done = 0
    blank = int(roots[characters[32] >> SYMBOL])
    while row < len(bounds) - 1:
        begin, end = bounds[row], bounds[row + 1]
        i = begin + at
        while i <= end:
            start = position
            state = blank  # as behind one
            seen = 0
            digits = run = most = points = most_points = marks = long = longest = 0
            while i < end:
                point, after = _decoded(values, i)
                kind = int(characters[point])
                if kind & LINE_FEED:
                    break
                i = after
                position += 1
                symbol = kind >> SYMBOL
                if state == 0:
                    state = int(roots[symbol])
                elif symbol < ascii_symbols:
                    state = int(dense[state * ascii_symbols + symbol])
                else:
                    edge = _place(keys, state, symbol)
                    while not keys[edge]:
                        state = int(fails[state])
                        if state == 0:
                            break
                        edge = _place(keys, state, symbol)
                    state = int(successors[edge]) if state else int(roots[symbol])
                output = outputs[state]
                seen |= output
                if output & ZERO and (not kind & DIGIT or kind & NOUGHT):
                    seen |= _spells(values, i, end, signs)
                if not kind & (DIGIT | JOINT | LONG | MARK | FOLDED):
                    run = points = long = 0
                    continue
                if kind & FOLDED:
                    folds[row] = True
                if kind & DIGIT:
                    digits += 1
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
            mask = seen | wordless
            if seen & SPELLED:
                mask |= spelled
            if seen & CROSSING:
                mask |= over
            for k in range(len(also)):
                if not seen & also[k, 1]:
                    mask &= ~also[k, 0]
            mask &= (
                allowed[0, min(digits, MOST)]
                & allowed[1, min(most, MOST)]
                & allowed[2, min(most_points, MOST)]
                & allowed[3, min(marks, MOST)]
                & allowed[4, min(longest, MOST)]
            )
            if seen & FOLDS:
                mask = every
                folds[row] = True
            if mask:
                found[done, 0], found[done, 1], found[done, 2], found[done, 3] = row, start, position, mask
                done += 1
            i += 1
            position += 1
            if done == len(found):
                if i <= end:
                    return row, i - begin, position, done
                return row + 1, 0, 0, done
        row, at, position = row + 1, 0, 0
    return row, 0, 0, done


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
