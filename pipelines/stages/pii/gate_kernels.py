"""The gate's pass over the bytes, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.kernels import njit

# ruff: noqa: PLR0912, PLR0915 -- one pass over the bytes is one function

CONTINUED, DIGIT, JOINT, LEAD, LINE_FEED, LONG, MARK, POINT = (1 << bit for bit in range(8))  # of a byte
SIGNS = _ZERO, _ONE, _SIGN, _BLANK, _FEED = tuple(1 << bit for bit in range(5))  # of a character
# Bits of a line above those of the detectors: it folds, a sign for zero, a number spelled out, over lines.
FOLDS, ZERO, SPELLED, CROSSING = (1 << bit for bit in (62, 61, 60, 59))
MOST = 32  # more of anything counts as so many
_SPELLED_DIGITS = 11


@njit(cache=True)
def states(
    letters: NDArray[np.uint8], ends: NDArray[np.int64], bits: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The automaton of words (their symbols end to end): successors * width, and what the last states say.

    Every state has a successor for every symbol; states that say nothing come first, the start before all.
    """
    most = len(letters) + 1
    successors = np.zeros((most, width), np.int32)
    heard = np.zeros(most, np.int64)
    count, at = 1, 0
    for word in range(len(ends)):
        state = 0
        while at < ends[word]:
            symbol = letters[at]
            if not successors[state, symbol]:
                successors[state, symbol] = count
                count += 1
            state = successors[state, symbol]
            at += 1
        heard[state] |= bits[word]
    fails = np.zeros(count, np.int32)
    waiting = np.empty(count, np.int32)
    last = 0
    for symbol in range(width):
        if successors[0, symbol]:
            waiting[last] = successors[0, symbol]
            last += 1
    first = 0
    while first < last:
        state = waiting[first]
        first += 1
        heard[state] |= heard[fails[state]]
        for symbol in range(width):
            following = successors[state, symbol]
            if following:
                fails[following] = successors[fails[state], symbol]
                waiting[last] = following
                last += 1
            else:
                successors[state, symbol] = successors[fails[state], symbol]
    silent = 0
    for state in range(count):
        silent += heard[state] == 0
    places = np.empty(count, np.int32)
    quiet, said = 0, silent
    outputs = np.empty(count - silent, np.int64)
    for state in range(count):
        if heard[state]:
            places[state] = said
            outputs[said - silent] = heard[state]
            said += 1
        else:
            places[state] = quiet
            quiet += 1
    moved = np.empty(count * width, np.int32)
    for state in range(count):
        for symbol in range(width):
            moved[places[state] * width + symbol] = places[successors[state, symbol]] * width
    return moved, outputs


@njit(cache=True)
def scan(
    values: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    symbols: NDArray[np.uint8],
    successors: NDArray[np.int32],
    outputs: NDArray[np.int64],
    width: int,
    kinds: NDArray[np.uint8],
    signs: NDArray[np.uint8],
    plain: NDArray[np.uint8],
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
    silent = len(successors) - len(outputs) * width  # states before this one say nothing
    done = 0
    while row < len(bounds) - 1:
        begin, end = bounds[row], bounds[row + 1]
        i = begin + at
        while i <= end:
            start = position
            state = successors[symbols[32]]  # as behind a blank
            seen = 0
            digits = run = most = points = most_points = marks = long = longest = 0
            while i < end:
                byte = values[i]
                kind = kinds[byte]
                if kind & LINE_FEED:
                    break
                i += 1
                if kind & LEAD:
                    point, after = _decoded(values, i - 1)
                    if plain[point]:
                        byte, i = plain[point], after
                        kind = kinds[byte]
                        folds[row] = True
                state = successors[state + symbols[byte]]
                if not kind & CONTINUED:
                    position += 1
                if state >= silent:
                    output = outputs[(state - silent) // width]
                    seen |= output
                    if output & ZERO and (not kind & DIGIT or byte == 48):
                        seen |= _spells(values, i, end, signs, plain)
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


@njit(cache=True)
def _decoded(values: NDArray[np.uint8], i: int) -> tuple[int, int]:
    """The code point that begins at byte i, 0 beyond the first plane, and the byte behind it."""
    byte = int(values[i])
    if byte < 0x80:
        return byte, i + 1
    if byte < 0xE0:
        return (byte & 31) << 6 | (int(values[i + 1]) & 63), i + 2
    if byte < 0xF0:
        low = (int(values[i + 1]) & 63) << 6 | (int(values[i + 2]) & 63)
        return (byte & 15) << 12 | low, i + 3
    return 0, i + 4


@njit(cache=True)
def _spells(
    values: NDArray[np.uint8], i: int, end: int, signs: NDArray[np.uint8], plain: NDArray[np.uint8]
) -> int:
    """What a number may be whose zero lies just before byte i: spelled in its line, over several lines."""
    count = 1
    feeds = begun = False
    while i < end and count < _SPELLED_DIGITS:
        point, i = _decoded(values, i)
        sign = signs[plain[point] or point]
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
