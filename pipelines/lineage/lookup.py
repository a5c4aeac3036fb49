"""Find a document's rows in a ledger of any size: two pieces an epoch, of each one row group or two.

Pieces hold equal ranges of ids in rising order, so the manifest says which pieces can hold a document, and
the smallest and largest id of each row group (Parquet statistics) which of its row groups do.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.content import piece_places
from schemas.documents import LEDGER
from schemas.errors import BuildInconsistent
from schemas.id_columns import id_bytes, span_of
from schemas.manifest import Manifest


def rows_of(build: Path, doc_id: bytes, manifest: Manifest) -> list[dict[str, Any]]:
    """The ledger rows of a document id, epoch by epoch. BuildInconsistent where a piece cannot be read."""
    found = []
    for _, segment, piece in piece_places(manifest.segments, doc_id):
        ledger = manifest.segments[segment].ledger
        path = build / ledger[piece].path if piece < len(ledger) else build / "ledger"
        try:
            found += list(chain.from_iterable(part.to_pylist() for part in _in_piece(path, doc_id)))
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            raise BuildInconsistent(
                f"{build.name}: the ledger cannot be read ({type(error).__name__}): "
                f"run `malmoi verify {build.name}`"
            ) from None
    return found


def _in_piece(path: Path, doc_id: bytes) -> Iterator[pa.Table]:
    with pq.ParquetFile(path, memory_map=True) as file:
        if file.schema_arrow != LEDGER:
            raise ValueError(path.name)
        for group in _groups(file.metadata, doc_id):
            ids = file.read_row_group(group, columns=["doc_id"], use_threads=False)["doc_id"]
            first, last = span_of(id_bytes(ids), doc_id)
            if first < last:
                yield file.read_row_group(group, use_threads=False).slice(first, last - first)


def _groups(metadata: pq.FileMetaData, doc_id: bytes) -> Iterator[int]:
    """The row groups whose ids reach over the document's: bisected, as ids rise from group to group."""
    count = metadata.num_row_groups if metadata.num_rows else 0  # a piece without rows has a group of none
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if _largest(metadata, middle) < doc_id:
            low = middle + 1
        else:
            high = middle
    while low < count and metadata.row_group(low).column(0).statistics.min <= doc_id:
        yield low
        low += 1


def _largest(metadata: pq.FileMetaData, group: int) -> bytes:
    statistics = metadata.row_group(group).column(0).statistics
    if statistics is None or not statistics.has_min_max:
        raise ValueError("a row group without statistics")
    largest: bytes = statistics.max
    return largest
