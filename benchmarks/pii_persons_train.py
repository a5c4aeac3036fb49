"""Train the model of persons: logistic regression over hashed signs of candidates, in whole numbers.

    python benchmarks/pii_persons_train.py               writes pipelines/stages/pii/person_model.npz
    python benchmarks/pii_persons_train.py --figures     four-fold figures on development texts first
    ... --without-klue                                   leaves the CC BY-SA sentences out

Trained on the development halves of pii_split.py, our development cases, texts written for it
(pii_persons_texts), invented ones, and on reviews, comments and sentences of news that a dictionary and a tagger
label where both are sure; what they leave open, a first model without KLUE's names decides. Every name is
replaced by an invented one first. Dictionary and tagger (pii_persons_tagged.py) are installed by name, at fixed
versions, into an environment under the system's temporary directory. What words are common is counted on the
handed corpora, without what may be a name there. The same inputs give the same bytes; about ten minutes of one
core. pipelines/stages/pii/person_model.LICENSE.md says what comes from where.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import sha256
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
    runs_of,
    shape_table,
    with_runs,
    word_table,
    written,
)
from pii_persons_dictionary import Dictionary, pair_tables, read_dictionary, syllable_units
from pii_persons_fit import Examples, fit, joined, quantised
from pii_persons_invented import Inventor, invented, renamed
from pii_persons_tagged import environment, judged, tagged

from pipelines.kernels import njit
from pipelines.stages.pii.person_kernels import FULL, propose
from pipelines.stages.pii.person_scores import score_rows
from pipelines.stages.pii.person_signs import MAX_SIGNS, foreign_sound, signs_of
from pipelines.stages.pii.person_text_kernels import (
    FIRST,
    WORD_BITS,
    Integer,
    Ints,
    Points,
    Tables,
    tokens_of,
)
from pipelines.stages.pii.persons import MEMORY, hash_text, points_of, tables

PART_BEARERS = 5  # a part of transliterated names that fewer people bear is not in the table
RARELY, OFTEN = 0.03, 0.25  # shares of a string's places
SURELY, SURELY_NONE = 20, -40  # sums of the first model


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
                points,
                out,
                count,
                i,
                found[c],
                t.words,
                t.keys,
                t.kinds,
                t.shape,
                t.units,
                t.pairs,
                buf,
                ctx,
                NONE,
                0,
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


def sums_of(spans: Ints, signs: Points, weights: npt.NDArray[np.int8]) -> list[int]:
    """The sum of weights of each candidate."""
    inside = np.arange(MAX_SIGNS)[None, :] < spans[:, 2][:, None]
    return np.where(inside, weights.astype(np.int64)[np.where(inside, signs, 0)], 0).sum(axis=1).tolist()  # type: ignore[no-any-return]


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
            if kind == FULL and end - start == 3 and _given_pair(points, start, t) >= 4:
                shaped.add(value)
        names, unsure = judged(text, [(s, e) for s, e, _, _ in spans.tolist()], tokens, known)
        if len(text) < 600:
            labelled_texts.append(Text("tagged", text, tuple(sorted(names)), tuple(unsure)))
    found = [
        value
        for value, count in seen.items()
        if value not in known.words
        and value not in known.places
        and proper[value] > count * (RARELY if value in known.names or value in shaped else OFTEN)
    ]
    return Reading(np.array(sorted(hash_text(value) for value in found), np.int64), labelled_texts)


def _given_pair(points: Points, start: int, t: Tables) -> int:
    """How much the second and third syllable speak for a given name, in quarters of a nat."""
    one, two = t.units[points[start + 1] - FIRST], t.units[points[start + 2] - FIRST]
    return int(t.pairs[1, one, two])


class Trainer:
    """Corpora and tables, read once; then models of them."""

    def __init__(self, drops: Path, known: Dictionary, tags: Callable[[list[str]], Any]) -> None:
        self.corpora = corpora(drops)
        self.known = known
        some = self.corpora["manuals"] + self.corpora["comments"] + self.corpora["reviews"][::5]
        self.shape = shape_table(some)
        self.units = syllable_units(known)
        runs = runs_of(some)
        self.pairs = pair_tables(known, self.units, [run for run in runs if run not in known.names])
        everything = [text for texts in self.corpora.values() for text in texts]
        self.plain = self._tables(np.zeros(1 << WORD_BITS, np.uint32))
        self.counts = counts_of(everything, self.plain)
        sober = counts_of(self.corpora["manuals"] + self.corpora["guides"], self.plain)
        self.technical = sober.hashes[sober.often >= 8]  # words, whatever else takes them for names
        self.nouns = [word for word in sorted(known.words | known.places) if self._like_a_name(word)]
        self.places = [word for word in self.nouns if word in known.places]
        self.parts = sorted(
            part
            for part, count in known.parts.items()
            if count >= (PART_BEARERS if part not in known.words else 4 * PART_BEARERS)
            and 2 <= len(part) <= 6
        )
        self.unnamed = [
            (invented(11, 6, known), 0.5),
            (self.nobody({"manuals": 900_000, "guides": 400_000, "chat": 250_000}), 1.0),
        ]
        inventor = Inventor(21, known)
        self.unnamed += [(renamed(written(), inventor), 1.0), (renamed(written(), inventor, 0.3), 0.5)]
        unlabelled = self.corpora["news"] + self.corpora["comments"] + self.corpora["reviews"]
        self.reading = read(unlabelled, tags(unlabelled), self.plain, known)
        self.t = self.tables(self.reading.names)
        teacher = quantised(fit(joined(self.unsupervised(25_000)), epochs=4, drop=0.4, seed=2))
        self.reading = self.reading._replace(
            texts=[self.resolved(one, teacher) for one in self.reading.texts]
        )
        self.others = self.unsupervised(40_000)

    def _tables(self, words: npt.NDArray[np.uint32]) -> Tables:
        return tables(words, self.shape, self.units, self.pairs)

    def _like_a_name(self, word: str) -> bool:
        """Whether a word has a form and syllables that a name could have: others need not be known."""
        if not 2 <= len(word) <= 5:
            return False
        if len(word) == 2:
            return True
        points = points_of(word)
        if (
            len(word) == 3
            and self.shape[0, points[0] - FIRST] > 0
            and _given_pair(points, 0, self.plain) > -8
        ):
            return True
        return int(foreign_sound(points, 0, len(word), self.units, self.pairs)) >= 12

    def tables(self, names: Ints) -> Tables:
        """Tables without what is taken for names."""
        names = np.setdiff1d(names, self.technical)
        if len(names):
            names = with_runs(names, (one for texts in self.corpora.values() for one in texts), self.plain)
        return self._tables(word_table(self.counts, names, self.nouns, self.places, self.parts))

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

    def data(self, *sets: list[Text]) -> list[Examples]:
        """Labelled texts (news, documents, our own) with invented names, in several drawings."""
        news, documents, own = sets
        invent = Inventor(3, self.known)
        parts = [(renamed(news, invent), 1.0), (renamed(documents, invent), 1.0), (renamed(own, invent), 1.0)]
        parts += [(renamed(documents, invent), 0.3)]
        parts += [(renamed(news, invent, 0.4), 0.5) for _ in range(4)]
        parts += [(renamed(own, invent), 0.7) for _ in range(3)]
        return [examples(texts, self.t, weight) for texts, weight in parts if texts]

    def resolved(self, text: Text, weights: npt.NDArray[np.int8]) -> Text:
        """A text with fewer neutral spans: a model says which of them are names and which are surely none."""
        if not text.neutral:
            return text
        points = points_of(text.text)
        n = collect(points, 0, len(points), self.t, _SPANS, _SIGNS)
        sums = dict(
            zip(map(tuple, _SPANS[:n, :2].tolist()), sums_of(_SPANS[:n], _SIGNS[:n], weights), strict=True)
        )
        persons, neutral = list(text.persons), []
        for start, end in text.neutral:
            total = sums.get((start, end), SURELY_NONE)
            if total >= SURELY and not any(start < e and s < end for s, e in persons):
                persons.append((start, end))
            elif total > SURELY_NONE:
                neutral.append((start, end))
        return text._replace(persons=tuple(sorted(persons)), neutral=tuple(neutral))

    def unsupervised(self, most: int) -> list[Examples]:
        """What does not depend on labelled texts; of tagged texts with names `most` at most."""
        parts = [examples(texts, self.t, weight) for texts, weight in self.unnamed]
        draw, invent = random.Random(7), Inventor(9, self.known)
        named = [one for one in self.reading.texts if one.persons]
        silent = [one for one in self.reading.texts if not one.persons]
        print(f"tagged: {len(named):,} texts with names, {len(silent):,} without", flush=True)
        some = draw.sample(named, min(len(named), most))
        parts.append(examples(renamed(some, invent, 0.4), self.t, 0.25))
        parts.append(examples(draw.sample(silent, min(len(silent), 20_000)), self.t, 0.25))
        return parts

    def train(self, *sets: list[Text], seed: int = 1) -> npt.NDArray[np.int8]:
        """int8 weights."""
        return quantised(fit(joined(self.data(*sets) + self.others), epochs=6, drop=0.4, seed=seed))


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


def fold_of(text: str) -> int:
    """Which of four folds a text is of."""
    return sha256(text.encode()).digest()[0] % 4


def line(rows: list[tuple[str, set[tuple[int, int]], set[tuple[int, int]]]]) -> str:
    """Recall and precision, and the share of texts without persons that are hit."""
    gold, right, said = (
        sum(map(len, part))
        for part in ([g for _, g, _ in rows], [g & f for _, g, f in rows], [f for _, _, f in rows])
    )
    clean = [bool(found) for _, real, found in rows if not real]
    return f"{right / max(1, gold):.3f} / {right / max(1, said):.3f} of {gold}, {sum(clean)}/{len(clean)} clean hit"


def figures(trainer: Trainer, sets: list[list[Text]]) -> None:
    """Prints four-fold figures on development texts; the fold of a text is a digest's."""
    found: dict[int, list[Any]] = {least: [] for least in range(-28, 16, 4)}
    for fold in range(4):
        weights = trainer.train(*([x for x in texts if fold_of(x.text) != fold] for texts in sets))
        texts = [x for texts in sets for x in texts if fold_of(x.text) == fold]
        for least in found:
            found[least] += counted(texts, trainer.t, weights, least, MEMORY)
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
    asked.add_argument("--figures", action="store_true", help="print four-fold figures first")
    asked.add_argument("--without-klue", action="store_true")
    given = asked.parse_args()
    python, dictionary = environment()
    with tempfile.TemporaryDirectory() as home:
        trainer = Trainer(
            given.drops, read_dictionary(dictionary), lambda texts: tagged(texts, python, Path(home))
        )
    news, documents, english = (labelled(given.drops / "pii", file) for file in FILES)
    sets = [[] if given.without_klue else news, documents + english, cases()]
    if given.figures:
        figures(trainer, sets)
    weights = trainer.train(*sets)
    with given.out.open("wb") as out:
        np.savez_compressed(
            out,
            weights=weights,
            words=trainer.t.words,
            shape=trainer.shape,
            units=trainer.units,
            pairs=trainer.pairs,
        )
    content = given.out.read_bytes()
    print(f"{len(content):,} bytes, sha256 {sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
