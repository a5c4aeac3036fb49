"""The automaton of the gate's words, built: states, and the heads by which a text comes to one.

In clean text nearly every letter begins some word, and next to none goes on to its fourth: so the scan goes
from pair to pair of letters (bits that it shifts, as in Baeza-Yates and Gonnet's shift-and, CACM 35(10),
1992) and enters the automaton of Aho and Corasick (CACM 18(6), 1975) only where four letters begin a word.
Words of two and three letters have entries of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.kernels import njit

# ruff: noqa: PLR0912, PLR0915 -- edges, fails and the dense table come out of one walk over the words

# What a pair of symbols can be: letters 1-2, 2-3, 3-4 of a word; 1-2, 2-3 of a word of three; a word of two.
Q1, Q2, Q3, T1, T2, TWO = (1 << bit for bit in range(6))
HEAD = 4  # letters
PAIR = 6  # bits by which the first symbol of a pair is shifted: pairs that fall together cost a look, no more
LETTER = 12  # bits of a symbol in a head's key
_FIBONACCI = 2_654_435_769  # 2**32 / golden ratio: Knuth, TAOCP 3, 6.4


@njit(cache=True, nogil=True, inline="always")
def slot_of(keys: NDArray[Any], key: int) -> int:
    """Where a key lies in a table with linear probing, or the free place for it; no key is 0."""
    mask = len(keys) - 1
    at = (key * _FIBONACCI >> 12) & mask
    while keys[at] and keys[at] != key:
        at = (at + 1) & mask
    return at


@njit(cache=True, nogil=True, inline="always")
def edge_of(keys: NDArray[np.int32], state: int, symbol: int) -> int:
    """Where the edge of a state lies in the table, or the free place for it."""
    return int(slot_of(keys, state << 16 | symbol))


@njit(cache=True)
def _heads(
    parents: NDArray[np.int16],
    by: NDArray[np.int16],
    depths: NDArray[np.int64],
    heard: NDArray[np.int64],
    symbols: int,
) -> tuple[NDArray[np.int64], NDArray[np.int16], NDArray[np.uint8]]:
    """Keys and states of what the scan looks up, and the pairs that lead there."""
    size = 1024
    while size < 4 * len(heard):
        size *= 2
    keys, states_of = np.zeros(size, np.int64), np.zeros(size, np.int16)
    pairs = np.zeros((symbols << PAIR) + symbols, np.uint8)
    for state in range(1, len(heard)):
        depth = depths[state]
        if depth < 2 or depth > HEAD or (depth < HEAD and not heard[state]):
            continue
        key, at = 0, state
        for letter in range(depth):
            key |= int(by[at]) << LETTER * letter
            at = int(parents[at])
        place = slot_of(keys, key)
        keys[place], states_of[place] = key, state
        lowest = TWO if depth == 2 else T1 if depth == 3 else Q1
        last, at = int(by[state]), int(parents[state])
        for pair in range(depth - 2, -1, -1):
            first = int(by[at])
            pairs[(first << PAIR) + last] |= lowest << pair
            last, at = first, int(parents[at])
    return keys, states_of, pairs


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
    NDArray[np.int8],
    NDArray[np.int64],
    NDArray[np.int16],
    NDArray[np.uint8],
]:
    """The automaton of words (their symbols end to end), state 0 its start.

    The start's successors; edges of all symbols as a table with linear probing (key: state and symbol), the
    successors of every state for the first `ascii_symbols` symbols, fails, what every state says, its depth;
    the heads of words with their states (a key is two to four symbols, 12 bits each), and what each pair of
    symbols can be.
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
            place = edge_of(keys, state, symbol)
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
            place = edge_of(keys, fail, symbol)
            while fail and not keys[place]:
                fail = int(fails[fail])
                place = edge_of(keys, fail, symbol)
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
        place = edge_of(keys, 0, symbol)
        roots[symbol] = values[place] if keys[place] else 0
    heads, head_states, pairs = _heads(parents, by, depths, heard[:count], symbols)
    return (
        roots,
        keys,
        values,
        dense,
        fails,
        heard[:count].copy(),
        depths[:count].astype(np.int8),
        heads,
        head_states,
        pairs,
    )
