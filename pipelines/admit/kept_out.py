"""Content that was taken down, looked for in what is handed in: it is refused, and nothing of it is kept.

Rows become documents by the build's own assembler and go the way that each list of fingerprints names, so
what is told here, exact or near, is what a build would tell. A registry without such lists costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.engine.suppression import Suppressed, Way, read_suppressed, suppressed_rows, way_of
from pipelines.intake.readers.rows import Assembler
from pipelines.intake.registry import Registry
from pipelines.intake.splits import Split
from pipelines.intake.takedowns import suppressed_files, suppression_key
from schemas.contract import DataSet, Role


@dataclass(frozen=True)
class KeptOut:
    """The lists that count on a day, those of one way together."""

    lists: tuple[tuple[Way, Suppressed], ...]

    def rows(self, table: pa.RecordBatch, data_set: DataSet) -> NDArray[np.int64]:
        """Positions of rows whose text is (nearly) one that is kept out; `table` as the checks hand it on."""
        documents = _documents(table, data_set)
        found = [np.zeros(0, np.int64)]
        for way, suppressed in self.lists:
            batch = _fingerprinted(documents, way, data_set)
            shingles = partial(_shingles, way=way)
            out = suppressed_rows(batch, suppressed, shingles=shingles, threshold=way.threshold)
            found.append(batch["row"].to_numpy()[out])
        return np.unique(np.concatenate(found))


def read_kept_out(registry: Registry, day: str) -> KeptOut | None:
    """What a registry keeps out on a day; None where it keeps nothing out.

    A list of an older version, of settings that are not the usual ones, is left to the builds. Raises
    BuildInconsistent where a list is missing or another than the log says.
    """
    by_way: dict[Way, list[tuple[str, Path]]] = {}
    for digest, path in suppressed_files(registry, day):
        if (way := way_of(path)) is not None:
            by_way.setdefault(way, []).append((digest, path))
    if not by_way:
        return None
    key = suppression_key(registry)
    return KeptOut(tuple((way, _read(files, key, way)) for way, files in by_way.items()))


def _read(files: Sequence[tuple[str, Path]], key: bytes, way: Way) -> Suppressed:
    return read_suppressed(files, key=key, settings=way.fingerprint)


def _documents(table: pa.RecordBatch, data_set: DataSet) -> pa.RecordBatch:
    """DOCUMENT of the rows, as a reader makes it; `row` is the position in the table."""
    texts = tuple(replace(column, required=False) for column in data_set.of_role(Role.TEXT))
    sink = Assembler(Split("", data_set.name, "", "", 0, -1, 0, 0), replace(data_set, columns=texts))
    there = set(table.schema.names)
    columns = {name: table[name].to_pylist() if name in there else [None] * len(table) for name in sink.names}
    places = range(len(table))
    return sink.batch(rows=places, offsets=places, columns=columns, refused=[], size=0).documents


def _fingerprinted(documents: pa.RecordBatch, way: Way, data_set: DataSet) -> pa.RecordBatch:
    from pipelines.stages.extract import extract
    from pipelines.stages.fingerprint import fingerprint
    from pipelines.stages.normalise import normalise
    from pipelines.stages.pii.find import find_pii

    batch = extract(documents, way.extract, data_set).kept
    batch = normalise(batch, way.normalise, data_set).kept
    batch = find_pii(batch, replace(way.pii, max_share=1.0), data_set).kept
    return fingerprint(batch, way.fingerprint, data_set).kept


def _shingles(batch: pa.RecordBatch, *, way: Way) -> pa.Array:
    from pipelines.stages.fingerprint import shingle_sets

    return shingle_sets(batch, way.fingerprint)
