"""Who might be whose duplicate: documents that share a bucket, found by sorted keys alone.

Reads doc_id, exact, bands of the staged documents. Writes key, position; then key, split, position.

A document lies in a bucket for each MinHash band, in one for its exact digest, and in one for its id (a
repeated key). A bucket's 64-bit key decides its partition, so partitions can be worked on apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BUCKET_KEYS = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),  # row in the split's staged file
    ]
)
SHARED_BUCKETS = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("split", pa.int32(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
    ]
)
_EXACT_KEY, _ID_KEY, _FIRST_BAND = 0, 1, 2  # what a key was made from is mixed into it
_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / golden ratio (SplitMix64)
_MASK = (1 << 64) - 1
_KEYS_AT_ONCE = 1 << 20  # sorted in memory, at some 50 bytes each


def write_bucket_keys(staged: pa.Table | Iterable[pa.RecordBatch], path: Path, *, partitions: int) -> None:
    """Write a split's bucket keys: an Arrow IPC file of `partitions` batches of BUCKET_KEYS.

    Batch p holds the keys of partition p, sorted by (key, position); a document gives a row for
    each of its buckets.
    """
    batches = staged.to_batches() if isinstance(staged, pa.Table) else staged
    parts = [bucket_keys(batch) for batch in batches if len(batch)]
    keys = np.concatenate(parts) if parts else np.empty((0, _FIRST_BAND), np.uint64)
    positions = np.repeat(np.arange(len(keys), dtype=np.int32), keys.shape[1])
    keys = keys.reshape(-1)
    order = np.argsort(keys, kind="stable")  # stable: positions stay ascending inside a bucket
    keys, positions = keys[order], positions[order]
    bounds = np.searchsorted(keys, np.array(partition_starts(partitions), np.uint64)).tolist()
    bounds.append(len(keys))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, BUCKET_KEYS) as writer:
        for start, end in pairwise(bounds):
            columns = [pa.array(keys[start:end]), pa.array(positions[start:end])]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=BUCKET_KEYS))


def find_shared_buckets(
    key_files: Sequence[tuple[int, Path]],
    *,
    partition: int,
    path: Path,
    without: Mapping[int, NDArray[np.int32]] | None = None,
    settled: Collection[int] = (),
) -> int:
    """Keep the buckets of one partition that hold two documents or more, of all splits' key files.

    `key_files` are (split, file); `without` the positions, by split, of documents that are as if they had
    never come. Of `settled` splits, whose documents are decided, only those in a bucket with another split's
    are looked up: key files are sorted, so they are their own index. Writes SHARED_BUCKETS sorted by (key,
    split, position) as an Arrow IPC file, and returns its number of rows. A batch is some ranges of keys, so
    memory is that of some _KEYS_AT_ONCE keys, or of the largest bucket, whatever the partition holds.
    """
    files = [(split, _keys_of(file, partition)) for split, file in sorted(key_files)]
    open_ones = [keys for split, (keys, _) in files if split not in settled]
    rows, waiting = 0, list[pa.RecordBatch]()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, SHARED_BUCKETS) as writer:
        for least, bound in pairwise(_key_ranges(open_ones)):
            found = _shared_between(files, least, bound, without=without or {}, settled=settled)
            waiting.append(found)
            rows += len(found)
            if bound is None or sum(map(len, waiting)) >= _KEYS_AT_ONCE:
                writer.write_batch(pa.concat_batches(waiting))
                waiting = []
    return rows


def _key_ranges(keys: Sequence[NDArray[np.uint64]]) -> list[np.uint64 | None]:
    """Bounds of ranges with some _KEYS_AT_ONCE keys each: keys are digests, spread evenly."""
    ranges = -(-sum(len(one) for one in keys) // _KEYS_AT_ONCE)
    if ranges < 2:
        return [None, None]
    first = min(int(one[0]) for one in keys if len(one))
    last = max(int(one[-1]) for one in keys if len(one))
    inner = [np.uint64(first + (last - first) * number // ranges) for number in range(1, ranges)]
    return [None, *inner, None]


def _shared_between(
    files: Sequence[tuple[int, tuple[NDArray[np.uint64], NDArray[np.int32]]]],
    least: np.uint64 | None,
    bound: np.uint64 | None,
    *,
    without: Mapping[int, NDArray[np.int32]],
    settled: Collection[int],
) -> pa.RecordBatch:
    """SHARED_BUCKETS of the keys from `least` up to `bound`, of files of sorted (keys, positions)."""
    pieces = []
    for split, (key, position) in files:
        start = 0 if least is None else int(np.searchsorted(key, least))
        end = len(key) if bound is None else int(np.searchsorted(key, bound))
        pieces.append((split, key[start:end], position[start:end]))
    wanted = None
    if settled:
        own = [key for split, key, _ in pieces if split not in settled]
        wanted = np.unique(np.concatenate([np.empty(0, np.uint64), *own]))
    keys, splits, positions = [np.empty(0, np.uint64)], [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for split, own_keys, own_positions in pieces:
        rows = _rows_of(own_keys, wanted) if wanted is not None and split in settled else slice(None)
        keys.append(own_keys[rows])
        positions.append(own_positions[rows])
        if len(lost := without.get(split, ())):
            there = ~np.isin(positions[-1], lost)
            keys[-1], positions[-1] = keys[-1][there], positions[-1][there]
        splits.append(np.full(len(keys[-1]), split, np.int32))
    key = np.concatenate(keys)
    order = np.argsort(key)  # not stable, which takes twice as long
    key = key[order]
    equal = key[1:] == key[:-1]
    shared = np.zeros(len(key), np.bool_)
    shared[1:] |= equal
    shared[:-1] |= equal
    key = key[shared]
    order = _by_row(key, order[shared])  # files came by split, their rows by position
    columns = [
        pa.array(key),
        pa.array(np.concatenate(splits)[order]),
        pa.array(np.concatenate(positions)[order]),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SHARED_BUCKETS)


def _by_row(key: NDArray[np.uint64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of each key, which stand together, in order."""
    starts = np.ones(len(key), np.bool_)
    starts[1:] = key[1:] != key[:-1]
    numbered = np.cumsum(starts, dtype=np.int64) << 32 | order
    numbered.sort()
    return numbered & 0xFFFFFFFF


def _keys_of(file: Path, partition: int) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """The sorted keys of a partition in a key file, and their positions; mapped, not read."""
    with pa.memory_map(str(file)) as source:
        batch = pa.ipc.open_file(source).get_batch(partition)
    return batch["key"].to_numpy(), batch["position"].to_numpy()


def _rows_of(keys: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where the wanted keys stand among sorted ones; touches the pages around them only."""
    first = np.searchsorted(keys, wanted, side="left")
    counts = np.searchsorted(keys, wanted, side="right") - first
    ends = np.cumsum(counts)
    return np.asarray(np.repeat(first - (ends - counts), counts) + np.arange(int(counts.sum())))


def bucket_keys(batch: pa.RecordBatch) -> NDArray[np.uint64]:
    """The bucket keys of a batch of staged documents, shape (documents, 2 + bands): exact, id, bands."""
    values = batch["bands"].flatten().to_numpy(zero_copy_only=False)
    bands = values.reshape(len(batch), -1) if len(batch) else np.empty((0, 0), np.uint64)
    keys = np.empty((len(batch), _FIRST_BAND + bands.shape[1]), np.uint64)
    for band in range(bands.shape[1]):
        keys[:, _FIRST_BAND + band] = mixed(bands[:, band], _FIRST_BAND + band)
    for column, kind in (("exact", _EXACT_KEY), ("doc_id", _ID_KEY)):
        words = binary_words(batch[column])
        keys[:, kind] = mixed(mixed(words[:, 0], kind) ^ words[:, 1], kind)
    return keys


def binary_words(values: pa.Array) -> NDArray[np.uint64]:
    """A binary(16) column as pairs of numbers, shape (rows, 2), that sort as the bytes do."""
    start = values.offset * 16
    raw = np.frombuffer(values.buffers()[1], np.uint8)[start : start + len(values) * 16]
    return raw.view(">u8").astype(np.uint64).reshape(-1, 2)


def mixed(values: NDArray[np.uint64], kind: int) -> NDArray[np.uint64]:
    """SplitMix64's finaliser over each value and what it stands for."""
    mixed = values + np.uint64((kind + 1) * _GOLDEN & _MASK)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def partition_starts(partitions: int) -> list[int]:
    """The least key of each partition: equal shares of the 64-bit range, so partition order is key order."""
    return [-(-(partition << 64) // partitions) for partition in range(partitions)]
