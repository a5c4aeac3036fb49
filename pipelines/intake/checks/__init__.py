"""The row checks of admission: every fault of every row of a file, streamed.

Rows are numbered, and refused where they cannot be parsed, as the build's readers do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipelines.intake.checks.batch import CheckedBatch
from pipelines.intake.checks.checker import Checker
from pipelines.intake.checks.hashed import HashedFile, sha256_unchanged
from pipelines.intake.checks.jsonl import check_jsonl
from pipelines.intake.checks.sinks import RowSink, TableSink, lost_only
from pipelines.intake.drops import DropFile
from pipelines.intake.readers import known_encoding
from pipelines.intake.readers.delimited import read_delimited
from pipelines.intake.readers.streams import open_file
from pipelines.intake.readers.tables import read_arrow, read_parquet
from pipelines.intake.splits import Split
from schemas.admission import FAULTS
from schemas.contract import DataSet, Format
from schemas.reasons import Refusal

__all__ = ["CheckedBatch", "check_file"]

_BATCH = {"batch_rows": 1 << 16, "batch_bytes": 4 << 20}


def check_file(
    drop: Path, file: DropFile, data_set: DataSet, *, max_row_bytes: int, pseudonymised: bool = False
) -> Iterator[CheckedBatch]:
    """All rows of a file with all their faults, in batches of some MiB; at least one batch.

    `pseudonymised`: the contract says deliveredAs pseudonymised. Memory is bounded by some blocks and
    `max_row_bytes`. Raises InputUnreadable where the file is gone or changes while it is read, and UsageError
    for an encoding, a pattern or a date format that cannot be read.
    """
    known_encoding(data_set)
    checker = Checker(file.path, data_set, pseudonymised=pseudonymised)
    if data_set.format in (Format.PARQUET, Format.ARROW):
        yield from _table(drop, file, data_set, checker, max_row_bytes)
        return
    with open_file(drop / file.path) as opened, HashedFile(opened) as hashed:
        held: CheckedBatch | None = None
        for batch in _rows(hashed, file, data_set, checker, max_row_bytes):
            if held is not None:
                yield held
            held = batch
        yield replace(held or _nothing(checker), sha256=hashed.digest())


def _rows(
    hashed: HashedFile, file: DropFile, data_set: DataSet, checker: Checker, max_row_bytes: int
) -> Iterator[CheckedBatch]:
    if not hashed.read(1):
        yield lost_only(checker, Refusal.EMPTY_FILE, 0)
        return
    opened = hashed.as_binary()
    if data_set.format is Format.JSONL:
        yield from check_jsonl(opened, file.path, data_set, checker, max_row_bytes=max_row_bytes)
        return
    read = read_delimited
    if data_set.format is Format.WARC:
        from pipelines.intake.readers.warc import read_warc as read
    opened.seek(0)
    yield from read(
        opened, file.path, data_set, sink=RowSink(checker, data_set), max_row_bytes=max_row_bytes, **_BATCH
    )


def _table(
    drop: Path, file: DropFile, data_set: DataSet, checker: Checker, max_row_bytes: int
) -> Iterator[CheckedBatch]:
    path = drop / file.path
    with open_file(path) as opened:
        empty = not opened.read(1)
    before = path.stat()
    whole = Split("", file.data_set, file.path, "", start=0, stop=-1, first_row=0, cost=0)
    read = read_parquet if data_set.format is Format.PARQUET else read_arrow
    held = lost_only(checker, Refusal.EMPTY_FILE, 0) if empty else None
    if not empty:
        for batch in read(drop, whole, TableSink(checker, data_set, max_row_bytes=max_row_bytes)):
            if held is not None:
                yield held
            held = batch
    yield replace(held or _nothing(checker), sha256=sha256_unchanged(path, before))


def _nothing(checker: Checker) -> CheckedBatch:
    return replace(
        lost_only(checker, Refusal.EMPTY_FILE, 0), rows=0, faults=FAULTS.empty_table().to_batches()[0]
    )
