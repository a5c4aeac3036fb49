"""What admission looks for in the texts themselves: classes of personal data, and languages on a sample.

Personal data is looked for in every text column of every row that could be parsed. Languages are told on a
sample that a keyed digest of (file, row) chooses: the same rows in every run, and nobody can hand in a drop
that is arranged for it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.intake.quality_rules import as_text, values_at
from pipelines.stages.pii.gate import found_rows
from schemas.contract import Column, DataSet, Markup, Role
from schemas.documents import DOCUMENT
from schemas.reasons import Reason

MIN_SCORE = 0.5  # from here on a finding is more likely the real thing than not (stages.pii.detector)
SAMPLE_ROWS = 4_000  # a share of them is sure to 2 points, at 99 %
SAMPLE_PAGES = 500  # of HTML, whose text has to be taken out first: 6 points
SAMPLE_CHARACTERS = 1_000  # of a row, from its start and from its middle, as the language stage does
SAMPLE_MARKUP = 50_000  # of a page, the same
_HELD_BYTES = 8 << 20  # of whole rows
UNDETERMINED = "und"  # ISO 639-2: too few letters, or none that is told with certainty


class PersonalData(NamedTuple):
    """The classes of personal data in one column of one row (its position in the batch)."""

    position: int
    column: Column
    labels: frozenset[str]


def personal_data(table: pa.RecordBatch, data_set: DataSet) -> Iterator[PersonalData]:
    """Rows with personal data, by text column; of pages in HTML all their text, hidden or not."""
    for column in data_set.of_role(Role.TEXT):
        values, parents = values_at(table, column.path)
        texts = as_text(values)
        if data_set.markup is Markup.HTML:
            from pipelines.stages.extract import html_text

            texts = pa.array([html_text(page or "", []) for page in texts.to_pylist()], pa.string())
        by_row: dict[int, set[str]] = {}
        for place, findings in found_rows(texts, MIN_SCORE):
            found = {finding.label for finding in findings}
            if found:
                by_row.setdefault(place if parents is None else int(parents[place]), set()).update(found)
        for position, labels in by_row.items():
            yield PersonalData(position, column, frozenset(labels))


class LanguageSample:
    """The rows of one data set whose languages are told: those with the smallest keyed digests."""

    def __init__(self, data_set: DataSet, secret: bytes) -> None:
        self._data_set = data_set
        self._secret = secret
        self._size = SAMPLE_PAGES if data_set.markup is Markup.HTML else SAMPLE_ROWS
        self._length = SAMPLE_MARKUP if data_set.markup is Markup.HTML else SAMPLE_CHARACTERS
        self._texts = data_set.of_role(Role.TEXT)
        self._declared = data_set.of_role(Role.LANGUAGE)
        self._digests = np.zeros(0, np.uint64)  # of all that is held, in its order: first texts, then rows
        self._held: list[tuple[str, str | None]] = []  # (text, declared language)
        self._rows: list[pa.RecordBatch] = []  # not looked at yet: most of them leave the sample again
        self._bytes = 0  # of rows
        self._bound = np.uint64(0xFFFFFFFFFFFFFFFF)

    def add(self, path: str, table: pa.RecordBatch) -> None:
        """Rows of a file; `table` has their numbers in `row`."""
        names = self._columns(table)
        digests = _digests(self._secret, path, table["row"].to_numpy())
        chosen = np.flatnonzero(digests <= self._bound)
        if not len(chosen) or not names:
            return
        if len(chosen) > self._size:
            smallest = np.argpartition(digests[chosen], self._size)[: self._size]
            chosen = chosen[np.sort(smallest)]
        rows = table.select(names).take(pa.array(chosen))
        self._rows.append(rows)
        self._bytes += rows.nbytes
        self._digests = np.concatenate((self._digests, digests[chosen]))
        if len(self._digests) >= 2 * self._size:
            self._cut()
        if self._bytes > _HELD_BYTES:
            self._shorten()

    def counts(self) -> Counter[str]:
        """Rows of the sample by language."""
        from pipelines.stages.language import language
        from schemas.recipe import ExtractSettings, LanguageSettings

        self._shorten()
        settings = LanguageSettings()
        wanted = tuple(sorted({*settings.wanted, *self._data_set.languages}))
        texts = pa.array([text for text, _ in self._held], pa.string())
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array([bytes(16)] * len(texts), DOCUMENT.field("doc_id").type),
                pa.array(range(len(texts)), pa.int64()),
                texts,
                pa.array([declared for _, declared in self._held], pa.string()),
            ],
            schema=DOCUMENT,
        )
        counts = Counter[str | None]()
        if self._data_set.markup is Markup.HTML:
            from pipelines.stages.extract import extract

            pages = extract(batch, ExtractSettings(), self._data_set)
            counts[UNDETERMINED] = len(pages.dropped)
            batch = pages.kept
        outcome = language(batch, LanguageSettings(wanted=wanted), self._data_set)
        counts.update(outcome.kept["language"].to_pylist())
        told = outcome.dropped.select(["language", "reason"]).to_pylist()
        unsure = Reason.LANGUAGE_UNSURE
        counts.update(UNDETERMINED if row["reason"] == unsure else row["language"] for row in told)
        return Counter({name or UNDETERMINED: count for name, count in counts.items() if count})

    def _cut(self) -> None:
        """Let go what is not among the smallest."""
        if len(self._digests) <= self._size:
            return
        self._bound = np.partition(self._digests, self._size - 1)[self._size - 1]
        stays = self._digests <= self._bound
        self._digests = self._digests[stays]
        at = len(self._held)
        self._held = [one for one, kept in zip(self._held, stays[:at].tolist(), strict=True) if kept]
        left = []
        for rows in self._rows:
            left.append(rows.filter(pa.array(stays[at : at + len(rows)])))
            at += len(rows)
        self._rows = [rows for rows in left if len(rows)]
        self._bytes = sum(rows.nbytes for rows in self._rows)

    def _shorten(self) -> None:
        """Of each row keep what is looked at."""
        self._cut()
        for rows in self._rows:
            if len(self._texts) == 1 and not self._declared and pa.types.is_string(rows[0].type):
                self._held += [(self._shortened(text or ""), None) for text in rows[0].to_pylist()]
                continue
            names = rows.schema.names
            told = zip(*(column.to_pylist() for column in rows.columns), strict=True)
            self._held += [self._text(dict(zip(names, values, strict=True))) for values in told]
        self._rows, self._bytes = [], 0

    def _columns(self, table: pa.RecordBatch) -> list[str]:
        wanted = dict.fromkeys(column.path[0] for column in (*self._texts, *self._declared))
        return [name for name in wanted if name in table.schema.names]

    def _text(self, row: dict[str, Any]) -> tuple[str, str | None]:
        texts = (text for column in self._texts for text in leaves(row.get(column.path[0]), column.path[1:]))
        joined = self._data_set.join.join(text for text in texts if text)
        declared = (text for c in self._declared for text in leaves(row.get(c.path[0]), c.path[1:]))
        return self._shortened(joined), next((text for text in declared if text), None)

    def _shortened(self, text: str) -> str:
        length = self._length
        if len(text) <= 2 * length:
            return text
        middle = (len(text) - length) // 2
        return f"{text[:length]}\n{text[middle : middle + length]}"


def make_ready() -> None:
    """Load what tells languages: a fifth of a second, which another thread has while files are read."""
    from pipelines.stages.language import count_scripts
    from pipelines.stages.lid_model import predict

    count_scripts(pa.array([""]))
    predict("", 1)


def leaves(value: Any, path: Sequence[str]) -> Iterator[str]:
    """The texts at a path, through lists and objects, in order."""
    if isinstance(value, str):
        if not path:
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, path)
    elif isinstance(value, dict) and path:
        yield from leaves(value.get(path[0]), path[1:])


def _digests(secret: bytes, path: str, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele et al. 2014) of the row numbers, from a start that secret and path decide."""
    start = hashlib.blake2b(path.encode(), key=secret[:64], digest_size=8).digest()
    with np.errstate(over="ignore"):
        mixed = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(
            int.from_bytes(start, "little")
        )
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
