"""Columns with limits, and whole checkings of files, for the tests of the row checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.intake.checks import CheckedBatch, check_file
from pipelines.intake.drops import DropFile
from schemas.admission import FAULTS
from schemas.contract import Column, DataSet, Format, Limits, Policy, Role
from tests.intake.readers.reading import LIMIT, data_set

__all__ = ["Format", "Policy", "Role", "check", "col", "data_set", "file_of"]


def col(
    name: str,
    kind: str = "string",
    role: Role = Role.OTHER,
    *,
    required: bool = False,
    policy: Policy = Policy.KEEP,
    grid: float | None = None,
    clock: str | None = None,
    **limits: Any,
) -> Column:
    path = tuple(name.split("."))
    return Column(name, role, kind, required, path, policy, grid, clock, Limits(**limits))


@dataclass(frozen=True)
class Checking:
    batches: list[CheckedBatch]

    @property
    def rows(self) -> int:
        return sum(batch.rows for batch in self.batches)

    @property
    def table(self) -> list[dict[str, Any]]:
        return [row for batch in self.batches for row in batch.table.to_pylist()]

    @property
    def faults(self) -> list[dict[str, Any]]:
        return [fault for batch in self.batches for fault in batch.faults.to_pylist()]

    @property
    def told(self) -> list[tuple[int, str | None, str, str]]:
        """(row, field, rule, reason) of every fault."""
        return [(f["row"], f["field"], f["rule"], f["reason"]) for f in self.faults]

    @property
    def places(self) -> list[tuple[int, int, int]]:
        return [(f["row"], f["line"], f["offset"]) for f in self.faults]

    @property
    def refused(self) -> set[int]:
        return {fault["row"] for fault in self.faults}

    @property
    def unnamed(self) -> list[str]:
        return [name for batch in self.batches for name in batch.unnamed]


def check(path: Path, wanted: DataSet, *, limit: int = LIMIT, pseudonymised: bool = False) -> Checking:
    """All batches of a file; holds what is true of every one of them while at it."""
    found = list(
        check_file(
            path.parent,
            DropFile(wanted.name, path.name),
            wanted,
            max_row_bytes=limit,
            pseudonymised=pseudonymised,
        )
    )
    for batch in found:
        batch.table.validate(full=True)
        batch.faults.validate(full=True)
        assert batch.faults.schema == FAULTS
        assert batch.table.schema.field(0) == pa.field("row", pa.int64())
        lost = {fault["row"] for fault in batch.faults.to_pylist()} - set(batch.table["row"].to_pylist())
        assert len(batch.table) + len(lost) <= batch.rows
        assert len(batch.lines) == len(batch.offsets) == len(batch.table)
        assert (batch.sha256 is None) == (batch is not found[-1])
    return Checking(found)


def file_of(folder: Path, lines: Sequence[bytes], name: str = "posts.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path
