# ruff: noqa: ANN001, ANN201, ANN202
"""Train the model of persons: logistic regression over hashed signs of candidates, in whole numbers.

    uv pip install --no-deps --target DIR konlpy==0.6.0      (for the word lists of Open Korean Text, Apache-2.0)
    python benchmarks/pii_persons_train.py --okt DIR/konlpy/java/open-korean-text-2.1.0.jar

Trained on the development halves of pii_split.py, our development cases and invented texts; counted on the
handed corpora. What a string is taken for in unlabelled reviews (`prior`) is learned twice over halves of
the labelled texts, so that no text is scored with what was learned from it. The same inputs give the same
bytes. Writes pipelines/stages/pii/person_model.npz and prints its digest, and figures for development texts
of a model that has not seen a quarter of them.
"""

from __future__ import annotations

import argparse
import random
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from pii_persons_data import (
    FILES,
    ROOT,
    Text,
    cases,
    char_kinds,
    context_table,
    corpora,
    count_table,
    edges,
    full_names,
    labelled,
    lexicon_table,
    okt_lists,
    points_of,
    shape_table,
)
from pii_persons_invented import Inventor, invented, renamed

from pipelines.stages.pii.person_kernels import (
    COUNT_BITS,
    MAX_SIGNS,
    WEIGHT_BITS,
    hash_of,
    propose,
    slot,
    tokens_of,
)
from pipelines.stages.pii.person_signs import score_rows, signs_of

SCALE = 16.0  # a weight of 1 is this many steps


class Examples(NamedTuple):
    """Candidates with their signs: (n, MAX_SIGNS) places, how many, whether a name, and how much it counts."""

    signs: np.ndarray
    sizes: np.ndarray
    names: np.ndarray
    weights: np.ndarray


@njit(cache=True)
def collect(points, begin, end, char_kinds, tables, spans, signs, most):
    """Training: every candidate of a text with its signs; how many they are."""
    out = np.empty((3, end - begin + 1), np.int32)
    count = tokens_of(points, begin, end, char_kinds, out)
    keys, kinds, counts, lexicon, prior, shape = tables
    found = np.empty((64, 4), np.int64)
    ctx = np.zeros((end - begin + 2, 5), np.int64)
    buf = np.empty(MAX_SIGNS, np.int64)
    n = 0
    for i in range(count):
        for c in range(propose(points, out, count, i, keys, kinds, counts, lexicon, prior, shape, found)):
            if n >= most:
                return n
            size = signs_of(
                points,
                out,
                count,
                i,
                found[c, 0],
                found[c, 1],
                found[c, 2],
                found[c, 3],
                keys,
                kinds,
                counts,
                lexicon,
                prior,
                shape,
                buf,
                ctx,
            )
            spans[n, 0] = out[0, i]
            spans[n, 1] = found[c, 1]
            spans[n, 2] = found[c, 2]
            spans[n, 3] = size
            for k in range(size):
                signs[n, k] = buf[k]
            n += 1
    return n


def examples(texts: list[Text], kinds: np.ndarray, tables: tuple, weight: float = 1.0) -> Examples:
    """All candidates of the texts; those that touch a neutral span are left out."""
    spans = np.empty((40_000, 4), np.int64)
    signs = np.empty((40_000, MAX_SIGNS), np.int32)
    every, sizes, names = [], [], []
    for one in texts:
        points = points_of(one.text)
        n = collect(points, 0, len(points), kinds, tables, spans, signs, len(spans))
        gold = set(one.persons)
        is_name = np.fromiter(((int(a), int(b)) in gold for a, b in spans[:n, :2]), bool, n)
        keep = np.ones(n, bool)
        for s, e in one.neutral:
            keep &= ~((spans[:n, 0] < e) & (spans[:n, 1] > s)) | is_name
        every.append(signs[:n][keep].copy())
        sizes.append(spans[:n, 3][keep].astype(np.int32))
        names.append(is_name[keep])
    total = sum(map(len, sizes))
    return Examples(
        np.concatenate(every),
        np.concatenate(sizes),
        np.concatenate(names),
        np.full(total, weight, np.float32),
    )


def joined(parts: list[Examples]) -> Examples:
    """One after the other."""
    return Examples(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@njit(cache=True)
def _pass(signs, sizes, names, amounts, order, w, g, rate, decay, drop, seed):
    loss = 0.0
    np.random.seed(seed)
    on = np.ones(MAX_SIGNS, np.bool_)
    for at in order:
        total = 0.0
        for k in range(sizes[at]):
            on[k] = np.random.random() >= drop
            if on[k]:
                total += w[signs[at, k]]
        total /= 1.0 - drop
        y = 1.0 if names[at] else 0.0
        p = 1.0 / (1.0 + np.exp(-total))
        d = (p - y) * amounts[at]
        loss += -np.log(max(1e-9, p if names[at] else 1 - p)) * amounts[at]
        if abs(d) < 1e-3:
            continue
        for k in range(sizes[at]):
            if not on[k]:
                continue
            f = signs[at, k]
            s = d + decay * w[f]
            g[f] += s * s
            w[f] -= rate * s / np.sqrt(g[f] + 1e-1)
    return loss


def fit(
    data: Examples,
    *,
    epochs: int = 8,
    seed: int = 1,
    rate: float = 0.12,
    decay: float = 2e-3,
    drop: float = 0.3,
) -> np.ndarray:
    """float64 weights by AdaGrad; the same data and seed give the same bytes."""
    w, g = np.zeros(1 << WEIGHT_BITS), np.zeros(1 << WEIGHT_BITS)
    draw = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = draw.permutation(len(data.sizes))
        _pass(*data, order, w, g, rate, decay, drop, seed * 1000 + epoch)
    return w


def quantised(w: np.ndarray) -> np.ndarray:
    """int8, SCALE steps a unit."""
    return np.clip(np.round(w * SCALE), -127, 127).astype(np.int8)


def names_in(texts: list[str], kinds: np.ndarray, tables: tuple, weights: np.ndarray, least: int):
    """(row, start, end) and sums of the names found."""
    points = np.concatenate([points_of(t) for t in texts]) if texts else np.zeros(0, np.int32)
    offsets = np.concatenate(([0], np.cumsum([len(t) for t in texts]))).astype(np.int64)
    room = len(points) // 2 + 16
    spans, values = np.empty((room, 3), np.int64), np.empty(room, np.int64)
    n = score_rows(points, offsets, kinds, tables, weights, least, spans, values)
    return spans[:n], values[:n]


@njit(cache=True)
def _evidence(points, offsets, char_kinds, tables, weights, hashes, chances):
    """Hash and chance of every candidate."""
    keys, kinds, counts, lexicon, prior, shape = tables
    found = np.empty((64, 4), np.int64)
    ctx = np.zeros((np.max(np.diff(offsets)) + 2, 5), np.int64)
    buf = np.empty(MAX_SIGNS, np.int64)
    out = np.empty((3, np.max(np.diff(offsets)) + 1), np.int64)
    n = 0
    for row in range(len(offsets) - 1):
        count = tokens_of(points, offsets[row], offsets[row + 1], char_kinds, out)
        ctx[: count + 1, 4] = 0
        for i in range(count):
            for c in range(propose(points, out, count, i, keys, kinds, counts, lexicon, prior, shape, found)):
                size = signs_of(
                    points,
                    out,
                    count,
                    i,
                    found[c, 0],
                    found[c, 1],
                    found[c, 2],
                    found[c, 3],
                    keys,
                    kinds,
                    counts,
                    lexicon,
                    prior,
                    shape,
                    buf,
                    ctx,
                )
                total = 0.0
                for k in range(size):
                    total += weights[buf[k]]
                hashes[n] = hash_of(points, out[0, i], found[c, 1])
                chances[n] = 1 / (1 + np.exp(-total / SCALE))
                n += 1
    return n


def prior_table(texts: list[str], kinds: np.ndarray, tables: tuple, weights: np.ndarray) -> np.ndarray:
    """uint8 by string: how often, and how surely, a first model takes it for a name in unlabelled text.

    0: seen less than twice; else 1 + 3 * level of the mean chance + level of the count.
    """
    points = np.concatenate([points_of(t) for t in texts])
    offsets = np.concatenate(([0], np.cumsum([len(t) for t in texts]))).astype(np.int64)
    hashes, chances = np.empty(len(points), np.int64), np.empty(len(points))
    n = _evidence(points, offsets, kinds, tables, weights, hashes, chances)
    keys, place = np.unique(hashes[:n], return_inverse=True)
    counts = np.bincount(place)
    mean = np.bincount(place, chances[:n]) / (counts + 0.5)
    level = np.digitize(mean, (0.03, 0.12, 0.3, 0.55))
    often = np.digitize(counts, (5, 20))
    value = np.where(counts > 1, 1 + level * 3 + often, 0).astype(np.uint8)
    kept = value > 6  # what is no name is told by the counts
    table = np.zeros(1 << (COUNT_BITS - 1), np.uint8)
    np.maximum.at(table, np.array([slot(h, COUNT_BITS - 1) for h in keys[kept]], np.int64), value[kept])
    return table


class Trainer:
    """Tables, corpora and lists, read once."""

    def __init__(self, drops: Path, okt: Path) -> None:
        lists = okt_lists(okt)
        self.corpora = corpora(drops)
        self.kinds = char_kinds()
        everything = [text for texts in self.corpora.values() for text in texts]
        counts = count_table(iter(everything), self.kinds)
        some = self.corpora["manuals"] + self.corpora["comments"] + self.corpora["reviews"][::5]
        self.shape = np.vstack((shape_table(lists, iter(some)), edges()))
        self.fixed = (*context_table(), counts, lexicon_table(lists))
        given = {w.strip() for w in lists["substantives/given_names"] if len(w.strip()) == 2}
        self.given = sorted(given | {name[1:] for name in full_names(lists)})
        self.common = [
            (invented(11, self.given, 6), 0.5),
            (self.nobody({"manuals": 900_000, "guides": 400_000, "chat": 150_000}), 1.0),
        ]

    def tables(self, prior: np.ndarray | None = None) -> tuple[Any, ...]:
        """What the kernels take."""
        none = np.zeros(1 << (COUNT_BITS - 1), np.uint8)
        return (*self.fixed, none if prior is None else prior, self.shape)

    def nobody(self, amounts: dict[str, int], seed: int = 5) -> list[Text]:
        """Pieces of technical documents and chat, so many characters, taken to name nobody."""
        draw = random.Random(seed)
        found = []
        for name, amount in amounts.items():
            left = amount
            for text in draw.sample(self.corpora[name], len(self.corpora[name])):
                lines = [line for line in text.split("\n") if len(line) > 5] or [text]
                at = draw.randrange(len(lines))
                found.append(Text("nobody", "\n".join(lines[at : at + 5])[:600], ()))
                left -= len(found[-1].text)
                if left < 0:
                    break
        return found

    def data(self, news: list[Text], documents: list[Text], own: list[Text], tables: tuple) -> list[Examples]:
        """Labelled texts as they are, and with invented names."""
        invent = Inventor(3, self.given)
        parts = [(news, 1.0), (documents, 1.0), (own, 1.0), (renamed(documents, invent, 0.9), 0.3)]
        parts += [(renamed(news, invent, 0.85, 0.4), 0.5) for _ in range(4)]
        parts += [(renamed(own, invent, 0.9), 0.5) for _ in range(2)]
        return [examples(texts, self.kinds, tables, weight) for texts, weight in parts if texts]

    def train(
        self, news: list[Text], documents: list[Text], own: list[Text]
    ) -> tuple[np.ndarray, np.ndarray]:
        """int8 weights and the prior they go with."""
        unlabelled = self.corpora["reviews"] + self.corpora["comments"]
        plain = self.tables()
        common = [examples(texts, self.kinds, plain, weight) for texts, weight in self.common]

        def prior(*of: list[Text]) -> np.ndarray:
            weights = quantised(fit(joined(self.data(*of, plain) + common), epochs=6))
            return prior_table(unlabelled, self.kinds, plain, weights.astype(float))

        one = (news[::2], documents[::2], own[::2])
        two = (news[1::2], documents[1::2], own[1::2])
        whole = prior(news, documents, own)
        parts = self.data(*two, self.tables(prior(*one))) + self.data(*one, self.tables(prior(*two)))
        parts += [examples(texts, self.kinds, self.tables(whole), weight) for texts, weight in self.common]
        return quantised(fit(joined(parts), epochs=10, drop=0.4)), whole

    def figures(self, texts: list[Text], weights: np.ndarray, prior: np.ndarray, least: int) -> str:
        """Precision, recall and the share of texts without persons that are hit."""
        spans, _ = names_in([t.text for t in texts], self.kinds, self.tables(prior), weights, least)
        found: list[set[tuple[int, int]]] = [set() for _ in texts]
        for row, start, end in spans.tolist():
            found[row].add((start, end))
        gold = right = said = clean = hit = 0
        for text, names in zip(texts, found, strict=True):
            real = set(text.persons)
            counted = {
                n for n in names if n in real or not any(n[0] < e and s < n[1] for s, e in text.neutral)
            }
            gold, right, said = gold + len(real), right + len(counted & real), said + len(counted)
            clean, hit = clean + (not real), hit + (not real and bool(counted))
        return (
            f"{right / max(1, said):.3f} / {right / max(1, gold):.3f} ({gold} names; {hit}/{clean} clean hit)"
        )


def main() -> None:
    """Trains, measures, writes."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--drops", type=Path, default=ROOT.parent / "shared" / "data")
    asked.add_argument("--okt", type=Path, required=True)
    asked.add_argument("--out", type=Path, default=ROOT / "pipelines" / "stages" / "pii" / "person_model.npz")
    asked.add_argument(
        "--figures", action="store_true", help="also train without every fourth text, and score it"
    )
    given = asked.parse_args()
    trainer = Trainer(given.drops, given.okt)
    news, documents, english = (labelled(given.drops / "pii", file) for file in FILES)
    sets = [news, documents + english, cases()]
    if given.figures:
        weights, prior = trainer.train(*([t for at, t in enumerate(s) if at % 4] for s in sets))
        quarter = [[t for at, t in enumerate(s) if at % 4 == 0] for s in sets]
        for least in (-40, -32, -28, -24, -20, -16, -12, -8, 0):
            said = [trainer.figures(texts, weights, prior, least) for texts in quarter]
            print(f"from {least}: news {said[0]}; documents {said[1]}; cases {said[2]}", flush=True)
    weights, prior = trainer.train(*sets)
    keys = dict(zip(("counts", "lexicon", "prior", "shape"), trainer.tables(prior)[2:], strict=True))
    with given.out.open("wb") as out:
        np.savez_compressed(out, weights=weights, **(keys | {"shape": keys["shape"][:6]}))
    content = given.out.read_bytes()
    print(f"{len(content):,} bytes, sha256 {sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
