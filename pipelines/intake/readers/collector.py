"""Rows of a format that comes row by row, gathered into batches of bounded size for whoever wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from pipelines.intake.readers.rows import Fault, Refused
from schemas.reasons import Refusal

B_co = TypeVar("B_co", covariant=True)
B = TypeVar("B")


class Sink(Protocol[B_co]):
    """What a reader hands parsed rows to: the build makes documents of them, admission looks for faults."""

    names: tuple[str, ...]  # the columns that are wanted
    places: bool  # whether line and byte of every row are wanted, and not of the refused ones alone

    def found(self, names: Iterable[str]) -> None:
        """Told the columns that the file has."""

    def batch(
        self,
        *,
        rows: Sequence[int],
        lines: Sequence[int],
        offsets: Sequence[int],
        columns: dict[str, list[Any]],
        refused: list[Refused],
        size: int,
    ) -> B_co:
        """Take rows in; `columns` holds one list per name in `names`, ABSENT where the row lacks it."""


class Collector(Generic[B]):
    """Gathers the rows of a row format and hands them on in batches of bounded size."""

    def __init__(
        self,
        sink: Sink[B],
        pluck: Callable[[list[Any], str], list[Any]],
        *,
        batch_rows: int,
        batch_bytes: int,
    ) -> None:
        self.sink = sink
        self._pluck = pluck
        self._limits = batch_rows, batch_bytes
        self._clear()

    def _clear(self) -> None:
        self.rows: list[int] = []
        self.lines: list[int] = []
        self.offsets: list[int] = []
        self.records: list[Any] = []
        self.refused: list[Refused] = []
        self.size = 0  # uncompressed bytes consumed
        self.held = 0  # bytes of the rows that wait

    def add(self, row: int, offset: int, record: Any, held: int, line: int = -1) -> None:
        """One more row that could be parsed; `held` is its size in bytes."""
        self.rows.append(row)
        self.lines.append(line)
        self.offsets.append(offset)
        self.records.append(record)
        self.held += held

    def extend(
        self, first: int, offsets: list[int], records: list[Any], held: int, lines: Sequence[int] = ()
    ) -> None:
        """Rows in a run, from row number `first` on; not more than there is `room` for."""
        self.rows.extend(range(first, first + len(records)))
        self.lines.extend(lines)
        self.offsets.extend(offsets)
        self.records.extend(records)
        self.held += held

    @property
    def room(self) -> int:
        """How many rows more the batch takes; at least one."""
        return max(1, self._limits[0] - len(self.rows) - len(self.refused))

    def refuse(
        self, row: int, offset: int, refusal: Refusal, field: str | None = None, line: int = -1
    ) -> None:
        """One more row, or the rest of the file (row -1), that goes to quarantine."""
        self.refused.append(Refused(row, offset, Fault(refusal, field), line))

    @property
    def full(self) -> bool:
        """Whether the rows that wait make a batch."""
        return len(self.rows) + len(self.refused) >= self._limits[0] or self.held >= self._limits[1]

    def take(self) -> B:
        """The rows that wait, as a batch; begins the next one."""
        columns = {name: self._pluck(self.records, name) for name in self.sink.names}
        batch = self.sink.batch(
            rows=self.rows,
            lines=self.lines,
            offsets=self.offsets,
            columns=columns,
            refused=self.refused,
            size=self.size,
        )
        self._clear()
        return batch

    @property
    def waiting(self) -> bool:
        """Whether `take` has anything to tell."""
        return bool(self.rows or self.refused or self.size)
