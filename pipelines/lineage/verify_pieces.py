"""Ledger pieces, each by itself: columns, order, place, root; its rows for the checks over all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.lineage.balance import count_rows
from pipelines.lineage.finding import Finding
from pipelines.lineage.ledger import ledger_path
from pipelines.lineage.records import Records, piece_leaves, records
from schemas.content import Place, places
from schemas.documents import LEDGER
from schemas.id_columns import in_order, words_of
from schemas.manifest import LedgerFacts, Manifest
from schemas.merkle import root_of_hashes

COLUMNS = [
    *("doc_id", "partner", "drop", "data_set", "language", "kept", "stage", "reason", "duplicate_of"),
    *("similarity", "tokens", "shard", "shard_row"),
]
PREFIX = "prefix"  # the first 8 bytes of doc_id as a number: ids are compared by it first


@dataclass(frozen=True)
class Piece:
    """A piece as it was read: COLUMNS and PREFIX, what it counts, what is wrong with it."""

    place: Place  # of its shard
    facts: LedgerFacts
    rows: pl.DataFrame
    counts: pa.RecordBatch | None  # None: there are rows without a stage to be counted under
    findings: tuple[Finding, ...]


def check_places(manifest: Manifest) -> Iterator[Finding]:
    """Every shard has a ledger piece of the name that its place gives."""
    for segment in manifest.segments:
        shards = len(segment.shards)
        if len(segment.ledger) != shards:
            message = f"epoch {segment.epoch} has {shards} shards and {len(segment.ledger)} ledger pieces"
            yield Finding("ledger", "ledger", message)
        for at, facts in enumerate(segment.ledger):
            expected = ledger_path(epoch=segment.epoch, partition=at)
            if facts.path != expected:
                yield Finding("ledger", facts.path, f"stands where {expected} belongs")


def read_pieces(build: Path, manifest: Manifest, pool: Executor) -> list[Piece]:
    """All pieces of shards, side by side. Raises OSError, ValueError, ArrowException or PolarsError."""
    wanted = [(place, place.ledger) for place in places(manifest.segments) if place.ledger is not None]
    return list(pool.map(lambda one: _read(build, *one), wanted))


def _read(build: Path, place: Place, facts: LedgerFacts) -> Piece:
    table = pq.read_table(build / facts.path)
    if not table.schema.equals(LEDGER) or table.schema.metadata is not None:
        raise ValueError("other columns than a ledger")
    table.validate(full=True)  # of all columns: polars, which counts them later, would panic
    found = records(table)
    rows = pl.DataFrame(table.select(COLUMNS)).with_columns(pl.Series(PREFIX, _words(found)[:, 0]))
    return Piece(place, facts, rows, _counted(table), tuple(check_piece(place, facts, found)))


def _counted(table: pa.Table) -> pa.RecordBatch | None:
    try:
        return count_rows(table)
    except (ValueError, pa.ArrowException, pl.exceptions.PolarsError):
        return None


def check_piece(place: Place, facts: LedgerFacts, found: Records) -> Iterator[Finding]:
    """The piece's records against its root, their order and their place."""
    if (len(found), root_of_hashes(piece_leaves(found)).hex()) != (facts.rows, facts.root):
        yield Finding(
            "root", facts.path, "has other rows than the manifest's count and Merkle root of it say"
        )
    if not len(found):
        return
    words = _words(found)
    high = words[:, 0]
    if not in_order(words):
        yield Finding("ledger", facts.path, "is not sorted by document id")
    first = (high >> np.uint64(32)) * np.uint64(place.of) >> np.uint64(32)
    if (first != place.index).any():
        wrong = found[int(np.flatnonzero(first != place.index)[0]), :16].tobytes().hex()
        yield Finding("ledger", facts.path, f"holds a document of another piece, as {wrong}")


def _words(found: Records) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    """The document ids as two numbers each, the first bytes the weightiest."""
    return words_of(found[:, :16]).astype(np.uint64)


def all_rows(pieces: Sequence[Piece]) -> pl.DataFrame:
    """The rows of all pieces."""
    return pl.concat([piece.rows for piece in pieces])
