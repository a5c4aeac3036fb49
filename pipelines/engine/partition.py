"""A partition of the corpus: the documents that become one shard, gathered from the files of all splits.

Tokenise writes, per split, one file of record batches, N + M of them a round (some staged batches, mostly
the whole split) for N train and M validation partitions, so that the task of a partition reads every
(N + M)-th batch and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.lineage.fingerprints import fingerprint_rows
from pipelines.tokens.copy_kernels import put_lists
from pipelines.tokens.shards import check_size, is_validation, partition_of
from schemas.documents import EDGE, LEDGER
from schemas.id_columns import id_bytes, words_of
from schemas.identity import DIGEST_SIZE
from schemas.reasons import Stage

# A ledger row before its place in a shard is known, with the tokens.
TOKENISED = pa.schema(
    [
        *[field for field in LEDGER if field.name not in {"shard", "shard_row"}],
        pa.field("edges", pa.list_(EDGE)),  # of a duplicate: see EDGES
        pa.field("exact", pa.binary(DIGEST_SIZE)),  # null where a stage before the fingerprint dropped it
        pa.field("keys", pa.list_(pa.uint32())),  # of its bands: see pipelines.lineage.fingerprints
        pa.field("input_ids", pa.list_(pa.int32())),
    ]
)
_ALL_BUT_TOKENS = [name for name in TOKENISED.names if name != "input_ids"]
# Tokens and fingerprints are read again, each by whom it is for.
_FACTS = pa.schema([field for field in TOKENISED if field.name not in {"exact", "keys", "input_ids"}])
_ORDER = [(name, "ascending") for name in ("doc_id", "drop", "file", "row")]


@dataclass(frozen=True)
class Layout:
    """How many shards a segment has: a function of its epoch's admitted bytes alone."""

    train: int
    validation: int

    @property
    def partitions(self) -> int:
        """All partitions; train first."""
        return self.train + self.validation

    def order(
        self, doc_ids: pa.Array | pa.ChunkedArray, validation_share: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The documents by partition, a function of their ids; where each partition begins, and the end."""
        partitions = np.where(
            is_validation(doc_ids, validation_share),
            self.train + partition_of(doc_ids, self.validation),
            partition_of(doc_ids, self.train),
        )
        order = np.argsort(partitions, kind="stable")
        return order, np.searchsorted(partitions[order], np.arange(self.partitions + 1))

    def ordered(
        self, batches: Sequence[pa.RecordBatch], validation_share: float
    ) -> tuple[pa.RecordBatch, np.ndarray]:
        """TOKENISED of some batches by partition; where each begins, and the end."""
        rows = pa.Table.from_batches([batch.select(_ALL_BUT_TOKENS) for batch in batches])
        order, begins = self.order(rows["doc_id"], validation_share)
        rows = rows.take(pa.array(order))
        columns = {name: _whole(rows[name]) for name in rows.column_names}
        ends = np.cumsum(columns["tokens"].to_numpy(), dtype=np.int64)
        starts = np.concatenate([[0], ends]).astype(np.int32)
        tokens = _placed(batches, order, starts)
        columns["input_ids"] = pa.ListArray.from_arrays(pa.array(starts), pa.array(tokens))
        return pa.RecordBatch.from_arrays(
            [columns[name] for name in TOKENISED.names], schema=TOKENISED
        ), begins

    def name(self, partition: int) -> tuple[str, int, int]:
        """(train or validation, index, how many of its kind)."""
        if partition < self.train:
            return "train", partition, self.train
        return "validation", partition - self.train, self.validation


@dataclass(frozen=True)
class Tokenised:
    """One split's tokens, by partition."""

    index: int
    path: Path
    epoch: int
    layout: Layout


def _batches(tokenised: list[Tokenised], partition: int) -> Iterator[pa.RecordBatch]:
    """The batches of a partition, one file after the other; a batch that is let go costs no memory."""
    for item in tokenised:
        with pa.memory_map(str(item.path)) as source:
            reader = pa.ipc.open_file(source)
            for number in range(partition, reader.num_record_batches, item.layout.partitions):
                yield reader.get_batch(number)


def gather(tokenised: list[Tokenised], partition: int) -> pa.Table:
    """All rows of a partition but for tokens and fingerprints, by document id; "at" is where they lie."""
    found = [batch.select(_FACTS.names) for batch in _batches(tokenised, partition)]
    rows = pa.Table.from_batches(found, _FACTS).combine_chunks()
    order = pa.array(_by_document(rows))
    return rows.take(order).append_column("at", order)


def _by_document(rows: pa.Table) -> np.ndarray:
    """The order by document id, drop, file and row: by the ids as numbers, and all where ids are equal."""
    ids = words_of(id_bytes(rows["doc_id"]))
    order = np.argsort(ids[:, 0].astype(np.uint64))
    same = ids[order[1:], 0] == ids[order[:-1], 0]
    if same.any():  # a key delivered again, or once in 2^64 by chance
        tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
        equals = np.sort(order[tied])
        order[tied] = equals[pc.sort_indices(rows.take(pa.array(equals)), sort_keys=_ORDER).to_numpy()]
    return order


def shard_rows(tokenised: list[Tokenised], partition: int, rows: pa.Table) -> pa.Table:
    """What a shard holds of the kept among the rows.

    Tokens are the bulk of a build: each is put in its place straight from its file, and held once.
    """
    ends = np.cumsum(rows["tokens"].to_numpy(), dtype=np.int64)
    check_size(int(ends[-1]) if len(ends) else 0)
    starts = np.concatenate([[0], ends])
    tokens = _placed(_batches(tokenised, partition), rows["at"].to_numpy(), starts)
    kept = rows.filter(rows["kept"])
    begins = pa.array(np.append(starts[:-1][rows["kept"].to_numpy()], starts[-1]), pa.int32())
    columns = {"input_ids": pa.ListArray.from_arrays(begins, pa.array(tokens))}
    return pa.table(columns | {name: kept[name] for name in ("doc_id", "partner", "language")})


def _placed(batches: Iterable[pa.RecordBatch], order: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The tokens of some batches in the order of their documents; `starts` of each then, and the end."""
    places = np.empty(len(order), np.int64)
    places[order] = starts[:-1]
    tokens, at = np.empty(int(starts[-1]), np.int32), 0
    for batch in batches:
        lists = batch["input_ids"]
        put_lists(lists.values.to_numpy(), lists.offsets.to_numpy(), places[at : at + len(batch)], tokens)
        at += len(batch)
    return tokens


def fingerprinted(tokenised: list[Tokenised], partition: int, bands: int) -> pa.RecordBatch:
    """The fingerprints of a partition's documents: of all that came to deduplication.

    What rights took out is as if it had never come.
    """
    found = [_came_to_dedup(batch) for batch in _batches(tokenised, partition)]
    rows = pa.Table.from_batches(found).combine_chunks()
    columns = {name: _whole(rows[name]) for name in rows.column_names}
    flat = columns["keys"].flatten().to_numpy()
    return fingerprint_rows(
        doc_id=columns["doc_id"], exact=columns["exact"], keys=flat.reshape(len(rows), bands)
    )


def _came_to_dedup(batch: pa.RecordBatch) -> pa.RecordBatch:
    withdrawn = pc.fill_null(pc.equal(batch["stage"], Stage.RIGHTS.value), False)
    came = pc.and_not(batch["exact"].is_valid(), withdrawn)
    return batch.select(["doc_id", "exact", "keys"]).filter(came)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return pa.array([], column.type) if isinstance(whole, pa.ChunkedArray) else whole


def ledger_rows(rows: pa.Table, shard: str) -> pa.Table:
    """LEDGER of the rows, the kept ones with their places in the shard."""
    shard_row = np.cumsum(rows["kept"].to_numpy()) - 1
    places = {
        "shard": pc.if_else(rows["kept"], shard, pa.scalar(None, pa.string())),
        "shard_row": pc.if_else(rows["kept"], pa.array(shard_row, pa.int32()), None),
    }
    for name, values in places.items():
        rows = rows.append_column(name, values)
    return rows.select(LEDGER.names).cast(LEDGER)
