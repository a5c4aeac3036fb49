"""The balance of a part of the ledger, counted from its rows alone."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa

COUNTS = pa.schema(
    [
        pa.field("partner", pa.string(), nullable=False),
        pa.field("data_set", pa.string(), nullable=False),
        # documents, kept, tokens, dropped/<stage>/<reason>, pii/<class>
        pa.field("measure", pa.string(), nullable=False),
        pa.field("value", pa.int64(), nullable=False),
    ]
)


def count_part(path: Path) -> pa.RecordBatch:
    """COUNTS of one ledger file, sorted; personal data is counted in kept documents only."""
    rows = pl.read_parquet(path, columns=["partner", "data_set", "kept", "stage", "reason", "tokens", "pii"])
    keys = ["partner", "data_set"]
    wide = rows.group_by(keys).agg(
        documents=pl.len().cast(pl.Int64),
        kept=pl.col("kept").sum().cast(pl.Int64),
        tokens=pl.col("tokens").cast(pl.Int64).sum(),
    )
    counts = [wide.unpivot(index=keys, variable_name="measure", value_name="value")]
    dropped = rows.filter(~pl.col("kept")).group_by([*keys, "stage", "reason"]).agg(value=pl.len())
    counts.append(
        dropped.select(
            *keys,
            measure=pl.format("dropped/{}/{}", "stage", "reason"),
            value=pl.col("value").cast(pl.Int64),
        )
    )
    entities = rows.filter(pl.col("kept")).select(*keys, "pii").explode("pii").drop_nulls("pii")
    counts.append(
        entities.unnest("pii")
        .group_by([*keys, "key"])
        .agg(value=pl.col("value").cast(pl.Int64).sum())
        .select(*keys, measure=pl.format("pii/{}", "key"), value="value")
    )
    table = pl.concat(counts).sort("partner", "data_set", "measure").to_arrow().cast(COUNTS)
    return table.combine_chunks().to_batches()[0] if len(table) else COUNTS.empty_table().to_batches()[0]
