"""Who is dropped for whom: dominance in rank order (DESIGN.md section 4).

Reads documents of the buckets of a part; position, doc_id, language, quality, exact, shingles of their
documents.
Writes position, reason, duplicate_of, similarity, edges of the dropped documents, one file a split.

A part is resolved at once (pipelines/dedup/parts.py). Memory is some 270 bytes a document of it; shingles are
read from the memory-mapped sketches and belong to the page cache.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.dedup.buckets import first_alike, read_buckets
from pipelines.dedup.dominance import DROPPED, KEPT, OPEN, dominate
from pipelines.dedup.parts import Parts
from pipelines.dedup.ranked import Documents, SplitRank, rank_order, read_sketches
from schemas.documents import DOC_ID, EDGE
from schemas.errors import BuildInconsistent, UsageError
from schemas.reasons import Reason
from schemas.recipe import DedupSettings

# Bump when what is decided, or recorded of it, or how it is staged, changes.
# 2: partners may rank by language. 3: buckets and sketches of numbered parts lie otherwise; same decisions.
DEDUP_VERSION = (
    3  # 3: buckets and sketches of numbered parts lie otherwise in the staging; the same decisions
)

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
    parts: Parts,
    sketches: Sequence[tuple[int, Path]],
    *,
    ranks: Sequence[SplitRank],
    settings: DedupSettings,
    directory: Path,
    settled: Mapping[int, Settled] | None = None,
) -> ResolveFacts:
    """Resolve part after part and gather what they came to: `resolve_part` and `gather` in one process."""
    known = settled or {}
    files = [directory / f"part-{part:05d}.arrow" for part in range(parts.count)]
    for part, path in enumerate(files):
        resolve_part(parts, sketches, part=part, ranks=ranks, settings=settings, path=path, settled=known)
    return gather(files, [split for split, _ in sketches if split not in known], directory)


def resolve_part(
    parts: Parts,
    sketches: Sequence[tuple[int, Path]],
    *,
    part: int,
    ranks: Sequence[SplitRank],
    settings: DedupSettings,
    path: Path,
    settled: Mapping[int, Settled],
) -> None:
    """Write DUPLICATES of one part, for `gather`.

    `sketches` are (split, file), `ranks` by split. Rank is (priority, quality descending, doc_id, the split's
    name, position); a quality that is no number ranks last. Repeated ids go first, then exact duplicates,
    then near ones. An exact duplicate of a document that is itself dropped as a near duplicate is a near
    duplicate of the same kept document: they have the same shingles. Neither the numbering of splits nor the
    order of files decides anything.

    Splits that are `settled` rank before all others and are neither written nor counted; the parts then are
    of the buckets that have a document of another split.

    Raises UsageError where two splits have one name, BuildInconsistent where a document of the part
    has no sketch.
    """
    documents, by_rank, rank_of, verdicts = _decided(parts, sketches, part, ranks, settings, settled)
    ids = documents.doc_id[by_rank]
    lost, counts = {}, {}
    for split in sorted(split for split, _ in sketches if split not in settled):
        start, end = np.searchsorted(documents.split, [split, split + 1])
        dropped = np.flatnonzero(verdicts.reason[rank_of[start:end]] != _KEPT) + start
        lost[split] = dropped
        counts[split] = -(-len(dropped) // _ROWS_PER_BATCH)
    told = {"facts": orjson.dumps(asdict(verdicts.facts)), "batches": orjson.dumps([*counts.items()])}
    schema = DUPLICATES.with_metadata(told)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for dropped in lost.values():
            for start in range(0, len(dropped), _ROWS_PER_BATCH):
                some = dropped[start : start + _ROWS_PER_BATCH]
                columns = duplicate_columns(documents.position[some], rank_of[some], ids, verdicts)
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def gather(files: Sequence[Path], splits: Sequence[int], directory: Path) -> ResolveFacts:
    """Write DUPLICATES of each split to directory/{split}.arrow, of the parts' files; all they counted."""
    readers = [pa.ipc.open_file(pa.memory_map(str(file))) for file in files]
    facts = [orjson.loads(reader.schema.metadata[b"facts"]) for reader in readers]
    found: dict[int, list[pa.RecordBatch]] = {split: [] for split in splits}
    for reader in readers:
        index = 0
        for split, count in orjson.loads(reader.schema.metadata[b"batches"]):
            found[split] += [reader.get_batch(index + number) for number in range(count)]
            index += count
    for split, batches in found.items():
        plain = [batch.replace_schema_metadata(None) for batch in batches]
        table = pa.Table.from_batches(plain, DUPLICATES)
        if len(files) > 1:
            table = table.sort_by("position")
        with pa.ipc.new_file(str(directory / f"{split}.arrow"), DUPLICATES) as writer:
            writer.write_table(table, max_chunksize=_ROWS_PER_BATCH)
    return ResolveFacts(**{name: sum(one[name] for one in facts) for name in facts[0]})


def dropped_without(
    parts: Parts,
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
    found: dict[int, list[Settled]] = {split: [] for split, _ in sketches if split not in without}
    for part in range(parts.count):
        documents, _, rank_of, verdicts = _decided(
            parts, sketches, part, ranks, settings, known, without=without
        )
        reason = verdicts.reason[rank_of]
        for split, outs in found.items():
            start, end = np.searchsorted(documents.split, [split, split + 1])
            own = reason[start:end]
            dropped = own != _KEPT
            outs.append(Settled(documents.position[start:end][dropped], own[dropped] == _REPEATED))
    return {split: _together(outs) for split, outs in found.items()} | dict(known)


def _together(outs: Sequence[Settled]) -> Settled:
    """What the parts say of one split."""
    dropped = np.concatenate([out.dropped for out in outs])
    order = np.argsort(dropped)
    return Settled(dropped[order], np.concatenate([out.repeated for out in outs])[order])


def _decided(
    parts: Parts,
    sketches: Sequence[tuple[int, Path]],
    part: int,
    ranks: Sequence[SplitRank],
    settings: DedupSettings,
    settled: Mapping[int, Settled],
    without: Collection[int] = (),
) -> tuple[Documents, NDArray[np.int64], NDArray[np.int32], Verdicts]:
    """The documents of a part, their numbers by rank, the ranks by number, and what became of each."""
    names = [ranks[split].name for split, _ in sketches]
    if len(set(names)) < len(names):
        raise UsageError("two splits have the same name: give resolve a name for each split that is its own")
    documents = read_sketches(sorted(sketches), ranks, part=part, without=without)
    if documents.numbered != parts.documents(part):
        raise BuildInconsistent(
            f"part {part} has {parts.documents(part)} documents in shared buckets and {documents.numbered} in"
            " sketches: remove the build's deduplication files and build again"
        )
    by_rank = rank_order(documents, ranks)
    rank_of = np.empty(len(by_rank), np.int32)
    rank_of[by_rank] = np.arange(len(by_rank), dtype=np.int32)
    states = _states(documents, settled)[by_rank]
    verdicts = _decide(documents, by_rank, states, parts.buckets(part), settings)
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


def resolved(
    documents: Documents,
    by_rank: NDArray[np.int64],
    buckets: Sequence[pa.RecordBatch],
    settings: DedupSettings,
) -> Verdicts:
    """What becomes of documents of which nothing is known before, by their BUCKETS."""
    return _decide(documents, by_rank, np.full(len(by_rank), OPEN, np.int8), buckets, settings)


def _decide(
    documents: Documents,
    by_rank: NDArray[np.int64],
    states: NDArray[np.int8],
    shared: Sequence[pa.RecordBatch],
    settings: DedupSettings,
) -> Verdicts:
    """Repeated ids, exact duplicates, then near duplicates among those that are left."""
    count = len(by_rank)
    reason = np.full(count, _KEPT, np.int8)
    winner = np.full(count, -1, np.int32)
    similarity = np.ones(count, np.float64)
    edge_start = np.zeros(count, np.int64)
    edge_end = np.zeros(count, np.int64)

    first = first_alike(documents.doc_id[by_rank])
    repeated = np.flatnonzero((first != np.arange(count)) | (states == _KEY_REPEATED))
    reason[repeated], winner[repeated] = _REPEATED, first[repeated]

    alone = np.flatnonzero(reason == _KEPT)
    leader = alone[first_alike(documents.exact[by_rank[alone]])]
    copies, leaders = alone[leader != alone], leader[leader != alone]
    compared = alone[leader == alone]

    place = np.full(documents.numbered, -1, np.int32)
    place[documents.number[by_rank[compared]]] = np.arange(len(compared), dtype=np.int32)
    places, buckets = read_buckets(shared, place, max_kept_per_bucket=settings.max_kept_per_bucket)
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


def duplicate_columns(
    positions: NDArray[np.int32], ranks: NDArray[np.int32], ids: NDArray[np.uint64], verdicts: Verdicts
) -> list[pa.Array]:
    """The columns of DUPLICATES; `ids` are by rank."""
    wording = np.array([reason.value if reason else "" for reason in _REASONS])
    first = verdicts.edge_start[ranks]
    lengths = verdicts.edge_end[ranks] - first
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    chosen = np.repeat(first - offsets[:-1], lengths) + np.arange(offsets[-1])
    edges = pa.StructArray.from_arrays(
        [
            _binary(ids[verdicts.edge_kept[chosen]]),
            pa.array(verdicts.edge_similarity[chosen].astype(np.float32)),
        ],
        fields=list(EDGE),
    )
    return [
        pa.array(positions),
        pa.array(wording[verdicts.reason[ranks]], pa.string()),
        _binary(ids[verdicts.winner[ranks]]),
        pa.array(verdicts.similarity[ranks].astype(np.float32)),
        pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), edges),
    ]


def _binary(words: NDArray[np.uint64]) -> pa.Array:
    """The reverse of `binary_words`."""
    return pa.FixedSizeBinaryArray.from_buffers(
        DOC_ID, len(words), [None, pa.py_buffer(words.astype(">u8").tobytes())]
    )
