"""Bucket keys and shared buckets: who meets whom, in files of a fixed shape."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup import candidates
from pipelines.dedup.candidates import (
    BUCKET_KEYS,
    SHARED_BUCKETS,
    bucket_keys,
    find_shared_buckets,
    write_bucket_keys,
)
from tests.dedup.corpora import Content, Document, Split, bands, corpora, staged_batch


def batches_of(path: Path) -> list[pa.RecordBatch]:
    with pa.OSFile(str(path)) as source:
        reader = pa.ipc.open_file(source)
        return [reader.get_batch(index) for index in range(reader.num_record_batches)]


def shared_rows(directory: Path, splits: list[Split], partitions: int) -> list[dict[str, int]]:
    keys = []
    for number, split in enumerate(splits):
        write_bucket_keys([staged_batch(split.documents)], directory / f"{number}", partitions=partitions)
        keys.append((number, directory / f"{number}"))
    rows = []
    for partition in range(partitions):
        path = directory / f"shared-{partition}"
        count = find_shared_buckets(keys[::-1], partition=partition, path=path)
        batches = batches_of(path)
        assert count == sum(map(len, batches))
        assert all(batch.schema.equals(SHARED_BUCKETS) for batch in batches)
        keys_of_batches = [set(batch["key"].to_pylist()) for batch in batches]
        assert sum(map(len, keys_of_batches)) == len(set().union(*keys_of_batches))  # no bucket lies in two
        rows += [row for batch in batches for row in batch.to_pylist()]
    return rows


@settings(deadline=None, max_examples=60)
@given(corpora(), st.integers(1, 7), st.integers(1, 100))
def test_exactly_those_share_a_bucket_who_agree_in_a_band_a_digest_or_an_id(
    splits: list[Split], partitions: int, at_once: int
) -> None:
    expected = defaultdict(set)
    for number, split in enumerate(splits):
        for position, row in enumerate(staged_batch(split.documents).to_pylist()):
            for kind, value in [*enumerate(row["bands"]), ("exact", row["exact"]), ("id", row["doc_id"])]:
                expected[kind, value].add((number, position))
    with TemporaryDirectory() as name, patch.object(candidates, "_KEYS_AT_ONCE", at_once):
        rows = shared_rows(Path(name), splits, partitions)
    found = defaultdict(set)
    for row in rows:
        found[row["key"]].add((row["split"], row["position"]))
    assert sorted(map(sorted, found.values())) == sorted(
        sorted(members) for members in expected.values() if len(members) > 1
    )
    assert rows == sorted(rows, key=lambda row: (row["key"], row["split"], row["position"]))


@pytest.mark.parametrize("at_once", [300, 1 << 20])
def test_crowded_buckets_of_many_splits_are_in_the_order_of_their_documents(
    tmp_path: Path, monkeypatch, at_once: int
) -> None:
    monkeypatch.setattr(candidates, "_KEYS_AT_ONCE", at_once)
    random = np.random.default_rng(0)
    expected = []
    for split in range(5):
        keys = random.choice(np.arange(1, 40, dtype=np.uint64) << np.uint64(57), 2000)
        order = np.argsort(keys, kind="stable")
        columns = [pa.array(keys[order]), pa.array(order.astype(np.int32))]
        with pa.ipc.new_file(str(tmp_path / str(split)), BUCKET_KEYS) as writer:
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=BUCKET_KEYS))
        expected += [(key, split, position) for position, key in enumerate(keys.tolist())]
    files = [(split, tmp_path / str(split)) for split in range(5)]
    find_shared_buckets(files, partition=0, path=tmp_path / "shared")
    rows = [tuple(row.values()) for batch in batches_of(tmp_path / "shared") for row in batch.to_pylist()]
    assert rows == sorted(expected)


@pytest.mark.parametrize("partitions", [1, 2, 3, 64, 1000])
def test_a_key_file_has_a_sorted_batch_for_every_partition_and_sixteen_keys_a_document(
    tmp_path: Path, partitions: int
) -> None:
    documents = [Document(n, Content(frozenset({n}), bands(b2=1))) for n in range(50)]
    write_bucket_keys(
        pa.Table.from_batches([staged_batch(documents)]), tmp_path / "keys", partitions=partitions
    )
    batches = batches_of(tmp_path / "keys")
    assert len(batches) == partitions
    assert all(batch.schema.equals(BUCKET_KEYS) for batch in batches)
    rows = [(row["key"], row["position"]) for batch in batches for row in batch.to_pylist()]
    assert rows == sorted(rows)
    assert len(rows) == 16 * 50
    assert [key * partitions >> 64 for key, _ in rows] == [
        partition for partition, batch in enumerate(batches) for _ in range(len(batch))
    ]


def test_batches_and_a_table_of_them_give_the_same_bytes(tmp_path: Path) -> None:
    batch = staged_batch([Document(n, Content(frozenset({n}), bands(b2=1))) for n in range(20)])
    write_bucket_keys(pa.Table.from_batches([batch]), tmp_path / "table", partitions=4)
    write_bucket_keys(iter([batch.slice(0, 7), batch.slice(7)]), tmp_path / "batches", partitions=4)
    assert (tmp_path / "table").read_bytes() == (tmp_path / "batches").read_bytes()


def test_a_slice_has_the_keys_of_its_rows() -> None:
    batch = staged_batch([Document(n, Content(frozenset({n}), bands(b2=1))) for n in range(9)])
    assert bucket_keys(batch.slice(4, 3)).tolist() == bucket_keys(batch)[4:7].tolist()


def test_equal_values_in_different_bands_meet_in_no_bucket() -> None:
    batch = staged_batch(
        [Document(0, Content(frozenset({1}), bands(**{f"b{band}": 5 for band in range(14)})))]
    )
    assert len(set(bucket_keys(batch)[0].tolist())) == 16


def test_a_split_without_documents_has_empty_partitions(tmp_path: Path) -> None:
    write_bucket_keys([], tmp_path / "none", partitions=3)
    assert [len(batch) for batch in batches_of(tmp_path / "none")] == [0, 0, 0]
    assert find_shared_buckets([(0, tmp_path / "none")], partition=1, path=tmp_path / "shared") == 0
    assert find_shared_buckets([], partition=0, path=tmp_path / "nobody") == 0
    assert len(batches_of(tmp_path / "nobody")[0]) == 0
