"""Find personal data. Reads text. Writes spans: what was found, in code points of the text.

Only lines that pass the gate are looked at. Detection and replacement are two steps, because the fingerprint
sees a found span as its class (DESIGN.md, section 2).
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stages.pii.evidence import PERSON, Finding
from pipelines.stages.pii.gate import ENTITIES, find_whole, found_rows
from pipelines.stages.pii.persons import merged, persons_in, standing, with_persons
from pipelines.stages.pii.policy import wanted
from schemas.contract import DataSet
from schemas.documents import SPAN, SPANS, Outcome, split_outcome, with_column
from schemas.errors import UsageError
from schemas.reasons import Reason, Stage
from schemas.recipe import PiiSettings

# 1: first form. 2: the contract decides by class (remove, surrogate, keep); absent identifiers drop the text.
# 3: 23 classes, one automaton for a gate. 4: a new model of persons, more ways to name a player, an address.
# 5: a model of persons that tells nouns of a dictionary, and asks more of two bare syllables; players
# weighed by a model; births, addresses, telephones abroad and messengers in more forms.
# 6: a model of persons that knows words of today; a sure name speaks for those beside it in a row.
PII_VERSION = 6
# A short text is never dropped for its share: "제 번호는 010-1234-5678이에요" is half a number, and wholly
# dialogue. From 200 characters on, half of a text in spans is some eight items: a list of people, no talk.
MIN_DROPPED_CHARACTERS = 200
SPANS_FIELD = pa.field("spans", SPANS, nullable=False)


def find_pii(batch: pa.RecordBatch, settings: PiiSettings, data_set: DataSet) -> Outcome:
    """Add `spans`; drop texts that hold what the contract says is absent, or more than settings.max_share.

    Raises UsageError where the settings name an entity that nothing here looks for.
    """
    unknown = sorted(set(settings.entities) - ENTITIES)
    if unknown:
        raise UsageError(
            f"pii.entities: nothing looks for {', '.join(unknown)}; choose from {', '.join(sorted(ENTITIES))}"
        )
    texts, labels = batch["text"], wanted(settings.entities, data_set)
    found = Spans(len(batch))
    reasons: list[Reason | None] = [None] * len(batch)
    details: list[str | None] = [None] * len(batch)
    rows = found_rows(texts, settings.min_score)
    if PERSON in labels:
        rows = with_persons(rows, texts, settings.min_score)
    for row, spans in rows:
        covered, classes = found.add(row, (span for span in spans if span.label in labels))
        length = pc.utf8_length(texts[row]).as_py()
        if length >= MIN_DROPPED_CHARACTERS and covered > settings.max_share * length:
            reasons[row] = Reason.TOO_MUCH_PERSONAL_DATA
            details[row] = f"{covered / length:.2f}"
        if absent := classes & set(data_set.absent_identifiers):
            reasons[row] = Reason.FORBIDDEN_IDENTIFIER
            details[row] = ", ".join(sorted(absent))
    with_spans = with_column(batch, SPANS_FIELD, found.array())
    return split_outcome(with_spans, stage=Stage.FIND_PII, reasons=reasons, details=details)


def explain_pii(text: str, settings: PiiSettings) -> list[Finding]:
    """What find_pii finds in one text, with its evidence, and without the gate."""
    findings = find_whole(text, settings.min_score)
    if PERSON in settings.entities:
        findings = merged(findings, standing(persons_in(text), text, settings.min_score))
    return [finding for finding in findings if finding.label in settings.entities]


class Spans:
    """The findings of a batch as columns: a text of nothing but telephones is no list of objects."""

    def __init__(self, rows: int) -> None:
        self.counts = np.zeros(rows, np.int64)
        self.starts, self.ends = array("i"), array("i")
        self.labels, self.scores = array("b"), array("f")
        self.names: dict[str, int] = {}

    def add(self, row: int, findings: Iterator[Finding]) -> tuple[int, set[str]]:
        """Append one row's findings (rows ascend); how many characters they cover, and their classes."""
        before = len(self.starts)
        covered, classes = 0, set()
        for start, end, label, score, _ in findings:
            self.starts.append(start)
            self.ends.append(end)
            self.labels.append(self.names.setdefault(label, len(self.names)))
            self.scores.append(score)
            covered += end - start
            classes.add(label)
        self.counts[row] = len(self.starts) - before
        return covered, classes

    def array(self) -> pa.Array:
        """SPANS, a list a row."""
        names = pa.DictionaryArray.from_arrays(
            pa.array(np.array(self.labels, np.int8)), pa.array(list(self.names), pa.string())
        )
        columns = [np.array(self.starts, np.int32), np.array(self.ends, np.int32)]
        flat = pa.StructArray.from_arrays(
            [
                *map(pa.array, columns),
                names.cast(pa.string()),
                pa.array(np.array(self.scores, np.float32)),
            ],
            fields=list(SPAN),
        )
        offsets = np.concatenate(([0], np.cumsum(self.counts))).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), flat, type=SPANS)


def entity_counts(spans: pa.Array) -> dict[str, int]:
    """How many spans of each class a column (or a part of one) holds; classes in alphabetical order."""
    counts = Counter(label for row in spans.to_pylist() for label in (span["label"] for span in row))
    return dict(sorted(counts.items()))
