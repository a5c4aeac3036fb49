"""The gate's automaton: one pass over a column's characters that names the lines to look at, and for what.

Aho and Corasick's automaton (CACM 18(6), 1975) over the characters, of all words that a detector says its
findings stand with; beside it digits are counted: in the line, and in a row with nothing but joints between.
What a line has decides which detectors look at it; lines that fold are for all. Why not RE2: Arrow compiles
an expression for every batch, and the union of all detectors has too many states for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.stages.pii.detector import Detector
from pipelines.stages.pii.fold import FOLDABLE_CHARACTERS, PLAIN
from pipelines.stages.pii.gate_kernels import (
    CROSSING,
    DIGIT,
    FOLDED,
    FOLDS,
    JOINT,
    LINE_FEED,
    LONG,
    MARK,
    MATHEMATICAL,
    MOST,
    NOUGHT,
    POINT,
    SIGNS,
    SPELLED,
    SYMBOL,
    ZERO,
    scan,
    states,
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
    """Characters' symbols and bits, and the states' successors: as the kernels take them."""

    characters: NDArray[np.int32]  # by code point of the first plane
    roots: NDArray[np.int16]
    keys: NDArray[np.int32]
    successors: NDArray[np.int16]
    dense: NDArray[np.int16]
    fails: NDArray[np.int16]
    outputs: NDArray[np.int64]
    ascii_symbols: int


class FirstLook:
    """Which lines are for which of these detectors; bit i of a line's mask is the detector at i."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        words = [(word, 1 << bit) for bit, detector in enumerate(detectors) for word in detector.words]
        words += [(sign.lower(), ZERO) for sign in _ZEROS] + [(word, SPELLED) for word in _SPELLED_WORDS]
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
        least = [(d.digits, d.run, d.points, d.marks, d.letters) for d in detectors]
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
        self.signs = _signs()

    def lines(self, texts: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """(row, start, end, mask) of every line that some detector looks at, in order; which texts fold.

        start and end in code points of its text.
        """
        texts = texts.cast(pa.large_string())
        _, offsets, data = texts.buffers()
        count = len(texts)
        folds = np.zeros(count, np.bool_)
        if not count or data is None:
            return np.zeros((0, 4), np.int64), folds
        bounds = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + count + 1]
        values = np.frombuffer(data, np.uint8)
        found = np.empty((_AT_ONCE, 4), np.int64)
        parts, row, at, position = [], 0, 0, 0
        while row < count:
            row, at, position, done = scan(
                values,
                bounds,
                *self.automaton,
                self.signs,
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
    character of ASCII as that; those that no word holds have none.
    """
    used = sorted({character for word, _ in words for character in word})
    places = {character: place for place, character in enumerate(used, 1)}
    symbols = np.zeros(1 << 16, np.int32)
    for character, place in places.items():
        symbols[ord(character)] = place
    symbols[ord("A") : ord("Z") + 1] = symbols[ord("a") : ord("z") + 1]
    symbols[ord("0") : ord("9") + 1] = symbols[ord("0")]
    for character, stand_in in PLAIN.items():
        symbols[ord(character)] = symbols[ord(stand_in)]
    characters = (symbols << SYMBOL | _kinds()).astype(np.int32)
    letters = np.array([places[character] for word, _ in words for character in word], np.int16)
    ends = np.cumsum([len(word) for word, _ in words])
    ascii_symbols = 1 + sum(character < "\x80" for character in used)
    made = states(letters, ends, np.array([bits for _, bits in words]), len(used) + 1, ascii_symbols)
    return Automaton(characters, *made, ascii_symbols)


def _read_as(character: str) -> str:
    return character if ord(character) < 1 << 16 else chr(MATHEMATICAL)


def _kinds() -> NDArray[np.int32]:
    """Bits of what a character is, for counting."""
    kinds = np.zeros(1 << 16, np.int32)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    for kind, characters in (
        (JOINT, JOINTS),
        (DIGIT, "0123456789"),
        (NOUGHT, "0"),
        (LONG, f"{letters}0123456789+/"),
        (LINE_FEED, "\n"),
        (POINT, "."),
        (MARK, ":-."),
    ):
        for character in characters:
            kinds[ord(character)] |= kind
    for character, stand_in in PLAIN.items():
        kinds[ord(character)] = kinds[ord(stand_in)] | FOLDED
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
