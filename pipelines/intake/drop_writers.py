"""Rows written in the format, encoding and compression that a contract names; the same bytes each time."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from pipelines.intake.readers.rows import ABSENT
from pipelines.intake.readers.warc import RECORD
from pipelines.intake.splits import codec
from schemas.contract import DataSet, Format

GZIP_LEVEL = 6
ZSTD_LEVEL = 10
_GROUP_BYTES = 64 << 20  # of a Parquet row group or an Arrow record batch, in memory
_GROUP_ROWS = 1 << 17
Columns = Mapping[str, Sequence[Any] | pa.Array]


class RowWriter(Protocol):
    """Takes rows in their order."""

    def write(self, columns: Columns, count: int) -> list[int]:
        """Write rows; returns the places of those that the encoding cannot hold, which are not written."""

    def close(self) -> None:
        """Write what is left."""


@contextmanager
def row_writer(path: Path, data_set: DataSet, names: Sequence[str]) -> Iterator[RowWriter]:
    """A writer of a file whose name's ending tells the compression; `names`: the columns, in order."""
    with path.open("xb") as file:
        writer: RowWriter
        if data_set.format in {Format.PARQUET, Format.ARROW}:
            writer = _Tables(file, names, parquet=data_set.format is Format.PARQUET)
            yield writer
            writer.close()
            return
        if data_set.format is Format.WARC and path.suffix == ".gz":
            yield _WarcWriter(file, packed_alone=True)
            return
        with packed(file, path.name) as stream:
            if data_set.format is Format.WARC:
                writer = _WarcWriter(stream, packed_alone=False)
            elif data_set.format is Format.CSV:
                writer = _CsvWriter(stream, names, codec(data_set.encoding), data_set.delimiter)
            else:
                writer = _JsonWriter(stream, names, codec(data_set.encoding))
            yield writer


@contextmanager
def packed(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """A stream into an open file, compressed as the ending of its name says."""
    if name.endswith(".gz"):
        with gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=file, mtime=0) as stream:
            yield cast("BinaryIO", stream)
    elif name.endswith(".zst"):
        compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
        with compressor.stream_writer(file, closefd=False) as stream:
            yield cast("BinaryIO", stream)
    else:
        yield file


class _JsonWriter:
    """One object a line, ended by LF; what the encoding cannot hold is escaped."""

    def __init__(self, stream: BinaryIO, names: Sequence[str], encoding: str) -> None:
        self._stream = stream
        self._names = names
        self._encoding = None if encoding == "utf-8" else encoding

    def write(self, columns: Columns, count: int) -> list[int]:
        """Write rows; none is lost."""
        there = [(name, columns[name]) for name in self._names if name in columns]
        for at in range(count):
            row = {name: cells[at] for name, cells in there if cells[at] is not ABSENT}
            self._stream.write(self._line(row) + b"\n")
        return []

    def _line(self, row: dict[str, Any]) -> bytes:
        line = orjson.dumps(row)
        if self._encoding is None:
            return line
        try:
            return line.decode().encode(self._encoding)
        except UnicodeEncodeError:
            return json.dumps(row, separators=(",", ":")).encode(self._encoding)

    def close(self) -> None:
        """Nothing is left."""


class _CsvWriter:
    """RFC 4180: a header, CRLF, quotes where they are needed."""

    def __init__(self, stream: BinaryIO, names: Sequence[str], encoding: str, delimiter: str) -> None:
        self._stream = stream
        self._names = names
        self._encoding = encoding
        self._delimiter = delimiter
        self._header: list[str] | None = None

    def write(self, columns: Columns, count: int) -> list[int]:
        """Write rows, behind the header."""
        if self._header is None:
            self._header = [name for name in self._names if name in columns]
            self._stream.write(self._line(self._header))
        lost = []
        for at in range(count):
            try:
                line = self._line([columns[name][at] for name in self._header])
            except UnicodeEncodeError:
                lost.append(at)
            else:
                self._stream.write(line)
        return lost

    def _line(self, cells: list[Any]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._delimiter, lineterminator="\r\n").writerow(cells)
        return text.getvalue().encode(self._encoding)

    def close(self) -> None:
        """Nothing is left."""


class _WarcWriter:
    """The response records as they were; in a .gz file each is a member of its own."""

    def __init__(self, stream: BinaryIO, *, packed_alone: bool) -> None:
        self._stream = stream
        self._packed_alone = packed_alone

    def write(self, columns: Columns, count: int) -> list[int]:
        """Write rows whose column RECORD holds them."""
        del count
        for record in columns[RECORD]:
            whole = record + b"\r\n\r\n"
            self._stream.write(gzip.compress(whole, GZIP_LEVEL, mtime=0) if self._packed_alone else whole)
        return []

    def close(self) -> None:
        """Nothing is left."""


class _Tables:
    """Parquet with zstd, or an Arrow IPC file that can be mapped; in row groups or batches of bounded size.

    What the metadata of the partner's own file said is not carried over.
    """

    def __init__(self, file: BinaryIO, names: Sequence[str], *, parquet: bool) -> None:
        self._file = file
        self._names = names
        self._parquet = parquet
        self._held: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0  # held
        self._writer: pq.ParquetWriter | pa.ipc.RecordBatchFileWriter | None = None

    def write(self, columns: Columns, count: int) -> list[int]:
        """Take rows in; write them when there are many."""
        del count
        there = {name: columns[name] for name in self._names if name in columns}
        self._held.append(pa.RecordBatch.from_arrays(list(there.values()), names=list(there)))
        self._rows += self._held[-1].num_rows
        self._bytes += self._held[-1].nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()
        return []

    def close(self) -> None:
        """Write what is left, and the footer."""
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if not self._held:
            return
        table = pa.Table.from_batches(self._held).combine_chunks()
        self._held, self._rows, self._bytes = [], 0, 0
        if self._writer is None:
            self._writer = (
                pq.ParquetWriter(self._file, table.schema, compression="zstd")
                if self._parquet
                else pa.ipc.new_file(self._file, table.schema)
            )
        self._writer.write_table(table)
