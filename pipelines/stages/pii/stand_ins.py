"""A text as the build left it: what stands in for personal data, known again as its class. Reads text.

Writes spans: over real findings, over our own surrogates, over the classes in brackets. The particle behind a
surrogate was written anew with it; `spellings` are the ways in which it may have stood before.
"""

from __future__ import annotations

import re
from itertools import islice, product
from typing import Any

import pyarrow as pa

from pipelines.stages.pii.evidence import PERSON, SURROGATE_SCORE, Finding
from pipelines.stages.pii.find import SPANS_FIELD, Spans
from pipelines.stages.pii.gate import ENTITIES, every_finding
from pipelines.stages.pii.invented import invented_names, is_ours
from pipelines.stages.pii.josa import agreeing
from pipelines.stages.pii.persons import persons_in
from pipelines.stages.pii.policy import placeholder, wanted
from pipelines.stages.pii.scan import standing
from schemas.contract import DataSet
from schemas.documents import SPANS, with_column
from schemas.recipe import PiiSettings

_PLACEHOLDER = re.compile("|".join(re.escape(placeholder(label)) for label in sorted(ENTITIES)))


def find_with_stand_ins(batch: pa.RecordBatch, settings: PiiSettings, data_set: DataSet) -> pa.RecordBatch:
    """The batch with `spans`; for a text or a few, as rows are worked on one by one."""
    labels = wanted(settings.entities, data_set)
    found: list[list[Finding]] = [[] for _ in range(len(batch))]
    for row, findings in every_finding(batch["text"]):
        found[row] += findings
    spans = Spans(len(batch))
    for row, text in enumerate(batch["text"].to_pylist()):
        ours = [
            Finding(match.start(), match.end(), match[0][1:-1], SURROGATE_SCORE, ())
            for match in _PLACEHOLDER.finditer(text)
        ]
        if PERSON in labels:
            ours += _names(text)
        able = [finding for finding in (*found[row], *ours) if finding.label in labels]
        spans.add(row, iter(standing(able, settings.min_score)))
    return with_column(batch, SPANS_FIELD, spans.array())


def spellings(batch: pa.RecordBatch, *, most: int) -> pa.RecordBatch:
    """The one text of a batch with its spans, in all spellings of the particles behind stand-ins.

    As it stands first; so many at most.
    """
    (row,) = batch.to_pylist()
    text, spans = row["text"], row["spans"]
    stops = [*(span["start"] for span in spans), len(text)][1:]
    choices = [_particles(text, span, stop) for span, stop in zip(spans, stops, strict=True)]
    rows = [row | _respelled(text, spans, chosen) for chosen in islice(product(*choices), most)]
    schema = batch.schema.set(batch.schema.get_field_index("spans"), pa.field("spans", SPANS))
    return pa.RecordBatch.from_pylist(rows, schema=schema)


_SOUNDS = ("가", "각", "갈")  # open, closed, and ㄹ, which some particles take for open


def _particles(text: str, span: dict[str, Any], stop: int) -> list[tuple[str, int]]:
    """What may have stood behind a span, and how long what stands there is; first as it is."""
    if span["score"] != SURROGATE_SCORE:
        return [("", 0)]
    person, end = span["label"] == PERSON, span["end"]
    given = [agreeing(text, end, stop, sound, person=person) for sound in _SOUNDS]
    return list(dict.fromkeys(((text[end : end + given[0][1]], given[0][1]), *given)))


def _respelled(
    text: str, spans: list[dict[str, Any]], particles: tuple[tuple[str, int], ...]
) -> dict[str, Any]:
    pieces: list[str] = []
    moved: list[dict[str, Any]] = []
    read = shift = 0
    for span, (particle, length) in zip(spans, particles, strict=True):
        moved.append(span | {"start": span["start"] + shift, "end": span["end"] + shift})
        pieces += (text[read : span["end"]], particle)
        read = span["end"] + length
        shift += len(particle) - length
    return {"text": "".join((*pieces, text[read:])), "spans": moved}


def _names(text: str) -> list[Finding]:
    """Names as they are found, ours among them; and ours that are not found as names."""
    names = [
        name._replace(score=SURROGATE_SCORE) if is_ours(PERSON, text, name.start, name.end) else name
        for name in persons_in(text)
    ]
    taken = [(name.start, name.end) for name in names]
    for start, end in invented_names(text):
        if not any(start < until and begin < end for begin, until in taken):
            names.append(Finding(start, end, PERSON, SURROGATE_SCORE, ()))
    return names
