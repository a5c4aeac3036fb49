"""Fingerprint each document, so that equal and similar texts are found without moving text.

Reads text, spans. Writes exact, bands.

What is compared is the *canonical text*: each span of personal data stands as its class (so one text with
two people's numbers is one text, before and after replacement), every run of white space is one space, and
both ends are stripped. The text is taken to be NFC, as the normalise stage leaves it.

A shingle is a run of so many code points (not bytes: one measure for Hangul and Latin), or of words between
spaces. A text of fewer is one shingle: itself, so it is alike only to its equal; every other text, however
short, is compared as a long one is.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.stages import fingerprint_kernels as kernels
from pipelines.stages.fingerprint_kernels import Spans, Texts
from schemas.contract import DataSet
from schemas.documents import STAGED, Outcome, no_drops, with_column
from schemas.errors import BuildInconsistent
from schemas.identity import DIGEST_SIZE
from schemas.recipe import FingerprintSettings, Shingles

# 2: shingles of any size, of words too, are rolled; functions from a seed nearer to theory (was: any seed).
FINGERPRINT_VERSION = 2

# Private-use code points around a span's class: no class can be mistaken for ordinary text.
CLASS_OPENS, CLASS_CLOSES = "\ue000", "\ue001"

_LONG = 1 << 24  # bytes of a text whose shingles are held at once, repeats and all


def fingerprint(batch: pa.RecordBatch, settings: FingerprintSettings, data_set: DataSet) -> Outcome:
    """Add `exact` (BLAKE2b-128 of the canonical UTF-8) and `bands` (MinHash, bands x rows functions).

    Drops nothing. The result depends on the text and its spans alone, so that documents of all partners
    can be compared; the data set is taken because every stage takes it.
    """
    canonical = canonical_texts(batch)
    bands = np.empty(len(batch) * settings.bands, np.uint64)
    family = kernels.functions(settings.bands, settings.rows)
    kernels.min_hash(canonical, settings.size, settings.shingles is Shingles.WORDS, family, bands)
    bands_field = STAGED.field("bands")
    kept = with_column(batch, STAGED.field("exact"), _exact(canonical))
    offsets = np.arange(len(batch) + 1, dtype=np.int32) * settings.bands
    kept = with_column(kept, bands_field, pa.ListArray.from_arrays(pa.array(offsets), pa.array(bands)))
    return Outcome(kept, no_drops())


def shingle_sets(batch: pa.RecordBatch, settings: FingerprintSettings) -> pa.ListArray:
    """The sorted distinct 64-bit shingle hashes of each row's canonical text: list<uint64>.

    Reads text and spans only, so it says the same of a document before and after replacement. Exact
    Jaccard similarities are taken over these sets.
    """
    canonical = canonical_texts(batch)
    if np.diff(canonical.offsets).max(initial=0) > _LONG:
        bounds = pairwise(canonical.offsets.tolist())
        sets = [_set_of_long(canonical.data[start:end], settings) for start, end in bounds]
        ends = np.cumsum([0, *map(len, sets)]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(ends), pa.array(np.concatenate(sets)))
    values, offsets = _distinct_shingles(canonical, settings)
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values))


def _distinct_shingles(
    texts: Texts, settings: FingerprintSettings
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The sorted distinct shingle hashes of each text, end to end, and their offsets."""
    values = np.empty(_code_points(texts.data) + len(texts.offsets) - 1, np.uint64)
    offsets = np.empty(len(texts.offsets), np.int64)
    kernels.shingle_hashes(texts, settings.size, settings.shingles is Shingles.WORDS, values, offsets)
    for start, end in pairwise(offsets.tolist()):
        values[start:end].sort()  # NumPy's own sort runs in SIMD; one compiled by numba would not
    return values[: kernels.keep_distinct(values, offsets)], offsets


def _set_of_long(text: NDArray[np.uint8], settings: FingerprintSettings) -> NDArray[np.uint64]:
    """The distinct shingles of a long text, piece by piece: memory follows how many there are.

    A set is put together with the one before it as soon as it is half as large, so each value is sorted
    again a logarithmic number of times.
    """
    words, start, found = settings.shingles is Shingles.WORDS, 0, list[NDArray[np.uint64]]()
    while True:
        end, following = kernels.cut(text, start, len(text), _LONG, settings.size, words)
        piece = Texts(text[start:end], np.array([0, end - start]))
        found.append(_distinct_shingles(piece, settings)[0].copy())
        start = following
        while len(found) > 1 and (start == len(text) or len(found[-2]) <= 2 * len(found[-1])):
            found.append(np.union1d(found.pop(), found.pop()))
        if start == len(text):
            return found[0]


def canonical_texts(batch: pa.RecordBatch) -> Texts:
    """The canonical text of each row.

    Raises BuildInconsistent where spans overlap, are empty, are out of order or run past their text.
    """
    if len(batch) == 0:
        return Texts(np.empty(0, np.uint8), np.zeros(1, np.int64))
    text, lists = batch["text"], batch["spans"]
    texts = Texts(
        _bytes(text.buffers()[2]),
        np.frombuffer(text.buffers()[1], np.int32)[text.offset : text.offset + len(text) + 1],
    )
    found = lists.values
    labels = pc.dictionary_encode(found.field("label"))
    encoded = [f"{CLASS_OPENS}{label}{CLASS_CLOSES}".encode() for label in labels.dictionary.to_pylist()]
    lengths = np.array([len(token) for token in encoded], np.int64)
    spans = Spans(
        offsets=lists.offsets.to_numpy(),
        starts=found.field("start").to_numpy(),
        ends=found.field("end").to_numpy(),
        labels=labels.indices.to_numpy(),
    )
    tokens = Texts(_bytes(pa.py_buffer(b"".join(encoded))), np.concatenate([[0], np.cumsum(lengths)]))
    size = int(texts.offsets[-1] - texts.offsets[0]) + int(lengths.max(initial=0)) * len(found)
    out = Texts(np.empty(size, np.uint8), np.empty(len(text) + 1, np.int64))
    faulty = kernels.write_canonical(texts, spans, tokens, out)
    if faulty >= 0:
        raise BuildInconsistent(
            f"document {batch['doc_id'][faulty].as_py().hex()}: its spans overlap, are out of order or run"
            " past its text: report this as a fault of the stage that found or replaced them"
        )
    return Texts(out.data[: out.offsets[-1]], out.offsets)


def _exact(canonical: Texts) -> pa.Array:
    """BLAKE2b-128 of each canonical text; hashlib takes one text at a time."""
    view = canonical.data.data
    digests = [
        hashlib.blake2b(view[start:end], digest_size=DIGEST_SIZE).digest()
        for start, end in pairwise(canonical.offsets.tolist())
    ]
    return pa.array(digests, pa.binary(DIGEST_SIZE))


def _bytes(buffer: pa.Buffer | None) -> NDArray[np.uint8]:
    """A buffer's bytes without copying; Arrow has no buffer where there is nothing to hold."""
    return np.frombuffer(buffer if buffer is not None else b"", np.uint8)


def _code_points(data: NDArray[np.uint8]) -> int:
    """Code points in UTF-8 bytes: all bytes but the continuations."""
    return int(np.count_nonzero((data & 0xC0) != 0x80))
