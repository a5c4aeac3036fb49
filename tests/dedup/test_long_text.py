"""One text of a gigabyte beside its near copy, through all steps of deduplication, in a bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.dedup.candidates import find_shared_buckets, write_bucket_keys
from pipelines.dedup.parts import divide
from pipelines.dedup.ranked import SplitRank
from pipelines.dedup.resolve import resolve
from pipelines.dedup.sketches import write_sketches
from pipelines.stages.fingerprint import fingerprint, shingle_sets
from schemas.documents import STAGED
from schemas.recipe import DedupSettings, FingerprintSettings
from tests.dedup.corpora import rows_of
from tests.stages.test_fingerprint import DATA_SET, batch_of

SHAPE = FingerprintSettings()


@contextmanager
def anonymous_peak() -> Iterator[list[int]]:
    """The most bytes of anonymous memory that the block has beyond what was there, as its one item."""

    def now() -> int:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon"))

    before, peak, done = now(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], now() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def long_text(size: int) -> str:
    """Some `size` bytes of Korean-looking words in no order."""
    random = np.random.default_rng(5)
    syllables = random.integers(0xAC00, 0xD7A4, (800, 3))
    words = np.array(["".join(map(chr, word)) for word in syllables.tolist()])
    drawn = random.integers(0, len(words), size // 10)
    return " ".join(words[drawn])


def write_two(path: Path, text: str) -> int:
    """Stage the text and a near copy, a batch each; the anonymous memory that signing one takes."""
    most = 0
    with pa.ipc.new_file(str(path), STAGED) as writer:
        for number, ending in enumerate(["", " 처음과 다른 끝이 여기에 하나 붙는다"]):
            batch = batch_of([text + ending])
            with anonymous_peak() as peak:
                row = fingerprint(batch, SHAPE, DATA_SET).kept
            most = max(most, peak[0])
            place = row.schema.get_field_index("doc_id")
            ids = pa.array([number.to_bytes(16, "big")], pa.binary(16))
            writer.write_batch(row.set_column(place, row.schema.field(place), ids).select(STAGED.names))
    return most


def resolved(home: Path) -> list[dict[str, object]]:
    with pa.memory_map(str(home / "staged")) as source:
        reader = pa.ipc.open_file(source)
        batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        write_bucket_keys(batches, home / "keys", partitions=1)
    find_shared_buckets([(0, home / "keys")], partition=0, path=home / "shared")
    parts = divide([home / "shared"], directory=home)
    shingles = partial(shingle_sets, settings=SHAPE)
    write_sketches(home / "staged", parts, split=0, shingles=shingles, path=home / "sketches")
    ranks = [SplitRank("long", 0)]
    resolve(parts, [(0, home / "sketches")], ranks=ranks, settings=DedupSettings(), directory=home)
    return rows_of(home / "0.arrow")


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(20 << 20, id="20 MiB"),
        pytest.param(1 << 30, id="1 GiB", marks=[pytest.mark.slow, pytest.mark.timeout(2400)]),
    ],
)
def test_a_long_text_and_its_near_copy_cost_memory_as_they_are_long(size: int, tmp_path: Path) -> None:
    write_two(tmp_path / "warm", long_text(1 << 16))
    signing = write_two(tmp_path / "staged", long_text(size))
    with anonymous_peak() as resolving:
        (row,) = resolved(tmp_path)
    assert (row["position"], row["reason"]) == (1, "near_duplicate")
    assert 0.99 < row["similarity"] < 1.0
    # The canonical text, and once it is there the shingles of a piece of 16 MiB with what sorts them.
    assert signing < 1.2 * size + (64 << 20)
    assert resolving[0] < 1.2 * size + (256 << 20)
