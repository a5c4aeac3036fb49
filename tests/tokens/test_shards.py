from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.tokens.shards import (
    is_validation,
    partition_of,
    read_shard_schema,
    shard_count,
    write_dataset_files,
    write_shard,
    write_whole,
)
from schemas.errors import BuildInconsistent
from schemas.identity import document_ids, file_sha256
from schemas.shard_trailer import altered_parts, read_trailer
from schemas.shards import SHARD, TOKENS_AT, code_of, code_table

ROWS = pa.schema(
    [
        ("input_ids", pa.list_(pa.int32())),
        ("doc_id", pa.binary(16)),
        ("partner", pa.string()),
        ("language", pa.string()),
    ]
)
# pyarrow is pinned in the lock: another version that writes other bytes has to be noticed here.
GOLDEN = "68287e4658f3379a2aba72cbd00b6cf66437c5f9177bc793014c2d5a3aaa5768"


def table(lists: list[list[int]]) -> pa.Table:
    ids = document_ids(partner="p", data_set="d", keys=[(str(n),) for n in range(len(lists))])
    partners = [("a_dot", "liner")[n % 2] for n in range(len(lists))]
    languages = [("ko", "en", None)[n % 3] for n in range(len(lists))]
    return pa.table([lists, ids, partners, languages], schema=ROWS)


def ids_of(count: int) -> pa.Array:
    return pa.array(
        document_ids(partner="p", data_set="d", keys=((str(n),) for n in range(count))), pa.binary(16)
    )


def opened(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_stream(source).read_all()


@given(st.lists(st.lists(st.integers(0, 131071), max_size=40), max_size=30))
@settings(deadline=None, max_examples=40)
def test_every_reader_sees_what_was_written(tmp_path_factory, lists):
    path = tmp_path_factory.mktemp("shard") / "data.arrow"
    rows = table(lists)
    written = write_shard(path, rows)
    flat = [token for tokens in lists for token in tokens]
    assert (written.rows, written.tokens) == (len(lists), len(flat))
    assert (written.bytes, written.sha256) == (path.stat().st_size, file_sha256(path))
    read = opened(path)
    read.validate(full=True)
    assert read.schema.equals(SHARD)
    assert read["input_ids"].to_pylist() == lists
    assert read["doc_id"].to_pylist() == rows["doc_id"].to_pylist()
    assert read["contract"].to_pylist() == [code_of(name) for name in rows["partner"].to_pylist()]
    assert read["language"].to_pylist() == [code_of(name or "und") for name in rows["language"].to_pylist()]
    if flat:
        raw = np.memmap(path, dtype="<i4", mode="r", offset=TOKENS_AT, shape=(len(flat),))
        assert raw.tolist() == flat


def test_the_same_rows_give_the_same_bytes_however_they_are_chunked(tmp_path):
    rows = table([[n, n + 1][: n % 3] for n in range(50)])
    chunked = pa.concat_tables([rows.slice(0, 7), rows.slice(7, 0), rows.slice(7)])
    sliced = pa.concat_tables([rows, rows]).combine_chunks().slice(50)
    digests = {
        write_shard(tmp_path / name, r).sha256 for name, r in (("a", rows), ("b", chunked), ("c", sliced))
    }
    assert len(digests) == 1


def test_a_small_shard_has_the_bytes_it_always_had(tmp_path):
    assert write_shard(tmp_path / "x", table([[5, 6, 2], [], [7, 2]])).sha256 == GOLDEN


def test_the_trailer_tells_which_part_was_altered(tmp_path):
    path = tmp_path / "x"
    write_shard(path, table([[n, n + 1] for n in range(40)]))
    whole = path.read_bytes()
    parts = {part.name: part for part in read_trailer(path)}
    assert list(parts) == ["input_ids", "offsets", "doc_id", "contract", "language"]
    assert altered_parts(path) == ()
    for name, part in parts.items():
        for at in (part.begin, part.end - 1):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert altered_parts(path) == (name,)


@given(keep=st.integers(0, 5000))
@settings(deadline=None, max_examples=30)
def test_a_shard_that_is_cut_off_has_no_trailer(tmp_path_factory, keep):
    path = tmp_path_factory.mktemp("cut") / "x"
    write_shard(path, table([[n, n + 1] for n in range(40)]))
    whole = path.read_bytes()
    path.write_bytes(whole[: min(keep, len(whole) - 1)])
    with pytest.raises(BuildInconsistent, match="malmoi verify"):
        read_trailer(path)


@given(st.lists(st.lists(st.integers(0, 131071), max_size=5), max_size=9))
@settings(deadline=None, max_examples=20)
def test_numpy_maps_a_shard_to_its_end(tmp_path_factory, lists):
    path = tmp_path_factory.mktemp("mapped") / "x"
    write_shard(path, table(lists))
    flat = [token for tokens in lists for token in tokens]
    assert np.memmap(path, "<i4", "r", offset=TOKENS_AT)[: len(flat)].tolist() == flat


def test_a_document_longer_than_a_shard_is_one_row_and_all_readers_have_it(tmp_path):
    tokens = np.arange(10_000_000, dtype=np.int32) % 131072
    lists = pa.ListArray.from_arrays(
        pa.array([0, 1, len(tokens) + 1, len(tokens) + 3], pa.int32()),
        pa.array(np.concatenate([[9], tokens, [7, 2]]).astype(np.int32)),
    )
    rows = table([[], [], []]).set_column(0, "input_ids", lists)
    written = write_shard(tmp_path / "x", rows)
    assert (written.rows, written.tokens) == (3, len(tokens) + 3)
    found = opened(tmp_path / "x")["input_ids"]
    assert np.array_equal(found[1].values.to_numpy(), tokens)
    assert found[2].as_py() == [7, 2]
    raw = np.memmap(tmp_path / "x", "<i4", "r", offset=TOKENS_AT)
    assert np.array_equal(raw[1 : len(tokens) + 1], tokens)


def test_there_is_one_batch_without_validity_buffers_or_compression(tmp_path):
    write_shard(tmp_path / "x", table([[1, 2], [3]]))
    with pa.memory_map(str(tmp_path / "x")) as source:
        (batch,) = pa.ipc.open_stream(source)
        for column in batch.columns:
            assert column.buffers()[0] is None


def test_an_empty_shard_is_a_shard(tmp_path):
    assert write_shard(tmp_path / "x", table([]))[2:] == (0, 0)
    assert opened(tmp_path / "x").num_rows == 0


@pytest.mark.parametrize("damage", ["null token list", "missing column", "wrong type", "null partner"])
def test_rows_that_are_no_shard_are_refused_and_nothing_is_left_behind(tmp_path, damage):
    rows = table([[1, 2], [3]])
    if damage == "null token list":
        rows = rows.set_column(0, "input_ids", pa.array([[1], None], pa.list_(pa.int32())))
    elif damage == "missing column":
        rows = rows.drop_columns(["language"])
    elif damage == "wrong type":
        rows = rows.set_column(0, "input_ids", pa.array([[1], [2]], pa.list_(pa.int64())))
    else:
        rows = rows.set_column(2, "partner", pa.array(["a", None], pa.string()))
    with pytest.raises(BuildInconsistent):
        write_shard(tmp_path / "x", rows)
    assert list(tmp_path.iterdir()) == []


def test_more_names_than_fit_before_the_tokens_are_an_error_that_says_so(tmp_path):
    names = [f"partner_{n:04d}" for n in range(400)]
    rows = table([[1]] * 400).set_column(2, "partner", pa.array(names, pa.string()))
    with pytest.raises(BuildInconsistent, match="shorten"):
        write_shard(tmp_path / "x", rows)


def test_the_fingerprint_follows_the_content_and_the_codes_are_told(tmp_path):
    seen = []
    for lists in ([[1]], [[2]], [[1]]):
        write_shard(tmp_path / "x", table(lists))
        write_dataset_files(tmp_path, ["x"], [1])
        seen.append(json.loads((tmp_path / "state.json").read_text())["_fingerprint"])
    assert seen[0] != seen[1]
    assert seen[0] == seen[2]
    info = json.loads((tmp_path / "dataset_info.json").read_text())
    assert info["malmoi"]["contract"] == {"a_dot": code_of("a_dot")}
    assert read_shard_schema(tmp_path / "x").metadata[b"malmoi.partners"] == b'["a_dot"]'


def test_polars_reads_the_shard_as_well(tmp_path):
    import polars as pl

    write_shard(tmp_path / "x", table([[1, 2], [3]]))
    assert pl.read_ipc_stream(tmp_path / "x")["input_ids"].to_list() == [[1, 2], [3]]


def test_two_names_of_one_code_are_refused(monkeypatch):
    assert all(0 <= code_of(f"n{n}") < 2**31 for n in range(100))
    assert code_of("a_dot") == 1175194067  # written into shards that exist
    assert (code_of("ko"), code_of("und"), code_of("code")) == (312, 15691, 19683)  # these too
    monkeypatch.setattr("schemas.shards.code_of", lambda name: 7)
    with pytest.raises(BuildInconsistent, match="rename"):
        code_table(["a", "b"])


def test_codes_of_languages_fit_the_column_and_never_collide():
    letters = [chr(ord("a") + n) for n in range(26)]
    names = [*letters, *map("".join, product(letters, letters)), *map("".join, product(letters, repeat=3))]
    codes = {code_of(name) for name in (*names, "code")}
    assert len(codes) == len(names) + 1
    assert 0 < min(codes) < max(codes) < 2**15


def test_a_language_that_does_not_fit_the_column_is_refused(tmp_path):
    rows = table([[1]]).set_column(3, "language", pa.array(["korean"], pa.string()))
    with pytest.raises(BuildInconsistent, match="language 'korean'"):
        write_shard(tmp_path / "x", rows)


def test_partitions_are_even_and_rise_with_the_id():
    ids = ids_of(20_000)
    parts = partition_of(ids, 8)
    counts = np.bincount(parts, minlength=8)
    assert len(counts) == 8
    assert counts.min() > 2_300
    by_id = np.argsort(np.array(ids.to_pylist(), dtype="S16"))
    assert (np.diff(parts[by_id]) >= 0).all()
    assert (partition_of(ids, 1) == 0).all()
    assert partition_of(ids.slice(5, 3), 8).tolist() == parts[5:8].tolist()


def test_validation_is_the_share_asked_for_grows_with_it_and_ignores_the_partition():
    ids = ids_of(20_000)
    few, many = is_validation(ids, 0.05), is_validation(ids, 0.2)
    assert abs(few.mean() - 0.05) < 0.006
    assert many[few].all()
    assert not is_validation(ids, 0.0).any()
    assert is_validation(ids, 1.0).all()
    within = [many[partition_of(ids, 4) == part].mean() for part in range(4)]
    assert max(within) - min(within) < 0.03


def test_the_number_of_shards_follows_from_the_admitted_bytes():
    mib = 1 << 20
    assert [shard_count(size, 64) for size in (0, 1, 64 * mib, 64 * mib + 1, 640 * mib)] == [1, 1, 1, 2, 10]


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def parts():
        yield b"new"
        raise OSError(28, "no space")

    with pytest.raises(OSError, match="no space"):
        write_whole(path, parts())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
