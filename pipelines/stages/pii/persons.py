"""Names of people: candidates and a linear scorer, compiled, over whole columns of texts.

No gate of its own: the compiled pass over a clean text costs less than an expression that lets half of all
lines through. Rows with what can be folded (decomposed Hangul, full width, zero-width characters) are folded
first, with a map back. The model is `person_model.npz`, made by benchmarks/pii_persons_train.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.stages.pii import person_text_kernels as kernels
from pipelines.stages.pii.code_points import points_of, utf8
from pipelines.stages.pii.evidence import PERSON, Finding, probability
from pipelines.stages.pii.fold import fold
from pipelines.stages.pii.hash_kernels import Ints, hash_table
from pipelines.stages.pii.invented import is_ours
from pipelines.stages.pii.person_scores import score_rows
from pipelines.stages.pii.person_words import context_words
from schemas.errors import InputUnreadable

EVIDENCE = ("name", "words beside it")
MODEL = "person_model.npz"
MODEL_SHA256 = "e31178d809bbbb7328e65e201e0f8adadc73d8bae54d013958db92919bf706b0"
SCALE = 16.0  # steps of a weight that make one logit
LEAST = -22  # the sum of weights from which on a candidate is taken; there its score is 0.5
MEMORY = 40  # what a sure name adds to its other places in the text
PIECE = 1 << 20  # bytes looked at together; a longer text is cut at a line feed, or at 2 * PIECE


@cache
def model() -> tuple[kernels.Tables, npt.NDArray[np.int8]]:
    """The tables of the kernels, and the weights. Raises InputUnreadable where the file is another."""
    raw = files("pipelines.stages.pii").joinpath(MODEL)
    content = raw.read_bytes()
    if sha256(content).hexdigest() != MODEL_SHA256:
        raise InputUnreadable(
            f"{MODEL} is not the model this version was tested with; install the package again"
        )
    with np.load(BytesIO(content)) as arrays:
        return tables(arrays["words"], arrays["shape"], arrays["units"], arrays["pairs"]), arrays["weights"]


def tables(
    words: npt.NDArray[np.uint32], shape: kernels.Shape, units: kernels.Units, pairs: kernels.Shape
) -> kernels.Tables:
    """What the kernels take: a model's words and syllables, and what is said in person_words.py."""
    keys, kinds = context_table()
    return kernels.Tables(keys, kinds, words, np.vstack((shape, edges())), char_kinds(), units, pairs)


def char_kinds() -> npt.NDArray[np.uint8]:
    """uint8 kind of every code point of the first plane."""
    kinds = np.full(65_536, kernels.MARK, np.uint8)
    kinds[0xAC00:0xD7A4] = kernels.HANGUL
    letters = [*range(0x41, 0x5B), *range(0x61, 0x7B), *range(0xC0, 0x250)]
    kinds[[c for c in letters if chr(c).isalpha()]] = kernels.LATIN
    kinds[0x30:0x3A] = kernels.DIGITS
    kinds[0x4E00:0xA000] = kinds[0x3041:0x3097] = kinds[0x30A1:0x30FB] = kernels.HAN
    kinds[[0x3005, 0x30FC]] = kernels.HAN
    spaces = (
        9,
        11,
        12,
        13,
        32,
        0xA0,
        0xAD,
        0x1680,
        *range(0x2000, 0x2010),
        0x202F,
        0x205F,
        0x2060,
        0x3000,
        0xFEFF,
    )
    kinds[[*spaces]] = kernels.SPACE
    kinds[10] = kernels.NEWLINE
    return kinds


def hash_text(text: str) -> int:
    """The kernels' hash of a string."""
    return int(kernels.hash_of(points_of(text), 0, len(text)))


def edges() -> npt.NDArray[np.int8]:
    """By syllable: 1 where a context word begins with it, 2 where one ends so."""
    table = np.zeros((1, 11_172), np.int8)
    for word in context_words():
        for bit, syllable in ((1, word[0]), (2, word[-1])):
            if "가" <= syllable <= "힣":
                table[0, ord(syllable) - 0xAC00] |= bit
    return table


def context_table() -> tuple[Ints, npt.NDArray[np.uint8]]:
    """Context words and their kinds, as a hash table."""
    keys, kinds = hash_table({hash_text(word): kind for word, kind in context_words().items()}, 13)
    return keys, kinds.astype(np.uint8)


def find_persons(texts: pa.Array) -> Iterator[tuple[int, list[Finding]]]:
    """Rows that name somebody, ascending, with the names in order of place, disjoint."""
    return _persons(*utf8(texts))


def persons_in(text: str) -> list[Finding]:
    """The names in one text; lone surrogates are read as marks."""
    values = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    return [finding for _, found in _persons(values, np.array([0, len(values)])) for finding in found]


def standing(names: Iterable[Finding], text: str, min_score: float) -> list[Finding]:
    """The names of a text that are likely enough, without those that we invented."""
    return [
        name for name in names if name.score >= min_score and not is_ours(PERSON, text, name.start, name.end)
    ]


def merged(findings: Iterable[Finding], persons: Iterable[Finding]) -> Iterator[Finding]:
    """Both, in order of place; a name that overlaps a finding of another class is part of that."""
    waiting = deque(persons)
    last = 0
    for finding in findings:
        while waiting and waiting[0].start < finding.start:
            name = waiting.popleft()
            if last <= name.start and name.end <= finding.start:
                yield name
        last = finding.end
        yield finding
    yield from (name for name in waiting if name.start >= last)


def with_persons(
    found: Iterator[tuple[int, Iterator[Finding]]], texts: pa.Array, min_score: float
) -> Iterator[tuple[int, Iterator[Finding]]]:
    """Rows with findings of other classes, ascending, joined with the rows that name somebody."""
    persons = ((row, standing(names, texts[row].as_py(), min_score)) for row, names in find_persons(texts))
    waiting = next(persons, None)
    for row, findings in found:
        while waiting is not None and waiting[0] < row:
            yield waiting[0], iter(waiting[1])
            waiting = next(persons, None)
        if waiting is not None and waiting[0] == row:
            yield row, merged(findings, waiting[1])
            waiting = next(persons, None)
        else:
            yield row, findings
    while waiting is not None:
        yield waiting[0], iter(waiting[1])
        waiting = next(persons, None)


def _persons(values: npt.NDArray[np.uint8], offsets: Ints) -> Iterator[tuple[int, list[Finding]]]:
    before = 0  # code points of the row in earlier pieces of it
    found: list[Finding] = []
    for first, bounds, goes_on in _pieces(values, offsets):
        spans, sums, size = _score(values, bounds)
        last = first
        for (at, start, end), total in zip(spans, sums, strict=True):
            if first + at != last and found:
                yield last, found
                found = []
            last = first + at
            score = probability((total - LEAST) / SCALE)
            found.append(Finding(start + before, end + before, PERSON, score, EVIDENCE))
        before = before + size if goes_on else 0
        if found and not goes_on:
            yield last, found
            found = []


def _pieces(values: npt.NDArray[np.uint8], offsets: Ints) -> Iterator[tuple[int, Ints, bool]]:
    """Row of the first text, byte offsets, and whether a text goes on: some PIECE bytes at a time."""
    row, rows = 0, len(offsets) - 1
    while row < rows:
        stop = max(row + 1, int(np.searchsorted(offsets, offsets[row] + PIECE, side="right")) - 1)
        if stop > row + 1 or offsets[stop] - offsets[row] <= 2 * PIECE:
            yield row, offsets[row : stop + 1], False
        else:
            begin, end = int(offsets[row]), int(offsets[stop])
            while begin < end:
                cut = _cut(values, begin, end)
                yield row, np.array([begin, cut]), cut < end
                begin = cut
        row = stop


def _cut(values: npt.NDArray[np.uint8], begin: int, end: int) -> int:
    """Where a long text is cut: behind the last line feed of PIECE bytes, or between two characters."""
    if end - begin <= 2 * PIECE:
        return end
    feed = values[begin : begin + PIECE].tobytes().rfind(b"\n")
    cut = begin + (feed + 1 if feed > 0 else PIECE)
    while values[cut] & 0xC0 == 0x80:
        cut -= 1
    return cut


def _score(values: npt.NDArray[np.uint8], bounds: Ints) -> tuple[list[list[int]], list[int], int]:
    """(row, start, end) of each name, sums, and the code points of the last text."""
    known, weights = model()
    points, offsets, foldable = kernels.decode_rows(values, bounds)
    size = int(offsets[-1] - offsets[-2]) - 1
    folds = {}
    if foldable.any():
        pieces = np.split(points[: offsets[-1]], offsets[1:-1])
        for row in np.flatnonzero(foldable).tolist():
            folds[row] = fold(pieces[row].tobytes().decode("utf-32-le", "surrogatepass"))
            pieces[row] = points_of(folds[row].text)
        points = np.concatenate(pieces)
        offsets = np.concatenate(([0], np.cumsum([len(piece) for piece in pieces])))
    spans = np.empty((len(points) // 2 + 2, 3), np.int32)
    sums = np.empty(len(spans), np.int32)
    count = score_rows(points, offsets, known, weights, LEAST, MEMORY, spans, sums)
    found = spans[:count].tolist()
    for one in found:
        if one[0] in folds:
            one[1:] = folds[one[0]].span(one[1], one[2])
    return found, sums[:count].tolist(), size
