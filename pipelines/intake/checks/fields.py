"""The fields of a block of JSON lines as Arrow columns, out of what `json_kernels` found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.intake.checks import field_kernels
from pipelines.intake.checks import json_kernels as kernels
from pipelines.intake.checks.batch import Mask
from pipelines.intake.checks.cells import Cells
from pipelines.intake.readers.rows import ABSENT

_TEXT = 1 << kernels.TEXT | 1 << kernels.ESCAPED
_FITTING = {
    "integer": 1 << kernels.INTEGER,
    "number": 1 << kernels.INTEGER | 1 << kernels.FLOAT,
    "boolean": 1 << kernels.TRUE | 1 << kernels.FALSE,
}
_NOTHING = 1 << kernels.ABSENT | 1 << kernels.NULL
_SCALAR = 0  # stands for a text, number or boolean where a list or an object belongs


class Names:
    """The names of the contract's columns, as the kernel compares them."""

    def __init__(self, names: Sequence[str]) -> None:
        encoded = [name.encode() for name in names]
        self.bytes = np.frombuffer(b"".join(encoded) or b"\0", np.uint8)
        self.ends = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
        self.place = {name: i for i, name in enumerate(names)}


@dataclass(frozen=True)
class Fields:
    """Rows of a buffer of lines; arrays of columns have one row a column."""

    data: NDArray[np.uint8]
    kinds: NDArray[np.uint8]
    begins: NDArray[np.int32]
    ends: NDArray[np.int32]
    lines: NDArray[np.int64]  # of each row, counted from 0 in the buffer
    starts: NDArray[np.int64]  # its first byte in the buffer
    odd: NDArray[np.int64]  # (line, first byte, last byte) of the lines that are no plain rows
    unnamed: frozenset[str]
    names: Names

    def kinds_of(self, name: str) -> NDArray[np.uint8]:
        """The kind of one column in each row."""
        kinds: NDArray[np.uint8] = self.kinds[self.names.place[name]]
        return kinds

    def cells(self, name: str, logical_type: str) -> Cells:
        """One column that is no list and no object."""
        kinds = self.kinds_of(name)
        fitting = _FITTING.get(logical_type, _TEXT)
        present = np.bincount(kinds, minlength=kernels.OBJECT + 1).nonzero()[0]
        absent = kinds == kernels.ABSENT if kernels.ABSENT in present else None
        unfit = [kind for kind in present.tolist() if not (fitting | _NOTHING) >> kind & 1]
        wrong = np.isin(kinds, unfit) if unfit else None
        if logical_type == "boolean":
            truth = kinds == kernels.TRUE
            return Cells(pa.array(truth, mask=~(truth | (kinds == kernels.FALSE))), absent, wrong)
        values = self.texts(name, fitting)
        if logical_type == "integer":
            values = values.cast(pa.int64())
        elif logical_type == "number":
            values = values.cast(pa.float64())
        return Cells(values, absent, wrong)

    def texts(self, name: str, wanted: int) -> pa.Array:
        """The text of the fields whose kind is in the bit set, null for the others."""
        place = self.names.place[name]
        kinds, begins, ends = self.kinds[place], self.begins[place], self.ends[place]
        count = len(kinds)
        room = int(np.where(wanted >> kinds.astype(np.int64) & 1, ends - begins, 0).sum())
        out, offsets = np.empty(room, np.uint8), np.empty(count + 1, np.int32)
        valid = np.zeros((count + 7) // 8, np.uint8)
        nulls = field_kernels.gather(self.data, kinds, begins, ends, wanted, out, offsets, valid)
        return pa.StringArray.from_buffers(
            count, pa.py_buffer(offsets), pa.py_buffer(out), pa.py_buffer(valid) if nulls else None, nulls
        )

    def lists(self, name: str) -> tuple[pa.Array, NDArray[np.uint8]]:
        """The JSON of a column's lists, null where there is none, and the kinds of its fields."""
        return self.texts(name, 1 << kernels.ARRAY), self.kinds_of(name)

    def values(self, name: str) -> list[Any]:
        """Python values of a column of lists or objects; ABSENT where the row has no such field."""
        wanted = 1 << kernels.ARRAY | 1 << kernels.OBJECT
        texts = self.texts(name, wanted).drop_null().to_pylist()
        parsed = iter(orjson.loads(f"[{','.join(texts)}]"))
        found: list[Any] = []
        for kind in self.kinds_of(name).tolist():
            if wanted >> kind & 1:
                found.append(next(parsed))
            elif kind == kernels.ABSENT:
                found.append(ABSENT)
            else:
                found.append(None if kind == kernels.NULL else _SCALAR)
        return found


def read_fields(data: bytes, names: Names, *, limit: int) -> Fields:
    """Read a buffer of lines that ends in LF."""
    buffer = np.frombuffer(data, np.uint8)
    lines, columns = field_kernels.count_lines(buffer), len(names.place)
    kinds = np.zeros((columns, lines), np.uint8)
    begins, ends = np.zeros((columns, lines), np.int32), np.zeros((columns, lines), np.int32)
    rows, odd = np.empty((lines, 2), np.int64), np.empty((lines, 3), np.int64)
    unnamed = np.empty((kernels.MAX_UNNAMED, 2), np.int64)
    found, odds, others, _ = kernels.scan_lines(
        buffer, limit, names.bytes, names.ends, kinds, begins, ends, rows, odd, unnamed
    )
    return Fields(
        data=buffer,
        kinds=kinds[:, :found],
        begins=begins[:, :found],
        ends=ends[:, :found],
        lines=rows[:found, 0].copy(),
        starts=rows[:found, 1].copy(),
        odd=odd[:odds],
        unnamed=frozenset(data[begin:end].decode() for begin, end in unnamed[:others].tolist()),
        names=names,
    )


def given(mask: Mask | None, count: int) -> Mask:
    """A mask, false everywhere where there is none."""
    return np.zeros(count, np.bool_) if mask is None else mask


def merged(first: Cells, second: Cells, order: NDArray[np.int64]) -> Cells:
    """The cells of both in the order said."""
    counts = len(first.values), len(second.values)

    def both(one: Mask | None, other: Mask | None) -> Mask | None:
        if one is None and other is None:
            return None
        return np.concatenate([given(one, counts[0]), given(other, counts[1])])[order]

    values = pa.concat_arrays([first.values, second.values]).take(pa.array(order))
    return Cells(
        values,
        both(first.absent, second.absent),
        both(first.wrong, second.wrong),
        both(first.garbled, second.garbled),
    )
