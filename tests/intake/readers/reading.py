"""Small data sets and whole readings, for the tests of the readers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.intake.drops import DropFile
from pipelines.intake.readers import read_split
from pipelines.intake.splits import plan_file
from schemas.contract import Column, DataSet, Delivery, Format, Kind, Markup, Role
from schemas.documents import DOCUMENT, QUARANTINE, TURNS
from schemas.identity import document_ids

LIMIT = 1 << 20


def column(name: str, role: Role, *, required: bool = True, kind: str = "string") -> Column:
    path = tuple(name.split("."))
    return Column(name=path[-1], role=role, logical_type=kind, required=required, path=path)


PLAIN = (column("id", Role.KEY), column("text", Role.TEXT))


def data_set(
    file_format: Format, columns: tuple[Column, ...] = PLAIN, *, encoding: str = "utf-8", delimiter: str = ","
) -> DataSet:
    return DataSet(
        name="posts",
        kind=Kind.SHORT_POST,
        files=("*",),
        format=file_format,
        encoding=encoding,
        delimiter=delimiter,
        markup=Markup.PLAIN,
        join="\n",
        delivery=Delivery.APPEND,
        languages=("ko",),
        columns=columns,
    )


@dataclass(frozen=True)
class Reading:
    documents: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]
    rows: int
    bytes: int

    @property
    def texts(self) -> list[str]:
        return [document["text"] for document in self.documents]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(entry["row"], entry["reason"]) for entry in self.quarantine]


def read(
    path: Path, wanted: DataSet, *, split_bytes: int = 1 << 30, limit: int = LIMIT, **batches: int
) -> Reading:
    """All splits of a file, one after the other; holds conservation while at it."""
    plan = plan_file(path.parent, DropFile("posts", path.name), wanted, partner="p", split_bytes=split_bytes)
    documents: list[dict[str, Any]] = []
    quarantine: list[dict[str, Any]] = []
    rows = size = 0
    for split in plan.splits:
        for batch in read_split(path.parent, split, wanted, max_row_bytes=limit, **batches):
            batch.documents.validate(full=True)
            has_turns = wanted.has_turns and len(batch.documents) > 0
            assert batch.documents.schema == (DOCUMENT.append(TURNS) if has_turns else DOCUMENT)
            assert batch.quarantine.schema == QUARANTINE
            assert batch.rows == len(batch.documents) + len(batch.quarantine)
            documents += batch.documents.to_pylist()
            quarantine += batch.quarantine.to_pylist()
            rows += batch.rows
            size += batch.bytes
    return Reading(documents, quarantine, rows, size)


def id_of(*key: str) -> bytes:
    return document_ids(partner="p", data_set="posts", keys=[key])[0]


def table(rows: int = 100) -> pa.Table:
    return pa.table({"id": [f"k{i}" for i in range(rows)], "text": [f"글 {i}" for i in range(rows)]})
