"""Who is dropped for whom: dominance in rank order (DESIGN.md section 4).

Reads key, split, position of shared buckets; position, doc_id, language, quality, exact, shingles of their
documents.
Writes position, reason, duplicate_of, similarity, edges of the dropped documents, one file a split.

Memory is index sized: some 130 bytes a document in a shared bucket and 8 a place in a bucket; shingles are
read from the memory-mapped sketches and belong to the page cache.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.dedup.buckets import read_buckets
from pipelines.dedup.dominance import DROPPED, KEPT, OPEN, dominate
from pipelines.dedup.ranked import Documents, SplitRank, rank_order, read_sketches
from schemas.documents import DOC_ID, EDGE
from schemas.errors import UsageError
from schemas.reasons import Reason
from schemas.recipe import DedupSettings

# Bump when what is decided, or recorded of it, changes. 2: partners may rank by language.
DEDUP_VERSION = 2

DUPLICATES = pa.schema(
    [
        pa.field("position", pa.int32(), nullable=False),  # row in the split's staged file, ascending
        pa.field("reason", pa.string(), nullable=False),
        pa.field("duplicate_of", DOC_ID, nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
        # All kept documents it was found similar to, in rank order; none for a repeated key, which goes
        # whenever its document goes.
        pa.field("edges", pa.list_(EDGE), nullable=False),
    ]
)
_REASONS = (None, Reason.REPEATED_KEY, Reason.EXACT_DUPLICATE, Reason.NEAR_DUPLICATE)
_KEPT, _REPEATED, _EXACT, _NEAR = range(len(_REASONS))
_KEY_REPEATED = 3  # beside OPEN, KEPT, DROPPED: takes no part
_ROWS_PER_BATCH = 1 << 16


@dataclass(frozen=True)
class ResolveFacts:
    """What the resolution counted; only documents in shared buckets come before it."""

    documents: int
    repeated_keys: int
    exact_duplicates: int
    near_duplicates: int
    comparisons: int  # pairs looked at: by their lengths, bitmaps, then exact Jaccard
    edges: int  # verified pairs of a dropped document and a kept one, exact duplicates among them
    capped_buckets: int  # buckets with more kept documents than max_kept_per_bucket
    unlisted: int  # kept documents that were not compared with later ones of a capped bucket


@dataclass(frozen=True)
class Settled:
    """What is known of a split of an earlier epoch: who of it is out. Nothing later changes it."""

    dropped: NDArray[np.int32]  # positions, ascending
    repeated: NDArray[np.bool_]  # of these, whose key was there before


@dataclass(frozen=True)
class Verdicts:
    """By rank: what became of each document; its edges are edge_*[edge_start:edge_end]."""

    reason: NDArray[np.int8]
    winner: NDArray[np.int32]
    similarity: NDArray[np.float64]
    edge_start: NDArray[np.int64]
    edge_end: NDArray[np.int64]
    edge_kept: NDArray[np.int32]
    edge_similarity: NDArray[np.float64]
    facts: ResolveFacts


def resolve(
    shared: Sequence[Path],
    sketches: Sequence[tuple[int, Path]],
    *,
    ranks: Sequence[SplitRank],
    settings: DedupSettings,
    directory: Path,
    settled: Mapping[int, Settled] | None = None,
) -> ResolveFacts:
    """Write DUPLICATES of every split in `sketches` to directory/{split}.arrow and return the counts.

    `shared` are the files of `find_shared_buckets`, of all partitions; `sketches` are (split, file), `ranks`
    by split. Rank is (priority, quality descending, doc_id, the split's name, position); a quality that is no
    number ranks last. Repeated ids go first, then exact duplicates, then near ones. An exact duplicate of a
    document that is itself dropped as a near duplicate is a near duplicate of the same kept document: they
    have the same shingles. Neither the numbering of splits nor the order of files decides anything.

    Splits that are `settled` rank before all others and are neither written nor counted; `shared` then holds
    the buckets that have a document of another split.

    Raises UsageError where two splits have one name, BuildInconsistent where a bucket's document
    has no sketch.
    """
    known = settled or {}
    documents, by_rank, rank_of, verdicts = _decided(shared, sketches, ranks, settings, known)
    ids = documents.doc_id[by_rank]
    for split in [split for split, _ in sketches if split not in known]:
        start, end = np.searchsorted(documents.split, [split, split + 1])
        own = rank_of[start:end]
        dropped = verdicts.reason[own] != _KEPT
        _write_duplicates(
            directory / f"{split}.arrow",
            documents.position[start:end][dropped],
            own[dropped],
            ids,
            verdicts,
        )
    return verdicts.facts


def dropped_without(
    shared: Sequence[Path],
    sketches: Sequence[tuple[int, Path]],
    *,
    ranks: Sequence[SplitRank],
    settings: DedupSettings,
    without: Collection[int],
    settled: Mapping[int, Settled] | None = None,
) -> dict[int, Settled]:
    """Who of each split would be dropped had the splits `without` never come; writes nothing.

    `settled` says so of earlier epochs already, which come back as they are.
    """
    known = settled or {}
    left = [(split, path) for split, path in sketches if split not in without]
    documents, _, rank_of, verdicts = _decided(shared, left, ranks, settings, known, without=without)
    reason = verdicts.reason[rank_of]
    found = {}
    for split, _ in left:
        start, end = np.searchsorted(documents.split, [split, split + 1])
        own = reason[start:end]
        dropped = own != _KEPT
        found[split] = Settled(documents.position[start:end][dropped], own[dropped] == _REPEATED)
    return found | dict(known)


def _decided(
    shared: Sequence[Path],
    sketches: Sequence[tuple[int, Path]],
    ranks: Sequence[SplitRank],
    settings: DedupSettings,
    settled: Mapping[int, Settled],
    without: Collection[int] = (),
) -> tuple[Documents, NDArray[np.int64], NDArray[np.int32], Verdicts]:
    """The documents, their numbers by rank, the ranks by number, and what became of each."""
    names = [ranks[split].name for split, _ in sketches]
    if len(set(names)) < len(names):
        raise UsageError("two splits have the same name: give resolve a name for each split that is its own")
    documents = read_sketches(sorted(sketches), ranks)
    by_rank = rank_order(documents, ranks)
    rank_of = np.empty(len(by_rank), np.int32)
    rank_of[by_rank] = np.arange(len(by_rank), dtype=np.int32)
    states = _states(documents, settled)[by_rank]
    verdicts = _decide(documents, by_rank, rank_of, states, shared, settings, without)
    return documents, by_rank, rank_of, verdicts


def _states(documents: Documents, settled: Mapping[int, Settled]) -> NDArray[np.int8]:
    """What is known of each document: OPEN, or as its split was settled."""
    states = np.full(len(documents.split), OPEN, np.int8)
    for split, known in settled.items():
        start, end = np.searchsorted(documents.split, [split, split + 1])
        states[start:end] = KEPT
        own = documents.position[start:end]
        states[start:end][np.isin(own, known.dropped)] = DROPPED
        states[start:end][np.isin(own, known.dropped[known.repeated])] = _KEY_REPEATED
    return states


def _decide(
    documents: Documents,
    by_rank: NDArray[np.int64],
    rank_of: NDArray[np.int32],
    states: NDArray[np.int8],
    shared: Sequence[Path],
    settings: DedupSettings,
    without: Collection[int],
) -> Verdicts:
    """Repeated ids, exact duplicates, then near duplicates among those that are left."""
    count = len(by_rank)
    reason = np.full(count, _KEPT, np.int8)
    winner = np.full(count, -1, np.int32)
    similarity = np.ones(count, np.float64)
    edge_start = np.zeros(count, np.int64)
    edge_end = np.zeros(count, np.int64)

    first = _first_alike(documents.doc_id[by_rank])
    repeated = np.flatnonzero((first != np.arange(count)) | (states == _KEY_REPEATED))
    reason[repeated], winner[repeated] = _REPEATED, first[repeated]

    alone = np.flatnonzero(reason == _KEPT)
    leader = alone[_first_alike(documents.exact[by_rank[alone]])]
    copies, leaders = alone[leader != alone], leader[leader != alone]
    compared = alone[leader == alone]

    places, buckets = read_buckets(
        shared,
        documents,
        rank_of,
        compared,
        without=without,
        max_kept_per_bucket=settings.max_kept_per_bucket,
    )
    near = dominate(
        addresses=documents.addresses[by_rank[compared]],
        lengths=documents.lengths[by_rank[compared]],
        documents=places,
        buckets=buckets,
        threshold=settings.threshold,
        max_kept_per_bucket=settings.max_kept_per_bucket,
        states=states[compared],
    )
    lost = near.winner >= 0
    reason[compared[lost]] = _NEAR
    winner[compared[lost]] = compared[near.winner[lost]]
    similarity[compared[lost]] = near.similarity[lost]
    by_document = np.lexsort((near.edge_kept, near.edge_document))
    edge_document = near.edge_document[by_document]
    numbers = np.arange(len(compared))
    edge_start[compared] = np.searchsorted(edge_document, numbers)
    edge_end[compared] = np.searchsorted(edge_document, numbers, side="right")

    of_dropped = reason[leaders] == _NEAR
    exact, exact_of = copies[~of_dropped], leaders[~of_dropped]
    reason[exact], winner[exact] = _EXACT, exact_of
    edge_start[exact] = len(edge_document) + np.arange(len(exact))
    edge_end[exact] = edge_start[exact] + 1
    inherited, heirs_of = copies[of_dropped], leaders[of_dropped]
    for values in (reason, winner, similarity, edge_start, edge_end):
        values[inherited] = values[heirs_of]

    undecided = states == OPEN
    reasons = np.bincount(reason[undecided], minlength=len(_REASONS)).tolist()
    facts = ResolveFacts(
        documents=int(np.count_nonzero(undecided)),
        repeated_keys=reasons[_REPEATED],
        exact_duplicates=reasons[_EXACT],
        near_duplicates=reasons[_NEAR],
        comparisons=near.comparisons,
        edges=int((edge_end - edge_start)[undecided].sum()),
        capped_buckets=near.capped_buckets,
        unlisted=near.unlisted,
    )
    return Verdicts(
        reason=reason,
        winner=winner,
        similarity=similarity,
        edge_start=edge_start,
        edge_end=edge_end,
        edge_kept=np.concatenate([compared[near.edge_kept[by_document]], exact_of]).astype(np.int32),
        edge_similarity=np.concatenate([near.edge_similarity[by_document], np.ones(len(exact))]),
        facts=facts,
    )


def _first_alike(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each row of pairs, the first row equal to it."""
    order = np.lexsort((words[:, 1], words[:, 0]))  # stable: equal rows stay in their order
    ordered = words[order]
    starts = np.ones(len(order), np.bool_)
    starts[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    first = np.empty(len(order), np.int64)
    first[order] = order[starts][np.cumsum(starts) - 1]
    return first


def _write_duplicates(
    path: Path,
    positions: NDArray[np.int32],
    ranks: NDArray[np.int32],
    ids: NDArray[np.uint64],
    verdicts: Verdicts,
) -> None:
    """Write DUPLICATES of one split; `ids` are by rank."""
    wording = np.array([reason.value if reason else "" for reason in _REASONS])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, DUPLICATES) as writer:
        for start in range(0, len(ranks), _ROWS_PER_BATCH):
            some = ranks[start : start + _ROWS_PER_BATCH]
            first = verdicts.edge_start[some]
            lengths = verdicts.edge_end[some] - first
            offsets = np.concatenate([[0], np.cumsum(lengths)])
            chosen = np.repeat(first - offsets[:-1], lengths) + np.arange(offsets[-1])
            edges = pa.StructArray.from_arrays(
                [
                    _binary(ids[verdicts.edge_kept[chosen]]),
                    pa.array(verdicts.edge_similarity[chosen].astype(np.float32)),
                ],
                fields=list(EDGE),
            )
            columns = [
                pa.array(positions[start : start + _ROWS_PER_BATCH]),
                pa.array(wording[verdicts.reason[some]], pa.string()),
                _binary(ids[verdicts.winner[some]]),
                pa.array(verdicts.similarity[some].astype(np.float32)),
                pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), edges),
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=DUPLICATES))


def _binary(words: NDArray[np.uint64]) -> pa.Array:
    """The reverse of `binary_words`."""
    return pa.FixedSizeBinaryArray.from_buffers(
        DOC_ID, len(words), [None, pa.py_buffer(words.astype(">u8").tobytes())]
    )
