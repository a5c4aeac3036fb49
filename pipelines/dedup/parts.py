"""Parts of the corpus that are resolved apart: no chain of shared buckets joins two of them.

Reads key, split, position of shared buckets. Writes position, part of each split's documents, and by part the
documents of each bucket.

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

from pipelines.dedup.candidates import SHARED_BUCKETS
from pipelines.kernels import njit

PART_DOCUMENTS = 1 << 17  # in shared buckets: what is looked up of so many stays in a processor's cache
_MOST_PARTS = 1024  # beyond 134 million documents parts grow: each batch of shared buckets has rows of all
MEMBERS = pa.schema(
    [
        pa.field("position", pa.int32(), nullable=False),
        pa.field("part", pa.int32(), nullable=False),
    ]
)
# A row a bucket: its documents, as they are numbered in the part, in the order of (split, position).
BUCKETS = pa.schema([pa.field("documents", pa.list_(pa.int32()), nullable=False)])
Numbers = NDArray[np.int32] | NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """The files of `divide` in one directory."""

    directory: Path

    @property
    def count(self) -> int:
        """How many there are; at least one."""
        with pa.memory_map(str(self.directory / "buckets.arrow")) as source:
            return int(pa.ipc.open_file(source).schema.metadata[b"parts"])

    def documents(self, part: int) -> int:
        """How many a part has."""
        with pa.memory_map(str(self.directory / "buckets.arrow")) as source:
            metadata = pa.ipc.open_file(source).schema.metadata
        return int(np.frombuffer(metadata[b"documents"], "<i8")[part])

    def members(self, split: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(positions, parts) of a split's documents in shared buckets, by part, then position."""
        with pa.memory_map(str(self.directory / "members.arrow")) as source:
            reader = pa.ipc.open_file(source)
            if split >= reader.num_record_batches:
                return np.empty(0, np.int32), np.empty(0, np.int32)
            batch = reader.get_batch(split)
            return batch["position"].to_numpy().copy(), batch["part"].to_numpy().copy()

    def buckets(self, part: int) -> list[pa.RecordBatch]:
        """BUCKETS of a part, mapped; no bucket lies in two batches."""
        count = self.count
        with pa.memory_map(str(self.directory / "buckets.arrow")) as source:
            reader = pa.ipc.open_file(source)
            return [reader.get_batch(index) for index in range(part, reader.num_record_batches, count)]


def divide(shared: Sequence[Path], *, directory: Path, part_documents: int = PART_DOCUMENTS) -> Parts:
    """Write the parts of the documents in `shared`, the files of `find_shared_buckets` of all partitions.

    Parts have about `part_documents` documents each, more where they would be over _MOST_PARTS; a component
    that has more is in one part all the same.
    """
    rows = np.zeros(0, np.int64)
    for batch in _batches(shared):
        rows = _rows_by_split(batch["split"].to_numpy(), batch["position"].to_numpy(), rows)
    firsts = np.concatenate([[0], np.cumsum(rows)])
    # Of each staged document first the one it leads to, then its number among those in shared buckets: those
    # of a part have theirs in a row.
    numbers = np.full(firsts[-1], -1, np.int32 if firsts[-1] < 1 << 31 else np.int64)
    for batch in _batches(shared):
        _join(numbers, firsts, *(batch[name].to_numpy() for name in SHARED_BUCKETS.names))
    count = max(1, min(_MOST_PARTS, -(-_flatten(numbers) // part_documents)))
    starts: Numbers = np.zeros(count + 1, np.int64).astype(numbers.dtype)
    sizes = _sizes(numbers, count)
    np.cumsum(sizes, out=starts[1:])
    _number(numbers, starts)
    _write_members(directory / "members.arrow", numbers, firsts, starts)
    schema = BUCKETS.with_metadata({"parts": str(count), "documents": sizes.astype("<i8").tobytes()})
    with pa.ipc.new_file(str(directory / "buckets.arrow"), schema) as writer:
        for batch in _batches(shared):
            columns = (batch[name].to_numpy() for name in SHARED_BUCKETS.names)
            for ends, documents in _by_part(numbers, firsts, starts, *columns):
                lists = pa.ListArray.from_arrays(pa.array(ends), pa.array(documents))
                writer.write_batch(pa.RecordBatch.from_arrays([lists], schema=schema))
    return Parts(directory)


def _batches(shared: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for path in shared:
        with pa.memory_map(str(path)) as source:
            reader = pa.ipc.open_file(source)
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index)


def _write_members(path: Path, numbers: Numbers, firsts: NDArray[np.int64], starts: Numbers) -> None:
    """Batch s holds the documents of split s."""
    with pa.ipc.new_file(str(path), MEMBERS) as writer:
        for start, end in pairwise(firsts.tolist()):
            own = numbers[start:end]
            positions = np.flatnonzero(own >= 0)
            positions = positions[np.argsort(own[positions])].astype(np.int32)
            part = np.searchsorted(starts, own[positions], side="right").astype(np.int32) - np.int32(1)
            writer.write_batch(
                pa.RecordBatch.from_arrays([pa.array(positions), pa.array(part)], schema=MEMBERS)
            )


def _by_part(
    numbers: Numbers,
    firsts: NDArray[np.int64],
    starts: Numbers,
    key: NDArray[np.uint64],
    split: NDArray[np.int32],
    position: NDArray[np.int32],
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """The buckets of each part: where each begins and ends among the documents, and these."""
    count = len(starts) - 1
    documents, buckets = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
    own, part = np.empty(len(key), np.int32), np.empty(len(key), np.int32)
    _look_up(numbers, firsts, starts, key, split, position, own, part, documents[1:], buckets[1:])
    np.cumsum(documents, out=documents)
    np.cumsum(buckets, out=buckets)
    found, ends = np.empty(len(key), np.int32), np.zeros(buckets[-1] + count, np.int32)
    _lay_out(key, own, part, documents, buckets, found, ends)
    for number in range(count):
        yield (
            ends[buckets[number] + number : buckets[number + 1] + number + 1],
            found[documents[number] : documents[number + 1]],
        )


def _rows_by_split(
    split: NDArray[np.int32], position: NDArray[np.int32], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """One more than the last position seen of each split."""
    if not len(split):
        return rows
    grown = np.zeros(max(len(rows), int(split.max()) + 1), np.int64)
    grown[: len(rows)] = rows
    _lengthen(grown, split, position)
    return grown


@njit(cache=True, nogil=True)
def _lengthen(rows: NDArray[np.int64], split: NDArray[np.int32], position: NDArray[np.int32]) -> None:
    for i in range(len(split)):
        rows[split[i]] = max(rows[split[i]], position[i] + 1)


@njit(cache=True, nogil=True, inline="always")
def _root(leads: Numbers, document: int) -> int:
    """The document that all of a component lead to; halves the way there (Tarjan and van Leeuwen 1984)."""
    while leads[document] != document:
        leads[document] = leads[leads[document]]
        document = leads[document]
    return document


@njit(cache=True, nogil=True)
def _join(
    leads: Numbers,
    firsts: NDArray[np.int64],
    key: NDArray[np.uint64],
    split: NDArray[np.int32],
    position: NDArray[np.int32],
) -> None:
    """Join the documents of each key; the lowest number leads. A document leads to itself at first."""
    first = 0
    for i in range(len(key)):
        document = firsts[split[i]] + position[i]
        if leads[document] < 0:
            leads[document] = document
        second = _root(leads, document)
        if i and key[i] == key[i - 1]:
            if first < second:
                leads[second] = first
            elif second < first:
                leads[first] = second
                first = second
        else:
            first = second


@njit(cache=True, nogil=True)
def _flatten(leads: Numbers) -> int:
    """Each document leads to its root: roots are lower, so one pass upwards is enough. How many there are."""
    there = 0
    for document in range(len(leads)):
        if leads[document] >= 0:
            leads[document] = leads[leads[document]]
            there += 1
    return there


@njit(cache=True, nogil=True, inline="always")
def _part_of_root(root: int, count: int) -> int:
    """Spread the components evenly (the finaliser of SplitMix64, Steele, Lea, Flood 2014)."""
    mixed = np.uint64(root) + np.uint64(0x78DDE6E5FD29F054)  # unlike the keys of partitions
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return int(np.int64((mixed ^ (mixed >> np.uint64(31))) % np.uint64(count)))


@njit(cache=True, nogil=True)
def _sizes(leads: Numbers, count: int) -> NDArray[np.int64]:
    """How many documents each part has."""
    sizes = np.zeros(count, np.int64)
    for document in range(len(leads)):
        if leads[document] >= 0:
            sizes[_part_of_root(leads[document], count)] += 1
    return sizes


@njit(cache=True, nogil=True)
def _number(leads: Numbers, starts: Numbers) -> None:
    """Give each document the next number of its part, in place of what it leads to."""
    following = starts[:-1].copy()
    for document in range(len(leads)):
        if leads[document] >= 0:
            part = _part_of_root(leads[document], len(following))
            leads[document] = following[part]
            following[part] += 1


@njit(cache=True, nogil=True, inline="always")
def _part_of(number: int, starts: Numbers) -> int:
    """The part in which a number lies: the last one that starts there or before."""
    low, high = 0, len(starts) - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if starts[middle] <= number:
            low = middle
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _look_up(
    numbers: Numbers,
    firsts: NDArray[np.int64],
    starts: Numbers,
    key: NDArray[np.uint64],
    split: NDArray[np.int32],
    position: NDArray[np.int32],
    own: NDArray[np.int32],
    part: NDArray[np.int32],
    documents: NDArray[np.int64],
    buckets: NDArray[np.int64],
) -> None:
    """The part of each row and its number there; how many rows and buckets, which are whole, a part has."""
    here = 0
    for i in range(len(key)):
        number = numbers[firsts[split[i]] + position[i]]
        if not i or key[i] != key[i - 1]:
            here = _part_of(number, starts)
            buckets[here] += 1
        own[i], part[i] = number - starts[here], here
        documents[here] += 1


@njit(cache=True, nogil=True)
def _lay_out(
    key: NDArray[np.uint64],
    own: NDArray[np.int32],
    part: NDArray[np.int32],
    documents: NDArray[np.int64],
    buckets: NDArray[np.int64],
    found: NDArray[np.int32],
    ends: NDArray[np.int32],
) -> None:
    """Write the rows part by part; the ends of its buckets, behind a 0 for each part."""
    at, bucket = documents[:-1].copy(), buckets[:-1].copy()
    for i in range(len(key)):
        here = part[i]
        found[at[here]] = own[i]
        at[here] += 1
        if i + 1 == len(key) or key[i + 1] != key[i]:
            bucket[here] += 1
            ends[bucket[here] + here] = at[here] - documents[here]
