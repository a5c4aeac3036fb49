"""The balance of a part of the ledger, counted from its rows alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

COUNTS = pa.schema(
    [
        pa.field("partner", pa.string(), nullable=False),
        pa.field("data_set", pa.string(), nullable=False),
        # documents, kept, tokens, dropped/<stage>/<reason>, pii/<class>
        pa.field("measure", pa.string(), nullable=False),
        pa.field("value", pa.int64(), nullable=False),
    ]
)
_COLUMNS = ["partner", "data_set", "kept", "stage", "reason", "tokens", "pii"]


def count_part(path: Path) -> pa.RecordBatch:
    """COUNTS of one ledger file, sorted; personal data is counted in kept documents only."""
    return count_rows(pq.read_table(path, columns=_COLUMNS))


def count_rows(ledger: pa.Table) -> pa.RecordBatch:
    """COUNTS of rows of a ledger."""
    table = ledger.select(_COLUMNS)
    rows = pl.DataFrame(table.drop_columns("pii"))
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
    counts.append(
        _entities(table, rows)
        .filter("kept")
        .group_by([*keys, "key"])
        .agg(value=pl.col("value").cast(pl.Int64).sum())
        .select(*keys, measure=pl.format("pii/{}", "key"), value="value")
    )
    found = pl.concat(counts).sort("partner", "data_set", "measure").to_arrow().cast(COUNTS)
    return found.combine_chunks().to_batches()[0] if len(found) else pa.RecordBatch.from_pylist([], COUNTS)


def _entities(table: pa.Table, rows: pl.DataFrame) -> pl.DataFrame:
    """One row per (document, class): partner, data_set, kept, key, value."""
    # One map array; its keys and items hold all rows' entries end to end (null and empty maps none).
    maps = pa.concat_arrays([pa.array([], table.schema.field("pii").type), *table["pii"].chunks])
    lengths = np.diff(maps.offsets.to_numpy())
    parents = np.repeat(np.arange(len(rows)), lengths)
    first, last = maps.offsets[0].as_py(), maps.offsets[-1].as_py()
    keys, values = maps.keys[first:last], maps.items[first:last]
    return rows.select("partner", "data_set", "kept")[parents].with_columns(
        key=pl.Series(keys), value=pl.Series(values)
    )
