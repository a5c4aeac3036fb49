from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.finished.megatron import export_megatron
from pipelines.tokens.megatron import index_of
from pipelines.tokens.shards import write_shard
from schemas.errors import BuildInconsistent, UsageError
from schemas.manifest import Manifest
from tests.laws.builds import malmoi
from tests.laws.tiny import Built
from tests.lineage.small_build import publish, write_build
from tests.tokens.megatron_reader import indexed_dataset
from tests.tokens.test_shards import table


def documents_of(build: Path, path: str) -> list[list[int]]:
    with pa.memory_map(str(build / path)) as source:
        return pa.ipc.open_stream(source).read_all()["input_ids"].to_pylist()


@pytest.mark.parametrize("mapped", [True, False])
def test_megatron_reads_every_document_of_every_shard_out_of_the_arrow_files(small: Built, tmp_path, mapped):
    output = tmp_path / "megatron"
    found = {one.prefix: one for one in export_megatron(small.directory, output)}
    assert {one.split for one in found.values()} == {"train", "validation"}
    with indexed_dataset() as read:
        for shard in small.manifest.shards:
            data = read(str(output / shard.name), mmap=mapped)
            documents = documents_of(small.directory, shard.path)
            assert len(data) == len(documents) == found[shard.name].documents
            assert data.index.dtype is np.int32
            assert [data[row].tolist() for row in range(len(data))] == documents
            assert data.sequence_lengths.tolist() == list(map(len, documents))
            assert data.get(2, offset=1, length=3).tolist() == documents[2][1:4]
            del data


@given(st.lists(st.lists(st.integers(0, 131071), max_size=30), min_size=1, max_size=20), st.booleans())
@settings(deadline=None, max_examples=25)
def test_any_documents_come_back_and_indices_say_which_are_one(tmp_path_factory, lists, documents):
    home = tmp_path_factory.mktemp("any")
    write_shard(home / "x.bin", table(lists))
    with pa.memory_map(str(home / "x.bin")) as source:
        column = pa.ipc.open_stream(source).read_next_batch()["input_ids"]
        (home / "x.idx").write_bytes(index_of(column, documents=documents))
        with indexed_dataset() as read:
            data = read(str(home / "x"))
            assert [data[row].tolist() for row in range(len(data))] == lists
            said = list(range(len(lists) + 1)) if documents else [0, len(lists)]
            assert data.document_indices.tolist() == said
            del data


def test_no_token_is_copied_and_the_directories_move_together(small: Built, tmp_path):
    shutil.copytree(small.directory, tmp_path / "a" / "build")
    found = export_megatron(tmp_path / "a" / "build", tmp_path / "a" / "megatron")
    (tmp_path / "a").rename(tmp_path / "b")
    links = sorted((tmp_path / "b" / "megatron").glob("*.bin"))
    assert len(links) == len(found)
    for link in links:
        assert link.is_symlink()
        assert not link.readlink().is_absolute()
        assert link.resolve().is_relative_to(tmp_path / "b" / "build")
    sizes = [path.stat().st_size for path in (tmp_path / "b" / "megatron").glob("*.idx")]
    assert sum(sizes) == sum(12 * one.documents + 50 for one in found)


def test_the_command_says_what_it_wrote_and_writes_nothing_twice(small: Built, tmp_path):
    output = tmp_path / "megatron"
    done = malmoi("export", "megatron", small.directory, "-o", output, "--documents", "--json")
    assert done.returncode == 0, done.stderr
    assert sum(one["tokens"] for one in json.loads(done.stdout)["shards"]) == sum(
        shard.tokens for shard in small.manifest.shards
    )
    again = malmoi("export", "megatron", small.directory, "-o", output)
    assert again.returncode == 2
    assert b"give another -o" in again.stderr
    with pytest.raises(UsageError, match="inside the build"):
        export_megatron(small.directory, small.directory / "megatron")


@pytest.mark.parametrize("damage", ["missing", "altered", "cut"])
def test_a_damaged_shard_is_named_and_nothing_is_written(small: Built, tmp_path, damage):
    build = shutil.copytree(small.directory, tmp_path / "build")
    path = small.manifest.shards[1].path
    whole = (build / path).read_bytes()
    if damage == "missing":
        (build / path).unlink()
    elif damage == "altered":
        (build / path).write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    else:
        (build / path).write_bytes(whole[:-8])
    with pytest.raises(BuildInconsistent, match=path):
        export_megatron(build, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == [build]


def climbing(manifest: Manifest, **changes: str) -> Manifest:
    from dataclasses import replace

    (segment,) = manifest.segments
    train = (replace(segment.train[0], **changes), *segment.train[1:])
    return replace(manifest, segments=(replace(segment, train=train),))


@pytest.mark.parametrize("changes", [{"path": "../../secret"}, {"name": "../../0-train-00000"}])
def test_names_that_climb_out_of_the_build_are_refused(tmp_path, changes):
    build = tmp_path / "build"
    publish(build, climbing(write_build(build), **changes))
    with pytest.raises(BuildInconsistent, match=r"malmoi verify|no path inside the build"):
        export_megatron(build, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_build_without_tokens_is_refused(tmp_path):
    from dataclasses import replace

    build = tmp_path / "build"
    manifest = write_build(build)
    publish(build, replace(manifest, segments=()))
    with pytest.raises(BuildInconsistent, match="no tokens"):
        export_megatron(build, tmp_path / "out")


def test_a_document_weighs_38_bytes_beside_its_tokens_which_is_under_one_percent(tmp_path):
    sizes = []
    for count in (3200, 6400):  # multiples of 64, so that no buffer is padded
        written = write_shard(tmp_path / "x", table([[7] * 1000] * count))
        with pa.memory_map(str(tmp_path / "x")) as source:
            lists = pa.ipc.open_stream(source).read_next_batch()["input_ids"]
            sizes.append(written.bytes + len(index_of(lists, documents=False)))
            del lists
    few, many = sizes
    beside = (many - few - 3200 * 4000) / 3200
    assert beside == pytest.approx(38, abs=0.1)
    assert many - 6400 * 4000 < 0.01 * 6400 * 4000
