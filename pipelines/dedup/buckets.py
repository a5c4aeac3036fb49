"""The shared buckets of a part as a graph of documents by rank.

Reads key, split, position of shared buckets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.dedup.candidates import mixed
from pipelines.dedup.ranked import Documents
from schemas.errors import BuildInconsistent


def read_buckets(
    shared: Iterable[pa.RecordBatch],
    documents: Documents,
    rank_of: NDArray[np.int32],
    compared: NDArray[np.int64],
    *,
    without: Collection[int],
    max_kept_per_bucket: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(place among the compared ranks, bucket number) of all who share a bucket with another compared one.

    No bucket of `shared` lies in two batches.

    Two near copies share most of their buckets, so buckets of the same documents are the rule. Of those that
    are too small to be capped one is enough: it shows what the others would.
    """
    place_of_rank = np.full(len(rank_of), -1, np.int32)
    place_of_rank[compared] = np.arange(len(compared), dtype=np.int32)
    code = documents.split.astype(np.int64) << 32 | documents.position
    places, buckets, known = [np.empty(0, np.int32)], [np.empty(0, np.int32)], 0
    seen = np.empty(0, np.uint64)
    for batch in shared:
        rows = batch
        if without:
            rows = rows.filter(pa.array(~np.isin(rows["split"].to_numpy(), list(without))))
        wanted = rows["split"].to_numpy().astype(np.int64) << 32 | rows["position"].to_numpy()
        numbers = np.searchsorted(code, wanted)
        if (numbers == len(code)).any() or (code[numbers] != wanted).any():
            raise BuildInconsistent(
                "a shared bucket names a document that no sketch has: remove the build's deduplication files"
                " and build again"
            )
        place = place_of_rank[rank_of[numbers]]
        key = rows["key"].to_numpy()[place >= 0]
        place = place[place >= 0]
        starts = np.ones(len(key), np.bool_)
        starts[1:] = key[1:] != key[:-1]
        bucket = np.cumsum(starts) - 1
        sizes = np.bincount(bucket)
        alike = _digests(place, np.flatnonzero(starts), sizes)
        first = np.zeros(len(sizes), np.bool_)
        first[np.unique(alike, return_index=True)[1]] = True
        at = np.searchsorted(seen, alike)
        known_before = at < len(seen)
        known_before[known_before] = seen[at[known_before]] == alike[known_before]
        small = (sizes >= 2) & (sizes <= max_kept_per_bucket)
        told = small & first & ~known_before
        seen = np.sort(np.concatenate([seen, alike[told]]))
        wanted_buckets = told | (sizes > max_kept_per_bucket)
        number = np.cumsum(wanted_buckets) - 1 + known
        chosen = wanted_buckets[bucket]
        places.append(place[chosen])
        buckets.append(number[bucket[chosen]].astype(np.int32))
        known += int(np.count_nonzero(wanted_buckets))
    return np.concatenate(places), np.concatenate(buckets)


def _digests(
    places: NDArray[np.int32], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """64 bits for the set of documents in each bucket: a sum of mixed places, and how many they are."""
    if not len(starts):
        return np.empty(0, np.uint64)
    sums: NDArray[np.uint64] = np.add.reduceat(mixed(places.astype(np.uint64), 0), starts)
    return mixed(sums, 1) + sizes.astype(np.uint64)
