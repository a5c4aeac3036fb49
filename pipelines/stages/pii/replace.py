"""Replace personal data. Reads doc_id, text, spans, turns. Writes text, spans and turns (of the new text).

What stands in for a value is a function of the document, the class and the order of first appearance: a value
is the same surrogate throughout its document, and nothing links two documents (DESIGN.md, section 2). Of what
the contract removes, the class stands in brackets; what it keeps stays as it is.

The particle behind a surrogate is written anew where it does not agree with how the surrogate ends (`josa`):
that, and the spans, are all of a text that changes. What stands in for a value that runs over turns belongs
to the turn it begins in; the next one has what is left behind it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stages.pii.find import SPANS_FIELD
from pipelines.stages.pii.josa import agreeing
from pipelines.stages.pii.policy import KEEP, REMOVE, action, placeholder
from pipelines.stages.pii.surrogates import Place, same_value, surrogate
from pipelines.stages.turns import Places, marks_of, points_of, with_marks
from schemas.contract import DataSet
from schemas.documents import SPANS, Outcome, no_drops, with_column
from schemas.recipe import PiiSettings

Points = npt.NDArray[np.signedinteger[Any]]


def replace_pii(batch: pa.RecordBatch, settings: PiiSettings, data_set: DataSet) -> Outcome:
    """Put in the place of every span what the contract wants there; drops nothing."""
    spans = batch["spans"]
    counts = pc.list_value_length(spans).to_numpy()
    touched = np.flatnonzero(counts)
    if not len(touched):
        return Outcome(batch, no_drops())
    flat = spans.flatten()
    starts = flat.field("start").to_numpy().copy()
    ends = flat.field("end").to_numpy().copy()
    labels = flat.field("label").to_pylist()
    actions = {label: action(label, data_set) for label in set(labels)}
    stops = np.cumsum(counts)
    texts = []
    marks = marks_of(batch)
    for row in touched.tolist():
        part = slice(int(stops[row] - counts[row]), int(stops[row]))
        old = batch["text"][row].as_py()
        given = starts[part].copy(), ends[part].copy()
        text, starts[part], ends[part], particles = _replaced(
            doc_id=batch["doc_id"][row].as_py(),
            text=old,
            starts=starts[part].tolist(),
            ends=ends[part].tolist(),
            labels=labels[part],
            actions=actions,
        )
        texts.append(text)
        places = marks.of(row)
        if len(places):
            kept = np.array([actions[label] == KEEP for label in labels[part]])
            now = starts[part], ends[part]
            places[:] = _moved(places, old, text, _Changes(*given, *now, *particles, kept))
    text_column = pc.replace_with_mask(batch["text"], pa.array(counts > 0), pa.array(texts, pa.string()))
    struct = pa.StructArray.from_arrays(
        [pa.array(starts), pa.array(ends), flat.field("label"), flat.field("score")],
        fields=list(SPANS.value_type),
    )
    offsets = pa.array(np.concatenate(([0], stops)).astype(np.int32))
    moved = pa.ListArray.from_arrays(offsets, struct, type=SPANS)
    replaced = with_column(batch, batch.schema.field("text"), text_column)
    return Outcome(with_marks(with_column(replaced, SPANS_FIELD, moved), marks.places), no_drops())


class _Changes(NamedTuple):
    """The spans of a text in order; all in code points."""

    starts: Points
    ends: Points
    new_starts: Points
    new_ends: Points
    particles: Points  # lengths of those that are written anew
    new_particles: Points
    kept: npt.NDArray[np.bool_]


def _moved(places: Places, old: str, new: str, spans: _Changes) -> Places:
    """Where bytes of the old text stand in the new one; what is inside a span stands behind its stand-in."""
    points = points_of(old).of_byte[places]
    number = np.searchsorted(spans.starts, points) - 1  # the last span that begins before it
    before, start, end = number < 0, spans.starts[number], spans.ends[number]
    behind = points - end - spans.particles[number]
    stand_in = np.where(spans.kept[number], spans.new_starts[number] + points - start, spans.new_ends[number])
    particle = spans.new_ends[number] + spans.new_particles[number]
    there = np.where(points <= end, stand_in, particle + np.maximum(behind, 0))
    found: Places = points_of(new).byte[np.where(before, points, there)].astype(np.int32)
    return found


def _replaced(
    *,
    doc_id: bytes,
    text: str,
    starts: list[int],
    ends: list[int],
    labels: list[str],
    actions: dict[str, str],
) -> tuple[str, list[int], list[int], tuple[Points, Points]]:
    """One text with what stands in for its spans, where that begins and ends, the particles' lengths."""
    pieces: list[str] = []
    new_starts: list[int] = []
    new_ends: list[int] = []
    particles: list[tuple[int, int]] = []
    places: dict[tuple[str, str], Place] = {}
    numbers: Counter[str] = Counter()
    read = written = 0
    following = [*starts[1:], len(text)]
    for start, end, label, stop in zip(starts, ends, labels, following, strict=True):
        value = text[start:end]
        particle, length = "", 0
        if actions[label] == KEEP:
            stand_in = value
        elif actions[label] == REMOVE:
            stand_in = placeholder(label)
        else:
            mention = (label, same_value(label, value))
            place = places.get(mention)
            if place is None:
                place = places[mention] = Place(doc_id, label, numbers[label])
                numbers[label] += 1
            stand_in = surrogate(place, value)
            particle, length = agreeing(text, end, stop, stand_in, person=label == "PERSON")
        pieces += (text[read:start], stand_in, particle)
        written += start - read
        new_starts.append(written)
        written += len(stand_in)
        new_ends.append(written)
        written += len(particle)
        read = end + length
        particles.append((length, len(particle)))
    pieces.append(text[read:])
    lengths = np.array(particles, np.int64)
    return "".join(pieces), new_starts, new_ends, (lengths[:, 0], lengths[:, 1])
