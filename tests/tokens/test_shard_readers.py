"""The libraries that trainers use, on shards as they are: datasets, torch."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.tokens.shards import write_dataset_files, write_shard
from tests.tokens.test_shards import table

PARTS = ([[1, 2], [3], [4, 5, 6]], [], [[7], [8, 9]])
LISTS = [tokens for part in PARTS for tokens in part]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of shards, one of them empty; `datasets` is kept from the network and from the home."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    directory = tmp_path / "train"
    directory.mkdir()
    names = [f"data-{index:05d}-of-{len(PARTS):05d}.arrow" for index in range(len(PARTS))]
    for name, lists in zip(names, PARTS, strict=True):
        write_shard(directory / name, table(lists))
    write_dataset_files(directory, names, [len(lists) for lists in PARTS])
    return directory


def test_datasets_opens_the_directory_by_its_own_function(directory):
    import datasets

    found = datasets.load_from_disk(str(directory))
    assert found["input_ids"][:] == LISTS
    assert found[1]["doc_id"] == table(PARTS[0])["doc_id"][1].as_py()
    assert found._fingerprint == datasets.load_from_disk(str(directory))._fingerprint
    assert found.with_format("numpy")[2]["input_ids"].tolist() == [4, 5, 6]
    files = {Path(file["filename"]) for file in found.cache_files}
    assert {file.parent for file in files} == {directory}  # mapped where they lie, no copy in a cache


def test_datasets_streams_them_in_order_and_goes_on_where_it_stopped(directory):
    import datasets

    stream = datasets.load_from_disk(str(directory)).to_iterable_dataset()
    assert isinstance(stream, datasets.IterableDataset)
    assert [row["input_ids"] for row in stream] == LISTS
    rows = iter(stream)
    assert [next(rows)["input_ids"] for _ in range(2)] == LISTS[:2]
    again = datasets.load_from_disk(str(directory)).to_iterable_dataset()
    again.load_state_dict(stream.state_dict())
    assert [row["input_ids"] for row in again] == LISTS[2:]


def test_datasets_streams_single_files_without_the_directory(directory, tmp_path):
    import datasets

    files = [str(path) for path in sorted(directory.glob("*.arrow"))]
    stream = datasets.load_dataset(
        "arrow", data_files=files, split="train", streaming=True, cache_dir=str(tmp_path / "cache")
    )
    assert [row["input_ids"] for row in stream] == LISTS
    assert not list((tmp_path / "cache").rglob("*.arrow")) if (tmp_path / "cache").exists() else True


@pytest.mark.slow
def test_torch_loads_batches_of_them(directory):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed, so its DataLoader was not tested: pip install torch")
    import datasets
    import torch
    from torch.utils.data import DataLoader

    found = datasets.load_from_disk(str(directory)).with_format("torch", columns=["input_ids"])
    batches = list(DataLoader(found, batch_size=None, num_workers=2))
    assert [batch["input_ids"].tolist() for batch in batches] == LISTS
    assert batches[0]["input_ids"].dtype == torch.int64


def test_pyarrow_maps_a_shard_and_copies_nothing(directory):
    before = pa.total_allocated_bytes()
    with pa.memory_map(str(directory / "data-00000-of-00003.arrow")) as source:
        found = pa.ipc.open_stream(source).read_all()
        assert found["input_ids"].to_pylist() == PARTS[0]
        assert pa.total_allocated_bytes() - before < 1024
        del found
