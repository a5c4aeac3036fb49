"""Batches and data sets for the tests of the stages."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from schemas.contract import DataSet, Delivery, Format, Kind, Markup
from schemas.documents import DOCUMENT


def batch_of(texts: Sequence[str], languages: Sequence[str | None] | None = None) -> pa.RecordBatch:
    """Documents with these texts, numbered from 0, and the languages their rows declare."""
    ids = [row.to_bytes(16, "big") for row in range(len(texts))]
    columns = [ids, range(len(texts)), texts, languages or [None] * len(texts)]
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, DOCUMENT, strict=True)],
        schema=DOCUMENT,
    )


def data_set_of(
    kind: str = "web", markup: str = "plain", languages: tuple[str, ...] = ("ko", "en")
) -> DataSet:
    """A data set of that kind; everything the stages do not look at is arbitrary."""
    return DataSet(
        name="texts",
        kind=Kind(kind),
        files=("*.jsonl",),
        format=Format.JSONL,
        encoding="utf-8",
        delimiter=",",
        markup=Markup(markup),
        join="\n",
        delivery=Delivery.APPEND,
        languages=languages,
        columns=(),
    )
