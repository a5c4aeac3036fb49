"""The ledger: every document's decision, as sorted Parquet files.

Reads and writes the columns of schemas.documents.LEDGER.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from pipelines.lineage.balance import count_part
from pipelines.lineage.lookup import rows_of
from pipelines.lineage.records import piece_root
from schemas.documents import LEDGER
from schemas.errors import BuildInconsistent
from schemas.id_columns import id_bytes, in_order, words_of
from schemas.identity import file_sha256
from schemas.manifest import LedgerFacts, Manifest, read_manifest

ROW_GROUP = 1 << 13  # rows: finding one document reads 0.2 MiB; 131,072 would spare 0.8 bytes a document
# Columns of few different values; a dictionary of the others (ids, row numbers) would cost and not save.
_FEW = ["partner", "data_set", "kind", "drop", "file", "language", "kept", "stage", "reason", "shard"]
_ORDER = [(name, "ascending") for name in ("doc_id", "drop", "file", "row")]


class WrittenLedger(NamedTuple):
    """What the manifest says of a ledger file, but for its path."""

    bytes: int
    sha256: str
    rows: int
    root: str


@dataclass(frozen=True)
class DataSetBalance:
    """What the ledger alone says of one data set."""

    partner: str
    data_set: str
    documents: int = 0
    kept: int = 0
    tokens: int = 0
    dropped: dict[str, int] = field(default_factory=dict)  # by "stage/reason"
    pii: dict[str, int] = field(default_factory=dict)  # in kept documents, by class


def ledger_path(*, epoch: int, partition: int) -> str:
    """Where a partition's ledger piece lies in the build."""
    return f"ledger/part-{epoch}-{partition:05d}.parquet"


def write_ledger(path: Path, table: pa.Table) -> WrittenLedger:
    """Write one ledger file, whole or not at all: sorted by document id, drop, file and row.

    The same rows in any order and chunking give the same bytes; nothing in the file knows a clock (its
    `created_by` is pyarrow's version). Raises BuildInconsistent for columns that are not LEDGER's.
    """
    if set(table.column_names) != set(LEDGER.names):
        raise BuildInconsistent(
            f"{path.name}: the ledger's columns are {', '.join(LEDGER.names)}: please report this defect"
        )
    rows = table.select(LEDGER.names).combine_chunks()
    if not _ids_rise(rows["doc_id"]):
        rows = rows.sort_by(_ORDER).combine_chunks()
    pii = rows["pii"].combine_chunks().cast(LEDGER.field("pii").type)
    rows = rows.set_column(rows.schema.get_field_index("pii"), "pii", _sorted_classes(pii))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        pq.write_table(
            rows.cast(LEDGER).combine_chunks(),
            temporary,
            row_group_size=ROW_GROUP,
            compression="zstd",
            use_dictionary=_FEW,
            write_statistics=True,
            store_schema=True,
        )
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        written = WrittenLedger(temporary.stat().st_size, file_sha256(temporary), len(rows), piece_root(rows))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return written


def read_ledger(
    build: Path,
    columns: Sequence[str] | None = None,
    where: ds.Expression | None = None,
    *,
    manifest: Manifest | None = None,
) -> pa.Table:
    """The rows of all ledger files that the manifest names, in its order; only what is asked for is read.

    Raises BuildInconsistent where a file is missing or no Parquet.
    """
    known = manifest or read_manifest(build)
    wanted = pa.schema([LEDGER.field(name) for name in columns]) if columns is not None else LEDGER
    paths = [str(build / file.path) for segment in known.segments for file in segment.ledger]
    if not paths:
        return wanted.empty_table()
    try:
        source = ds.dataset(paths, schema=LEDGER, format="parquet")
        return source.to_table(columns=wanted.names, filter=where)
    except (OSError, pa.ArrowException) as error:
        raise BuildInconsistent(
            f"{build.name}: the ledger cannot be read ({type(error).__name__}): "
            f"run `malmoi verify {build.name}`"
        ) from None


def read_piece(build: Path, piece: LedgerFacts, columns: Sequence[str]) -> pa.Table:
    """Some columns of one ledger piece; raises BuildInconsistent where it is missing or no Parquet."""
    try:
        return pq.read_table(build / piece.path, columns=list(columns))
    except (OSError, pa.ArrowException) as error:
        raise BuildInconsistent(
            f"{piece.path}: the ledger cannot be read ({type(error).__name__}): "
            f"run `malmoi verify {build.name}`"
        ) from None


def find_document(build: Path, doc_id: bytes, *, manifest: Manifest | None = None) -> list[dict[str, Any]]:
    """The ledger rows of a document id; more than one where a key was delivered again, none if unknown."""
    found = rows_of(build, doc_id, manifest or read_manifest(build))
    return [{**row, "pii": dict(row["pii"] or [])} for row in found]


def balance(build: Path, *, manifest: Manifest | None = None) -> tuple[DataSetBalance, ...]:
    """The counts of each data set, from the ledger alone, sorted by partner and data set."""
    known = manifest or read_manifest(build)
    pieces = [file for segment in known.segments for file in segment.ledger]
    return balance_of(count_part(build / file.path) for file in pieces)


def balance_of(parts: Iterable[pa.RecordBatch]) -> tuple[DataSetBalance, ...]:
    """The same from the counts (pipelines.lineage.balance.COUNTS) of all ledger files."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for part in parts:
        for row in part.to_pylist():
            measures = counts.setdefault((row["partner"], row["data_set"]), {})
            measures[row["measure"]] = measures.get(row["measure"], 0) + row["value"]
    return tuple(
        DataSetBalance(
            partner,
            data_set,
            documents=measures.get("documents", 0),
            kept=measures.get("kept", 0),
            tokens=measures.get("tokens", 0),
            dropped=_under("dropped/", measures),
            pii=_under("pii/", measures),
        )
        for (partner, data_set), measures in sorted(counts.items())
    )


def _ids_rise(ids: pa.ChunkedArray) -> bool:
    """Whether each id is above the one before, so that the rows are in their order already."""
    if ids.null_count:
        return False
    return in_order(words_of(id_bytes(ids)), strictly=True)


def _under(prefix: str, measures: dict[str, int]) -> dict[str, int]:
    return {name.removeprefix(prefix): n for name, n in sorted(measures.items()) if name.startswith(prefix)}


def _sorted_classes(maps: pa.MapArray) -> pa.MapArray:
    """The maps with their entries in the order of their classes."""
    offsets = maps.offsets.to_numpy().astype(np.int64)
    lengths = np.diff(offsets)
    if not len(lengths) or lengths.max() < 2:
        return maps
    first, count = int(offsets[0]), int(offsets[-1] - offsets[0])
    keys, values = maps.keys.slice(first, count), maps.items.slice(first, count)
    parents = pa.array(np.repeat(np.arange(len(maps)), lengths))
    order = pc.sort_indices(
        pa.table({"parent": parents, "class": keys}),
        sort_keys=[("parent", "ascending"), ("class", "ascending")],
    )
    begins = pa.array((offsets - offsets[0]).astype(np.int32))
    ordered = pa.MapArray.from_arrays(begins, keys.take(order), values.take(order))
    if not maps.null_count:
        return ordered
    return pc.if_else(pc.is_valid(maps), ordered, pa.scalar(None, maps.type))
