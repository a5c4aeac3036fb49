"""What became of copies: every verified edge, how many each kept document stands for, who lost to whom.

Reads edges of the tokenised rows, and the ledger. Writes BUILD/index/edges/part-<epoch>-<partition>.parquet
(EDGES) and BUILD/index/copies-<epoch>.parquet (COPIES). Ids and numbers; no text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from pipelines.lineage.ledger import read_ledger
from pipelines.lineage.ranges import id_ranges
from schemas.documents import COPIES, EDGES
from schemas.manifest import Manifest
from schemas.reasons import Reason

DEDUP_JSON = "index/dedup.json"  # DedupFacts
_COPIES_OF = (Reason.EXACT_DUPLICATE.value, Reason.NEAR_DUPLICATE.value)
_EXAMPLES = 3


def edges_path(*, epoch: int, partition: int) -> str:
    """Where a partition's edges lie in the build; a document's partition is that of its ledger row."""
    return f"index/edges/part-{epoch}-{partition:05d}.parquet"


def copies_path(epoch: int) -> str:
    """Where the copies that an epoch brought are counted."""
    return f"index/copies-{epoch}.parquet"


def edges_of(rows: pa.Table) -> pa.Table:
    """EDGES of rows that have doc_id and edges, in their order: every kept document each was found alike."""
    lists = rows["edges"].combine_chunks()
    if isinstance(lists, pa.ChunkedArray):  # a table without rows
        return EDGES.empty_table()
    lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0))
    found = lists.flatten()
    columns = [
        rows["doc_id"].combine_chunks().take(pa.array(np.repeat(np.arange(len(rows)), lengths))),
        found.field("doc_id"),
        found.field("similarity"),
    ]
    return pa.Table.from_arrays(columns, schema=EDGES)


def count_copies(ledger: Iterable[Path]) -> pa.Table:
    """COPIES of the ledger files of one epoch, by id and partner; a row that repeats a key is no copy.

    Counts are over what the epoch brought; the kept documents may be of earlier epochs. Memory: a ledger
    file's columns, and what is counted.
    """
    counted = pl.DataFrame(schema={"doc_id": pl.Binary, "partner": pl.String, "copies": pl.Int64})
    for path in ledger:
        table = pq.read_table(
            path, columns=["duplicate_of", "partner"], filters=pc.field("reason").isin(_COPIES_OF)
        )
        more = _copies_in(pl.DataFrame(table))
        counted = pl.concat([counted, more]).group_by("doc_id", "partner").agg(copies=pl.col("copies").sum())
    return counted.sort("doc_id", "partner").to_arrow().cast(COPIES)


def copies_among(rows: pl.DataFrame) -> pa.Table:
    """The same from the rows of one epoch: duplicate_of, partner, reason; without a winner, none."""
    copies = pl.col("reason").is_in(_COPIES_OF) & pl.col("duplicate_of").is_not_null()
    found = _copies_in(rows.filter(copies))
    return found.sort("doc_id", "partner").to_arrow().cast(COPIES)


def copies_changed(copies: pa.Table, before: pa.Table, after: pa.Table) -> pa.Table:
    """COPIES of an epoch, some rows of whose ledger were `before` and are `after`."""
    parts = [pl.DataFrame(copies)]
    for sign, rows in ((-1, before), (1, after)):
        counted = pl.DataFrame(copies_among(pl.DataFrame(rows.select(["duplicate_of", "partner", "reason"]))))
        parts.append(counted.with_columns(pl.col("copies") * sign))
    found = pl.concat(parts).group_by("doc_id", "partner").agg(pl.col("copies").sum())
    return found.filter(pl.col("copies") != 0).sort("doc_id", "partner").to_arrow().cast(COPIES)


def _copies_in(rows: pl.DataFrame) -> pl.DataFrame:
    by = (pl.col("duplicate_of").cast(pl.Binary).alias("doc_id"), "partner")
    return rows.group_by(*by).agg(copies=pl.len().cast(pl.Int64))


@dataclass(frozen=True)
class DedupFacts:
    """What deduplication counted over the whole build."""

    resolved: dict[str, int]  # pipelines.dedup.resolve.ResolveFacts: capped buckets are among them
    kept_without: dict[str, dict[str, int]]  # documents, by the partner left out, then by whose they are


@dataclass(frozen=True)
class Lost:
    """What one partner lost to copies that another, or itself, keeps."""

    partner: str
    to: str
    documents: int
    tokens: int  # of the kept copies: lost ones are not tokenised
    examples: tuple[str, ...]  # lost documents, hexadecimal ids


def losses(build: Path, manifest: Manifest, partner: str | None = None) -> tuple[Lost, ...]:
    """Who lost how much to whom, sorted by both names; of one partner, or of all."""
    documents = sum(facts.documents for facts in manifest.data_sets)
    parts = [
        _losses(build, manifest, partner, of_winner, of_loser)
        for of_winner, of_loser in zip(
            id_ranges(documents, "doc_id"), id_ranges(documents, "duplicate_of"), strict=True
        )
    ]
    found = (
        pl.concat(parts)
        .group_by("partner", "to")
        .agg(pl.col("documents", "tokens").sum(), pl.col("examples").explode().sort().head(_EXAMPLES))
        .sort("partner", "to")
    )
    return tuple(
        Lost(one, to, documents, tokens, tuple(example.hex() for example in examples))
        for one, to, documents, tokens, examples in found.iter_rows()
    )


def _losses(
    build: Path, manifest: Manifest, partner: str | None, of_winner: ds.Expression, of_loser: ds.Expression
) -> pl.DataFrame:
    """The losses to the kept documents of one range of ids: partner, to, documents, tokens, examples."""
    where = of_loser & pc.field("reason").isin(_COPIES_OF)
    if partner is not None:
        where &= pc.field("partner") == partner
    lost = read_ledger(build, ["doc_id", "partner", "duplicate_of"], where, manifest=manifest)
    kept = pc.field("kept") | (pc.field("reason") == Reason.REPEATED_PASSAGES.value)
    named = of_winner & pc.field("doc_id").isin(lost["duplicate_of"].combine_chunks().unique()) & kept
    winners = read_ledger(build, ["doc_id", "partner", "tokens"], named, manifest=manifest)
    whose = pl.DataFrame(winners).rename({"doc_id": "duplicate_of", "partner": "to"})
    return (
        pl.DataFrame(lost)
        .join(whose, on="duplicate_of", how="inner")
        .group_by("partner", "to")
        .agg(
            documents=pl.len().cast(pl.Int64),
            tokens=pl.col("tokens").cast(pl.Int64).sum(),
            examples=pl.col("doc_id").sort().head(_EXAMPLES),
        )
    )


def read_dedup_facts(build: Path, manifest: Manifest) -> DedupFacts:
    """BUILD/index/dedup.json; nothing counted where the build has none."""
    if not any(file.path == DEDUP_JSON for file in manifest.other_files):
        return DedupFacts({}, {})
    return DedupFacts(**orjson.loads((build / DEDUP_JSON).read_bytes()))


def dedup_facts_bytes(facts: DedupFacts) -> bytes:
    """The file's bytes."""
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"


def copies_of(build: Path, manifest: Manifest, doc_ids: Sequence[bytes] | None = None) -> pl.DataFrame:
    """COPIES of all epochs together: doc_id, partner, copies; of some documents, or of all."""
    paths = [file.path for file in manifest.other_files if file.path.startswith("index/copies-")]
    parts = [pl.DataFrame(pq.read_table(build / path)) for path in sorted(paths)]
    whole = pl.concat([pl.DataFrame(COPIES.empty_table()), *parts])
    if doc_ids is not None:
        whole = whole.filter(pl.col("doc_id").is_in(list(doc_ids)))
    return whole.group_by("doc_id", "partner").agg(pl.col("copies").sum()).sort("doc_id", "partner")
