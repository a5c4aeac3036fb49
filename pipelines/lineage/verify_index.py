"""Side tables of deduplication against the ledger: duplicates' edges, copies, fingerprints."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.lineage.duplicates import copies_among, copies_path
from pipelines.lineage.finding import Finding
from pipelines.lineage.verify_fingerprints import check_fingerprints
from pipelines.lineage.verify_pieces import Piece, all_rows
from pipelines.lineage.verify_rows import WAS_KEPT, those_of
from schemas.documents import COPIES, EDGES
from schemas.manifest import Manifest
from schemas.reasons import Reason


def check_index(
    build: Path, manifest: Manifest, damaged: Collection[str], pieces: Sequence[Piece]
) -> Iterator[Finding]:
    """Edges and copies of every epoch that the manifest lists; the ledger's own files are whole."""
    listed = {file.path for file in manifest.other_files} - set(damaged)
    edges = sorted(path for path in listed if path.startswith("index/edges/"))
    for segment in manifest.segments:
        path = copies_path(segment.epoch)
        if path in listed:
            found = _read(build / path, COPIES)
            rows = [piece.rows for piece in pieces if piece.place.epoch == segment.epoch]
            if found is None or not rows or not found.equals(copies_among(pl.concat(rows))):
                yield Finding("index", path, "counts other copies than the ledger has")
    parts = [_read(build / path, EDGES) for path in edges]
    if any(part is None for part in parts):
        yield Finding("index", "index/edges", "has a file that is no table of edges")
    elif parts:
        yield from _check_edges(all_rows(pieces), pl.concat([pl.DataFrame(part) for part in parts]))
    yield from check_fingerprints(build, manifest, listed, pieces)


def _read(path: Path, schema: pa.Schema) -> pa.Table | None:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return None
    return table if table.schema.equals(schema) else None


def _check_edges(rows: pl.DataFrame, edges: pl.DataFrame) -> Iterator[Finding]:
    """Each duplicate has an edge to the document it lost to; each edge leads to a kept one."""
    kept = those_of(edges["kept"], rows, WAS_KEPT)
    lost = rows.filter(pl.col("reason").is_in([Reason.EXACT_DUPLICATE.value, Reason.NEAR_DUPLICATE.value]))
    named = lost.select("doc_id", "similarity", kept="duplicate_of")
    for words, wrong in (
        (
            "duplicates have no edge to the document they lost to",
            named.join(edges, on=["doc_id", "kept", "similarity"], how="anti"),
        ),
        ("edges lead from documents that are no duplicates", edges.join(named, on="doc_id", how="anti")),
        (
            "edges lead to documents that are not kept",
            edges.join(kept, left_on="kept", right_on="doc_id", how="anti"),
        ),
    ):
        if len(wrong):
            yield Finding("index", "index/edges", f"{len(wrong)} {words}, as {wrong['doc_id'][0].hex()}")
