"""What has to be known of a document to compare it: its rank and its shingles, never its text.

Reads a split's staged documents. Writes position, doc_id, language, quality, exact,
shingles.
"""

from __future__ import annotations

from collections.abc import Callable
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
_PARTS = b"batches by part"  # in the schema's metadata: so many int32, where each part's batches end
_TEXT_BYTES = 4 << 20  # of the documents sketched at once: their shingles take up to eight times as much


def write_sketches(staged: Path, parts: Parts, *, split: int, shingles: Shingles, path: Path) -> None:
    """Write SKETCHES of the split's documents that lie in a shared bucket (Arrow IPC file).

    `staged` is an Arrow IPC file of STAGED; `shingles` gives each row's sorted distinct shingle hashes as a
    list<uint64>. The documents of a part lie together, in file order, so that a part maps what is its own.
    """
    positions, part = parts.members(split)
    with pa.memory_map(str(staged)) as source:
        rows = _Rows(pa.ipc.open_file(source))
        ends = _pieces(rows.lengths[positions], part)
        starts = np.concatenate([[0], ends])
        last = np.searchsorted(part[starts[:-1]], np.arange(parts.count), side="right")
        schema = SKETCHES.with_metadata({_PARTS: last.astype("<i4").tobytes()})
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for start, end in zip(starts, ends, strict=False):
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


def batches_of_part(reader: pa.RecordBatchFileReader, part: int) -> range:
    """The numbers of the batches of a part in a file of `write_sketches`."""
    ends = np.frombuffer(reader.schema.metadata[_PARTS], "<i4")
    return range(int(ends[part - 1]) if part else 0, int(ends[part]))


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
        """The rows, which are given in order."""
        if len(rows) == 1:  # as it lies in the file: it may be a text of a gigabyte
            batch = self.batches[int(np.searchsorted(self.starts, rows[0], side="right")) - 1]
            return batch.rows.slice(int(rows[0]) - batch.first, 1)
        bounds = [*np.searchsorted(rows, self.starts).tolist(), len(rows)]
        found = [
            batch.rows.take(pa.array(rows[start:end] - np.int32(batch.first)))
            for batch, start, end in zip(self.batches, bounds, bounds[1:], strict=False)
            if end > start
        ]
        return found[0] if len(found) == 1 else pa.concat_batches(found)


def _pieces(lengths: NDArray[np.int64], part: NDArray[np.int32]) -> NDArray[np.int64]:
    """Where pieces of about _TEXT_BYTES end, at least a row each; none has rows of two parts."""
    if not len(part):
        return np.empty(0, np.int64)
    filled = np.cumsum(lengths) // _TEXT_BYTES
    return np.append(np.flatnonzero((np.diff(filled) != 0) | (np.diff(part) != 0)) + 1, len(part))
