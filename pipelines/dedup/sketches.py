"""What has to be known of a document to compare it: its rank and its shingles, never its text.

Reads a split's staged documents. Writes position, doc_id, language, quality, exact,
shingles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.dedup.parts import Parts
from schemas.documents import DOC_ID

SKETCHES = pa.schema(
    [
        pa.field("position", pa.int32(), nullable=False),  # row in the split's staged file
        pa.field("doc_id", DOC_ID, nullable=False),
        pa.field("language", pa.string()),
        pa.field("quality", pa.float32(), nullable=False),
        pa.field("exact", pa.binary(16), nullable=False),
        pa.field("shingles", pa.large_list(pa.uint64()), nullable=False),  # sorted, distinct
    ]
)
Shingles = Callable[[pa.RecordBatch], pa.Array]
_COLUMNS = ["doc_id", "language", "quality", "exact", "text", "spans"]
# In the schema's metadata, as int64: the rows at which each part ends, and each batch starts.
_PARTS, _BATCHES = b"ends of parts", b"starts of batches"
_TEXT_BYTES = 4 << 20  # of the documents sketched at once: their shingles take up to eight times as much


def write_sketches(staged: Path, parts: Parts, *, split: int, shingles: Shingles, path: Path) -> None:
    """Write SKETCHES of the split's documents that lie in a shared bucket (Arrow IPC file).

    `staged` is an Arrow IPC file of STAGED; `shingles` gives each row's sorted distinct shingle hashes as a
    list<uint64>. The documents of a part lie together, in file order, so that a part maps what is its own;
    a batch has those of many parts, as they may be few.
    """
    positions, part = parts.members(split)
    with pa.memory_map(str(staged)) as source:
        rows = _Rows(pa.ipc.open_file(source))
        bounds = _pieces(rows.lengths[positions])
        last = np.searchsorted(part, np.arange(parts.count), side="right")
        index = {_PARTS: last.astype("<i8").tobytes(), _BATCHES: bounds[:-1].astype("<i8").tobytes()}
        schema = SKETCHES.with_metadata(index)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for start, end in pairwise(bounds.tolist()):
                piece = positions[start:end]
                chosen = rows.take(piece)
                columns = [
                    pa.array(piece),
                    chosen["doc_id"],
                    chosen["language"],
                    chosen["quality"],
                    chosen["exact"],
                    shingles(chosen).cast(SKETCHES.field("shingles").type),
                ]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def batches_of_part(reader: pa.RecordBatchFileReader, part: int) -> Iterator[pa.RecordBatch]:
    """The rows of a part in a file of `write_sketches`."""
    metadata = reader.schema.metadata
    ends, starts = (np.frombuffer(metadata[name], "<i8") for name in (_PARTS, _BATCHES))
    first, end = int(ends[part - 1]) if part else 0, int(ends[part])
    while first < end:
        index = int(np.searchsorted(starts, first, side="right")) - 1
        batch = reader.get_batch(index).slice(first - int(starts[index]), end - first)
        yield batch
        first += len(batch)


class _Batch(NamedTuple):
    first: int  # row of the file
    rows: pa.RecordBatch


class _Rows:
    """The rows of a mapped file of STAGED, whatever batch they lie in."""

    def __init__(self, reader: pa.RecordBatchFileReader) -> None:
        self.batches: list[_Batch] = []
        lengths, first = [np.empty(0, np.int64)], 0
        for index in range(reader.num_record_batches):
            batch = reader.get_batch(index).select(_COLUMNS)
            self.batches.append(_Batch(first, batch))
            text = batch["text"]
            offsets = np.frombuffer(text.buffers()[1], np.int32)[text.offset : text.offset + len(text) + 1]
            lengths.append(np.diff(offsets).astype(np.int64))
            first += len(batch)
        self.starts = np.array([batch.first for batch in self.batches], np.int64)
        self.lengths = np.concatenate(lengths)  # bytes of each text

    def take(self, rows: NDArray[np.int32]) -> pa.RecordBatch:
        """The rows, in the order given."""
        if len(rows) == 1:  # as it lies in the file: it may be a text of a gigabyte
            batch = self.batches[int(np.searchsorted(self.starts, rows[0], side="right")) - 1]
            return batch.rows.slice(int(rows[0]) - batch.first, 1)
        order = np.argsort(rows)
        ordered = rows[order]
        bounds = [*np.searchsorted(ordered, self.starts).tolist(), len(rows)]
        found = [
            batch.rows.take(pa.array(ordered[start:end] - np.int32(batch.first)))
            for batch, start, end in zip(self.batches, bounds, bounds[1:], strict=False)
            if end > start
        ]
        whole = found[0] if len(found) == 1 else pa.concat_batches(found)
        if (order[1:] > order[:-1]).all():
            return whole
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        return whole.take(pa.array(places))


def _pieces(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, and where pieces of about _TEXT_BYTES end, at least a row each; a longer text is one by itself."""
    if not len(lengths):
        return np.zeros(1, np.int64)
    filled = np.cumsum(lengths) // _TEXT_BYTES
    long = lengths > _TEXT_BYTES
    inner = np.flatnonzero((np.diff(filled) != 0) | long[:-1] | long[1:]) + 1
    return np.concatenate([[0], inner, [len(lengths)]])
