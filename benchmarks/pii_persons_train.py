"""Train the model of persons: logistic regression over hashed signs of candidates, in whole numbers.

    python benchmarks/pii_persons_train.py               writes pipelines/stages/pii/person_model.npz
    python benchmarks/pii_persons_train.py --figures     four-fold figures on development texts, writes nothing
    ... --without-klue                                   leaves the CC BY-SA sentences out

Trained on the development halves of pii_split.py, our development cases and invented texts; every name in
them is replaced by an invented one first. What words are common is counted on the handed corpora, without
what a first model takes for names there: no table of the model tells whether somebody was in any text. The
same inputs give the same bytes. pipelines/stages/pii/person_model.LICENSE.md says what comes from where.
"""

from __future__ import annotations

import argparse
import random
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pii_persons_data import (
    FILES,
    ROOT,
    Text,
    cases,
    corpora,
    counts_of,
    labelled,
    shape_table,
    with_runs,
    word_table,
)
from pii_persons_fit import SCALE, Examples, fit, joined, quantised
from pii_persons_invented import Inventor, invented, renamed

from pipelines.kernels import njit
from pipelines.stages.pii.person_kernels import FULL, propose
from pipelines.stages.pii.person_scores import score_rows
from pipelines.stages.pii.person_signs import MAX_SIGNS, signs_of
from pipelines.stages.pii.person_text_kernels import (
    FIRST,
    WORD_BITS,
    Integer,
    Ints,
    Points,
    Tables,
    hash_of,
    tokens_of,
)
from pipelines.stages.pii.persons import points_of, tables

TAKEN, TAKEN_FULL = (
    0.25,
    0.05,
)  # from this mean chance on a string (one of a full name's form) is taken for a name


NONE = np.zeros(0, np.int8)


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
            size = signs_of(
                points, out, count, i, found[c], t.words, t.keys, t.kinds, t.shape, buf, ctx, NONE, 0
            )
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


def chances_of(spans: Ints, signs: Points, weights: npt.NDArray[np.int8]) -> npt.NDArray[Any]:
    """The chance of each candidate."""
    inside = np.arange(MAX_SIGNS)[None, :] < spans[:, 2][:, None]
    sums = np.where(inside, weights.astype(np.int64)[np.where(inside, signs, 0)], 0).sum(axis=1)
    return np.asarray(1 / (1 + np.exp(-sums / SCALE)))


class Reading(NamedTuple):
    """What a model makes of unlabelled texts: strings taken for names, and texts with sure names alone."""

    names: Ints
    texts: list[Text]


def read(texts: list[str], t: Tables, weights: npt.NDArray[np.int8]) -> Reading:
    """Reads texts with a first model. Sure: every candidate's chance is under 0.06 or over 0.6."""
    hashes, chances, full, sure = [], [], [], []
    for text in texts:
        points = points_of(text)
        n = collect(points, 0, len(points), t, _SPANS, _SIGNS)
        if not n:
            continue
        spans = _SPANS[:n]
        chance = chances_of(spans, _SIGNS[:n], weights)
        hashes += [hash_of(points, s, e) for s, e in spans[:, :2].tolist()]
        chances.append(chance)
        full.append((spans[:, 3] == FULL) & (spans[:, 1] - spans[:, 0] == 3))
        taken = [tuple(span) for span in spans[chance > 0.6][:, :2].tolist()]
        free = not ((chance >= 0.06) & (chance <= 0.6)).any()
        apart = all(one[1] <= two[0] for one, two in pairwise(taken))
        if free and apart and len(text) < 400:
            sure.append(Text("read", text, tuple((int(s), int(e)) for s, e in taken)))
    keys, place = np.unique(np.array(hashes, np.int64), return_inverse=True)
    mean = np.bincount(place, np.concatenate(chances)) / np.bincount(place)
    is_full = np.bincount(place, np.concatenate(full)) > 0
    return Reading(keys[mean > np.where(is_full, TAKEN_FULL, TAKEN)], sure)


def shaped_like_names(texts: list[str], t: Tables) -> Ints:
    """Hashes of the three-syllable strings of texts that look like a full name, whatever stands beside them."""
    found = set()
    for text in texts:
        points = points_of(text)
        n = collect(points, 0, len(points), t, _SPANS, _SIGNS)
        for s, e, _, kind in _SPANS[:n].tolist():
            if kind == FULL and e - s == 3:
                a, b = points[s + 1] - FIRST, points[s + 2] - FIRST
                if t.shape[1, a] >= 4 and t.shape[2, b] >= 4:
                    found.add(hash_of(points, s, e))
    return np.array(sorted(found), np.int64)


class Trainer:
    """Corpora and tables, read once; then models of them."""

    def __init__(self, drops: Path) -> None:
        self.corpora = corpora(drops)
        some = self.corpora["manuals"] + self.corpora["comments"] + self.corpora["reviews"][::5]
        self.shape = shape_table(some)
        everything = [text for texts in self.corpora.values() for text in texts]
        self.plain = tables(np.zeros(1 << WORD_BITS, np.uint32), self.shape)
        self.counts = counts_of(everything, self.plain)
        sober = counts_of(self.corpora["manuals"] + self.corpora["guides"], self.plain)
        self.technical = sober.hashes[sober.often >= 8]  # words, whatever a model takes them for
        self.unnamed = [
            (invented(11, 6), 0.5),
            (self.nobody({"manuals": 900_000, "guides": 400_000, "chat": 250_000}), 1.0),
        ]

    def tables(self, names: Ints) -> Tables:
        """Tables without what is taken for names."""
        names = np.setdiff1d(names, self.technical)
        if len(names):
            names = with_runs(names, (one for texts in self.corpora.values() for one in texts), self.plain)
        return tables(word_table(self.counts, names), self.shape)

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

    def data(self, t: Tables, *sets: list[Text]) -> list[Examples]:
        """Labelled texts (news, documents, our own) with invented names, in several drawings."""
        news, documents, own = sets
        invent = Inventor(3)
        parts = [(renamed(news, invent), 1.0), (renamed(documents, invent), 1.0), (renamed(own, invent), 1.0)]
        parts += [(renamed(documents, invent), 0.3)]
        parts += [(renamed(news, invent, 0.4), 0.5) for _ in range(4)]
        parts += [(renamed(own, invent), 0.7) for _ in range(3)]
        return [examples(texts, t, weight) for texts, weight in parts if texts]

    def reading(self, *sets: list[Text], rounds: int = 2) -> Reading:
        """What a model makes of the corpora; it learns from what one before it made of them."""
        t = self.tables(np.zeros(0, np.int64))
        unlabelled = self.corpora["reviews"] + self.corpora["comments"] + self.corpora["news"]
        reading = Reading(shaped_like_names(unlabelled, t), [])
        for _ in range(rounds):
            t = self.tables(reading.names)
            now = read(unlabelled, t, self.train(reading, t, *sets))
            reading = Reading(np.union1d(reading.names, now.names), now.texts)
        return reading

    def train(self, reading: Reading, t: Tables, *sets: list[Text], seed: int = 1) -> npt.NDArray[np.int8]:
        """int8 weights."""
        parts = self.data(t, *sets) + [examples(texts, t, weight) for texts, weight in self.unnamed]
        draw, invent = random.Random(7), Inventor(9)
        named = [one for one in reading.texts if one.persons]
        silent = [one for one in reading.texts if not one.persons]
        print(f"read: {len(named):,} texts with names, {len(silent):,} without", flush=True)
        if reading.texts:
            parts.append(examples(renamed(draw.sample(named, min(len(named), 15_000)), invent, 0.4), t, 0.25))
            parts.append(examples(draw.sample(silent, min(len(silent), 30_000)), t, 0.25))
        return quantised(fit(joined(parts), epochs=10, drop=0.4, seed=seed))


def counted(
    texts: list[Text], t: Tables, weights: npt.NDArray[np.int8], least: int, memory: int
) -> list[tuple[str, set[tuple[int, int]], set[tuple[int, int]]]]:
    """Identifier, gold and what is found of each text, neutral spans aside."""
    spans, _ = names_in([text.text for text in texts], t, weights, least, memory)
    found: list[set[tuple[int, int]]] = [set() for _ in texts]
    for row, start, end in spans.tolist():
        found[row].add((start, end))
    return [
        (
            text.id,
            set(text.persons),
            {
                n
                for n in names
                if n in text.persons or not any(n[0] < e and s < n[1] for s, e in text.neutral)
            },
        )
        for text, names in zip(texts, found, strict=True)
    ]


def line(rows: list[tuple[str, set[tuple[int, int]], set[tuple[int, int]]]]) -> str:
    """Recall and precision, and the share of texts without persons that are hit."""
    gold, right, said = (
        sum(map(len, part))
        for part in ([g for _, g, _ in rows], [g & f for _, g, f in rows], [f for _, _, f in rows])
    )
    clean = [bool(found) for _, real, found in rows if not real]
    return f"{right / max(1, gold):.3f} / {right / max(1, said):.3f} of {gold}, {sum(clean)}/{len(clean)} clean hit"


def figures(trainer: Trainer, reading: Reading, sets: list[list[Text]]) -> None:
    """Prints four-fold figures on development texts."""
    t = trainer.tables(reading.names)
    found: dict[int, list[Any]] = {least: [] for least in (-56, -48, -40, -32, -24, -16, -8, 0)}
    for fold in range(4):
        weights = trainer.train(reading, t, *([x for at, x in enumerate(s) if at % 4 != fold] for s in sets))
        texts = [x for s in sets for at, x in enumerate(s) if at % 4 == fold]
        for least in found:
            found[least] += counted(texts, t, weights, least, 28)
    groups = ("klue", "kopii", "presid", "persons_dialogue", "persons_news", "persons_forms", "")
    for least, left in found.items():
        rest = left
        for group in groups:
            said = [row for row in rest if row[0].startswith(group)]
            rest = [row for row in rest if not row[0].startswith(group)]
            print(f"from {least}: {group or 'other cases'} {line(said)}", flush=True)


def main() -> None:
    """Trains, measures, writes."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--drops", type=Path, default=ROOT.parent / "shared" / "data")
    asked.add_argument("--out", type=Path, default=ROOT / "pipelines" / "stages" / "pii" / "person_model.npz")
    asked.add_argument("--figures", action="store_true", help="print four-fold figures, write no model")
    asked.add_argument("--without-klue", action="store_true")
    given = asked.parse_args()
    trainer = Trainer(given.drops)
    news, documents, english = (labelled(given.drops / "pii", file) for file in FILES)
    sets = [[] if given.without_klue else news, documents + english, cases()]
    reading = trainer.reading(*sets)
    if given.figures:
        figures(trainer, reading, sets)
        return
    t = trainer.tables(reading.names)
    weights = trainer.train(reading, t, *sets)
    with given.out.open("wb") as out:
        np.savez_compressed(out, weights=weights, words=t.words, shape=trainer.shape)
    content = given.out.read_bytes()
    print(f"{len(content):,} bytes, sha256 {sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
