"""Sketches: what is written of the documents in shared buckets."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.dedup import sketches
from pipelines.dedup.candidates import find_shared_buckets, write_bucket_keys
from pipelines.dedup.parts import Parts, divide
from pipelines.dedup.sketches import SKETCHES, batches_of_part, write_sketches
from pipelines.stages.fingerprint import shingle_sets
from schemas.recipe import FingerprintSettings
from tests.dedup.corpora import Content, Document, bands, shingles_spelt_out, staged_batch, write_staged


def sketched(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def parts_of(directory: Path, documents: list[Document], *, part_documents: int = 100) -> Parts:
    write_bucket_keys([staged_batch(documents)], directory / "keys", partitions=1)
    find_shared_buckets([(3, directory / "keys")], partition=0, path=directory / "shared")
    return divide([directory / "shared"], directory=directory, part_documents=part_documents)


def some_documents() -> list[Document]:
    """Of each three in a row, the first and the last lie in one bucket; quality tells the row."""
    return [
        Document(n, Content(frozenset(range(n, n + 5)), bands(b1=1) if n % 3 != 1 else bands()), n / 16)
        for n in range(11)
    ]


def test_only_documents_in_a_shared_bucket_are_sketched_in_file_order(tmp_path: Path) -> None:
    documents = some_documents()
    write_staged(tmp_path / "staged", documents, rows_per_batch=4)
    parts = parts_of(tmp_path, documents)
    write_sketches(tmp_path / "staged", parts, split=3, shingles=shingles_spelt_out, path=tmp_path / "out")
    table = sketched(tmp_path / "out")
    assert table.schema.remove_metadata().equals(SKETCHES)
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


@pytest.mark.parametrize("text_bytes", [1, 50, 4 << 20])
def test_the_documents_of_a_part_lie_together(tmp_path: Path, monkeypatch, text_bytes: int) -> None:
    monkeypatch.setattr(sketches, "_TEXT_BYTES", text_bytes)
    pairs = [Document(n, Content(frozenset(range(n, n + 5)), bands(b1=n % 9))) for n in range(40)]
    write_staged(tmp_path / "staged", pairs, rows_per_batch=7)
    parts = parts_of(tmp_path, pairs, part_documents=10)
    assert parts.count == 4
    write_sketches(tmp_path / "staged", parts, split=3, shingles=shingles_spelt_out, path=tmp_path / "out")
    seen = []
    with pa.OSFile(str(tmp_path / "out")) as source:
        reader = pa.ipc.open_file(source)
        for part in range(parts.count):
            rows = [row for batch in batches_of_part(reader, part) for row in batch.to_pylist()]
            positions = [row["position"] for row in rows]
            assert positions == sorted(positions)
            assert [row["doc_id"] for row in rows] == [pairs[position].doc_id for position in positions]
            seen.append({position % 9 for position in positions})
            assert {n for n in range(40) if n % 9 in seen[-1]} == set(positions)
    assert sum(map(len, seen)) == 9
    assert len([one for one in seen if one]) > 1


def test_documents_of_other_splits_are_not_sketched(tmp_path: Path) -> None:
    documents = some_documents()
    write_staged(tmp_path / "staged", documents)
    parts = parts_of(tmp_path, documents)
    write_sketches(tmp_path / "staged", parts, split=2, shingles=shingles_spelt_out, path=tmp_path / "out")
    assert len(sketched(tmp_path / "out")) == 0


def test_no_more_text_is_sketched_at_once_than_the_limit_allows(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sketches, "_TEXT_BYTES", 20)
    documents = some_documents()
    write_staged(tmp_path / "staged", documents, rows_per_batch=100)
    parts = parts_of(tmp_path, documents)
    seen = []

    def watched(batch: pa.RecordBatch) -> pa.Array:
        seen.append(sum(len(text) for text in batch["text"].to_pylist()))
        return shingle_sets(batch, FingerprintSettings())

    write_sketches(tmp_path / "staged", parts, split=3, shingles=watched, path=tmp_path / "out")
    assert len(seen) > 2
    assert max(seen) <= 20 + 14  # one text may pass the limit
    assert sketched(tmp_path / "out")["position"].to_pylist() == [0, 2, 3, 5, 6, 8, 9]
