"""The trainer of the model of persons: corpora, tables and examples, read once; then models of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pii_fit import Examples, fit, joined, quantised
from pii_persons_candidates import _SIGNS, _SPANS, collect, examples, given_pair, hopeless_runs, read, sums_of
from pii_persons_data import (
    LEAST_COUNT,
    Text,
    corpora,
    counts_of,
    runs_of,
    shape_table,
    with_runs,
    word_table,
    written,
)
from pii_persons_dictionary import Dictionary, pair_tables, syllable_units
from pii_persons_invented import Inventor, invented, renamed
from pii_persons_nouns import Nouns

from pipelines.stages.pii.code_points import points_of
from pipelines.stages.pii.hash_kernels import Ints
from pipelines.stages.pii.person_signs import WEIGHT_BITS, foreign_sound
from pipelines.stages.pii.person_text_kernels import FIRST, WORD_BITS, Tables
from pipelines.stages.pii.persons import tables

PART_BEARERS = 5  # a part of transliterated names that fewer people bear is not in the table
SURELY, SURELY_NONE = 20, -40  # sums of the first model
RUN_FLOOR = -32  # what a name must weigh without the words beside it in a run that corpora hold as no name


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
        teacher = quantised(
            fit(joined(self.unsupervised(25_000)), bits=WEIGHT_BITS, epochs=4, drop=0.4, seed=2)
        )
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
        if len(word) == 3 and self.shape[0, points[0] - FIRST] > 0 and given_pair(points, 0, self.plain) > -8:
            return True
        return int(foreign_sound(points, 0, len(word), self.units, self.pairs)) >= 12

    def tables(self, names: Ints, hopeless: Iterable[int] = ()) -> Tables:
        """Tables without what is taken for names."""
        names = np.setdiff1d(names, self.technical)
        if len(names):
            names = with_runs(names, (one for texts in self.corpora.values() for one in texts), self.plain)
        return self._tables(word_table(self.counts, names, self.nouns, self.places, self.parts, hopeless))

    def silenced(self, weights: npt.NDArray[np.int8]) -> Tables:
        """The tables, with whole runs marked that these weights find no name in, whatever stands beside them."""
        every = {run for texts in self.corpora.values() for run in runs_of(texts, LEAST_COUNT)}
        hopeless = hopeless_runs(points_of("\n".join(sorted(every))), self.t, weights, RUN_FLOOR)
        return self.tables(self.reading.names, hopeless.tolist())

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
        nouns = Nouns(13, self.nouns)
        other = [nouns.instead(one, 0.5) for one in some]
        parts.append(examples(renamed(other, invent, 0.4), self.t, 0.25))
        bare = [one for one in silent if one.nouns]
        for _ in range(2):
            other = [nouns.instead(one, 0.7) for one in draw.sample(bare, min(len(bare), 25_000))]
            parts.append(examples(other, self.t, 0.25))
        parts.append(examples(draw.sample(silent, min(len(silent), 20_000)), self.t, 0.25))
        return parts

    def train(self, *sets: list[Text], seed: int = 1) -> npt.NDArray[np.int8]:
        """int8 weights."""
        return quantised(
            fit(joined(self.data(*sets) + self.others), bits=WEIGHT_BITS, epochs=6, drop=0.4, seed=seed)
        )
