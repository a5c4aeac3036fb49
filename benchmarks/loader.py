"""The loader: tokens a second, start-up and memory over ten million documents in ten thousand shards.

    python benchmarks/loader.py [--tmp DIR]

Two builds are written under DIR (default /tmp/malmoi-loader, about 2.5 GiB, removed afterwards): eight shards of
64 MiB with log-normal documents of a mean of 1,000 tokens, for speed; and 10,000 shards of 1,000 short documents
(and again of 100), for start-up and memory. Beside each speed stands the same copy by NumPy, rows that lie one
behind the other, in the same run. Writes its section of RESULTS.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from results import RESULTS, machine, table, write_section

from pipelines.tokens.loader import open_loader
from pipelines.tokens.shards import write_shard
from schemas.content import content_root
from schemas.manifest import (
    MANIFEST_VERSION,
    ContractFacts,
    Manifest,
    Segment,
    ShardFacts,
    TokenizerFacts,
    manifest_bytes,
)
from schemas.rights import Rights
from schemas.shards import TOKENS_AT, shard_name, shard_path

PARTNERS, LANGUAGES = ("a_dot", "liner", "krafton", "snu_kaist"), ("ko", "en", "ja")
RIGHTS = Rights(
    "CC-BY-4.0", "", (), None, (), (), "open", 0, (), "2026-01-01", "2027-01-01", None, "", (), (), 4.0, 0, "", ()
)  # fmt: skip
LENGTH, BATCH, SECONDS = 4096, 32, 3.0


def write_build(
    path: Path, shards: int, lengths: Callable[[np.random.Generator], np.ndarray]
) -> tuple[int, int]:
    """A build of random documents: ids, partners, languages and tokens. Returns documents and tokens."""
    facts, rows, tokens = [], 0, 0
    for number in range(shards):
        random = np.random.default_rng(number)
        sizes = lengths(random)
        ids = np.sort(random.integers(0, 256, (len(sizes), 16), np.uint8).view(">u8")[:, 0]).astype(">u8")
        raw = np.column_stack([ids, ids]).tobytes()
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        values = random.integers(0, 160_000, int(offsets[-1]), np.int32)
        names = (
            np.array(PARTNERS)[random.integers(4, size=len(sizes))],
            np.array(LANGUAGES)[random.integers(3, size=len(sizes))],
        )
        columns = {
            "input_ids": pa.ListArray.from_arrays(pa.array(offsets), pa.array(values)),
            "doc_id": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(16), len(sizes), [None, pa.py_buffer(raw)]
            ),
            "partner": pa.array(names[0]),
            "language": pa.array(names[1]),
        }
        place = shard_path(epoch=0, split="train", index=number, count=shards)
        (path / place).parent.mkdir(parents=True, exist_ok=True)
        done = write_shard(path / place, pa.table(columns))
        facts.append(
            ShardFacts(shard_name(epoch=0, split="train", index=number), place, *replace_order(done))
        )
        rows, tokens = rows + done.rows, tokens + done.tokens
    contracts = tuple(ContractFacts(name, "1.0.0", "0" * 64, replace(RIGHTS)) for name in PARTNERS)
    manifest = Manifest(
        MANIFEST_VERSION, {}, "2026-11-24", "0" * 64, {}, {}, {}, contracts, (), (), (), (),
        TokenizerFacts("random", "0" * 64, 163_840, 2), (Segment(0, tuple(facts), (), ()),), (),
        content_root((Segment(0, tuple(facts), (), ()),)),
    )  # fmt: skip
    content = manifest_bytes(manifest)
    (path / "manifest.json").write_bytes(content)
    (path / "manifest.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  manifest.json\n")
    return rows, tokens


def replace_order(done: tuple) -> tuple[int, str, int, int]:
    return done.bytes, done.sha256, done.rows, done.tokens


def speed(step: Callable[[int], object], clock: Callable[[], float]) -> float:
    """Median of million tokens a second over pieces of half a second, each of other steps."""
    rates, number = [], 0
    for _ in range(int(SECONDS / 0.5)):
        begun, first = clock(), number
        while clock() - begun < 0.5:
            step(number)
            number += 1
        rates.append((number - first) * BATCH * LENGTH / (clock() - begun) / 1e6)
    return statistics.median(rates)


def numpy_copy(path: Path, shards: int) -> Callable[[int], object]:
    """Rows that lie one behind the other in a shard, copied by NumPy, rows in random order."""
    views = []
    for number in range(shards):
        place = path / shard_path(epoch=0, split="train", index=number, count=shards)
        mapped = np.memmap(place, "<i4", "r", offset=TOKENS_AT)
        views.append(mapped[: len(mapped) // LENGTH * LENGTH].reshape(-1, LENGTH))
    order = np.random.default_rng(0).permutation(min(map(len, views)) * len(views)).tolist()
    out = np.empty((BATCH, LENGTH), np.int32)

    def step(number: int) -> None:
        for i in range(BATCH):
            at = order[(number * BATCH + i) % len(order)]
            out[i] = views[at % shards][at // shards]

    return step


def cycled(take: Callable[[int], object], steps: int) -> Callable[[int], object]:
    return lambda step: take(step % steps)


def measure_speed(path: Path, shards: int) -> list[list[str]]:
    """A row for each packing and clock."""
    found = []
    for packing in ("best_fit", "concat"):
        loader = open_loader(path, sequence_length=LENGTH, packing=packing, batch=BATCH, seed=1)
        out = np.empty((BATCH, LENGTH), np.int32)
        for step in range(len(loader)):
            loader.rows(step, out)  # every page is in the page cache now
        ways = (
            cycled(loader.batch, len(loader)),
            cycled(partial(loader.rows, out=out), len(loader)),
            numpy_copy(path, shards),
        )
        for name, clock in (("processor", time.process_time), ("wall", time.perf_counter)):
            found.append([f"{packing}, {name}", *(f"{speed(way, clock):,.0f}" for way in ways)])
    return found


def fresh(path: Path, packing: str) -> dict[str, float]:
    """Seconds and memory of opening a build in a new process."""
    command = [sys.executable, __file__, "--open", str(path), "--packing", packing]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def open_and_tell(path: Path, packing: str) -> None:
    """Open, take 200 steps, print seconds and private memory as JSON."""
    begun, used = time.perf_counter(), time.process_time()
    loader = open_loader(path, sequence_length=LENGTH, packing=packing, batch=BATCH, seed=1)
    opened, used_opening = time.perf_counter(), time.process_time() - used
    anonymous = private()
    loader.batch(0)
    first = time.perf_counter()
    for step in range(1, 200):
        loader.batch(step % len(loader))
    print(
        json.dumps(
            {
                "open": opened - begun,
                "open_used": used_opening,
                "first": first - opened,
                "at_open": anonymous,
                "at_end": private(),
            }
        )
    )


def private() -> float:
    """MiB of this process that no file stands behind."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


def measure_start(path: Path, documents: int, shards: int) -> list[list[str]]:
    found = []
    for packing in ("concat", "best_fit"):
        first = fresh(path, packing)
        later = [fresh(path, packing) for _ in range(5)]
        found.append(
            [
                f"{shards:,} shards, {documents:,} documents, {packing}",
                f"{first['open_used']:.2f} / {first['open']:.2f}",
                f"{median(later, 'open_used'):.2f} / {median(later, 'open'):.2f}",
                f"{1000 * median(later, 'first'):.0f}",
                f"{median(later, 'at_open'):.0f}",
                f"{median(later, 'at_end'):.0f}",
            ]
        )
    return found


def median(runs: list[dict[str, float]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tmp", type=Path, default=Path("/tmp/malmoi-loader"))
    parser.add_argument("--shards", type=int, default=10_000, help="of the build for start-up and memory")
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--packing", default="concat", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.open:
        open_and_tell(options.open, options.packing)
        return
    shutil.rmtree(options.tmp, ignore_errors=True)
    try:
        run(options.tmp, options.shards)
    finally:
        shutil.rmtree(options.tmp, ignore_errors=True)


def run(tmp: Path, shards: int) -> None:
    def natural(random: np.random.Generator) -> np.ndarray:
        return np.clip(random.lognormal(6.3, 1.1, 16_000).astype(np.int64), 1, 200_000)

    documents, tokens = write_build(tmp / "speed", 8, natural)
    speeds = measure_speed(tmp / "speed", 8)
    shutil.rmtree(tmp)
    starts = []
    for per_shard in (100, 1000):
        name = f"start-{per_shard}"
        count, _ = write_build(tmp / name, shards, lambda random, n=per_shard: random.integers(1, 32, n))
        starts += measure_start(tmp / name, count, shards)
        shutil.rmtree(tmp)
    text = f"""
## Loader

One process, page cache warm, {BATCH} x {LENGTH:,} tokens a step in shuffled order; {machine()}.
{documents:,} documents of a mean of {tokens / documents:,.0f} tokens in 8 shards, 12 sources (`benchmarks/loader.py`).
Million tokens a second; asked: 80 with `cu_seqlens` and position ids, 1,000 raw. A batch has tokens, labels, position ids
and `cu_seqlens`, in new arrays; raw rows are tokens alone, copied piece by piece into an array that is given. NumPy's are
whole rows that lie one behind the other, in random order: what a layout that knows no documents could reach. By the
process's own processor time, and by the wall; the load average was {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores.

{table(["packing, clock", "batch", "raw rows", "NumPy's copy"], speeds)}

Start-up in a new process (asked: under 1 s): all shards looked at (size, head), index mapped; processor time / wall. At the first start
of a build the index is made, and for best fit the packing. Load average {os.getloadavg()[0]:.1f}. Memory is what no file stands behind (RssAnon), after opening and after 200 steps.

{table(["build", "first start, s", "start, s", "first batch, ms", "MiB at start", "MiB at end"], starts)}
"""
    write_section(RESULTS, "loader", text)
    print(text)


if __name__ == "__main__":
    main()
