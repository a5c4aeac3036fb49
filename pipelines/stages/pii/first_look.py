"""The gate's automaton: one pass over a column's characters that names the lines to look at, and for what.

Aho and Corasick's automaton (automaton_kernels.py) over the characters, of all words that a detector says its
findings stand with; beside it digits are counted in the line. Where they, and words, are enough for a
detector that wants more (digits in a row with nothing but joints between, points, marks, letters), the line
is gone over again for those.
What a line has decides which detectors look at it; lines that fold are for all. Why not RE2: Arrow compiles
an expression for every batch, and the union of all detectors has too many states for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.stages.pii.automaton_kernels import PAIR, states
from pipelines.stages.pii.code_points import utf8
from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.fold import FOLDABLE_CHARACTERS, PLAIN
from pipelines.stages.pii.gate_kernels import (
    ALONE,
    CROSSING,
    DIGIT,
    ENDS,
    FOLDS,
    JOINT,
    LONG,
    MARK,
    MATHEMATICAL,
    MOST,
    NOUGHT,
    POINT,
    READ_AS,
    SIGNS,
    SPELLED,
    SPELLS,
    SYMBOL,
    scan,
)

# What may stand between the digits of one number, after folding.
JOINTS = "-_.~()[] \t·・"
_ZEROS, _ONES = "0oO공영ㅇ零〇○⓪", "1lIi|일ㅣ一①イ"  # as people write them in 010, one character each
_SIGNS = "23456789이삼사오육륙칠팔구二三四五六七八九②③④⑤⑥⑦⑧⑨ニ"
_BLANKS = " \t-._·•♥♡❤★☆ㅡ~/*+^="
_SPELLED_WORDS = ("ゼロ", "cero", "zero")
FREE_BITS = CROSSING.bit_length() - 1  # CROSSING and above are the kernels'
_AT_ONCE = 1 << 14  # lines


class Automaton(NamedTuple):
    """Characters as they are read and counted, and the automaton of the words: as the kernel takes them."""

    symbols: NDArray[np.uint16]  # by code point of the first plane, with bits of the kernel's
    kinds: NDArray[np.uint8]  # the same
    pairs: NDArray[np.uint8]
    heads: NDArray[np.int64]
    head_states: NDArray[np.int16]
    roots: NDArray[np.int16]
    keys: NDArray[np.int32]
    successors: NDArray[np.int16]
    dense: NDArray[np.int16]
    fails: NDArray[np.int16]
    outputs: NDArray[np.int64]
    depths: NDArray[np.int8]
    ascii_symbols: int
    signs: NDArray[np.uint8]


class FirstLook:
    """Which lines are for which of these detectors; bit i of a line's mask is the detector at i."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        words = [(word, 1 << bit) for bit, detector in enumerate(detectors) for word in detector.words]
        words += [(word, SPELLED) for word in _SPELLED_WORDS]
        pairs = [(bit, detector) for bit, detector in enumerate(detectors) if detector.also]
        self.also = np.zeros((len(pairs), 2), np.int64)
        for place, (bit, detector) in enumerate(pairs):
            other = 1 << len(detectors) + place
            self.also[place] = 1 << bit, other
            words += [(word, other) for word in detector.also]
        if len(detectors) + len(pairs) > FREE_BITS:
            raise ValueError(f"at most {FREE_BITS} detectors, those with a second set of words counted twice")
        words += [(_read_as(c), FOLDS) for c in FOLDABLE_CHARACTERS if c not in PLAIN]
        self.automaton = automaton(words)
        self.sets = (
            sum(1 << bit for bit, d in enumerate(detectors) if not d.words and not d.spelled),
            sum(1 << bit for bit, d in enumerate(detectors) if d.spelled and d.lines == 1),
            sum(1 << bit for bit, d in enumerate(detectors) if d.spelled and d.lines > 1),
            (1 << len(detectors)) - 1,
        )
        # Digits in a row, and between points, are digits.
        least = [(max(d.digits, d.run, d.points), d.run, d.points, d.marks, d.letters) for d in detectors]
        self.allowed = np.array(
            [
                [
                    sum(1 << bit for bit, need in enumerate(needs) if need <= count)
                    for count in range(MOST + 1)
                ]
                for needs in zip(*least, strict=True)
            ],
            np.int64,
        )

    def lines(self, texts: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """(row, start, end, mask) of every line that some detector looks at, in order; which texts fold.

        start and end in code points of its text.
        """
        values, bounds = utf8(texts)
        count = len(texts)
        folds = np.zeros(count, np.bool_)
        if not count:
            return np.zeros((0, 4), np.int64), folds
        found = np.empty((_AT_ONCE, 4), np.int64)
        parts, row, at, position = [], 0, 0, 0
        while row < count:
            row, at, position, done = scan(
                values,
                bounds,
                *self.automaton,
                self.allowed,
                self.also,
                self.sets,
                found,
                folds,
                (row, at, position),
            )
            parts.append(found[:done].copy())
        return np.concatenate(parts), folds


def automaton(words: Sequence[tuple[str, int]]) -> Automaton:
    """Of words, each with its bits.

    A character is read as its symbol: Latin letters in lower case, "0" for every digit, what folds to one
    character of ASCII as that; those that no word holds, and no number spelled out, have none.
    """
    used = sorted({character for word, _ in words for character in word})
    signs = _signs()
    others = {chr(point).lower() for point in np.flatnonzero(signs)} - {"\n"}
    places = {
        character: place for place, character in enumerate(used + sorted(others - {*used, *"123456789"}), 1)
    }
    symbols = np.zeros(1 << 16, np.int64)
    for character, place in places.items():
        symbols[ord(character)] = place
    symbols[ord("A") : ord("Z") + 1] = symbols[ord("a") : ord("z") + 1]
    symbols[ord("0") : ord("9") + 1] = symbols[ord("0")]
    for character, stand_in in PLAIN.items():
        symbols[ord(character)] = symbols[ord(stand_in)]
    letters = np.array([places[character] for word, _ in words for character in word], np.int16)
    ends = np.cumsum([len(word) for word, _ in words])
    ascii_symbols = 1 + sum(character < "\x80" for character in used)
    roots, keys, successors, dense, fails, outputs, depths, heads, head_states, pairs = states(
        letters, ends, np.array([bits for _, bits in words]), len(places) + 1, ascii_symbols
    )
    _spelled_pairs(pairs, symbols, signs)
    kinds = _kinds()
    read = symbols << SYMBOL
    read |= np.where(outputs[roots[symbols]] != 0, ALONE, 0) | np.where(signs & SIGNS[0], NOUGHT, 0)
    read[[ord(character) for character in PLAIN]] |= READ_AS
    read[ord("\n")] |= ENDS
    return Automaton(
        read.astype(np.uint16),
        kinds,
        pairs,
        heads,
        head_states,
        roots,
        keys,
        successors,
        dense,
        fails,
        outputs,
        depths,
        ascii_symbols,
        signs,
    )


def _spelled_pairs(pairs: NDArray[np.uint8], symbols: NDArray[np.int64], signs: NDArray[np.uint8]) -> None:
    """Mark the pairs with which a number spelled out may begin: a zero, and a one or a blank."""
    zero, one, _, blank, _ = SIGNS
    before, behind = (np.unique(symbols[(signs & bits) != 0]) for bits in (zero, one | blank))
    pairs[(before[:, None] << PAIR) + behind] |= SPELLS


def _read_as(character: str) -> str:
    return character if ord(character) < 1 << 16 else chr(MATHEMATICAL)


def _kinds() -> NDArray[np.uint8]:
    """uint8 by code point of the first plane: bits of what a character is, for counting."""
    kinds = np.zeros(1 << 16, np.uint8)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    for kind, characters in (
        (JOINT, JOINTS),
        (DIGIT, "0123456789"),
        (LONG, f"{letters}0123456789+/"),
        (POINT, "."),
        (MARK, ":-."),
    ):
        for character in characters:
            kinds[ord(character)] |= kind
    for character, stand_in in PLAIN.items():
        kinds[ord(character)] = kinds[ord(stand_in)]
    return kinds


def _signs() -> NDArray[np.uint8]:
    """uint8 by code point of the first plane: what a character is in a number that is spelled out."""
    signs = np.zeros(1 << 16, np.uint8)
    for kind, characters in zip(SIGNS, (_ZEROS, _ONES, _SIGNS, _BLANKS, "\n"), strict=True):
        for character in characters:
            signs[ord(character)] |= kind
    for character, stand_in in PLAIN.items():
        signs[ord(character)] = signs[ord(stand_in)]
    return signs
