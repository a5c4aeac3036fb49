"""What has to be known of a document to compare it: its rank and its shingles, never its text.

Reads a split's staged documents. Writes position, doc_id, language, quality, exact,
shingles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.documents import DOC_ID

SKETCHES = pa.schema(
    [
        pa.field("position", pa.int32(), nullable=False),  # row in the split's staged file, ascending
        pa.field("doc_id", DOC_ID, nullable=False),
        pa.field("language", pa.string()),
        pa.field("quality", pa.float32(), nullable=False),
        pa.field("exact", pa.binary(16), nullable=False),
        pa.field("shingles", pa.large_list(pa.uint64()), nullable=False),  # sorted, distinct
    ]
)
Shingles = Callable[[pa.RecordBatch], pa.Array]
_TEXT_BYTES = 4 << 20  # of the documents sketched at once: their shingles take up to eight times as much


def write_sketches(
    staged: Path, shared: Sequence[Path], *, split: int, shingles: Shingles, path: Path
) -> None:
    """Write SKETCHES of the split's documents that lie in a shared bucket, in file order (Arrow IPC file).

    `staged` is an Arrow IPC file of STAGED; `shared` are the files of `find_shared_buckets`, of all
    partitions; `shingles` gives each row's sorted distinct shingle hashes as a list<uint64>.
    """
    positions = _positions(shared, split)
    with (
        pa.memory_map(str(staged)) as source,
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_file(sink, SKETCHES) as writer,
    ):
        reader = pa.ipc.open_file(source)
        first = 0
        for index in range(reader.num_record_batches):
            batch = reader.get_batch(index)
            start, end = np.searchsorted(positions, [first, first + len(batch)])
            rows = positions[start:end]
            for piece in _pieces(batch["text"], rows - first):
                chosen = batch.take(pa.array(piece))
                columns = [
                    pa.array((piece + first).astype(np.int32)),
                    chosen["doc_id"],
                    chosen["language"],
                    chosen["quality"],
                    chosen["exact"],
                    shingles(chosen).cast(SKETCHES.field("shingles").type),
                ]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=SKETCHES))
            first += len(batch)


def _positions(shared: Sequence[Path], split: int) -> NDArray[np.int64]:
    """The positions of one split's documents in shared buckets, ascending, each once."""
    found = [np.empty(0, np.int32)]
    for file in shared:
        with pa.memory_map(str(file)) as source:
            rows = pa.ipc.open_file(source).get_batch(0)
            found.append(np.unique(rows["position"].to_numpy()[rows["split"].to_numpy() == split]))
    return np.unique(np.concatenate(found)).astype(np.int64)


def _pieces(text: pa.Array, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The rows in pieces of about _TEXT_BYTES of text each, at least one row a piece."""
    if len(rows) == 0:
        return
    lengths = np.diff(np.frombuffer(text.buffers()[1], np.int32)[text.offset : text.offset + len(text) + 1])
    filled = np.cumsum(lengths[rows], dtype=np.int64) // _TEXT_BYTES
    yield from np.split(rows, np.flatnonzero(np.diff(filled)) + 1)
