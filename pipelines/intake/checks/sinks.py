"""CSV, WARC, Parquet and Arrow through the build's readers: their rows and refusals, checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.intake.checks.batch import CheckedBatch, Lost, Mask
from pipelines.intake.checks.cells import Cells, cells_of, cells_of_arrow, cells_of_text
from pipelines.intake.checks.checker import Checker, Parsed
from pipelines.intake.checks.nested import NestedCells, nested_cells
from pipelines.intake.readers.rows import ABSENT, Refused
from pipelines.intake.readers.tables import check_buffers
from pipelines.intake.readers.text_values import typed
from schemas.contract import DataSet, Format, Role
from schemas.reasons import Refusal


class _Names:
    """Collects the names of columns that the contract does not name, each once."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._told: set[str] = set()
        self.new: set[str] = set()

    def found(self, names: Iterable[str]) -> None:
        """Columns that the file has."""
        self.new |= set(names) - self._checker.named - self._told

    def take(self) -> tuple[str, ...]:
        """Those not told yet."""
        new, self.new = self.new, set()
        self._told |= new
        return tuple(new)


class RowSink:
    """Takes rows of CSV and WARC files."""

    places = True

    def __init__(self, checker: Checker, data_set: DataSet) -> None:
        self.names = checker.names
        self._checker = checker
        self._from_text = data_set.format is Format.CSV
        self._unnamed = _Names(checker)

    def found(self, names: Iterable[str]) -> None:
        """Columns that the file has."""
        self._unnamed.found(names)

    def batch(
        self,
        *,
        rows: Sequence[int],
        lines: Sequence[int],
        offsets: Sequence[int],
        columns: dict[str, list[Any]],
        refused: list[Refused],
        size: int,
    ) -> CheckedBatch:
        """Check a run of rows."""
        cells: dict[str, Cells | NestedCells] = {}
        for name, values in columns.items():
            if all(value is ABSENT for value in values):
                continue
            if name in self._checker.plain:
                column = self._checker.plain[name]
                cells[name] = cells_of_text(values, column) if self._from_text else cells_of(values, column)
            else:
                columns_inside = self._checker.nested[name]
                parsed_json = typed(values, columns_inside[0]) if self._from_text else values
                cells[name] = nested_cells(parsed_json, columns_inside)
        parsed = Parsed(
            rows=np.array(rows, np.int64),
            lines=np.array(lines, np.int64),
            offsets=np.array(offsets, np.int64),
            columns=cells,
            lost=[Lost(entry.row, entry.line, entry.offset, *entry.fault) for entry in refused],
            size=size,
        )
        return self._checker.check(parsed, unnamed=self._unnamed.take())


class TableSink:
    """Takes pieces of Parquet and Arrow files."""

    def __init__(self, checker: Checker, data_set: DataSet, *, max_row_bytes: int) -> None:
        self.names = checker.names
        self._checker = checker
        self._texts = [column.path[0] for column in data_set.of_role(Role.TEXT)]
        self._join = len(data_set.join.encode())
        self._limit = max_row_bytes
        self._unnamed = _Names(checker)

    def found(self, names: Iterable[str]) -> None:
        """Columns that the file has."""
        self._unnamed.found(names)

    def batches(self, batch: pa.RecordBatch, first: int) -> Iterator[CheckedBatch]:
        """Check a piece of the file whose first row has the number `first`."""
        there = [name for name in self.names if name in batch.schema.names]
        for name in there:
            check_buffers(batch[name])
        cells: dict[str, Cells | NestedCells] = {}
        for name in there:
            if name in self._checker.plain:
                cells[name] = cells_of_arrow(batch[name], self._checker.plain[name])
            else:
                cells[name] = nested_cells(batch[name].to_pylist(), self._checker.nested[name])
        nowhere = np.full(len(batch), -1, np.int64)
        parsed = Parsed(
            rows=np.arange(first, first + len(batch), dtype=np.int64),
            lines=nowhere,
            offsets=nowhere,
            columns=cells,
            lost=(),
            size=batch.nbytes,
            too_long=self._too_long(cells, len(batch)),
        )
        yield self._checker.check(parsed, unnamed=self._unnamed.take())

    def refusal(self, refusal: Refusal) -> CheckedBatch:
        """The file as a whole, or what is behind a break."""
        return lost_only(self._checker, refusal, -1)

    def _too_long(self, columns: dict[str, Cells | NestedCells], count: int) -> Mask:
        """Rows whose text columns, or the text joined of them, have more bytes than a row may."""
        total, longest = np.zeros(count, np.int64), np.zeros(count, np.int64)
        for name in dict.fromkeys(self._texts):
            for size in _text_bytes(columns.get(name), count, self._join):
                longest = np.maximum(longest, size)
                total += np.where((total > 0) & (size > 0), self._join, 0) + size
        mask: Mask = (total > self._limit) | (longest > self._limit)
        return mask


def _text_bytes(cells: Cells | NestedCells | None, count: int, join: int) -> Iterator[NDArray[np.int64]]:
    """Bytes of each text column's text, by row."""
    if isinstance(cells, Cells):
        values = cells.values
        if pa.types.is_list(values.type):
            texts, rows = values.flatten(), pc.list_parent_indices(values).to_numpy()
            yield _joined_bytes(texts, rows, count, join)
        elif pa.types.is_string(values.type):
            yield pc.binary_length(values).fill_null(0).to_numpy().astype(np.int64)
    elif cells is not None:
        for leaf in cells.leaves:
            if leaf.column.role is Role.TEXT and pa.types.is_string(leaf.cells.values.type):
                yield _joined_bytes(leaf.cells.values, leaf.rows, count, join)


def _joined_bytes(texts: pa.Array, rows: NDArray[np.int64], count: int, join: int) -> NDArray[np.int64]:
    size = pc.binary_length(texts).fill_null(0).to_numpy().astype(np.int64)
    total = np.bincount(rows, size, minlength=count).astype(np.int64)
    parts = np.bincount(rows, size > 0, minlength=count).astype(np.int64)
    return np.asarray(total + np.maximum(parts - 1, 0) * join)


def lost_only(checker: Checker, refusal: Refusal, offset: int) -> CheckedBatch:
    """A batch of one entry: the file as a whole, or what is behind a break."""
    nothing = np.empty(0, np.int64)
    return checker.check(Parsed(nothing, nothing, nothing, {}, [Lost(-1, -1, offset, refusal)], 0))
