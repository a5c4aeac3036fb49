"""Readers: a split of a file in, documents and quarantine out, in batches of bounded size.

Whatever a file holds, a reader ends in entries of the quarantine; it raises only where a file that
was planned cannot be opened.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from pipelines.intake.readers.delimited import read_delimited
from pipelines.intake.readers.jsonl import read_jsonl
from pipelines.intake.readers.rows import Assembler, ReadBatch, refusal_only
from pipelines.intake.readers.streams import open_file
from pipelines.intake.readers.tables import Documents, read_arrow, read_parquet
from pipelines.intake.splits import Split, codec
from schemas.contract import DataSet, Format
from schemas.errors import UsageError
from schemas.reasons import Refusal

__all__ = ["ReadBatch", "read_split"]


def read_split(
    drop: Path,
    split: Split,
    data_set: DataSet,
    *,
    max_row_bytes: int,
    batch_rows: int = 4096,
    batch_bytes: int = 8 << 20,
) -> Iterator[ReadBatch]:
    """The rows of a split, in the file's order: rows == documents + quarantine in every batch.

    Memory is bounded by `batch_bytes` and `max_row_bytes`, which change nothing but the cuts between
    batches and, the latter, which rows are too long. Raises InputUnreadable where the file is gone, and
    UsageError for an encoding that Python does not know.
    """
    known_encoding(data_set)
    batches = {"max_row_bytes": max_row_bytes, "batch_rows": batch_rows, "batch_bytes": batch_bytes}
    with open_file(drop / split.path) as file:
        if not file.read(1):
            yield refusal_only(Refusal.EMPTY_FILE, offset=0)
        elif data_set.format is Format.CSV:
            yield from read_delimited(file, split.path, data_set, sink=Assembler(split, data_set), **batches)
        elif data_set.format is Format.WARC:
            from pipelines.intake.readers.warc import read_warc

            yield from read_warc(file, split.path, data_set, sink=Assembler(split, data_set), **batches)
        elif data_set.format is Format.JSONL:
            yield from read_jsonl(drop, split, data_set, **batches)
        elif data_set.format is Format.PARQUET:
            yield from read_parquet(drop, split, Documents(split, data_set, **batches))
        else:
            yield from read_arrow(drop, split, Documents(split, data_set, **batches))


def known_encoding(data_set: DataSet) -> None:
    """Raise UsageError for an encoding that Python does not know."""
    try:
        codecs.lookup(codec(data_set.encoding))
    except LookupError:
        raise UsageError(
            f"data set {data_set.name}: encoding {data_set.encoding!r} is not known: "
            "name one of https://docs.python.org/3.11/library/codecs.html#standard-encodings"
        ) from None
