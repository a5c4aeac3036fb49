"""The index of fingerprints against the ledger: who is in it, and whether a search would find them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from pipelines.lineage.finding import Finding
from pipelines.lineage.fingerprints import (
    FINGERPRINTS,
    bands_of,
    keys_and_rows,
    numbers,
    read_fingerprints,
)
from pipelines.lineage.verify_pieces import Piece, all_rows
from pipelines.lineage.ways import WAYS_JSON, read_ways
from schemas.errors import BuildInconsistent
from schemas.id_columns import id_bytes, in_order, words_of
from schemas.manifest import Manifest
from schemas.reasons import Reason, Stage

_CAME_TO_DEDUP = pl.col("stage").is_null() | (pl.col("stage") == Stage.DEDUP.value)


def check_fingerprints(
    build: Path, manifest: Manifest, listed: set[str], pieces: Sequence[Piece]
) -> Iterator[Finding]:
    """Of every epoch whose files are whole; `listed` are the whole files of the manifest."""
    named = [file.path for file in manifest.other_files if file.path.startswith(FINGERPRINTS)]
    if not named or not listed.issuperset(named):
        return  # a build without an index, or one with damages that are told
    if WAYS_JSON in listed:
        yield from check_ways(build, manifest)
    same = all_rows(pieces).filter(pl.col("reason") == Reason.EXACT_DUPLICATE.value)
    pairs = same.select("doc_id", "duplicate_of")
    asked = pl.concat([pairs["doc_id"], pairs["duplicate_of"]]).unique()
    digests = [pl.DataFrame(schema={"doc_id": pl.Binary, "exact": pl.Binary})]
    for segment in manifest.segments:
        mine = [path for path in named if path.startswith(f"{FINGERPRINTS}part-{segment.epoch}-")]
        ids: list[pl.Series] = []
        for path in mine:
            try:
                with pa.memory_map(str(build / path)) as source:
                    part = read_fingerprints(source)
                    if wrong := order_problem(part):
                        yield Finding("index", path, wrong)
                    found = pl.DataFrame(pa.table([part["doc_id"], part["exact"]], ["doc_id", "exact"]))
            except (OSError, pa.ArrowException):
                yield Finding("index", path, "is no file of fingerprints")
                return
            ids.append(found["doc_id"])
            digests.append(found.join(asked.to_frame("doc_id"), on="doc_id", how="semi"))
        rows = [piece.rows for piece in pieces if piece.place.epoch == segment.epoch]
        yield from _check_ids([one.filter(_CAME_TO_DEDUP)["doc_id"] for one in rows], ids, segment.epoch)
    yield from _check_copies(pairs, pl.concat(digests))


def order_problem(part: pa.RecordBatch) -> str | None:
    """What would keep a search from finding: columns out of order, rows that no document or two have."""
    for name in ("exact", "doc_id"):
        if part[name].null_count:
            return f"has documents without {name}"
    if not in_order(words_of(id_bytes(part["exact"]))):
        return "is not sorted by digest, so that documents are not found"
    for band in range(bands_of(part)):
        keys, rows = keys_and_rows(part, band)
        if not bool((keys[:-1] <= keys[1:]).all()):
            return f"is not sorted by key in band {band}, so that documents are not found"
        seen, places = np.zeros(len(part), np.bool_), numbers(rows)
        if len(part) and int(places.max()) < len(part):
            seen[places] = True
        if not seen.all():
            return f"does not hold every document once in band {band}"
    return None


def _check_ids(came: Sequence[pl.Series], ids: Sequence[pl.Series], epoch: int) -> Iterator[Finding]:
    """The index of an epoch has the documents of its ledger that came to deduplication, as often."""
    wanted, indexed = _counted(came), _counted(ids)
    for words, left, right in (
        ("documents that came to deduplication are not in it", wanted, indexed),
        ("documents are in it that did not come to deduplication", indexed, wanted),
    ):
        wrong = left.join(right, on=["doc_id", "rows"], how="anti").sort("doc_id")
        if len(wrong):
            where = f"{FINGERPRINTS}part-{epoch}-*"
            yield Finding("index", where, f"{len(wrong)} {words}, as {wrong['doc_id'][0].hex()}")


def _counted(ids: Sequence[pl.Series]) -> pl.DataFrame:
    whole = pl.concat([pl.Series("doc_id", [], pl.Binary), *ids])
    return whole.to_frame().group_by("doc_id").agg(rows=pl.len())


def _check_copies(pairs: pl.DataFrame, digests: pl.DataFrame) -> Iterator[Finding]:
    """An exact duplicate has the digest of the document that it lost to."""
    own = pairs.join(digests, on="doc_id")
    agreeing = own.join(digests, left_on=["duplicate_of", "exact"], right_on=["doc_id", "exact"], how="semi")
    wrong = pairs.join(agreeing, on=["doc_id", "duplicate_of"], how="anti").sort("doc_id")
    if len(wrong):
        words = f"{len(wrong)} exact duplicates have another digest than the document they lost to"
        yield Finding("index", FINGERPRINTS, f"{words}, as {wrong['doc_id'][0].hex()}")


def check_ways(build: Path, manifest: Manifest) -> Iterator[Finding]:
    """What is told of how texts were made, of the manifest's data sets and no others."""
    try:
        ways = read_ways(build)
    except BuildInconsistent:
        yield Finding("index", WAYS_JSON, "does not say how the texts of data sets were made")
        return
    if sorted(way.name for way in ways) != sorted(f"{d.partner}/{d.data_set}" for d in manifest.data_sets):
        yield Finding("index", WAYS_JSON, "speaks of other data sets than the manifest")
