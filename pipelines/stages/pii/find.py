"""Find personal data. Reads text. Writes spans: what was found, in code points of the text.

Only lines that pass the gate are looked at. Detection and replacement are two steps, because the fingerprint
sees a found span as its class (DESIGN.md, section 2).
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import numpy as np
import pyarrow as pa

from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.gate import ENTITIES, find_within, passing_rows, resolve, windows
from pipelines.stages.pii.policy import wanted
from schemas.contract import DataSet
from schemas.documents import SPAN, SPANS, Outcome, split_outcome, with_column
from schemas.errors import UsageError
from schemas.reasons import Reason, Stage
from schemas.recipe import PiiSettings

# 1: first form. 2: the contract decides by class (remove, surrogate, keep); absent identifiers drop the text.
PII_VERSION = 2
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
    counts = np.zeros(len(batch), np.int64)
    found: list[Finding] = []
    reasons: list[Reason | None] = [None] * len(batch)
    details: list[str | None] = [None] * len(batch)
    rows = passing_rows(texts)
    passing = texts.take(pa.array(rows))
    for place, lines in groupby(windows(passing), key=lambda window: window.row):
        text = passing[place].as_py()
        spans = [
            finding
            for line in lines
            for finding in resolve(find_within(text, line.start, line.end), settings.min_score)
            if finding.label in labels
        ]
        counts[rows[place]] = len(spans)
        found += spans
        covered = sum(span.end - span.start for span in spans)
        if len(text) >= MIN_DROPPED_CHARACTERS and covered > settings.max_share * len(text):
            reasons[rows[place]] = Reason.TOO_MUCH_PERSONAL_DATA
            details[rows[place]] = f"{covered / len(text):.2f}"
        if absent := {span.label for span in spans} & set(data_set.absent_identifiers):
            reasons[rows[place]] = Reason.FORBIDDEN_IDENTIFIER
            details[rows[place]] = ", ".join(sorted(absent))
    with_spans = with_column(batch, SPANS_FIELD, spans_array(counts, found))
    return split_outcome(with_spans, stage=Stage.FIND_PII, reasons=reasons, details=details)


def explain_pii(text: str, settings: PiiSettings) -> list[Finding]:
    """What find_pii finds in one text, with its evidence, and without the gate."""
    findings = resolve(find_within(text, 0, len(text)), settings.min_score)
    return [finding for finding in findings if finding.label in settings.entities]


def spans_array(counts: np.ndarray, found: list[Finding]) -> pa.Array:
    """SPANS of `counts` findings a row, in order."""
    flat = pa.StructArray.from_arrays(
        [
            pa.array([finding.start for finding in found], pa.int32()),
            pa.array([finding.end for finding in found], pa.int32()),
            pa.array([finding.label for finding in found], pa.string()),
            pa.array([finding.score for finding in found], pa.float32()),
        ],
        fields=list(SPAN),
    )
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=SPANS)


def entity_counts(spans: pa.Array) -> dict[str, int]:
    """How many spans of each class a column (or a part of one) holds; classes in alphabetical order."""
    counts = Counter(label for row in spans.to_pylist() for label in (span["label"] for span in row))
    return dict(sorted(counts.items()))
