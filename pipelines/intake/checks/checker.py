"""Parsed rows of any format against the contract: every fault of every row, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.intake.checks.batch import CheckedBatch, FaultList, Lost, Mask, Positions
from pipelines.intake.checks.cells import Cells
from pipelines.intake.checks.keys import taken_back
from pipelines.intake.checks.limits import Broken, broken_limits
from pipelines.intake.checks.nested import NestedCells
from pipelines.intake.checks.policies import as_delivered, broken_policies, is_forbidden, is_read
from pipelines.intake.readers.rows import field_name
from schemas.contract import Column, DataSet, Role
from schemas.reasons import Refusal


@dataclass(frozen=True)
class Parsed:
    """Rows that could be parsed, and those that could not."""

    rows: NDArray[np.int64]  # numbers from 0
    lines: NDArray[np.int64]  # from 1; -1: the format has none
    offsets: NDArray[np.int64]  # uncompressed bytes; -1: unknown
    columns: Mapping[str, Cells | NestedCells]  # by top-level name; one that no row has may be left out
    lost: Sequence[Lost]
    size: int  # uncompressed bytes
    too_long: Mask | None = None  # rows whose text is longer than a row may be (tables only)


class Checker:
    """The rules of one data set, for the rows of one file."""

    def __init__(self, file: str, data_set: DataSet, *, pseudonymised: bool) -> None:
        self._file = file
        self._data_set = data_set
        self._pseudonymised = pseudonymised
        read = [column for column in data_set.columns if is_read(column, pseudonymised=pseudonymised)]
        read = [as_delivered(column, pseudonymised=pseudonymised) for column in read]
        self.plain = {column.path[0]: column for column in read if len(column.path) == 1}
        inside = [column for column in read if len(column.path) > 1 and column.path[0] not in self.plain]
        self.nested: dict[str, tuple[Column, ...]] = {
            name: tuple(column for column in inside if column.path[0] == name)
            for name in dict.fromkeys(column.path[0] for column in inside)
        }
        # Top-level names in the contract's order.
        order = dict.fromkeys(column.path[0] for column in read)
        self.names = tuple(name for name in order if name in self.plain or name in self.nested)
        self.named = frozenset(column.path[0] for column in data_set.columns)
        keys = data_set.of_role(Role.KEY)
        self._keys = tuple(column.path[0] for column in keys)
        self._always = {column.path[0] for column in keys if column.required or len(keys) == 1}

    def forbids(self, column: Column) -> bool:
        """Whether the column may have no value at all."""
        return is_forbidden(column, pseudonymised=self._pseudonymised)

    def check(
        self, parsed: Parsed, *, unnamed: Sequence[str] = (), sha256: str | None = None
    ) -> CheckedBatch:
        """The rows and their faults."""
        faults = FaultList(self._file)
        excused = self._taken_back(parsed)
        shown: dict[str, pa.Array] = {}
        for name in self.names:
            cells = parsed.columns.get(name)
            if isinstance(cells, NestedCells):
                shown[name] = self._nested(cells, self.nested[name], excused, faults)
            elif cells is not None:
                array = self._column(cells, self.plain[name], excused, faults)
                if array is not None:
                    shown[name] = array
            else:
                self._missing(name, len(parsed.rows), excused, faults)
        self._nameless(parsed, faults)
        if parsed.too_long is not None:
            faults.add(np.flatnonzero(parsed.too_long), None, "readable", Refusal.ROW_TOO_LONG)
        return CheckedBatch(
            table=pa.RecordBatch.from_arrays([pa.array(parsed.rows), *shown.values()], names=["row", *shown]),
            faults=faults.batch(parsed.rows, parsed.lines, parsed.offsets, parsed.lost),
            rows=len(parsed.rows) + len(parsed.lost),
            bytes=parsed.size,
            file=self._file,
            unnamed=tuple(sorted(unnamed)),
            sha256=sha256,
            lines=parsed.lines,
            offsets=parsed.offsets,
        )

    def _taken_back(self, parsed: Parsed) -> Mask:
        """Rows that take a key back: nothing but the key is required of them."""
        excused = np.zeros(len(parsed.rows), np.bool_)
        for column in self._data_set.of_role(Role.TOMBSTONE):
            cells = parsed.columns.get(column.path[0])
            if isinstance(cells, Cells) and not pa.types.is_nested(cells.values.type):
                excused |= taken_back(cells.values.cast(pa.string()))
        return excused

    def _missing(self, name: str, count: int, excused: Mask, faults: FaultList) -> None:
        columns = (self.plain[name],) if name in self.plain else self.nested[name]
        for column in columns:
            if self._required(column):
                rows = np.arange(count) if column.role is Role.KEY else np.flatnonzero(~excused)
                faults.add(rows, field_name(column), "required", Refusal.MISSING_COLUMN)

    def _required(self, column: Column) -> bool:
        """A row without any key value has no name: one key is required whatever is said of it."""
        return (column.required or column.path[0] in self._always) and not self.forbids(column)

    def _column(self, cells: Cells, column: Column, excused: Mask, faults: FaultList) -> pa.Array | None:
        name = field_name(column)
        if self.forbids(column):
            faults.add(np.flatnonzero(cells.given), name, "policy", Refusal.FORBIDDEN_COLUMN)
            return None
        faulty: list[Positions] = []

        def note(rule: str, refusal: Refusal, positions: Positions) -> None:
            faults.add(positions, name, rule, refusal)
            faulty.append(positions)

        if self._required(column):
            self._presence(cells, column, excused, note_to=(name, faults))
        if cells.wrong is not None:
            note("type", Refusal.WRONG_TYPE, np.flatnonzero(cells.wrong))
        if cells.garbled is not None:
            note("readable", Refusal.INVALID_ENCODING, np.flatnonzero(cells.garbled))
        for broken in self._broken(cells, column):
            note(*broken)
        return _without(cells.values, faulty)

    def _broken(self, cells: Cells, column: Column) -> Iterator[Broken]:
        yield from broken_limits(cells.values, column)
        yield from broken_policies(cells, column, self._data_set, pseudonymised=self._pseudonymised)

    def _presence(self, cells: Cells, column: Column, excused: Mask, note_to: tuple[str, FaultList]) -> None:
        name, faults = note_to
        is_key = column.path[0] in self._always
        if cells.values.null_count == 0 and not is_key:
            return
        empty = ~cells.given
        if is_key and pa.types.is_string(cells.values.type):
            empty |= pc.equal(cells.values, "").fill_null(False).to_numpy(zero_copy_only=False)
        else:
            empty &= ~excused
        absent = cells.absent if cells.absent is not None else np.zeros(len(empty), np.bool_)
        faults.add(np.flatnonzero(empty & absent), name, "required", Refusal.MISSING_COLUMN)
        faults.add(np.flatnonzero(empty & ~absent), name, "required", Refusal.MISSING_VALUE)

    def _nested(
        self, cells: NestedCells, columns: tuple[Column, ...], excused: Mask, faults: FaultList
    ) -> pa.Array:
        faulty: list[Positions] = []

        def note(name: str, rule: str, refusal: Refusal, positions: Positions) -> None:
            faults.add(positions, name, rule, refusal)
            faulty.append(positions)

        note(columns[0].path[0], "type", Refusal.WRONG_TYPE, np.flatnonzero(cells.wrong))
        for leaf in cells.leaves:
            column, inner, name = leaf.column, leaf.cells, field_name(leaf.column)
            given = inner.given
            if self.forbids(column):
                note(name, "policy", Refusal.FORBIDDEN_COLUMN, leaf.rows[given])
                continue
            if column.required:
                absent = inner.absent if inner.absent is not None else np.zeros(len(given), np.bool_)
                note(name, "required", Refusal.MISSING_COLUMN, np.flatnonzero(cells.absent & ~excused))
                note(name, "required", Refusal.MISSING_VALUE, np.flatnonzero(cells.null & ~excused))
                note(name, "required", Refusal.MISSING_COLUMN, leaf.rows[absent & ~excused[leaf.rows]])
                note(
                    name, "required", Refusal.MISSING_VALUE, leaf.rows[~given & ~absent & ~excused[leaf.rows]]
                )
            if inner.wrong is not None:
                note(name, "type", Refusal.WRONG_TYPE, leaf.rows[inner.wrong])
            for broken in self._broken(inner, column):
                note(name, broken.rule, broken.refusal, leaf.rows[broken.positions])
        return _without(cells.values, faulty)

    def _nameless(self, parsed: Parsed, faults: FaultList) -> None:
        """Of several keys that may be empty, one has to be there."""
        if len(self._keys) < 2 or len(parsed.rows) == 0:
            return
        nameless = np.ones(len(parsed.rows), np.bool_)
        for name in self._keys:
            cells = parsed.columns.get(name)
            if isinstance(cells, Cells):
                empty = ~cells.given
                if pa.types.is_string(cells.values.type):
                    empty |= pc.equal(cells.values, "").fill_null(False).to_numpy(zero_copy_only=False)
                nameless &= empty
        faults.add(np.flatnonzero(nameless), self._keys[0], "required", Refusal.MISSING_VALUE)


def _without(values: pa.Array, faulty: list[Positions]) -> pa.Array:
    """The values, null where the cell has a fault."""
    if not any(len(positions) for positions in faulty):
        return values
    mask = np.zeros(len(values), np.bool_)
    for positions in faulty:
        mask[positions] = True
    return pc.if_else(pa.array(mask), pa.scalar(None, values.type), values)
