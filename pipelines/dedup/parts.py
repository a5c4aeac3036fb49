"""Parts of the corpus that are resolved apart: no chain of shared buckets joins two of them.

Reads key, split, position of shared buckets. Writes the same laid out by part, and position, part of each
split's documents.

Documents that no chain of buckets joins never meet, so the dominance set of all is the union of those of the
components of the bucket graph, caps of crowded buckets included. A part is some components together: what a
resolution holds in memory follows the part, not the corpus. Nothing depends on how many parts there are.

Memory: 4 bytes a staged document, and a batch of shared buckets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.dedup.candidates import SHARED_BUCKETS, mixed
from pipelines.kernels import njit

PART_DOCUMENTS = 1 << 19  # in shared buckets; at 450 bytes each in a resolution
MEMBERS = pa.schema(
    [
        pa.field("position", pa.int32(), nullable=False),
        pa.field("part", pa.int32(), nullable=False),
    ]
)
_ROOT = 3  # what is mixed into the number of a component, so that parts are unlike partitions
_AT_ONCE = 1 << 20  # documents given their part at once


@dataclass(frozen=True)
class Parts:
    """The files of `divide` in one directory."""

    directory: Path

    @property
    def count(self) -> int:
        """How many there are; at least one."""
        with pa.memory_map(str(self.directory / "buckets.arrow")) as source:
            return int(pa.ipc.open_file(source).schema.metadata[b"parts"])

    def members(self, split: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(positions, parts) of a split's documents in shared buckets, by part, then position."""
        with pa.memory_map(str(self.directory / "members.arrow")) as source:
            reader = pa.ipc.open_file(source)
            if split >= reader.num_record_batches:
                return np.empty(0, np.int32), np.empty(0, np.int32)
            batch = reader.get_batch(split)
            return batch["position"].to_numpy().copy(), batch["part"].to_numpy().copy()

    def buckets(self, part: int) -> Iterator[pa.RecordBatch]:
        """SHARED_BUCKETS of a part by key, each batch valid until the next."""
        count = self.count
        with pa.memory_map(str(self.directory / "buckets.arrow")) as source:
            reader = pa.ipc.open_file(source)
            for index in range(part, reader.num_record_batches, count):
                yield reader.get_batch(index)


def divide(shared: Sequence[Path], *, directory: Path, part_documents: int = PART_DOCUMENTS) -> Parts:
    """Write the parts of the documents in `shared`, the files of `find_shared_buckets` of all partitions.

    Parts have about `part_documents` documents each; a component that has more is in one part all the same.
    """
    rows = np.zeros(0, np.int64)
    for batch in _batches(shared):
        rows = _rows_by_split(batch["split"].to_numpy(), batch["position"].to_numpy(), rows)
    starts = np.concatenate([[0], np.cumsum(rows)])
    part = np.full(starts[-1], -1, np.int32 if starts[-1] < 1 << 31 else np.int64)
    for batch in _batches(shared):  # first, whom a document leads to: itself
        documents = starts[batch["split"].to_numpy()] + batch["position"].to_numpy()
        part[documents] = documents
    count = max(1, -(-int(np.count_nonzero(part >= 0)) // part_documents))
    if count > 1:  # few new documents on a large base are one part: nothing is joined then
        for batch in _batches(shared):
            key, split, position = (batch[name].to_numpy() for name in SHARED_BUCKETS.names)
            _join(part, key, starts[split] + position)
        _flatten(part)
    for start in range(0, len(part), _AT_ONCE):
        some = part[start : start + _AT_ONCE]
        there = some >= 0
        some[there] = mixed(some[there].astype(np.uint64), _ROOT) % np.uint64(count)
    _write_members(directory / "members.arrow", part, starts)
    schema = SHARED_BUCKETS.with_metadata({"parts": str(count)})
    with pa.ipc.new_file(str(directory / "buckets.arrow"), schema) as writer:
        for batch in _batches(shared):
            own = part[starts[batch["split"].to_numpy()] + batch["position"].to_numpy()]
            order, bounds = _grouped(own, count)
            for start, end in pairwise(bounds):
                writer.write_batch(
                    batch.take(pa.array(order[start:end])).replace_schema_metadata(schema.metadata)
                )
    return Parts(directory)


def _batches(shared: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for path in shared:
        with pa.memory_map(str(path)) as source:
            reader = pa.ipc.open_file(source)
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index)


def _write_members(path: Path, part: NDArray[np.int32], starts: NDArray[np.int64]) -> None:
    """Batch s holds the documents of split s."""
    with pa.ipc.new_file(str(path), MEMBERS) as writer:
        for start, end in pairwise(starts.tolist()):
            positions = np.flatnonzero(part[start:end] >= 0).astype(np.int32)
            own = part[start:end][positions].astype(np.int32)
            order = np.argsort(own, kind="stable")
            columns = [pa.array(positions[order]), pa.array(own[order])]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=MEMBERS))


def _grouped(part: NDArray[np.int32], count: int) -> tuple[NDArray[np.int64], list[int]]:
    """An order by part, stable, and where each part's rows begin and end in it."""
    if count == 1:
        return np.arange(len(part)), [0, len(part)]
    small = part.astype(np.uint16) if count <= 1 << 16 else part  # NumPy sorts 16 bits by radix
    bounds = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=count))])
    return np.argsort(small, kind="stable"), bounds.tolist()


def _rows_by_split(
    split: NDArray[np.int32], position: NDArray[np.int32], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """One more than the last position seen of each split."""
    if not len(split):
        return rows
    grown = np.zeros(max(len(rows), int(split.max()) + 1), np.int64)
    grown[: len(rows)] = rows
    np.maximum.at(grown, split, position + np.int64(1))
    return grown


@njit(cache=True, nogil=True, inline="always")
def _root(leads: NDArray[np.int32], document: int) -> int:
    """The document that all of a component lead to; halves the way there (Tarjan and van Leeuwen 1984)."""
    while leads[document] != document:
        leads[document] = leads[leads[document]]
        document = leads[document]
    return document


@njit(cache=True, nogil=True)
def _join(leads: NDArray[np.int32], key: NDArray[np.uint64], document: NDArray[np.int64]) -> None:
    """Join neighbours of one key; the lower number leads."""
    for i in range(len(key)):
        if i and key[i] == key[i - 1]:
            first, second = _root(leads, document[i - 1]), _root(leads, document[i])
            if first < second:
                leads[second] = first
            else:
                leads[first] = second


@njit(cache=True, nogil=True)
def _flatten(leads: NDArray[np.int32]) -> None:
    """Each document leads to its root: roots are lower, so one pass upwards is enough."""
    for document in range(len(leads)):
        if leads[document] >= 0:
            leads[document] = leads[leads[document]]
