"""The documents that a few documents can bear upon, and what becomes of them: a resolution in the small.

Reads key, position of the staged splits' bucket keys, and doc_id, language, quality, exact, bands, text,
spans of the documents in question.

Documents that no chain of shared buckets joins never meet (pipelines/dedup/parts.py), so the component of a
document is all that its leaving can change, and the dominance set of the component alone is that of the whole
corpus in it, caps of crowded buckets included. Cost follows the component, not the corpus.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.dedup.candidates import binary_words, bucket_keys, partition_starts
from pipelines.dedup.parts import BUCKETS
from pipelines.dedup.ranked import Documents, SplitRank, rank_order
from pipelines.dedup.resolve import DUPLICATES, ResolveFacts, duplicate_columns, resolved
from pipelines.dedup.sketches import Shingles
from schemas.documents import TURNS
from schemas.recipe import DedupSettings

Codes = NDArray[np.int64]  # of documents: split << 32 | position
_COLUMNS = ("doc_id", "row", "text", "language", "quality", "spans", "exact", "bands")


class StagedFiles:
    """The staged directories of a build's splits, by split; a file is mapped when it is first asked for."""

    def __init__(self, directories: Mapping[int, Path]) -> None:
        self.directories = directories
        self._keys: dict[int, list[tuple[NDArray[np.uint64], NDArray[np.int32]]]] = {}
        self._rows: dict[int, tuple[NDArray[np.int64], list[pa.RecordBatch]]] = {}

    def holders(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], Codes]:
        """(key, document) of all documents in the buckets of some sorted distinct keys."""
        found: list[NDArray[np.uint64]] = [np.empty(0, np.uint64)]
        codes: list[Codes] = [np.empty(0, np.int64)]
        for split in self.directories:
            partitions = self._partitions(split)
            bounds = np.searchsorted(keys, np.array(partition_starts(len(partitions)), np.uint64))
            for (own, position), start, end in zip(partitions, bounds, [*bounds[1:], len(keys)], strict=True):
                wanted = keys[start:end]
                first = np.searchsorted(own, wanted)
                count = np.searchsorted(own, wanted, side="right") - first
                at = np.arange(count.sum()) + np.repeat(first - (np.cumsum(count) - count), count)
                found.append(np.repeat(wanted, count))
                codes.append(np.int64(split) << 32 | position[at].astype(np.int64))
        return np.concatenate(found), np.concatenate(codes)

    def take(self, split: int, positions: NDArray[np.int64], *, turns: bool = False) -> pa.RecordBatch:
        """Rows of a split's staged documents, in the order given; with `turns`, theirs too if it has any."""
        starts, batches = self._documents(split)
        has_turns = turns and TURNS.name in batches[0].schema.names
        names = (*_COLUMNS, TURNS.name) if has_turns else _COLUMNS
        schema = pa.schema([batches[0].schema.field(name) for name in names])
        numbers = np.searchsorted(starts, positions, side="right") - 1
        pieces = []
        for run in np.split(np.arange(len(positions)), np.flatnonzero(np.diff(numbers)) + 1):
            if len(run):
                number = int(numbers[run[0]])
                rows = pa.array(positions[run] - starts[number])
                pieces.append(batches[number].select(names).take(rows))
        return pa.concat_batches(pieces) if pieces else pa.RecordBatch.from_pylist([], schema)

    def rows(self, split: int) -> NDArray[np.int64]:
        """The row in its file of each staged document of a split."""
        _, batches = self._documents(split)
        return np.concatenate([np.empty(0, np.int64), *(batch["row"].to_numpy() for batch in batches)])

    def _documents(self, split: int) -> tuple[NDArray[np.int64], list[pa.RecordBatch]]:
        if split not in self._rows:
            source = pa.memory_map(str(self.directories[split] / "documents.arrow"))
            reader = pa.ipc.open_file(source)
            batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
            starts = np.cumsum([0, *map(len, batches[:-1])]) if batches else np.zeros(1, np.int64)
            self._rows[split] = starts, batches
        return self._rows[split]

    def _partitions(self, split: int) -> list[tuple[NDArray[np.uint64], NDArray[np.int32]]]:
        if split not in self._keys:
            reader = pa.ipc.open_file(pa.memory_map(str(self.directories[split] / "keys.arrow")))
            batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
            self._keys[split] = [(batch["key"].to_numpy(), batch["position"].to_numpy()) for batch in batches]
        return self._keys[split]


@dataclass(frozen=True)
class Component:
    """Documents that can bear upon each other, by code; all that shares a bucket with one is among them."""

    codes: Codes
    rows: pa.Table  # of STAGED, with their languages and qualities
    key: NDArray[np.uint64]  # a row a document and bucket of it
    holder: Codes
    addresses: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    lengths: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    shingles: tuple[pa.Array, ...] = ()  # hold what the addresses lead to

    def without(self, codes: Codes) -> Component:
        """The same as if some documents had never come; before it is sketched."""
        there, shown = ~np.isin(self.codes, codes), ~np.isin(self.holder, codes)
        rows = self.rows.filter(pa.array(there))
        return replace(
            self, codes=self.codes[there], rows=rows, key=self.key[shown], holder=self.holder[shown]
        )

    def sketched(self, shingles: Shingles) -> Component:
        """The same with the shingles of its documents."""
        addresses, lengths, held = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], []
        for batch in self.rows.to_batches():
            lists = shingles(batch)
            offsets = lists.offsets.to_numpy()
            first = np.uint64(lists.values.buffers()[1].address) + np.uint64(lists.values.offset * 8)
            addresses.append(first + offsets[:-1].astype(np.uint64) * 8)
            lengths.append(np.diff(offsets).astype(np.int64))
            held.append(lists)
        return replace(
            self,
            addresses=np.concatenate(addresses),
            lengths=np.concatenate(lengths),
            shingles=tuple(held),
        )


@dataclass(frozen=True)
class Resolution:
    """What became of the documents of a component."""

    codes: Codes  # of the dropped, ascending
    duplicates: pa.Table  # DUPLICATES of them
    facts: ResolveFacts


def find_component(files: StagedFiles, start: Codes, *, limit: int) -> Component | None:
    """The documents that chains of shared buckets join to some; None where they are more than `limit`."""
    known = np.unique(start)
    keys, holders = np.empty(0, np.uint64), np.empty(0, np.int64)
    looked, fresh = np.empty(0, np.uint64), known
    while len(fresh):
        own = np.unique(np.concatenate([bucket_keys(batch).reshape(-1) for batch in _batches(files, fresh)]))
        own = np.setdiff1d(own, looked, assume_unique=True)
        looked = np.union1d(looked, own)
        more, codes = files.holders(own)
        keys, holders = np.concatenate([keys, more]), np.concatenate([holders, codes])
        fresh = np.setdiff1d(np.unique(codes), known, assume_unique=True)
        known = np.union1d(known, fresh)
        if len(known) > limit:
            return None
    order = np.lexsort((holders, keys))
    return Component(
        codes=known,
        rows=pa.Table.from_batches(_batches(files, known)),
        key=keys[order],
        holder=holders[order],
    )


def resolve_component(
    component: Component,
    *,
    ranks: Sequence[SplitRank],
    settings: DedupSettings,
    without: Collection[int] = (),
) -> Resolution:
    """Dominance among the documents of a component, as if those of `without` (codes) had never come."""
    gone = np.array(sorted(without), np.int64)
    there = ~np.isin(component.codes, gone)
    codes = component.codes[there]
    rows = component.rows.filter(pa.array(there)).combine_chunks()
    split = (codes >> 32).astype(np.int32)
    priority = np.empty(len(codes), np.int32)
    for one in np.unique(split):
        own = split == one
        languages = rows["language"].filter(pa.array(own)).combine_chunks()
        priority[own] = ranks[int(one)].priorities(languages)
    documents = Documents(
        number=np.arange(len(codes)),
        numbered=len(codes),
        split=split,
        priority=priority,
        position=(codes & 0xFFFFFFFF).astype(np.int32),
        doc_id=binary_words(_whole(rows["doc_id"])),
        quality=rows["quality"].to_numpy(),
        exact=binary_words(_whole(rows["exact"])),
        addresses=component.addresses[there],
        lengths=component.lengths[there],
        mapped=[],
    )
    by_rank = rank_order(documents, ranks)
    rank_of = np.empty(len(by_rank), np.int32)
    rank_of[by_rank] = np.arange(len(by_rank), dtype=np.int32)
    shown = ~np.isin(component.holder, gone)
    key, holder = component.key[shown], component.holder[shown]
    ends = np.flatnonzero(np.append(key[1:] != key[:-1], True)[: len(key)]) + 1
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    numbers = np.searchsorted(codes, holder).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(numbers))
    buckets = pa.RecordBatch.from_arrays([lists], schema=BUCKETS)
    verdicts = resolved(documents, by_rank, [buckets], settings)
    dropped = np.flatnonzero(verdicts.reason[rank_of] != 0)
    columns = duplicate_columns(
        documents.position[dropped], rank_of[dropped], documents.doc_id[by_rank], verdicts
    )
    return Resolution(codes[dropped], pa.Table.from_arrays(columns, schema=DUPLICATES), verdicts.facts)


def _batches(files: StagedFiles, codes: Codes) -> list[pa.RecordBatch]:
    """The staged rows of sorted codes, a batch a split."""
    split = codes >> 32
    return [files.take(int(one), codes[split == one] & 0xFFFFFFFF) for one in np.unique(split)]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
