"""Rows of any format to documents: the contract's columns checked, joined and named by their id.

Reads the columns the contract names (KEY, VERSION, LANGUAGE, TEXT). Writes doc_id, row, text,
language of `DOCUMENT`, and row, offset, field, reason of `QUARANTINE`.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa

from pipelines.intake.readers.row_rights import READ, SEEDS_APART, row_rights, takes_back
from pipelines.intake.readers.text_values import literal, typed
from pipelines.intake.readers.turns import Turns
from pipelines.intake.splits import Split
from schemas.contract import Column, DataSet, Format, Role
from schemas.documents import DOCUMENT, QUARANTINE, ROW_RIGHTS, TURNS
from schemas.identity import document_ids
from schemas.reasons import Refusal


class Absent:
    """The type of `ABSENT`: the row has no such field at all (a null is None)."""


ABSENT: Final = Absent()
_TEXTUAL: frozenset[type] = frozenset({str})
# Python types by ODCS logicalType. Text formats hold dates as strings, which stay as they are.
TYPES: dict[str, frozenset[type]] = {
    "string": _TEXTUAL,
    "integer": frozenset({int}),
    "number": frozenset({int, float, decimal.Decimal}),
    "boolean": frozenset({bool}),
    "date": frozenset({str, datetime.date, datetime.datetime}),
    "timestamp": frozenset({str, datetime.date, datetime.datetime}),
    "time": frozenset({str, datetime.time}),
}
_ROLES = (Role.KEY, Role.VERSION, Role.LANGUAGE, Role.TEXT, *READ)


class Fault(NamedTuple):
    """Why a row is refused: the refusal and the field it is about."""

    refusal: Refusal
    field: str | None = None


class Refused(NamedTuple):
    """One quarantine entry."""

    row: int
    offset: int
    fault: Fault
    line: int = -1  # from 1; -1 where the format has none, or nobody asked


class ReadBatch(NamedTuple):
    """What a reader hands on. rows == len(documents) + len(quarantine)."""

    documents: pa.RecordBatch  # DOCUMENT; with TURNS where the data set has turns
    quarantine: pa.RecordBatch  # QUARANTINE
    rows: int
    bytes: int  # uncompressed bytes consumed since the last batch
    rights: pa.RecordBatch  # ROW_RIGHTS of the documents


def read_columns(data_set: DataSet) -> tuple[Column, ...]:
    """The columns that are read, by role and then in the contract's order."""
    return tuple(column for role in _ROLES for column in data_set.of_role(role))


def field_name(column: Column) -> str:
    """The field as the quarantine names it: turns.text."""
    return ".".join(column.path)


class Assembler:
    """Makes documents of the rows of one split."""

    places = False

    def __init__(self, split: Split, data_set: DataSet) -> None:
        self.columns = read_columns(data_set)
        self.names = tuple(dict.fromkeys(column.path[0] for column in self.columns))
        self._split = split
        self._data_set = data_set
        self._join = data_set.join
        self._keys = data_set.of_role(Role.KEY)
        self._versions = data_set.of_role(Role.VERSION)
        self._languages = data_set.of_role(Role.LANGUAGE)
        self._texts = data_set.of_role(Role.TEXT)
        self._turns = Turns(data_set) if data_set.has_turns else None

    def found(self, names: Iterable[str]) -> None:
        """Columns that the contract does not name are nothing to the build."""

    def batch(
        self,
        *,
        rows: Sequence[int],
        lines: Sequence[int] = (),
        offsets: Sequence[int],
        columns: dict[str, list[Any]],
        refused: list[Refused],
        size: int,
        texts: pa.Array | None = None,
        faults: dict[int, Fault] | None = None,
    ) -> ReadBatch:
        """Documents of the rows that fit the contract, quarantine entries of the others.

        Of a data set with turns, the documents have the column `TURNS` too.
        `columns` holds one list per name in `names`, ABSENT where the row lacks it; `faults` (by index)
        and `texts` are what the caller found out already: with `texts`, TEXT columns are not looked at (they
        cannot be given of a data set with turns).
        """
        del lines
        wrong = dict(faults or {})
        values: list[tuple[Column, list[Any]]] = []
        parts: list[list[Any]] = []  # the texts, before they are joined
        for column in self.columns:
            if texts is None or column.role is not Role.TEXT:
                join = SEEDS_APART if column.role is Role.SEED else self._join
                cells = columns[column.path[0]]
                if self._data_set.format is Format.CSV:
                    cells = typed(cells, column)
                if column.role is Role.TEXT and self._turns is not None:
                    parts.append([None if cell is ABSENT else cell for cell in cells])
                values.append((column, _checked(column, cells, join, wrong)))
        self._excuse(values, wrong)
        self._check_keys(values, wrong)
        kept = [i for i in range(len(rows)) if i not in wrong] if wrong else range(len(rows))
        lost = [Refused(rows[i], offsets[i], wrong[i]) for i in sorted(wrong)]
        documents, rights = self._documents(rows, kept, values, texts)
        if self._turns is not None:
            documents = documents.append_column(TURNS, self._turns.array(parts, kept))
        entries = sorted([*refused, *lost], key=lambda entry: (entry.row < 0, entry.row, entry.offset))
        return ReadBatch(documents, quarantine(entries), len(documents) + len(entries), size, rights)

    def _excuse(self, values: list[tuple[Column, list[Any]]], wrong: dict[int, Fault]) -> None:
        """A row that takes its key back needs nothing but the key."""
        gone = [cells for column, cells in values if column.role is Role.TOMBSTONE]
        keys = {field_name(column) for column in self._keys}
        for i, fault in list(wrong.items() if gone else ()):
            missing = fault.refusal in (Refusal.MISSING_VALUE, Refusal.MISSING_COLUMN)
            if missing and fault.field not in keys and any(takes_back(literal(cells[i])) for cells in gone):
                del wrong[i]

    def _check_keys(self, values: list[tuple[Column, list[Any]]], wrong: dict[int, Fault]) -> None:
        """A row without any key value has no name; it is refused even where no key is required."""
        keys = [(column, cells) for column, cells in values if column.role is Role.KEY]
        for column, cells in keys:
            if column.required or len(keys) == 1:
                for i, cell in enumerate(cells):
                    if cell is None or cell == "":
                        wrong.setdefault(i, Fault(Refusal.MISSING_VALUE, field_name(column)))
        if len(keys) > 1:
            for i, parts in enumerate(zip(*(cells for _, cells in keys), strict=True)):
                if not any(part is not None and part != "" for part in parts):
                    wrong.setdefault(i, Fault(Refusal.MISSING_VALUE, field_name(keys[0][0])))

    def _documents(
        self,
        rows: Sequence[int],
        kept: Sequence[int],
        values: list[tuple[Column, list[Any]]],
        texts: pa.Array | None,
    ) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        whole = len(kept) == len(rows)
        by_role: dict[Role, list[list[Any]]] = {role: [] for role in _ROLES}
        for column, cells in values:
            by_role[column.role].append(cells if whole else [cells[i] for i in kept])
        numbers = list(rows) if whole else [rows[i] for i in kept]
        keys = [[literal(cell) for cell in cells] for cells in by_role[Role.KEY]]
        versions = None
        if self._versions:
            versions = [_first(parts) for parts in zip(*by_role[Role.VERSION], strict=True)]
        rights = row_rights(
            self._data_set,
            partner=self._split.partner,
            rows=numbers,
            keys=keys,
            versions=versions,
            values={role: [[literal(cell) for cell in cells] for cells in by_role[role]] for role in READ},
        )
        if keys and versions is not None:
            keys.append(versions)
        if not keys:
            keys = [[self._split.file_sha256] * len(numbers), [str(row) for row in numbers]]
        ids = document_ids(
            partner=self._split.partner, data_set=self._split.data_set, keys=zip(*keys, strict=True)
        )
        if by_role[Role.LANGUAGE]:
            languages = [_language(_first(parts)) for parts in zip(*by_role[Role.LANGUAGE], strict=True)]
        else:
            languages = [None] * len(numbers)
        if texts is None:
            texts = pa.array(self._joined(by_role[Role.TEXT], len(numbers)), pa.string())
        elif not whole:
            texts = texts.take(pa.array(kept, pa.int64()))
        documents = pa.RecordBatch.from_arrays(
            [
                pa.array(ids, DOCUMENT.field("doc_id").type),
                pa.array(numbers, pa.int64()),
                texts,
                pa.array(languages, pa.string()),
            ],
            schema=DOCUMENT,
        )
        return documents, rights

    def _joined(self, parts: list[list[Any]], count: int) -> list[str]:
        if len(parts) == 1:
            return [literal(cell) for cell in parts[0]]
        if not parts:
            return [""] * count
        return [
            self._join.join([text for text in map(literal, pieces) if text])
            for pieces in zip(*parts, strict=True)
        ]


def quarantine(entries: Sequence[Refused]) -> pa.RecordBatch:
    """Entries as a QUARANTINE batch."""
    return pa.RecordBatch.from_arrays(
        [
            pa.array([entry.row for entry in entries], pa.int64()),
            pa.array([entry.offset for entry in entries], pa.int64()),
            pa.array([entry.fault.field for entry in entries], pa.string()),
            pa.array([entry.fault.refusal.value for entry in entries], pa.string()),
        ],
        schema=QUARANTINE,
    )


def refusal_only(refusal: Refusal, *, offset: int = -1, size: int = 0) -> ReadBatch:
    """A batch of one entry: the file as a whole, or what is behind a break."""
    return ReadBatch(
        pa.RecordBatch.from_pylist([], schema=DOCUMENT),
        quarantine([Refused(-1, offset, Fault(refusal))]),
        1,
        size,
        pa.RecordBatch.from_pylist([], schema=ROW_RIGHTS),
    )


def _checked(column: Column, cells: list[Any], join: str, wrong: dict[int, Fault]) -> list[Any]:
    """Values of the contract's type, None where there is none; notes the faults it finds by index."""
    nested = len(column.path) > 1 or column.logical_type in ("array", "object")
    allowed = TYPES.get(column.logical_type, _TEXTUAL)
    seen = set(map(type, cells))
    if not nested and (seen <= allowed or (not column.required and seen <= allowed | {type(None)})):
        return cells
    checked: list[Any] = []
    for i, cell in enumerate(cells):
        value: Any = None
        if cell is ABSENT or cell is None:
            if column.required:
                refusal = Refusal.MISSING_COLUMN if cell is ABSENT else Refusal.MISSING_VALUE
                wrong.setdefault(i, Fault(refusal, field_name(column)))
        elif nested:
            leaves: list[str] = []
            if _gather(cell, column.path[1:], allowed, leaves):
                value = join.join(leaves)
            else:
                wrong.setdefault(i, Fault(Refusal.WRONG_TYPE, field_name(column)))
        elif type(cell) in allowed:
            value = cell
        else:
            wrong.setdefault(i, Fault(Refusal.WRONG_TYPE, field_name(column)))
        checked.append(value)
    return checked


def _gather(value: Any, path: tuple[str, ...], allowed: frozenset[type], leaves: list[str]) -> bool:
    """Append the texts at the path, in order, through lists and objects; False where a type is wrong."""
    if value is None:
        return True
    if isinstance(value, list):
        return all(_gather(item, path, allowed, leaves) for item in value)
    if path:
        return isinstance(value, dict) and _gather(value.get(path[0]), path[1:], allowed, leaves)
    if type(value) not in allowed:
        return False
    if text := literal(value):
        leaves.append(text)
    return True


def _first(parts: Sequence[Any]) -> str:
    """The first value that is not null (two version columns stand where the schema drifted)."""
    return next((literal(part) for part in parts if part is not None and part != ""), "")


def _language(tag: str) -> str | None:
    """The primary subtag of a BCP 47 tag, lower case; None where it is none (RFC 5646, 2.2.1)."""
    primary = tag.strip().replace("_", "-").split("-", 1)[0].lower()
    return primary if primary.isascii() and primary.isalpha() and 2 <= len(primary) <= 8 else None
