"""What the row checks hand on: rows that could be parsed, and every fault of every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.admission import FAULTS
from schemas.reasons import Refusal

Positions = NDArray[np.int64]  # of rows inside a batch
Mask = NDArray[np.bool_]


class Found(NamedTuple):
    """Rows of a batch that broke a rule in a field, None where the row as a whole is meant."""

    positions: Positions
    field: str | None
    rule: str
    refusal: Refusal


@dataclass(frozen=True)
class CheckedBatch:
    """Rows of a file in its order.

    A row with any fault is refused. What could not be parsed is in `faults` alone: with its row number,
    or with -1 for the file as a whole and for what lies behind a break.
    """

    table: pa.RecordBatch  # "row" (int64), then the contract's columns; a cell with a fault is null
    faults: pa.RecordBatch  # FAULTS, sorted by row, field, rule
    rows: int  # all rows, those that could not be parsed included
    bytes: int  # uncompressed bytes consumed since the last batch
    file: str
    lines: NDArray[np.int64]  # of each row of `table`, from 1; -1: the format has none
    offsets: NDArray[np.int64]  # of each row of `table`, uncompressed bytes; -1: unknown
    unnamed: tuple[str, ...] = ()  # columns met for the first time that the contract does not name, sorted
    sha256: str | None = None  # of the file's bytes as they were read; on the last batch

    @property
    def refused(self) -> Mask:
        """Of each row of `table`, whether it has a fault."""
        rows = self.table["row"].to_numpy()
        return np.isin(rows, self.faults["row"].to_numpy())

    def with_faults(self, found: Sequence[Found]) -> CheckedBatch:
        """The batch with more faults of its rows."""
        if not any(len(one.positions) for one in found):
            return self
        more = FaultList(self.file)
        for one in found:
            more.add(*one)
        added = more.batch(self.table["row"].to_numpy(), self.lines, self.offsets, ())
        both = pa.Table.from_batches([self.faults, added])
        row = both["row"].to_numpy()
        keys = {
            "last": pa.array(np.where(row < 0, np.iinfo(np.int64).max, row)),
            "field": both["field"].fill_null(""),
            "rule": both["rule"],
            "reason": both["reason"],
            "offset": both["offset"],
        }
        order = pc.sort_indices(pa.table(keys), [(name, "ascending") for name in keys])
        return replace(self, faults=both.take(order).combine_chunks().to_batches()[0])


class Lost(NamedTuple):
    """A row, or a stretch of the file (row -1), that could not be parsed."""

    row: int
    line: int
    offset: int
    refusal: Refusal
    field: str | None = None


@dataclass
class FaultList:
    """Faults as they are found, by position in a batch; sorted and written out once."""

    file: str
    _groups: list[tuple[Positions, str, str, Refusal]] = field(default_factory=list)

    def add(self, positions: Positions, name: str | None, rule: str, refusal: Refusal) -> None:
        """The rows at the positions broke a rule in a field."""
        if len(positions):
            self._groups.append((positions, name or "", rule, refusal))

    def batch(
        self,
        rows: NDArray[np.int64],
        lines: NDArray[np.int64],
        offsets: NDArray[np.int64],
        lost: Sequence[Lost],
    ) -> pa.RecordBatch:
        """All of them as a FAULTS batch; the arrays hold one entry a position."""
        groups = list(self._groups)
        counts = [len(group[0]) for group in groups]
        positions = np.concatenate([np.empty(0, np.int64), *(group[0] for group in groups)])
        row = np.concatenate([rows[positions], _int64([entry.row for entry in lost])])
        if len(row) == 0:
            return pa.RecordBatch.from_pylist([], FAULTS)
        line = np.concatenate([lines[positions], _int64([entry.line for entry in lost])])
        offset = np.concatenate([offsets[positions], _int64([entry.offset for entry in lost])])
        words = [
            *((name, rule, refusal.value) for _, name, rule, refusal in groups),
            *((entry.field or "", "readable", entry.refusal.value) for entry in lost),
        ]
        ranked = {word: rank for rank, word in enumerate(sorted(set(words)))}
        ranks = np.array([ranked[word] for word in words], np.int64)
        rank = np.concatenate([np.repeat(ranks[: len(groups)], counts), ranks[len(groups) :]])
        last = np.where(row < 0, np.iinfo(np.int64).max, row)  # what is behind a break comes last
        order = np.lexsort((offset, rank, last))
        if len(order) > 1:  # a list with two bad items is one fault
            same = (np.diff(last[order]) == 0) & (np.diff(rank[order]) == 0) & (np.diff(offset[order]) == 0)
            order = order[np.concatenate([[True], ~same])]
        listed = list(ranked)
        picked = pa.array(rank[order])
        return pa.RecordBatch.from_arrays(
            [
                pa.array([self.file] * len(order), pa.string()),
                pa.array(row[order]),
                pa.array(line[order]),
                pa.array(offset[order]),
                pa.array([word[0] or None for word in listed], pa.string()).take(picked),
                pa.array([word[1] for word in listed], pa.string()).take(picked),
                pa.array([word[2] for word in listed], pa.string()).take(picked),
            ],
            schema=FAULTS,
        )


def _int64(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)
