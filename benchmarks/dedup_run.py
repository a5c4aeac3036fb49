"""Our deduplication over files, with forked workers: fingerprints, candidates, sketches, resolution, output.

    python benchmarks/dedup_run.py TEXTS HOME --workers 2

The functions are the build's; Beam would only hand them their file names. TEXTS holds .arrow files (id, text) or
.jsonl files {id, text}; of the latter the kept lines are written to HOME/kept. One line of JSON: seconds by step, in
all and of processor time, peak memory, and what was counted.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import multiprocessing
import resource
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psutil
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.candidates import find_shared_buckets, write_bucket_keys
from pipelines.dedup.parts import Parts, divide
from pipelines.dedup.ranked import SplitRank
from pipelines.dedup.resolve import Settled, gather, resolve_part
from pipelines.dedup.sketches import write_sketches
from pipelines.stages.fingerprint import fingerprint, shingle_sets
from schemas.contract import DataSet, Delivery, Format, Kind, Markup
from schemas.documents import SPANS, STAGED
from schemas.recipe import DedupSettings, FingerprintSettings, Shingles

PARTITIONS = 16
ROWS = 5000
ANY = DataSet(
    name="texts",
    kind=Kind.SHORT_POST,
    files=("*",),
    format=Format.JSONL,
    encoding="utf-8",
    delimiter=",",
    markup=Markup.PLAIN,
    join="\n",
    delivery=Delivery.APPEND,
    languages=(),
    columns=(),
)


class Memory(threading.Thread):
    """Samples this process and its children: anonymous memory, and all that is resident (files too)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.anonymous = self.resident = 0
        self.stopped = threading.Event()

    def run(self) -> None:
        own = psutil.Process()
        while not self.stopped.wait(0.05):
            anonymous = resident = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    info = process.memory_info()
                except psutil.Error:
                    continue
                resident += info.rss
                anonymous += info.rss - info.shared
            self.anonymous, self.resident = max(self.anonymous, anonymous), max(self.resident, resident)


def batches(path: Path) -> Iterator[tuple[np.ndarray, list[bytes] | pa.Array]]:
    """(ids of 16 bytes, texts) of a file, some thousand at a time."""
    if path.suffix == ".arrow":
        with pa.memory_map(str(path)) as source:
            reader = pa.ipc.open_file(source)
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                ids = np.zeros((len(batch), 2), ">u8")
                ids[:, 1] = batch["id"].to_numpy()
                yield ids, batch["text"]
        return
    rows: list[dict[str, Any]] = []
    with path.open("rb") as file:
        for line in file:
            rows.append(orjson.loads(line))
            if len(rows) == ROWS:
                yield _ids(rows), pa.array([row["text"] for row in rows])
                rows = []
    if rows:
        yield _ids(rows), pa.array([row["text"] for row in rows])


def _ids(rows: list[dict[str, Any]]) -> np.ndarray:
    digests = b"".join(hashlib.blake2b(row["id"].encode(), digest_size=16).digest() for row in rows)
    return np.frombuffer(digests, ">u8").reshape(-1, 2)


def sign(work: tuple[int, Path], home: Path, shape: FingerprintSettings) -> int:
    """Stage a file: STAGED with fingerprints, and its bucket keys."""
    number, path = work
    if (home / f"{number}.keys").is_file():
        return 0
    count = 0
    with pa.ipc.new_file(str(home / f"{number}.staged"), STAGED) as writer:
        for ids, texts in batches(path):
            rows = len(texts)
            columns = {
                "doc_id": pa.FixedSizeBinaryArray.from_buffers(
                    pa.binary(16), rows, [None, pa.py_buffer(ids.tobytes())]
                ),
                "row": pa.array(np.arange(count, count + rows)),
                "text": texts,
                "language": pa.nulls(rows, pa.string()),
                "language_score": pa.array(np.zeros(rows, np.float32)),
                "quality": pa.array(np.zeros(rows, np.float32)),
                "spans": pa.ListArray.from_arrays(
                    pa.array(np.zeros(rows + 1, np.int32)), pa.array([], SPANS.value_type)
                ),
            }
            schema = pa.schema([STAGED.field(name) for name in columns])
            batch = pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)
            writer.write_batch(fingerprint(batch, shape, ANY).kept.select(STAGED.names))
            count += rows
    with pa.memory_map(str(home / f"{number}.staged")) as source:
        reader = pa.ipc.open_file(source)
        parts = (reader.get_batch(index) for index in range(reader.num_record_batches))
        write_bucket_keys(parts, home / f"{number}.keys", partitions=PARTITIONS)
    return count


def find(partition: int, home: Path, splits: int, settled: int) -> int:
    """The shared buckets of a partition."""
    keys = [(number, home / f"{number}.keys") for number in range(splits)]
    path = home / f"{partition}.shared"
    return find_shared_buckets(keys, partition=partition, path=path, settled=range(settled))


def sketch(number: int, home: Path, shape: FingerprintSettings) -> None:
    """The sketches of a split."""
    shingles = partial(shingle_sets, settings=shape)
    write_sketches(
        home / f"{number}.staged",
        Parts(home),
        split=number,
        shingles=shingles,
        path=home / f"{number}.sketches",
    )


def decide(part: int, home: Path, splits: int, settled: int, settings: DedupSettings) -> Path:
    """Resolve a part, of all splits that are not settled."""
    known = {}
    for number in range(settled):
        with pa.memory_map(str(home / f"{number}.arrow")) as source:
            rows = pa.ipc.open_file(source).read_all()
        repeated = np.asarray(pc.equal(rows["reason"], "repeated_key"), np.bool_)
        known[number] = Settled(np.asarray(rows["position"], np.int32), repeated)
    path = home / f"{part}.part"
    resolve_part(
        Parts(home),
        [(number, home / f"{number}.sketches") for number in range(splits)],
        part=part,
        ranks=[SplitRank(f"{number:06d}", number) for number in range(splits)],
        settings=settings,
        path=path,
        settled=known,
    )
    return path


def write_kept(work: tuple[int, Path], home: Path) -> int:
    """The kept lines of a .jsonl file, as they are."""
    number, path = work
    if path.suffix == ".arrow":
        return 0
    with pa.memory_map(str(home / f"{number}.arrow")) as source:
        lost = set(pa.ipc.open_file(source).read_all()["position"].to_pylist())
    (home / "kept").mkdir(exist_ok=True)
    kept = 0
    with path.open("rb") as file, (home / "kept" / path.name).open("wb") as out:
        for position, line in enumerate(file):
            if position not in lost:
                out.write(line)
                kept += 1
    return kept


def cpu() -> float:
    """Processor seconds of this process and of its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def run(
    texts: Path,
    home: Path,
    *,
    workers: int,
    shape: FingerprintSettings,
    settings: DedupSettings,
    first: int | None = None,
    settled: int = 0,
) -> dict[str, Any]:
    """All steps over the first files, or all; what each took. So many were settled by a run before in HOME."""
    home.mkdir(parents=True, exist_ok=True)
    inputs = list(enumerate(sorted([*texts.glob("*.arrow"), *texts.glob("*.jsonl")])[:first]))
    pa.array(np.zeros(1))  # imports pandas where it is installed: 0.15 s of no step's work
    memory = Memory()
    memory.start()
    fork = multiprocessing.get_context("fork")
    result: dict[str, Any] = {"seconds": {}, "cpu": {}, "anonymous": {}, "resident": {}}

    def step(name: str, function: Callable[[Any], Any], work: list[Any]) -> list[Any]:
        memory.anonymous = memory.resident = 0
        begun, used = time.monotonic(), cpu()
        if len(work) == 1 or workers == 1:
            found = [function(one) for one in work]
        else:
            with fork.Pool(workers) as pool:
                found = pool.map(function, work, chunksize=1)
                pool.close()
                pool.join()
        result["seconds"][name] = round(time.monotonic() - begun, 3)
        result["cpu"][name] = round(cpu() - used, 3)
        result["anonymous"][name], result["resident"][name] = memory.anonymous, memory.resident
        return found

    counts = step("fingerprints", partial(sign, home=home, shape=shape), inputs)
    step("candidates", partial(find, home=home, splits=len(inputs), settled=settled), list(range(PARTITIONS)))
    shared = [home / f"{partition}.shared" for partition in range(PARTITIONS)]
    parts = step("parts", lambda _: divide(shared, directory=home), [None])[0]
    step("sketches", partial(sketch, home=home, shape=shape), [number for number, _ in inputs])
    decide_one = partial(decide, home=home, splits=len(inputs), settled=settled, settings=settings)
    decided = step("resolution", decide_one, list(range(parts.count)))
    own = list(range(settled, len(inputs)))
    found = step("gathering", lambda _: gather(decided, own, home), [None])[0]
    result["facts"] = dataclasses.asdict(found)
    step("output", partial(write_kept, home=home), inputs)
    memory.stopped.set()
    result["documents"] = sum(counts)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shingles", type=Shingles, default=Shingles.CHARACTERS)
    parser.add_argument("--first", type=int, help="only so many files")
    parser.add_argument("--settled", type=int, default=0, help="so many files that a run before has decided")
    given = parser.parse_args()
    shape = FingerprintSettings(shingles=given.shingles)
    found = run(
        given.texts,
        given.home,
        workers=given.workers,
        shape=shape,
        settings=DedupSettings(),
        first=given.first,
        settled=given.settled,
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
