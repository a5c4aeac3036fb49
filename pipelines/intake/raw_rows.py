"""The rows of a file as the partner has them: values untouched, numbered as the build's readers number them.

For `malmoi prepare`, which has checked the file before: what cannot be read is left out here, and was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.intake.checks.lines import Cutter, LongLine
from pipelines.intake.drops import DropFile
from pipelines.intake.readers.delimited import read_delimited
from pipelines.intake.readers.jsonl import BOM, parse_line
from pipelines.intake.readers.rows import ABSENT, Refused
from pipelines.intake.readers.streams import StreamBroken, open_file, pieces
from pipelines.intake.readers.tables import check_buffers, read_arrow, read_parquet
from pipelines.intake.readers.warc import RECORD, read_warc
from pipelines.intake.splits import Split, codec
from schemas.contract import DataSet, Format
from schemas.reasons import Refusal

_BATCH_ROWS = 8192
_BATCH_BYTES = 16 << 20


@dataclass(frozen=True)
class RawRows:
    """Some rows of a file, in its order; a column that the file lacks is not in `columns`."""

    rows: Sequence[int]  # numbers from 0
    lines: Sequence[int]  # from 1; -1: the format has none
    offsets: Sequence[int]  # uncompressed bytes; -1: unknown
    columns: dict[
        str, list[Any] | pa.Array
    ]  # lists of JSONL and CSV (ABSENT: no such field), Arrow of tables


def raw_rows(
    drop: Path, file: DropFile, data_set: DataSet, *, names: tuple[str, ...], max_row_bytes: int
) -> Iterator[RawRows]:
    """The rows of a file, of the named top-level columns; of WARC also RECORD, where it is named."""
    if data_set.format in {Format.PARQUET, Format.ARROW}:
        whole = Split("", file.data_set, file.path, "", start=0, stop=-1, first_row=0, cost=0)
        read = read_parquet if data_set.format is Format.PARQUET else read_arrow
        yield from read(drop, whole, _TableSink(names))
        return
    with open_file(drop / file.path) as opened:
        if data_set.format is Format.JSONL:
            source = _unbroken(pieces(opened, file.path))
            yield from _lines(source, names, codec(data_set.encoding), max_row_bytes)
        else:
            read_rows = read_delimited if data_set.format is Format.CSV else read_warc
            yield from read_rows(
                opened,
                file.path,
                data_set,
                sink=_RowSink(names),
                max_row_bytes=max_row_bytes,
                batch_rows=_BATCH_ROWS,
                batch_bytes=_BATCH_BYTES,
            )


def _unbroken(source: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from source
    except StreamBroken:
        return


def _lines(
    source: Iterator[bytes], names: tuple[str, ...], encoding: str, max_row_bytes: int
) -> Iterator[RawRows]:
    cutter = Cutter(max_row_bytes)
    row = 0
    for cut in (part for parts in (cutter.cut(source), cutter.last_line()) for part in parts):
        if isinstance(cut, LongLine):
            row += not cut.blank
            continue
        places: list[tuple[int, int, int]] = []
        records: list[dict[str, Any]] = []
        offset = cut.offset
        for number, line in enumerate(cut.data.split(b"\n"), start=cut.line):
            text = line.removeprefix(BOM) if offset == 0 else line
            parsed = parse_line(text, limit=max_row_bytes, encoding=None if encoding == "utf-8" else encoding)
            if isinstance(parsed, dict):
                places.append((row, number, offset))
                records.append(parsed)
            row += parsed is not None
            offset += len(line) + 1
        rows, lines, offsets = zip(*places, strict=True) if places else ((), (), ())
        columns: dict[str, Any] = {name: [record.get(name, ABSENT) for record in records] for name in names}
        yield RawRows(rows, lines, offsets, columns)


class _RowSink:
    """Takes rows of CSV and WARC files."""

    places = True

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._there: set[str] = set()

    def found(self, names: Iterable[str]) -> None:
        """Columns that the file has."""
        self._there |= set(names)

    def batch(
        self,
        *,
        rows: Sequence[int],
        lines: Sequence[int],
        offsets: Sequence[int],
        columns: dict[str, list[Any]],
        refused: list[Refused],
        size: int,
    ) -> RawRows:
        """The rows that could be read."""
        del refused, size
        there = {name: cells for name, cells in columns.items() if name in self._there or name == RECORD}
        return RawRows(rows, lines, offsets, there)


class _TableSink:
    """Takes pieces of Parquet and Arrow files."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def found(self, names: Iterable[str]) -> None:
        """Columns that the file has."""

    def batches(self, batch: pa.RecordBatch, first: int) -> Iterator[RawRows]:
        """A piece whose first row has the number `first`."""
        there = [name for name in self.names if name in batch.schema.names]
        for name in there:
            check_buffers(batch[name])
        nowhere = [-1] * batch.num_rows
        rows = range(first, first + batch.num_rows)
        yield RawRows(rows, nowhere, nowhere, {name: batch[name] for name in there})

    def refusal(self, refusal: Refusal) -> RawRows:
        """What was told when the file was checked."""
        del refusal
        return RawRows((), (), (), {})
