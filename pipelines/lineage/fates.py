"""The counts of the report: how many documents and tokens met which fate, from the ledger alone.

Reads partner, data_set, language, kept, stage, reason, tokens, shard and detail of the ledger, file by file:
what is held is one file's columns and a row for each kind of fate, not for each document.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.lineage.ledger import read_piece
from schemas.manifest import Manifest
from schemas.reasons import Reason
from schemas.shards import NO_LANGUAGE

_READ = ["partner", "data_set", "language", "kept", "stage", "reason", "tokens", "shard"]
_FATE = ["epoch", "partner", "data_set", "language", "kept", "stage", "reason", "validation", "bin"]
_ITEM = ["partner", "data_set", "item"]
_COUNTED = {"documents": pl.Int64, "tokens": pl.Int64}
_FATES = {
    "epoch": pl.Int64,
    "partner": pl.String,
    "data_set": pl.String,
    "language": pl.String,
    "kept": pl.Boolean,
    "stage": pl.String,
    "reason": pl.String,
    "validation": pl.Boolean,
    "bin": pl.Int64,
    **_COUNTED,
}


@dataclass(frozen=True)
class Fates:
    """What the whole ledger says.

    fates: epoch, partner, data_set, language, kept, stage, reason, validation (of kept), bin (of kept: see
    bins_of), documents, tokens. contaminated: partner, data_set, item (the benchmark's), documents. Sorted.
    """

    fates: pl.DataFrame
    contaminated: pl.DataFrame

    @property
    def kept(self) -> pl.DataFrame:
        """The fates of kept documents."""
        return self.fates.filter("kept")


def count_fates(build: Path, manifest: Manifest) -> Fates:
    """Fates of a build; raises BuildInconsistent where a file of the ledger cannot be read."""
    aside = [shard.name for segment in manifest.segments for shard in segment.validation]
    fates = pl.DataFrame(schema=_FATES)
    items = pl.DataFrame(
        schema={"partner": pl.String, "data_set": pl.String, "item": pl.String, "documents": pl.Int64}
    )
    for segment in manifest.segments:
        for piece in segment.ledger:
            rows = pl.DataFrame(read_piece(build, piece, [*_READ, "detail"]))
            fates = _together(fates, _fates_of(rows, segment.epoch, aside), _FATE)
            items = _together(items, _items_of(rows), _ITEM)
    return Fates(fates.sort(_FATE, nulls_last=True), items.sort(_ITEM))


def bins_of(tokens: NDArray[np.integer]) -> NDArray[np.int64]:
    """The bin of each number of tokens: the exponent of the largest power of two that is not larger."""
    exponents: NDArray[np.int64] = np.frexp(np.maximum(tokens, 1))[1].astype(np.int64)
    return exponents - 1  # below 2^53 a float64 is exact


def _fates_of(rows: pl.DataFrame, epoch: int, aside: list[str]) -> pl.DataFrame:
    bins = pl.Series("bin", bins_of(rows["tokens"].to_numpy()))
    counted = rows.with_columns(
        pl.col("language").cast(pl.String).fill_null(NO_LANGUAGE),
        epoch=pl.lit(epoch, pl.Int64),
        validation=pl.when("kept").then(pl.col("shard").cast(pl.String).is_in(aside)),
        bin=pl.when("kept").then(bins),
    )
    found = counted.group_by(_FATE).agg(
        documents=pl.len().cast(pl.Int64), tokens=pl.col("tokens").cast(pl.Int64).sum()
    )
    return found.cast(_FATES)  # type: ignore[arg-type]


def _items_of(rows: pl.DataFrame) -> pl.DataFrame:
    found = rows.filter(pl.col("reason").cast(pl.String) == Reason.CONTAMINATED.value)
    return (
        found.select(
            pl.col("partner").cast(pl.String),
            pl.col("data_set").cast(pl.String),
            item=pl.col("detail").cast(pl.String).fill_null(""),
        )
        .group_by(_ITEM)
        .agg(documents=pl.len().cast(pl.Int64))
    )


def _together(one: pl.DataFrame, other: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    numbers = [name for name in one.columns if name not in keys]
    return pl.concat([one, other.select(one.columns)]).group_by(keys).agg(pl.col(numbers).sum())
