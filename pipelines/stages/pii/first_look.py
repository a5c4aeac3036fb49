"""The gate's automaton: one pass over the bytes of a column that names the lines to look at, and for what.

Aho and Corasick's automaton (CACM 18(6), 1975) over the UTF-8 bytes, as one table, of all words that a
detector says its findings stand with; beside it digits are counted: in the line, and in a row with nothing
but joints between. What a line has decides which detectors look at it; lines that fold are for all. Why not
RE2: Arrow compiles an expression for every batch, and the union of all detectors has too many states for it.
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
    CONTINUED,
    DIGIT,
    FOLDS,
    JOINT,
    LEAD,
    LINE_FEED,
    LONG,
    MARK,
    MOST,
    POINT,
    SIGNS,
    SPELLED,
    ZERO,
    scan,
    states,
)

# What may stand between the digits of one number, after folding; the points in the middle (·, ・) count as
# joints byte by byte: their bytes are those of other characters too, and more passes.
JOINTS = "-_.~()[] \t·・"
_ZEROS, _ONES = "0oO공영ㅇ零〇○⓪", "1lIi|일ㅣ一①イ"  # as people write them in 010, one character each
_SIGNS = "23456789이삼사오육륙칠팔구二三四五六七八九②③④⑤⑥⑦⑧⑨ニ"
_BLANKS = " \t-._·•♥♡❤★☆ㅡ~/*+^="
_SPELLED_WORDS = ("ゼロ", "cero", "zero")
FREE_BITS = 59  # CROSSING and above are the kernels'
_AT_ONCE = 1 << 14  # lines


class Automaton(NamedTuple):
    """A state's successors by symbol, and what has been read when it is reached."""

    symbols: NDArray[np.uint8]  # by byte
    successors: NDArray[np.int32]  # state * width + symbol: successor * width
    outputs: NDArray[np.int64]  # bits, of the last states; the others say nothing
    width: int


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
        words += [(character, FOLDS) for character in FOLDABLE_CHARACTERS if character not in PLAIN]
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
        self.kinds = _kinds()
        self.plain = np.zeros(1 << 16, np.uint8)
        for character, stand_in in PLAIN.items():
            self.plain[ord(character)] = ord(stand_in)
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
                self.kinds,
                self.signs,
                self.plain,
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

    A byte is read as its symbol: Latin letters in lower case, "0" for every digit; bytes that no word holds
    are one symbol.
    """
    spelt = [word.encode() for word, _ in words]
    used = sorted(set(b"".join(spelt)))
    symbols = np.zeros(256, np.uint8)
    symbols[used] = np.arange(1, len(used) + 1)
    symbols[ord("A") : ord("Z") + 1] = symbols[ord("a") : ord("z") + 1]
    symbols[ord("0") : ord("9") + 1] = symbols[ord("0")]
    letters = symbols[np.frombuffer(b"".join(spelt), np.uint8)]
    ends = np.cumsum([len(word) for word in spelt])
    width = len(used) + 1
    return Automaton(symbols, *states(letters, ends, np.array([bits for _, bits in words]), width), width)


def _kinds() -> NDArray[np.uint8]:
    """uint8 bits of what a byte is, for counting."""
    kinds = np.zeros(256, np.uint8)
    for byte in JOINTS.encode():
        kinds[byte] |= JOINT
    kinds[0x80:0xC0] |= CONTINUED
    for character in PLAIN:
        kinds[character.encode()[0]] |= LEAD
    kinds[ord("0") : ord("9") + 1] |= DIGIT
    for byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        kinds[byte] |= LONG
    kinds[ord("\n")] |= LINE_FEED
    kinds[ord(".")] |= POINT
    for byte in b":-.":
        kinds[byte] |= MARK
    return kinds


def _signs() -> NDArray[np.uint8]:
    """uint8 by code point of the first plane: what a character is in a number that is spelled out."""
    signs = np.zeros(1 << 16, np.uint8)
    for kind, characters in zip(SIGNS, (_ZEROS, _ONES, _SIGNS, _BLANKS, "\n"), strict=True):
        for character in characters:
            signs[ord(character)] |= kind
    return signs
