"""The index of fingerprints against a plain search over all documents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.lineage.fingerprints import (
    FingerprintIndex,
    fingerprint_rows,
    fingerprints_path,
    key_of,
    read_fingerprints,
    write_fingerprints,
)
from schemas.errors import BuildInconsistent
from schemas.manifest import FileFacts, Manifest

BANDS = 3
# Few different values, so that documents share digests and keys; all low ones, so that keys are not spread.
SMALL = st.integers(0, 6)
ROW = st.tuples(SMALL, SMALL, st.lists(SMALL, min_size=BANDS, max_size=BANDS))


def digest(number: int) -> bytes:
    return number.to_bytes(8, "big") + (number * 7).to_bytes(8, "big")


def band(number: int) -> int:
    return number << 32 | number


def find_exact(build: Path, digest: bytes, *, manifest: Manifest) -> list[bytes]:
    with FingerprintIndex(build, manifest) as index:
        return index.exact(digest)


def find_near(build: Path, bands, *, manifest: Manifest) -> list[tuple[bytes, int]]:
    """A repeated key may have other texts: the nearest counts."""
    with FingerprintIndex(build, manifest) as index:
        met: dict[bytes, int] = {}
        for found in index.near(bands):
            met.setdefault(found.doc_id, found.bands)
        return list(met.items())


def write(build: Path, whole, parts: list[list[tuple[int, int, list[int]]]]):
    """A manifest with an index of these documents: (id, digest, bands)."""
    named = []
    for number, rows in enumerate(parts):
        path = fingerprints_path(epoch=0, partition=number)
        (build / path).parent.mkdir(parents=True, exist_ok=True)
        keys = np.array([[band(value) for value in bands] for _, _, bands in rows], np.uint64)
        batch = fingerprint_rows(
            doc_id=pa.array([digest(one) for one, _, _ in rows], pa.binary(16)),
            exact=pa.array([digest(one) for _, one, _ in rows], pa.binary(16)),
            keys=key_of(keys.reshape(len(rows), BANDS)),
        )
        write_fingerprints(build / path, batch)
        named.append(FileFacts(path, 0, "0" * 64))
    return replace(whole[1], other_files=tuple(named))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.lists(ROW, max_size=30), min_size=1, max_size=3), asked=ROW)
def test_a_search_finds_what_a_look_at_every_document_finds(whole, tmp_path: Path, parts, asked):
    manifest = write(tmp_path, whole, parts)
    every = [row for rows in parts for row in rows]
    exact = sorted({digest(one) for one, known, _ in every if known == asked[1]})
    assert find_exact(tmp_path, digest(asked[1]), manifest=manifest) == exact
    met: dict[bytes, int] = {}
    for one, _, bands in every:
        shared = sum(mine == other for mine, other in zip(bands, asked[2], strict=True))
        if shared:
            met[digest(one)] = max(shared, met.get(digest(one), 0))
    bands = np.array([band(value) for value in asked[2]], np.uint64)
    found = find_near(tmp_path, bands, manifest=manifest)
    assert found == sorted(met.items(), key=lambda pair: (-pair[1], pair[0]))


def test_every_one_of_many_evenly_spread_documents_is_found(whole, tmp_path: Path):
    random = np.random.default_rng(5)
    count = 70_000  # row numbers of three bytes
    ids, digests = random.integers(0, 256, (2, count, 16), np.uint8)
    bands = random.integers(0, 2**64, (count, BANDS), np.uint64)
    path = fingerprints_path(epoch=2, partition=7)
    (tmp_path / path).parent.mkdir(parents=True)
    batch = fingerprint_rows(
        doc_id=pa.array([one.tobytes() for one in ids], pa.binary(16)),
        exact=pa.array([one.tobytes() for one in digests], pa.binary(16)),
        keys=key_of(bands),
    )
    write_fingerprints(tmp_path / path, batch)
    assert (tmp_path / path).stat().st_size < count * (32 + 7 * BANDS) + 5000
    manifest = replace(whole[1], other_files=(FileFacts(path, 0, "0" * 64),))
    with FingerprintIndex(tmp_path, manifest) as index:
        assert len(index) == count
        for row in (0, 1, 255, 256, 65_535, 65_536, count - 1, *random.integers(0, count, 200)):
            assert index.exact(digests[row].tobytes()) == [ids[row].tobytes()]
            (found,) = [one for one in index.near(bands[row]) if one.bands == BANDS]
            assert (found.doc_id, found.exact) == (ids[row].tobytes(), digests[row].tobytes())


def test_the_order_of_documents_changes_no_byte(whole, tmp_path: Path):
    # Equal texts have equal bands; different ones may share some.
    rows = [(number % 4, number % 3, [number % 3, 1, number % 3 // 2]) for number in range(40)]
    write(tmp_path / "one", whole, [rows])
    write(tmp_path / "other", whole, [rows[::-1]])
    path = fingerprints_path(epoch=0, partition=0)
    assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "other" / path).read_bytes()


def test_a_build_without_an_index_and_a_broken_file_are_told(whole, tmp_path: Path):
    with pytest.raises(BuildInconsistent, match="build it again"):
        find_exact(tmp_path, digest(1), manifest=replace(whole[1], other_files=()))
    manifest = write(tmp_path, whole, [[(1, 1, [1, 2, 3])]])
    with pytest.raises(BuildInconsistent, match="3 bands, not 2"):
        find_near(tmp_path, np.array([1, 2], np.uint64), manifest=manifest)
    path = tmp_path / fingerprints_path(epoch=0, partition=0)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BuildInconsistent, match="malmoi verify"):
        find_exact(tmp_path, digest(1), manifest=manifest)


def test_a_file_of_other_columns_is_none_of_ours(tmp_path: Path):
    path = tmp_path / "file.arrow"
    batch = pa.RecordBatch.from_pydict({"exact": [b"1"], "doc_id": [b"2"]})
    write_fingerprints(path, batch)
    with pa.memory_map(str(path)) as source, pytest.raises(pa.ArrowInvalid):
        read_fingerprints(source)
