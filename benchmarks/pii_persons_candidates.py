"""Candidates of texts with their signs, as the shipped kernels see them, and what unlabelled texts say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pii_fit import Examples
from pii_persons_data import Text
from pii_persons_dictionary import Dictionary
from pii_persons_nouns import free_nouns
from pii_persons_tagged import judged

from pipelines.kernels import njit
from pipelines.stages.pii.code_points import points_of
from pipelines.stages.pii.hash_kernels import Integer, Ints
from pipelines.stages.pii.person_kernels import FULL, propose
from pipelines.stages.pii.person_scores import score_rows
from pipelines.stages.pii.person_signs import MAX_SIGNS, signs_of
from pipelines.stages.pii.person_text_kernels import (
    FIRST,
    HANGUL,
    WHOLE,
    Points,
    Tables,
    hash_of,
    tokens_of,
)
from pipelines.stages.pii.persons import hash_text

RARELY, OFTEN = 0.03, 0.25  # shares of a string's places
NONE = np.zeros(0, np.int8)


@njit(cache=True)
def _signs(
    points: Points,
    out: Points,
    count: Integer,
    i: Integer,
    candidate: Ints,
    t: Tables,
    buf: Ints,
    ctx: Ints,
    weights: npt.NDArray[np.int8],
    floor: Integer,
) -> Integer:
    """signs_of with the tables as one."""
    words, keys, kinds, shape, units, pairs = t.words, t.keys, t.kinds, t.shape, t.units, t.pairs
    return signs_of(
        points, out, count, i, candidate, words, keys, kinds, shape, units, pairs, buf, ctx, weights, floor
    )


@njit(cache=True)
def collect(points: Points, begin: Integer, end: Integer, t: Tables, spans: Ints, signs: Points) -> Integer:
    """Every candidate of a text with its signs: spans (start, end, signs, kind); how many they are."""
    out = np.empty((3, end - begin + 1), np.int32)
    count = tokens_of(points, begin, end, t.chars, out)
    found = np.empty((64, 4), np.int64)
    ctx = np.zeros((end - begin + 2, 5), np.int64)
    buf = np.empty(MAX_SIGNS, np.int64)
    n = 0
    for i in range(count):
        for c in range(propose(points, out, count, i, t.words, t.keys, t.kinds, t.shape, found)):
            if n >= len(spans):
                return n
            size = _signs(points, out, count, i, found[c], t, buf, ctx, NONE, 0)
            spans[n, 0] = out[0, i]
            spans[n, 1] = found[c, 1]
            spans[n, 2] = size
            spans[n, 3] = found[c, 2]
            for k in range(size):
                signs[n, k] = buf[k]
            n += 1
    return n


_SPANS, _SIGNS = np.empty((40_000, 4), np.int64), np.empty((40_000, MAX_SIGNS), np.int32)


def examples(texts: list[Text], t: Tables, weight: float = 1.0) -> Examples:
    """All candidates of the texts; those that touch a neutral span are left out."""
    every, sizes, names = [], [], []
    for one in texts:
        points = points_of(one.text)
        n = collect(points, 0, len(points), t, _SPANS, _SIGNS)
        spans = _SPANS[:n]
        gold = set(one.persons)
        is_name = np.fromiter(((int(a), int(b)) in gold for a, b in spans[:, :2]), bool, n)
        keep = np.ones(n, bool)
        for s, e in one.neutral:
            keep &= ~((spans[:, 0] < e) & (spans[:, 1] > s)) | is_name
        every.append(_SIGNS[:n][keep].copy())
        sizes.append(spans[:, 2][keep].astype(np.int32))
        names.append(is_name[keep])
    total = sum(map(len, sizes))
    return Examples(
        np.concatenate(every),
        np.concatenate(sizes),
        np.concatenate(names),
        np.full(total, weight, np.float32),
    )


def names_in(
    texts: list[str], t: Tables, weights: npt.NDArray[np.int8], least: int, memory: int = 0
) -> tuple[Points, Points]:
    """(row, start, end) and sums of the names found."""
    points = np.concatenate([points_of(text + "\n") for text in texts])
    offsets = np.concatenate(([0], np.cumsum([len(text) + 1 for text in texts]))).astype(np.int64)
    room = len(points) // 2 + 16
    spans, values = np.empty((room, 3), np.int32), np.empty(room, np.int32)
    n = score_rows(points, offsets, t, weights, least, memory, spans, values)
    return spans[:n], values[:n]


def sums_of(spans: Ints, signs: Points, weights: npt.NDArray[np.int8]) -> list[int]:
    """The sum of weights of each candidate."""
    inside = np.arange(MAX_SIGNS)[None, :] < spans[:, 2][:, None]
    return np.where(inside, weights.astype(np.int64)[np.where(inside, signs, 0)], 0).sum(axis=1).tolist()  # type: ignore[no-any-return]


@njit(cache=True)
def hopeless_runs(points: Points, t: Tables, weights: npt.NDArray[np.int8], floor: Integer) -> Ints:
    """Keys of the runs, one a line, none of whose candidates weighs `floor` without the words beside it."""
    out = np.empty((3, len(points) + 1), np.int32)
    count = tokens_of(points, 0, len(points), t.chars, out)
    found = np.empty((64, 4), np.int64)
    ctx = np.zeros((count + 2, 5), np.int64)
    buf = np.empty(MAX_SIGNS, np.int64)
    keys = np.empty(count, np.int64)
    n = 0
    for i in range(count):
        if out[2, i] != HANGUL:
            continue
        hope = False
        for c in range(propose(points, out, count, i, t.words, t.keys, t.kinds, t.shape, found)):
            hope = hope or _signs(points, out, count, i, found[c], t, buf, ctx, weights, floor) > 0
        if not hope:
            keys[n] = hash_of(points, out[0, i], out[1, i]) + WHOLE
            n += 1
    return keys[:n]


class Reading(NamedTuple):
    """Unlabelled texts as dictionary and tagger label them, and hashes of the strings that may be names."""

    names: Ints
    texts: list[Text]


def read(
    texts: list[str], tags: Iterable[list[tuple[int, int, str]]], t: Tables, known: Dictionary
) -> Reading:
    """Labels texts; a string may be a name where the tagger takes a share of its places for a proper noun.

    That share is small (RARELY) for what the dictionary holds as a name or what has a full name's syllables,
    larger (OFTEN) for any other string; words of the dictionary are none.
    """
    seen: Counter[str] = Counter()
    proper: Counter[str] = Counter()
    shaped: set[str] = set()
    labelled_texts = []
    for text, tokens in zip(texts, tags, strict=True):
        points = points_of(text)
        n = collect(points, 0, len(points), t, _SPANS, _SIGNS)
        if not n:
            continue
        spans = _SPANS[:n]
        nouns = {start: tag == "NNP" for start, _, tag in tokens}
        for start, end, _, kind in spans.tolist():
            value = text[start:end]
            seen[value] += 1
            proper[value] += nouns.get(start, False)
            if kind == FULL and end - start == 3 and given_pair(points, start, t) >= 4:
                shaped.add(value)
        names, unsure = judged(text, [(s, e) for s, e, _, _ in spans.tolist()], tokens, known)
        if len(text) < 600:
            free = tuple(free_nouns(text, tokens))
            labelled_texts.append(Text("tagged", text, tuple(sorted(names)), tuple(unsure), free))
    found = [
        value
        for value, count in seen.items()
        if value not in known.words
        and value not in known.places
        and proper[value] > count * (RARELY if value in known.names or value in shaped else OFTEN)
    ]
    return Reading(np.array(sorted(hash_text(value) for value in found), np.int64), labelled_texts)


def given_pair(points: Points, start: int, t: Tables) -> int:
    """How much the second and third syllable speak for a given name, in quarters of a nat."""
    one, two = t.units[points[start + 1] - FIRST], t.units[points[start + 2] - FIRST]
    return int(t.pairs[1, one, two])
