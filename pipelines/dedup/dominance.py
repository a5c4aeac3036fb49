"""Compiled loop of the resolution: exact Jaccard similarities, and who is dropped for whom, in rank order.

Shingles stay where they lie, in memory-mapped files: the kernel is given their addresses.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from pipelines.kernels import njit

OPEN, KEPT, DROPPED = 0, 1, 2  # what is known of a document before the resolution


class Dominance(NamedTuple):
    """What `dominate` found. Documents are numbered by rank."""

    winner: NDArray[np.int32]  # the kept document each one lost to, -1 where it is kept itself
    similarity: NDArray[np.float64]  # to the winner
    edge_document: NDArray[np.int32]  # every verified pair of a dropped and a kept document
    edge_kept: NDArray[np.int32]
    edge_similarity: NDArray[np.float64]
    comparisons: int
    capped_buckets: int  # that held the most kept documents they may when one more came
    unlisted: int  # kept documents that a capped bucket does not show to later ones, once for each bucket


class _Sets(NamedTuple):
    """Sorted numbers in memory: lengths[i] of 64 bits each at addresses[i]."""

    addresses: NDArray[np.uint64]
    lengths: NDArray[np.int64]


class _Places(NamedTuple):
    """Document d lies in buckets[offsets[d]:offsets[d + 1]]; bucket b shows slots[b + 1] - slots[b]."""

    offsets: NDArray[np.int64]
    buckets: NDArray[np.int32]
    slots: NDArray[np.int64]


def _pointer(_typing: Any, _address: Any) -> Any:
    """A pointer to 64-bit numbers at an address; numba has no such cast of its own."""
    pointer_to: Any = types.CPointer
    signature = pointer_to(types.uint64)(types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return signature, generate


def _ones(_typing: Any, _number: Any) -> Any:
    """The number of set bits: one instruction, which numba does not offer."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


_at: Any = intrinsic(_pointer)
_popcount: Any = intrinsic(_ones)
_WORDS = 8  # of 64 bits in a bitmap of a document's shingles
_BITMAP_LENGTH = 64 * _WORDS  # shingles; the bitmap of more is too full to tell anything


@njit(cache=True, nogil=True)
def _write_bitmap(sets: _Sets, document: int, bitmaps: NDArray[np.uint64]) -> None:
    """Set a bit for each shingle of a short document."""
    if sets.lengths[document] > _BITMAP_LENGTH:
        return
    shingles = _at(sets.addresses[document])
    for i in range(sets.lengths[document]):
        bit = shingles[i] & np.uint64(64 * _WORDS - 1)
        bitmaps[document, bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))


@njit(cache=True, nogil=True, inline="always")
def _may_reach(sets: _Sets, bitmaps: NDArray[np.uint64], first: int, second: int, threshold: float) -> bool:
    """False where the similarity of two short documents cannot reach the threshold.

    A bit in which the bitmaps differ is at least one shingle that only one of them has (Sandes et al. 2017).
    """
    n, m = sets.lengths[first], sets.lengths[second]
    if max(n, m) > _BITMAP_LENGTH:
        return True
    alone = np.uint64(0)
    for word in range(_WORDS):
        alone += _popcount(bitmaps[first, word] ^ bitmaps[second, word])
    return bool(n + m - alone >= threshold * (n + m + alone) - 1e-6)


@njit(cache=True, nogil=True)
def _jaccard(sets: _Sets, first: int, second: int, threshold: float) -> float:
    """Exact Jaccard similarity of two sets, or -1 as soon as it cannot reach the threshold."""
    n, m = sets.lengths[first], sets.lengths[second]
    if n == 0 and m == 0:
        return 1.0
    if min(n, m) / max(n, m) < threshold:  # |A ∩ B| / |A ∪ B| <= min / max
        return -1.0
    # The intersection must reach t (n + m) / (1 + t); one less, so that rounding never decides.
    needed = np.int64(threshold * (n + m) / (1.0 + threshold)) - 1
    a, b = _at(sets.addresses[first]), _at(sets.addresses[second])
    i = j = common = np.int64(0)
    while i < n and j < m:
        if a[i] == b[j]:
            common += 1
            i += 1
            j += 1
        elif a[i] < b[j]:
            i += 1
            if i - common > n - needed:
                return -1.0
        else:
            j += 1
            if j - common > m - needed:
                return -1.0
    return float(common / (n + m - common))


@njit(cache=True, nogil=True)
def _similarity(sets: _Sets, bitmaps: NDArray[np.uint64], first: int, second: int, threshold: float) -> float:
    """Exact Jaccard similarity, or -1 where it cannot reach the threshold."""
    if not _may_reach(sets, bitmaps, first, second, threshold):
        return -1.0
    return float(_jaccard(sets, first, second, threshold))


@njit(cache=True, nogil=True, inline="always")
def _with_room(values: NDArray[Any], used: int) -> NDArray[Any]:
    """The array, or one of twice the length where it is full."""
    if used < len(values):
        return values
    return np.concatenate((values, np.empty_like(values)))


@njit(cache=True, nogil=True)
def _dominate(sets: _Sets, places: _Places, states: NDArray[np.int8], threshold: float) -> tuple[Any, ...]:
    count = len(sets.addresses)
    buckets, slot_offsets = places.buckets, places.slots
    winner = np.full(count, -1, np.int32)
    similarity = np.zeros(count, np.float64)
    slots = np.empty(slot_offsets[-1], np.int32)  # each bucket's kept documents, in rank order
    filled = np.zeros(len(slot_offsets) - 1, np.int64)
    overflow = np.zeros(len(slot_offsets) - 1, np.bool_)
    bitmaps = np.zeros((count, _WORDS), np.uint64)
    compared_with = np.full(count, -1, np.int32)  # the last document each kept one was compared with
    edge_document = np.empty(1024, np.int32)
    edge_kept = np.empty(1024, np.int32)
    edge_similarity = np.empty(1024, np.float64)
    edges = comparisons = capped = unlisted = 0
    for document in range(count):
        own = buckets[places.offsets[document] : places.offsets[document + 1]]
        state = states[document]
        if len(own):
            _write_bitmap(sets, document, bitmaps)
        for bucket in own if state != KEPT else own[:0]:
            start = slot_offsets[bucket]
            for slot in range(start, start + filled[bucket]):
                kept = slots[slot]
                if compared_with[kept] == document:
                    continue
                compared_with[kept] = document
                comparisons += 1
                value = _similarity(sets, bitmaps, document, kept, threshold)
                if value < threshold:
                    continue
                edge_document = _with_room(edge_document, edges)
                edge_kept = _with_room(edge_kept, edges)
                edge_similarity = _with_room(edge_similarity, edges)
                edge_document[edges] = document
                edge_kept[edges] = kept
                edge_similarity[edges] = value
                edges += 1
                closest = winner[document]
                if (
                    closest < 0
                    or value > similarity[document]
                    or (value == similarity[document] and kept < closest)
                ):
                    winner[document] = kept
                    similarity[document] = value
        if state == KEPT or (state == OPEN and winner[document] < 0):
            for bucket in own:
                slot = slot_offsets[bucket] + filled[bucket]
                if slot < slot_offsets[bucket + 1]:
                    slots[slot] = document
                    filled[bucket] += 1
                else:
                    if state == OPEN:
                        capped += not overflow[bucket]
                        unlisted += 1
                    overflow[bucket] = True
    return (
        winner,
        similarity,
        edge_document[:edges],
        edge_kept[:edges],
        edge_similarity[:edges],
        comparisons,
        capped,
        unlisted,
    )


@njit(cache=True, nogil=True)
def _by_document(
    documents: NDArray[np.int32], buckets: NDArray[np.int32], offsets: NDArray[np.int64]
) -> NDArray[np.int32]:
    """The buckets of each document end to end: a counting sort, which needs no order of its own."""
    at = offsets[:-1].copy()
    grouped = np.empty(len(buckets), np.int32)
    for place in range(len(documents)):
        document = documents[place]
        grouped[at[document]] = buckets[place]
        at[document] += 1
    return grouped


def dominate(
    *,
    addresses: NDArray[np.uint64],
    lengths: NDArray[np.int64],
    documents: NDArray[np.int32],
    buckets: NDArray[np.int32],
    threshold: float,
    max_kept_per_bucket: int,
    states: NDArray[np.int8] | None = None,
) -> Dominance:
    """The lexicographically first maximal independent set of the verified duplicate graph.

    Documents are numbered by rank, 0 first; document d's sorted shingles are the lengths[d] 64-bit numbers at
    addresses[d], which the caller keeps mapped. (documents[i], buckets[i]) says who lies where, in any order.
    In rank order a document is dropped iff a kept one that shares a bucket with it is similar enough; a
    bucket shows its first max_kept_per_bucket kept documents (DESIGN.md section 4).

    `states` says of each document whether it is OPEN (all, where none are given), or was KEPT or DROPPED
    before: such a one is only shown, or only compared. What is counted is counted of open ones.
    """
    offsets = np.zeros(len(addresses) + 1, np.int64)
    np.cumsum(np.bincount(documents, minlength=len(addresses)), out=offsets[1:])
    grouped = _by_document(documents, buckets, offsets)
    sizes = np.minimum(np.bincount(buckets), max_kept_per_bucket)
    slots = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=slots[1:])
    return Dominance(
        *_dominate(
            _Sets(addresses, lengths),
            _Places(offsets, grouped, slots),
            np.full(len(addresses), OPEN, np.int8) if states is None else states,
            threshold,
        )
    )
