"""Rows that `malmoi prepare` leaves out: a JSON line a fault in a file beside the drop, never a value."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.intake.delivered_columns import Fault
from pipelines.intake.raw_rows import RawRows
from schemas.drop import PART
from schemas.reasons import REFUSAL_WORDING, Refusal

ENDING = ".rejects.jsonl"
SHOWN = 20  # faults that are told on the screen


class Rejects:
    """Collects faults into DROP.rejects.jsonl, which is there, whole, when the block ends well.

    One of an earlier run is replaced, or removed where there is nothing to reject. A line has file, line
    (from 1), byte and row (from 0; -1: none, or the file as a whole), field, rule, reason, what it means.
    """

    def __init__(self, drop: Path) -> None:
        self.path = drop.with_name(drop.name + ENDING)
        self.count = 0  # faults
        self.rows = 0  # rows with a fault
        self.sample: list[dict[str, Any]] = []
        self._part = self.path.with_name(f".{self.path.name}.{os.getpid()}{PART}")

    def __enter__(self) -> Rejects:
        self._file = self._part.open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
        if kind is None and self.count:
            self._part.replace(self.path)
            return
        self._part.unlink()
        if kind is None:
            self.path.unlink(missing_ok=True)

    def add_table(self, faults: pa.RecordBatch | pa.Table) -> None:
        """Faults as the row checks tell them (FAULTS)."""
        for entry in faults.to_pylist():
            self._add(entry)

    def add(self, file: str, raw: RawRows, faults: Iterable[Fault]) -> None:
        """Faults of rows that could not be made deliverable."""
        for fault in faults:
            self._add(
                {
                    "file": file,
                    "row": raw.rows[fault.at],
                    "line": raw.lines[fault.at],
                    "offset": raw.offsets[fault.at],
                    "field": fault.field,
                    "rule": fault.rule,
                    "reason": fault.refusal.value,
                }
            )

    def add_file(self, file: str, refusal: Refusal) -> None:
        """A file that is refused as a whole."""
        entry = {"file": file, "row": -1, "line": -1, "offset": -1, "field": None, "rule": "readable"}
        self._add(entry | {"reason": refusal.value})

    def _add(self, entry: dict[str, Any]) -> None:
        told = {
            "file": entry["file"],
            "line": entry["line"],
            "byte": entry["offset"],
            "row": entry["row"],
            "field": entry["field"],
            "rule": entry["rule"],
            "reason": entry["reason"],
            "means": REFUSAL_WORDING[Refusal(entry["reason"])],
        }
        self._file.write(orjson.dumps(told) + b"\n")
        self.count += 1
        if len(self.sample) < SHOWN:
            self.sample.append(told)


def elsewhere(faults: pa.RecordBatch, raw: Sequence[NDArray[np.int64]]) -> pa.RecordBatch:
    """Faults of rows that were written, at the places they came from; raw: (rows, lines, offsets) by row."""
    rows = faults["row"].to_numpy()
    places = [pa.array(np.where(rows >= 0, numbers[np.maximum(rows, 0)], -1)) for numbers in raw]
    for name, values in zip(("row", "line", "offset"), places, strict=True):
        at = faults.schema.get_field_index(name)
        faults = faults.set_column(at, faults.schema.field(at), values)
    return faults
