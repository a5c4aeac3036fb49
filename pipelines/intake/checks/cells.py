"""The cells of one column as an Arrow array of its logical type, and which of them did not fit.

string, date, timestamp and time are text as written; integer is int64, number float64, boolean bool. Lists
of texts stay lists; other lists and objects, whose inside the contract does not describe, are their JSON.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.intake.checks.batch import Mask
from pipelines.intake.readers.rows import ABSENT, TYPES
from pipelines.intake.readers.text_values import INTEGER, NUMBER, typed
from schemas.contract import Column, Role

_ARROW = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
_NOT_READ = frozenset({Role.OTHER, Role.SUBJECT})  # by the build
_INT64 = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True)
class Cells:
    """One entry a row in each; None stands for a mask that is false everywhere."""

    values: pa.Array  # null where there is no value, or none that fits
    absent: Mask | None = None  # the row has no such field
    wrong: Mask | None = None  # a value of another type
    garbled: Mask | None = None  # a value that is no UTF-8

    @property
    def given(self) -> Mask:
        """Whether the row has a value at all, of whatever type."""
        given: Mask = pc.is_valid(self.values).to_numpy(zero_copy_only=False).copy()
        for mask in (self.wrong, self.garbled):
            if mask is not None:
                given |= mask
        return given


def is_text_list(column: Column) -> bool:
    """Whether the column is a list that the build reads: of texts, then."""
    return column.logical_type == "array" and column.role not in _NOT_READ


def arrow_type(column: Column) -> pa.DataType:
    """What a column that is not nested holds in the table."""
    return pa.list_(pa.string()) if is_text_list(column) else _ARROW.get(column.logical_type, pa.string())


def cells_of(values: Sequence[Any], column: Column) -> Cells:
    """Cells from Python values as JSON gives them: ABSENT where there is no field."""
    if column.logical_type in ("array", "object"):
        return _container_cells(values, column)
    allowed = TYPES.get(column.logical_type, TYPES["string"])
    if set(map(type, values)) <= allowed | {type(None)} and column.logical_type not in ("integer", "number"):
        return Cells(_texts(values) if column.logical_type != "boolean" else pa.array(values, pa.bool_()))
    absent = np.fromiter((value is ABSENT for value in values), np.bool_, len(values))
    fits = [type(value) in allowed and not _beyond(value) for value in values]
    wrong = np.fromiter(
        (
            not fit and value is not ABSENT and value is not None
            for fit, value in zip(fits, values, strict=True)
        ),
        np.bool_,
        len(values),
    )
    kept = [value if fit else None for fit, value in zip(fits, values, strict=True)]
    if column.logical_type in _ARROW:
        if column.logical_type == "number":
            kept = [None if value is None else float(value) for value in kept]
        array = pa.array(kept, _ARROW[column.logical_type])
    else:
        array = _texts(kept)
    return Cells(array, absent if absent.any() else None, wrong if wrong.any() else None)


def _beyond(value: Any) -> bool:
    return type(value) is int and value not in _INT64


def _texts(values: Sequence[Any]) -> pa.Array:
    if set(map(type, values)) <= {str, type(None)}:
        return pa.array(values, pa.string())
    return pa.array(
        [value if value is None or isinstance(value, str) else value.isoformat() for value in values],
        pa.string(),
    )


def _container_cells(values: Sequence[Any], column: Column) -> Cells:
    absent = np.fromiter((value is ABSENT for value in values), np.bool_, len(values))
    wrong = np.zeros(len(values), np.bool_)
    kept: list[Any] = []
    wanted = list if column.logical_type == "array" else dict
    for i, value in enumerate(values):
        texts: list[str] = []
        kept.append(None)
        if value is ABSENT or value is None:
            continue
        if not isinstance(value, wanted) or (column.role not in _NOT_READ and not _gather(value, texts)):
            wrong[i] = True
        elif is_text_list(column):
            kept[i] = texts
        else:
            kept[i] = _json(value)
            wrong[i] = kept[i] is None
    array = pa.array(kept, arrow_type(column))
    return Cells(array, absent if absent.any() else None, wrong if wrong.any() else None)


def _json(value: Any) -> str | None:
    """The JSON of a list or an object; None where it is nested deeper than is written (254 levels)."""
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:
        return None


def _gather(value: Any, texts: list[str]) -> bool:
    """The texts of a list, lists inside it opened; False where something is no text."""
    if isinstance(value, list):
        return all(_gather(item, texts) for item in value)
    if isinstance(value, str):
        texts.append(value)
    return value is None or isinstance(value, str)


def cells_of_text(values: Sequence[Any], column: Column) -> Cells:
    """Cells from CSV, where everything is text: numbers and booleans are read from it."""
    if column.logical_type in ("array", "object"):
        return cells_of(typed(list(values), column), column)
    if column.logical_type not in _ARROW:
        return cells_of(values, column)
    texts = cells_of(values, Column(column.name, column.role, "string", required=False, path=column.path))
    values, wrong = _read(texts.values, column.logical_type)
    return Cells(values, texts.absent, wrong)


def _read(texts: pa.Array, logical_type: str) -> tuple[pa.Array, Mask | None]:
    """(values, wrong) of numbers or booleans that are written as text."""
    if logical_type == "boolean":
        lower = pc.utf8_lower(texts)
        fits = pc.is_in(lower, pa.array(["true", "false"]))
        values = pc.equal(lower, "true")
    else:
        fits = pc.match_substring_regex(texts, rf"\A(?:{INTEGER if logical_type == 'integer' else NUMBER})\z")
        if logical_type == "integer":  # 18 digits are within 64 bits; a few longer ones are too
            short = pc.less_equal(pc.binary_length(texts), 18)
            long = pc.and_(fits, pc.invert(short)).fill_null(False)
            if pc.any(long).as_py():
                in_range = [
                    text is not None and len(text) <= 20 and int(text) in _INT64
                    for text in pc.if_else(long, texts, "0").to_pylist()
                ]
                fits = pc.and_(fits, pa.array(in_range))
        values = texts
    fits = fits.fill_null(False)
    picked = pc.if_else(fits, values, pa.scalar(None, values.type))
    wrong = pc.and_(pc.invert(fits), texts.is_valid()).to_numpy(zero_copy_only=False)
    return picked.cast(_ARROW[logical_type]), wrong if wrong.any() else None


def cells_of_arrow(array: pa.Array, column: Column) -> Cells:
    """Cells from a column of a Parquet or Arrow file."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.dictionary_decode(), kind.value_type
    if pa.types.is_null(kind):
        return Cells(pa.nulls(len(array), arrow_type(column)))
    if column.logical_type in ("array", "object"):
        return cells_of(array.to_pylist(), column)
    if _is_text(kind):
        texts, garbled = _decoded(array)
        return (
            Cells(texts, garbled=garbled) if column.logical_type not in _ARROW else _all_wrong(texts, column)
        )
    temporal = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    fits = {
        "integer": pa.types.is_integer(kind),
        "number": pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind),
        "boolean": pa.types.is_boolean(kind),
        "date": temporal,
        "timestamp": temporal,
        "time": pa.types.is_time(kind),
    }.get(column.logical_type, False)
    if not fits:
        return _all_wrong(array, column)
    return _numbers(array, column) if column.logical_type in _ARROW else _times(array)


def _numbers(array: pa.Array, column: Column) -> Cells:
    wrong: Mask | None = None
    if pa.types.is_uint64(array.type):
        beyond = pc.greater(array, (1 << 63) - 1).fill_null(False)
        wrong = beyond.to_numpy(zero_copy_only=False)
        array = pc.if_else(beyond, pa.scalar(None, array.type), array)
    return Cells(array.cast(_ARROW[column.logical_type], safe=False), wrong=wrong)


def _times(array: pa.Array) -> Cells:
    if pa.types.is_timestamp(array.type):  # finer than Python's clock
        array = array.cast(pa.timestamp("us", array.type.tz), safe=False)
    return Cells(pa.array([_iso(value) for value in array.to_pylist()], pa.string()))


def _iso(value: datetime.date | datetime.time | None) -> str | None:
    return None if value is None else value.isoformat()


def _is_text(kind: pa.DataType) -> bool:
    tests = ("string", "large_string", "string_view", "binary", "large_binary")
    return any(getattr(pa.types, f"is_{name}")(kind) for name in tests)


def _all_wrong(array: pa.Array, column: Column) -> Cells:
    wrong = array.is_valid().to_numpy(zero_copy_only=False)
    return Cells(pa.nulls(len(array), arrow_type(column)), wrong=wrong if wrong.any() else None)


def _decoded(array: pa.Array) -> tuple[pa.Array, Mask | None]:
    """The column as valid strings; what is no UTF-8 is null, and told."""
    strings = array.cast(pa.string(), safe=False)
    try:
        strings.validate(full=True)
    except pa.ArrowInvalid:
        garbled = np.zeros(len(array), np.bool_)
        cells: list[str | None] = []
        for i, cell in enumerate(strings.cast(pa.binary()).to_pylist()):
            try:
                cells.append(None if cell is None else cell.decode())
            except UnicodeDecodeError:
                garbled[i] = True
                cells.append(None)
        return pa.array(cells, pa.string()), garbled
    return strings, None
