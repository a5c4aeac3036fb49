"""The shared buckets of a part as a graph of documents by rank, and documents of equal digests.

Reads documents of the buckets of a part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.kernels import njit


def read_buckets(
    buckets: Sequence[pa.RecordBatch], place: NDArray[np.int32], *, max_kept_per_bucket: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(place among those compared, bucket number) of all who share a bucket with another compared one.

    `buckets` are batches of BUCKETS; `place` is by the documents' number, -1 for who is not compared.

    Two near copies share most of their buckets, so buckets of the same documents are the rule. Of those that
    are too small to be capped one is enough: it shows what the others would.
    """
    lists = [batch["documents"] for batch in buckets]
    rows = sum(len(own.flatten()) for own in lists)
    places, numbers = np.empty(rows, np.int32), np.empty(rows, np.int32)
    seen = np.zeros(1 << (2 * sum(map(len, lists)) + 1).bit_length(), np.uint64)
    told = known = 0
    for own in lists:
        documents, offsets = own.values.to_numpy(), own.offsets.to_numpy()
        told, known = _tell(
            documents, offsets, place, max_kept_per_bucket, seen, places, numbers, told, known
        )
    return places[:told], numbers[:told]


def first_alike(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each row of pairs, the first row equal to it."""
    first = np.empty(len(words), np.int64)
    _find_first(words, np.full(1 << (2 * len(words) + 1).bit_length(), -1, np.int32), first)
    return first


@njit(cache=True, nogil=True, inline="always")
def _mixed(value: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")
def _is_new(digest: np.uint64, seen: NDArray[np.uint64]) -> bool:
    """Whether a digest, which is not 0, comes for the first time; `seen` holds it from now on."""
    last = np.uint64(len(seen) - 1)
    at = digest & last
    while seen[at] != 0:
        if seen[at] == digest:
            return False
        at = (at + np.uint64(1)) & last
    seen[at] = digest
    return True


@njit(cache=True, nogil=True)
def _find_first(words: NDArray[np.uint64], rows: NDArray[np.int32], first: NDArray[np.int64]) -> None:
    """`rows` is a table of the rows that came first, by their digest: -1 where there is none."""
    last = np.uint64(len(rows) - 1)
    for row in range(len(words)):
        at = _mixed(words[row, 0] + _mixed(words[row, 1])) & last
        while rows[at] >= 0 and (words[rows[at], 0] != words[row, 0] or words[rows[at], 1] != words[row, 1]):
            at = (at + np.uint64(1)) & last
        if rows[at] < 0:
            rows[at] = row
        first[row] = rows[at]


@njit(cache=True, nogil=True)
def _tell(
    documents: NDArray[np.int32],
    offsets: NDArray[np.int32],
    place: NDArray[np.int32],
    max_kept_per_bucket: int,
    seen: NDArray[np.uint64],
    places: NDArray[np.int32],
    numbers: NDArray[np.int32],
    told: int,
    known: int,
) -> tuple[int, int]:
    """Append the rows of the buckets that show something new; how many rows and buckets are there now.

    A set of documents is known by 64 bits: a sum of mixed places, and how many they are.
    """
    for bucket in range(len(offsets) - 1):
        end, total = told, np.uint64(0)
        for i in range(offsets[bucket], offsets[bucket + 1]):
            own = place[documents[i]]
            if own >= 0:
                places[end], numbers[end] = own, known
                total += _mixed(np.uint64(own) + np.uint64(0x9E3779B97F4A7C15))
                end += 1
        size = end - told
        if size < 2:
            continue
        if size > max_kept_per_bucket or _is_new(_mixed(total + np.uint64(size)) | np.uint64(1), seen):
            told = end
            known += 1
    return told, known
