"""Parts: the components of the bucket graph, each whole in one of them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup import parts as parts_module
from pipelines.dedup.candidates import SHARED_BUCKETS
from pipelines.dedup.parts import divide

Row = tuple[int, int, int]


def write_shared(path: Path, batches: list[list[Row]]) -> Path:
    with pa.ipc.new_file(str(path), SHARED_BUCKETS) as writer:
        for rows in batches:
            columns = [[row[place] for row in rows] for place in range(3)]
            arrays = [pa.array(c, field.type) for c, field in zip(columns, SHARED_BUCKETS, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=SHARED_BUCKETS))
    return path


def components(buckets: list[list[tuple[int, int]]]) -> list[set[tuple[int, int]]]:
    """Sets of documents joined by buckets, by merging until nothing changes."""
    found: list[set[tuple[int, int]]] = []
    for bucket in buckets:
        joined = [one for one in found if one & set(bucket)]
        found = [one for one in found if not one & set(bucket)] + [set(bucket).union(*joined)]
    return found


DOCUMENTS = st.tuples(st.integers(0, 3), st.integers(0, 12))
BUCKETS = st.lists(st.lists(DOCUMENTS, min_size=2, max_size=5, unique=True), max_size=14)


@settings(deadline=None, max_examples=150)
@given(BUCKETS, st.integers(1, 40), st.data())
def test_each_component_is_whole_in_one_part_with_all_its_buckets(
    buckets: list[list[tuple[int, int]]], part_documents: int, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(buckets)), min_size=2, max_size=2)))
    rows = [[(key, *document) for document in sorted(bucket)] for key, bucket in enumerate(buckets)]
    pieces = [rows[: cuts[0]], rows[cuts[0] : cuts[1]], rows[cuts[1] :]]
    flat = [[row for bucket in piece for row in bucket] for piece in pieces]
    with TemporaryDirectory() as name:
        home = Path(name)
        shared = [write_shared(home / "a", flat[:2]), write_shared(home / "b", flat[2:])]
        parts = divide(shared, directory=home, part_documents=part_documents)
        found = [
            [bucket for batch in parts.buckets(n) for bucket in batch["documents"].to_pylist()]
            for n in range(parts.count)
        ]
        sizes = [parts.documents(n) for n in range(parts.count)]
        members = {}
        for split in range(5):
            positions, own = parts.members(split)
            assert np.lexsort((positions, own)).tolist() == [*range(len(own))]
            members |= {(split, p): part for p, part in zip(positions.tolist(), own.tolist(), strict=True)}
    whole = components(buckets)
    documents = set().union(*whole)
    assert members.keys() == documents
    assert all(len({members[document] for document in one}) == 1 for one in whole)
    assert len(found) == max(1, -(-len(documents) // part_documents))
    assert len(sizes) == len(found)
    for part, (some, size) in enumerate(zip(found, sizes, strict=True)):
        numbered = sorted(document for document, own in members.items() if own == part)
        assert size == len(numbered)
        assert [[numbered[number] for number in bucket] for bucket in some] == [
            sorted(bucket) for bucket in buckets if bucket and members[bucket[0]] == part
        ]


def test_many_components_are_spread_over_the_parts_evenly(tmp_path: Path) -> None:
    rows = [(pair, 0, 2 * pair + side) for pair in range(20_000) for side in (0, 1)]
    parts = divide([write_shared(tmp_path / "a", [rows])], directory=tmp_path, part_documents=4000)
    counts = np.bincount(parts.members(0)[1])
    assert len(counts) == 10
    assert counts.max() < 1.15 * counts.min()


def test_there_are_no_more_parts_than_the_limit_and_none_is_left_out(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(parts_module, "_MOST_PARTS", 3)
    rows = [(pair, 0, 2 * pair + side) for pair in range(50) for side in (0, 1)]
    parts = divide([write_shared(tmp_path / "a", [rows])], directory=tmp_path, part_documents=4)
    assert parts.count == 3
    assert sum(parts.documents(part) for part in range(3)) == 100
    assert sum(len(batch) for part in range(3) for batch in parts.buckets(part)) == 50


def test_nothing_shared_is_one_part_without_documents(tmp_path: Path) -> None:
    parts = divide([], directory=tmp_path)
    assert parts.count == 1
    assert list(parts.buckets(0)) == []
    assert len(parts.members(0)[0]) == 0
