"""Sketches: what is written of the documents in shared buckets."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from pipelines.dedup import sketches
from pipelines.dedup.candidates import find_shared_buckets, write_bucket_keys
from pipelines.dedup.sketches import SKETCHES, write_sketches
from pipelines.stages.fingerprint import shingle_sets
from schemas.recipe import FingerprintSettings
from tests.dedup.corpora import Content, Document, bands, shingles_spelt_out, staged_batch, write_staged


def sketched(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def shared_file(directory: Path, documents: list[Document]) -> Path:
    write_bucket_keys([staged_batch(documents)], directory / "keys", partitions=1)
    find_shared_buckets([(3, directory / "keys")], partition=0, path=directory / "shared")
    return directory / "shared"


def some_documents() -> list[Document]:
    """Of each three in a row, the first and the last lie in one bucket; quality tells the row."""
    return [
        Document(n, Content(frozenset(range(n, n + 5)), bands(b1=1) if n % 3 != 1 else bands()), n / 16)
        for n in range(11)
    ]


def test_only_documents_in_a_shared_bucket_are_sketched_in_file_order(tmp_path: Path) -> None:
    documents = some_documents()
    write_staged(tmp_path / "staged", documents, rows_per_batch=4)
    shared = shared_file(tmp_path, documents)
    write_sketches(tmp_path / "staged", [shared], split=3, shingles=shingles_spelt_out, path=tmp_path / "out")
    table = sketched(tmp_path / "out")
    assert table.schema.equals(SKETCHES)
    assert table.to_pylist() == [
        {
            "position": n,
            "doc_id": documents[n].doc_id,
            "language": None,
            "quality": documents[n].quality,
            "exact": documents[n].content.exact,
            "shingles": list(range(n, n + 5)),
        }
        for n in (0, 2, 3, 5, 6, 8, 9)
    ]


def test_documents_of_other_splits_are_not_sketched(tmp_path: Path) -> None:
    documents = some_documents()
    write_staged(tmp_path / "staged", documents)
    shared = shared_file(tmp_path, documents)
    write_sketches(tmp_path / "staged", [shared], split=2, shingles=shingles_spelt_out, path=tmp_path / "out")
    assert len(sketched(tmp_path / "out")) == 0


def test_no_more_text_is_sketched_at_once_than_the_limit_allows(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sketches, "_TEXT_BYTES", 20)
    documents = some_documents()
    write_staged(tmp_path / "staged", documents, rows_per_batch=100)
    shared = shared_file(tmp_path, documents)
    seen = []

    def watched(batch: pa.RecordBatch) -> pa.Array:
        seen.append(sum(len(text) for text in batch["text"].to_pylist()))
        return shingle_sets(batch, FingerprintSettings())

    write_sketches(tmp_path / "staged", [shared], split=3, shingles=watched, path=tmp_path / "out")
    assert len(seen) > 2
    assert max(seen) <= 20 + 14  # one text may pass the limit
    assert sketched(tmp_path / "out")["position"].to_pylist() == [0, 2, 3, 5, 6, 8, 9]
