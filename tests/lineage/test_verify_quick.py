"""Quick look at a build's rows: it says that they hold where the long one finds nothing, and never else."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.engine.files import facts_of, write_index
from pipelines.lineage import verify_quick
from pipelines.lineage.duplicates import copies_among, copies_path, edges_path
from pipelines.lineage.fingerprints import (
    fingerprint_rows,
    fingerprints_path,
    numbers,
    read_fingerprints,
    write_fingerprints,
)
from pipelines.lineage.ledger import write_ledger
from pipelines.lineage.quick_columns import Known, order_of
from pipelines.lineage.verify import _check_rows, verify
from pipelines.lineage.verify_quick import holds
from pipelines.tokens.shards import write_shard
from schemas.documents import EDGES, LEDGER
from schemas.manifest import FileFacts, Manifest, read_manifest
from schemas.reasons import Reason, Stage
from tests.lineage.small_build import publish, republish, write_build
from tests.lineage.test_verify import shard_rows

Built = tuple[Path, Manifest]
_COPIES = {Reason.EXACT_DUPLICATE.value, Reason.NEAR_DUPLICATE.value}


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build with edges, copies and fingerprints, as the pipeline writes them."""
    build = tmp_path_factory.mktemp("indexed")
    manifest = write_build(build)
    random = np.random.default_rng(0)
    ledger = [file.path for file in manifest.segments[0].ledger]
    rows = [row for path in ledger for row in pq.read_table(build / path).to_pylist()]
    exact = {row["doc_id"]: random.bytes(16) for row in rows if row["kept"]}
    paths = [copies_path(0)]
    (build / "index/edges").mkdir(parents=True)
    (build / "index/fingerprints").mkdir()
    for number, path in enumerate(ledger):
        own = pq.read_table(build / path).to_pylist()
        edges = [
            {"doc_id": row["doc_id"], "kept": row["duplicate_of"], "similarity": row["similarity"]}
            for row in own
            if row["reason"] in _COPIES
        ]
        paths.append(edges_path(epoch=0, partition=number))
        write_index(build / paths[-1], pa.Table.from_pylist(edges, EDGES))
        came = [row for row in own if row["stage"] in {None, Stage.DEDUP.value}]
        digests = [
            exact.get(row["duplicate_of"] if row["reason"] == "exact_duplicate" else row["doc_id"])
            or random.bytes(16)
            for row in came
        ]
        paths.append(fingerprints_path(epoch=0, partition=number))
        batch = fingerprint_rows(
            doc_id=pa.array([row["doc_id"] for row in came], pa.binary(16)),
            exact=pa.array(digests, pa.binary(16)),
            keys=random.integers(0, 1 << 32, (len(came), 3), np.uint32),
        )
        write_fingerprints(build / paths[-1], batch)
    write_index(build / copies_path(0), copies_of(build, ledger))
    return build, listed(build, manifest, paths)


def copies_of(build: Path, ledger: list[str]) -> pa.Table:
    """As they are counted."""
    import polars as pl

    return copies_among(pl.concat([pl.DataFrame(pq.read_table(build / path)) for path in ledger]))


def listed(build: Path, manifest: Manifest, paths: list[str]) -> Manifest:
    """The build with these files in its manifest, as they lie there."""
    known = {file.path: file for file in manifest.other_files}
    known |= {path: facts_of(build, path) for path in paths}
    others: tuple[FileFacts, ...] = tuple(known[path] for path in sorted(known))
    manifest = replace(manifest, other_files=others)
    publish(build, manifest)
    return manifest


def both(build: Path) -> tuple[bool, list[Any]]:
    """What the quick look says, and what the long one finds."""
    manifest = read_manifest(build)
    with ThreadPoolExecutor(2) as pool:
        return holds(build, manifest, pool), list(_check_rows(build, manifest, set(), pool))


def test_a_whole_build_holds_and_is_not_looked_at_again(indexed: Built, monkeypatch: pytest.MonkeyPatch):
    assert both(indexed[0]) == (True, [])
    monkeypatch.setattr("pipelines.lineage.verify._check_rows", lambda *_: pytest.fail("the long look"))
    assert verify(indexed[0]) == ()


_BYTES = st.one_of(st.none(), st.just(bytes(16)), st.binary(min_size=16, max_size=16))
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "kept": st.booleans(),
    "stage": st.sampled_from([None, "other", *(stage.value for stage in Stage)]),
    "reason": st.sampled_from([None, "other", *(reason.value for reason in Reason)]),
    "duplicate_of": _BYTES,
    "similarity": st.sampled_from([None, 0.0, 0.5, 1.0, 1.5, float("nan")]),
    "tokens": st.integers(0, 30),
    "shard": st.sampled_from([None, "0-train-00000", "0-train-00001", "0-validation-00000", "9-train-00000"]),
    "shard_row": st.one_of(st.none(), st.integers(0, 20)),
    "partner": st.sampled_from(["a_dot", "liner", "zz"]),
    "data_set": st.sampled_from(["chat", "pages", "help", "zz"]),
    "drop": st.sampled_from(["0" * 16, "f" * 16]),
    "language": st.sampled_from([None, "ko", "en", "zz"]),
    "doc_id": st.binary(min_size=16, max_size=16),
    "pii": st.sampled_from([None, [], [("EMAIL_ADDRESS", 2)], [("EMAIL_ADDRESS", 1), ("X", None)]]),
}


def hold_alike(whole: Path, build: Path, data: st.DataObject, seed: int) -> None:
    """A value or two of a ledger piece are others: both looks must say the same of it."""
    random = Random(seed)
    shutil.copytree(whole, build)
    manifest = read_manifest(build)
    piece = random.choice(manifest.segments[0].ledger).path
    rows = pq.read_table(build / piece).to_pylist()
    for _ in range(random.randint(1, 2)):
        row = random.choice(rows)
        others = [one["doc_id"] for one in rows]
        name = random.choice(sorted(_VALUES))
        row[name] = data.draw(_VALUES[name])
        if name in {"duplicate_of", "doc_id"} and random.random() < 0.5:
            row[name] = random.choice(others)
    write_ledger(build / piece, pa.Table.from_pylist(rows, LEDGER))
    republish(build, manifest, piece)
    quick, findings = both(build)
    assert quick == (not findings)


@given(data=st.data(), seed=st.integers(0, 1 << 30))
@settings(max_examples=12, deadline=None)
def test_no_altered_ledger_row_holds_that_the_long_look_refuses(
    indexed: Built, data: st.DataObject, seed: int
):
    with TemporaryDirectory() as home:
        hold_alike(indexed[0], Path(home) / "build", data, seed)


@pytest.mark.slow
@given(data=st.data(), seed=st.integers(0, 1 << 30))
@settings(max_examples=400, deadline=None)
def test_none_of_many_altered_ledgers_holds_that_the_long_look_refuses(
    indexed: Built, data: st.DataObject, seed: int
):
    with TemporaryDirectory() as home:
        hold_alike(indexed[0], Path(home) / "build", data, seed)


def altered(build: Path, path: str, change: Any) -> None:
    """One of the side tables with its rows changed, and the manifest after it."""
    if path.endswith(".arrow") and path.startswith("index"):
        with pa.OSFile(str(build / path), "rb") as source:
            table = pa.Table.from_batches([read_fingerprints(source)])
        batch = change(table).combine_chunks().to_batches()[0]
        write_fingerprints(build / path, batch)
    elif path.endswith(".arrow"):
        write_shard(build / path, change(shard_rows(build, path)))
        republish(build, read_manifest(build), path)
        return
    else:
        write_index(build / path, change(pq.read_table(build / path)))
    listed(build, read_manifest(build), [path])


def shift(name: str) -> Any:
    """The column's first two rows change their places."""

    def swapped(table: pa.Table) -> pa.Table:
        order = pa.array([1, 0, *range(2, len(table))])
        at = table.schema.get_field_index(name)
        return table.set_column(at, table.schema.field(name), table[name].combine_chunks().take(order))

    return swapped


@pytest.mark.parametrize(
    ("path", "change"),
    [
        *((edges_path(epoch=0, partition=0), shift(name)) for name in ("doc_id", "kept")),
        (edges_path(epoch=0, partition=0), lambda table: table.slice(1)),
        (edges_path(epoch=0, partition=1), lambda table: pa.concat_tables([table, table.slice(0, 1)])),
        (copies_path(0), shift("doc_id")),
        (copies_path(0), lambda table: table.slice(1)),
        *(
            (fingerprints_path(epoch=0, partition=0), shift(name))
            for name in ("exact", "doc_id", "key_001", "row_001")
        ),
        (fingerprints_path(epoch=0, partition=0), lambda table: table.slice(0, len(table) - 1)),
        ("segments/0/train/data-00000-of-00002.arrow", shift("doc_id")),
        ("segments/0/train/data-00000-of-00002.arrow", shift("language")),
        ("segments/0/train/data-00000-of-00002.arrow", shift("input_ids")),
    ],
)
def test_an_altered_side_table_or_shard_is_told_by_both(
    indexed: Built, tmp_path: Path, path: str, change: Any
):
    build = shutil.copytree(indexed[0], tmp_path / "build")
    altered(build, path, change)
    quick, findings = both(build)
    assert not quick or not findings
    if "edges" not in path or change.__name__ == "swapped":
        assert quick == (not findings)


def test_a_law_that_is_not_asked_is_missed(indexed: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of this test: what it compares is not always the same."""
    build = shutil.copytree(indexed[0], tmp_path / "build")
    altered(build, copies_path(0), lambda table: table.slice(1))
    assert both(build)[0] is False
    monkeypatch.setattr(verify_quick, "_check_over_all", lambda *_: None)
    quick, findings = both(build)
    assert quick
    assert findings


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40), st.integers(0, 62))
def test_order_and_places_are_those_of_a_plain_search(pairs: list[tuple[int, int]], bits: int):
    ids = np.array([(high << bits, low) for high, low in pairs], np.uint64).reshape(-1, 2)
    order = order_of(ids)
    assert sorted(order.tolist()) == list(range(len(ids)))
    assert (np.diff(ids[order, 0].astype(object)) >= 0).all()
    if len(set(ids[:, 0].tolist())) < len(ids):
        with pytest.raises(ValueError, match="alike"):
            Known(ids)
        return
    known = Known(ids)
    assert known.places(ids).tolist() == list(range(len(ids)))
    other = ids + np.array([0, 9], np.uint64)
    assert not known.has(other).any()
    if len(ids):
        with pytest.raises(ValueError, match="not there"):
            known.places(other[:1])


@given(st.lists(st.integers(0, (1 << 8) - 1), max_size=20), st.integers(1, 4))
def test_numbers_of_bytes_are_those_of_python(values: list[int], width: int):
    wanted = [value * 0x010203 % (1 << 8 * width) for value in values]
    raw = b"".join(value.to_bytes(width, "big") for value in wanted)
    assert numbers(np.frombuffer(raw, np.uint8).reshape(-1, width)).tolist() == wanted
