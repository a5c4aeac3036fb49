"""Parquet and Arrow IPC to rows: only the contract's columns are materialised.

A Parquet file is read by row group, an Arrow file by record batch, in steps that depend on the file
alone: what a broken part yields does not depend on the size of the batches asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.intake.readers.collector import B, B_co
from pipelines.intake.readers.rows import (
    ABSENT,
    TYPES,
    Assembler,
    Fault,
    ReadBatch,
    field_name,
    refusal_only,
)
from pipelines.intake.readers.streams import open_file
from pipelines.intake.splits import Split
from schemas.contract import Column, DataSet, Role
from schemas.reasons import Refusal

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

_STEP_ROWS = 4096
_STEP_BYTES = 4 << 20
# pyarrow reports what is wrong with a file by these; a file that cannot be opened was told before.
_BROKEN = (pa.ArrowException, OSError, ValueError)
_ARROW_MAGIC = b"ARROW1"
_CONTINUATION = b"\xff\xff\xff\xff"  # what every message of an IPC stream begins with


class Table(Protocol[B_co]):
    """What a reader hands pieces of a table to."""

    names: tuple[str, ...]  # the columns that are wanted

    def found(self, names: Iterable[str]) -> None:
        """Told the columns that the file has."""

    def batches(self, batch: pa.RecordBatch, first: int) -> Iterator[B_co]:
        """Take a piece of the file in, whose first row has the number `first`."""

    def refusal(self, refusal: Refusal) -> B_co:
        """The file as a whole, or what is behind a break."""


def read_parquet(drop: Path, split: Split, table: Table[B]) -> Iterator[B]:
    """Batches of a split's row groups; what cannot be decoded of a row group is one entry."""
    from pyarrow.parquet import ParquetFile

    with open_file(drop / split.path) as file:
        try:
            parquet = ParquetFile(file, pre_buffer=False, buffer_size=1 << 20)
            stop = split.stop if split.stop >= 0 else parquet.num_row_groups
            table.found(parquet.schema_arrow.names)
            names = [name for name in table.names if name in parquet.schema_arrow.names]
        except _BROKEN:
            yield table.refusal(Refusal.UNREADABLE)
            return
        first = split.first_row
        for group in range(split.start, stop):
            row = first
            try:
                for batch in _steps(parquet, group, names):
                    yield from table.batches(batch, row)
                    row += batch.num_rows
            except _BROKEN:
                yield table.refusal(Refusal.UNREADABLE)
            first += parquet.metadata.row_group(group).num_rows


def _steps(parquet: ParquetFile, group: int, names: list[str]) -> Iterator[pa.RecordBatch]:
    facts = parquet.metadata.row_group(group)
    average = facts.total_byte_size // max(1, facts.num_rows) + 1
    step = max(1, min(_STEP_ROWS, _STEP_BYTES // average))
    if names:
        yield from parquet.iter_batches(batch_size=step, row_groups=[group], columns=names, use_threads=False)
    else:  # not one of the contract's columns is there: its rows are counted all the same
        for start in range(0, facts.num_rows, step):
            yield pa.RecordBatch.from_arrays([pa.nulls(min(step, facts.num_rows - start))], names=[""])


def read_arrow(drop: Path, split: Split, table: Table[B]) -> Iterator[B]:
    """Batches of an Arrow IPC file or stream; of a file cut off, the record batches before the break."""
    with open_file(drop / split.path) as opened:
        magic = opened.read(8)
    with pa.memory_map(str(drop / split.path)) as mapped:
        try:
            schema = pa.ipc.open_file(mapped).schema
        except _BROKEN:
            yield from _stream(mapped, magic, table)
            return
        table.found(schema.names)
        reader = pa.ipc.open_file(mapped, options=_projection(schema, table))
        row = split.first_row
        stop = split.stop if split.stop >= 0 else reader.num_record_batches
        for index in range(split.start, stop):
            try:
                batch = reader.get_batch(index)
                yield from table.batches(batch, row)
                row += batch.num_rows
            except _BROKEN:
                yield table.refusal(Refusal.UNREADABLE)
                try:
                    lengths = pa.ipc.IpcReadOptions(included_fields=[0])
                    row += pa.ipc.open_file(mapped, options=lengths).get_batch(index).num_rows
                except _BROKEN:
                    return  # how many rows were lost is not known: what follows has no number


def _stream(mapped: pa.MemoryMappedFile, magic: bytes, table: Table[B]) -> Iterator[B]:
    """An IPC stream; a file whose footer is lost is one behind its 8 bytes of magic."""
    cut_off = magic.startswith(_ARROW_MAGIC)
    start = 8 if cut_off else 0
    row = 0
    try:
        mapped.seek(start)
        schema = pa.ipc.open_stream(mapped).schema
        mapped.seek(start)
        table.found(schema.names)
        for batch in pa.ipc.open_stream(mapped, options=_projection(schema, table)):
            yield from table.batches(batch, row)
            row += batch.num_rows
    except _BROKEN:
        cut_off = cut_off or magic.startswith(_CONTINUATION)
        yield table.refusal(Refusal.TRUNCATED if cut_off else Refusal.UNREADABLE)
    else:
        if cut_off:
            yield table.refusal(Refusal.TRUNCATED)


def _projection(schema: pa.Schema, table: Table[B]) -> pa.ipc.IpcReadOptions:
    """Read options that leave out what the contract does not name."""
    wanted = [i for i, name in enumerate(schema.names) if name in table.names]
    return pa.ipc.IpcReadOptions(included_fields=wanted or [0])


class Documents:
    """Checks Arrow columns and makes documents of them; plain text columns never become Python objects."""

    def __init__(
        self, split: Split, data_set: DataSet, *, max_row_bytes: int, batch_rows: int, batch_bytes: int
    ) -> None:
        self._assembler = Assembler(split, data_set)
        self.names = self._assembler.names
        self._join = data_set.join
        self._has_turns = data_set.has_turns
        self._texts = data_set.of_role(Role.TEXT)
        self._limit = max_row_bytes
        self._batch_rows = batch_rows
        self._batch_bytes = batch_bytes

    def found(self, names: Iterable[str]) -> None:
        """Columns that the contract does not name are nothing to the build."""

    def refusal(self, refusal: Refusal) -> ReadBatch:
        """One entry: the file as a whole, or what is behind a break."""
        return refusal_only(refusal)

    def batches(self, batch: pa.RecordBatch, first: int) -> Iterator[ReadBatch]:
        """Documents of a piece of the file whose first row has the number `first`."""
        for name in self.names:
            if name in batch.schema.names:
                check_buffers(batch[name])
        for start in range(0, batch.num_rows, self._batch_rows):
            yield from self._bounded(batch.slice(start, self._batch_rows), first + start)

    def _bounded(self, batch: pa.RecordBatch, first: int) -> Iterator[ReadBatch]:
        if batch.nbytes > self._batch_bytes and batch.num_rows > 1:
            half = batch.num_rows // 2
            yield from self._bounded(batch.slice(0, half), first)
            yield from self._bounded(batch.slice(half), first + half)
        else:
            yield self._read(batch, first)

    def _read(self, batch: pa.RecordBatch, first: int) -> ReadBatch:
        faults: dict[int, Fault] = {}
        texts = self._joined(batch, faults)
        columns = {
            name: self._cells(batch, name, faults)
            for name in self.names
            if texts is None
            or any(c.path[0] == name for c in self._assembler.columns if c.role is not Role.TEXT)
        }
        if texts is not None:
            self._measure(texts, range(len(texts)), faults)
        numbers = range(first, first + batch.num_rows)
        given: dict[str, Any] = {"rows": numbers, "offsets": [-1] * len(numbers), "columns": columns}
        given |= {"refused": [], "size": batch.nbytes, "texts": texts}
        read = self._assembler.batch(**given, faults=faults)
        found = len(faults)
        rows = pc.subtract(read.documents["row"], first).to_pylist() if texts is None else []
        self._measure(read.documents["text"], rows, faults)
        return read if len(faults) == found else self._assembler.batch(**given, faults=faults)

    def _measure(self, texts: pa.Array, indices: Any, faults: dict[int, Fault]) -> None:
        """Note the rows whose text is longer than a row may be."""
        if len(indices) and texts.nbytes > self._limit:
            for at in pc.indices_nonzero(pc.greater(pc.binary_length(texts), self._limit)).to_pylist():
                faults.setdefault(indices[at], Fault(Refusal.ROW_TOO_LONG))

    def _joined(self, batch: pa.RecordBatch, faults: dict[int, Fault]) -> pa.Array | None:
        """The text of every row, by Arrow alone; None where a column is absent, nested or no string.

        None of dialogues too, whose turns are found while they are apart.
        """
        if self._has_turns:
            return None
        parts = []
        for column in self._texts:
            name = column.path[0]
            plain = len(column.path) == 1 and column.logical_type == "string" and name in batch.schema.names
            array = _strings(batch[name], column, faults) if plain else None
            if array is None:
                return None
            if column.required and array.null_count:
                for i in pc.indices_nonzero(array.is_null()).to_pylist():
                    faults.setdefault(i, Fault(Refusal.MISSING_VALUE, field_name(column)))
            parts.append(array)
        if len(parts) == 1:
            return parts[0].fill_null("") if parts[0].null_count else parts[0]
        if not parts:
            return None
        some = [pc.if_else(pc.equal(part, ""), pa.scalar(None, pa.string()), part) for part in parts]
        return pc.binary_join_element_wise(*some, self._join, null_handling="skip").fill_null("")

    def _cells(self, batch: pa.RecordBatch, name: str, faults: dict[int, Fault]) -> list[Any]:
        if name not in batch.schema.names:
            return [ABSENT] * batch.num_rows
        array = batch[name]
        column = next(column for column in self._assembler.columns if column.path[0] == name)
        if column.logical_type in TYPES and (strings := _strings(array, column, faults)) is not None:
            cells: list[Any] = strings.to_pylist()
            return cells
        if pa.types.is_timestamp(array.type):  # finer than Python's clock
            array = array.cast(pa.timestamp("us", array.type.tz), safe=False)
        try:
            cells = array.to_pylist()
        except UnicodeDecodeError:
            cells = [_cell(array[i], i, column, faults) for i in range(len(array))]
        return cells


def _cell(scalar: pa.Scalar, index: int, column: Column, faults: dict[int, Fault]) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        faults.setdefault(index, Fault(Refusal.INVALID_ENCODING, field_name(column)))
        return None


def check_buffers(array: pa.Array) -> None:
    """Raise ArrowInvalid where lengths or offsets lie: reading on would leave the buffers.

    Full validation also refuses invalid UTF-8, which costs its own row only: strings are looked at as bytes.
    """
    kind = array.type
    if pa.types.is_string(kind):
        array = array.view(pa.binary())
    elif pa.types.is_large_string(kind):
        array = array.view(pa.large_binary())
    elif pa.types.is_nested(kind):
        array.validate()
        return
    array.validate(full=True)


def _strings(array: pa.Array, column: Column, faults: dict[int, Fault]) -> pa.Array | None:
    """The column as valid strings, None where it is no string; rows that are no UTF-8 are noted, and null."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.dictionary_decode(), kind.value_type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if not text and not pa.types.is_binary(kind) and not pa.types.is_large_binary(kind):
        return None
    strings = array.cast(pa.string(), safe=False)
    try:
        strings.validate(full=True)
    except pa.ArrowInvalid:
        cells: list[str | None] = []
        for i, cell in enumerate(strings.cast(pa.binary()).to_pylist()):
            try:
                cells.append(None if cell is None else cell.decode())
            except UnicodeDecodeError:
                faults.setdefault(i, Fault(Refusal.INVALID_ENCODING, field_name(column)))
                cells.append(None)
        return pa.array(cells, pa.string())
    return strings
