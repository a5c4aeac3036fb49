"""Whose text is it: the time of `malmoi trace --text` in a build whose index has ten million documents.

    python benchmarks/trace.py [--scratch DIR] [--documents N]

Under DIR (default /tmp/malmoi-trace, about 1.4 GiB, removed afterwards) the example corpus is built, and its index
is filled up to N documents piece by piece, by the functions with which a build writes it: a file for 65,536 random
documents, which is what a shard of 64 MiB has of 1 KB each. Then texts are looked up, those that are there, edited
ones, and some that are not, with the index in the page cache and without it. Writes its section of RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from results import RESULTS, machine, table, write_section

from pipelines.finished.text import export_text
from pipelines.finished.whose_text import TextAnswer, whose_text
from pipelines.lineage.fingerprints import (
    FINGERPRINTS,
    FingerprintIndex,
    fingerprint_rows,
    fingerprints_path,
    key_of,
    write_fingerprints,
)
from pipelines.lineage.ledger import read_ledger
from schemas.manifest import FileFacts, Manifest, manifest_bytes, read_manifest

ROOT = Path(__file__).parents[1]
PART, BANDS, TEXTS = 1 << 16, 14, 20
STRANGE = (
    "보라색 잠수함 {} 척이 울산 앞바다에서 {} 번째 등대를 지나 {} 시에 돌아왔다고 아무도 말하지 않았습니다."
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--scratch", type=Path, default=Path("/tmp/malmoi-trace"))
    arguments.add_argument("--documents", type=int, default=10_000_000)
    given = arguments.parse_args()
    shutil.rmtree(given.scratch, ignore_errors=True)
    try:
        write_section(RESULTS, "whose text", measured(given.scratch, given.documents))
    finally:
        shutil.rmtree(given.scratch, ignore_errors=True)


def measured(scratch: Path, documents: int) -> str:
    build = scratch / "build"
    run("build", ROOT / "recipes" / "example.yaml", "-o", build, "--staging", scratch / "staging")
    export_text(build, scratch / "text")
    texts = [
        row
        for path in sorted((scratch / "text").glob("*.parquet"))
        for row in pq.read_table(path, columns=["text"])["text"].to_pylist()
    ]
    begun = time.perf_counter()
    manifest, size = filled_up(build, read_manifest(build), documents)
    written = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    asked = questions(texts)
    whose_text(build, next(iter(asked["near"])))  # models, tokenizer and compiled kernels: the start-up
    rows = []
    for warm in (True, False):
        for name, some in asked.items():
            found = [look_up(build, text, warm=warm) for text in some]
            answers = {answer for answer, _, _ in found}
            rows.append(
                [
                    f"{name} ({', '.join(sorted(answers))}), {'in' if warm else 'not in'} the page cache",
                    *told([seconds for _, seconds, _ in found], [own for _, _, own in found]),
                ]
            )
    rows += [
        [
            "the index alone: by digest",
            *in_index(build, manifest, lambda index, at: index.exact(at["exact"])),
        ],
        ["the index alone: by bands", *in_index(build, manifest, lambda index, at: index.near(at["bands"]))],
        ["the whole command, start-up included", *commands(build, scratch, asked["there"][:5])],
    ]
    count = documents / 1e6
    return f"""## Whose text

`python benchmarks/trace.py`, on {machine()}. The index of {count:.0f} million documents in {len(parts(build))} files
takes {size / documents:.1f} bytes a document ({size / 2**30:.2f} GiB); a file of {PART:,} was made and written in
{written / len(parts(build)) * 1000:.0f} ms (random documents included), at a peak of {peak:.0f} MiB. The rest
of the build is the example's, so the ledger's part of a trace is that of a small one. {TEXTS} texts of each sort;
edited ones have five letters in a row changed. When it was measured, {os.getloadavg()[0]:.0f} processes wanted the
{len(os.sched_getaffinity(0))} cores; what the processor needed does not depend on them.

{table(["a text", "median ms", "longest ms", "of the processor, median ms"], rows)}
"""


def run(*words: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "pipelines.cli", *map(str, words)], check=True, capture_output=True)


def filled_up(build: Path, manifest: Manifest, documents: int) -> tuple[Manifest, int]:
    """The index with so many documents more or less; the manifest that names its files, written, and bytes."""
    named, known = [], read_ledger(build, ["doc_id"])["doc_id"].combine_chunks()
    for number, count in enumerate(sizes(documents)):
        path = fingerprints_path(epoch=0, partition=100 + number)
        write_fingerprints(build / path, random_part(number, count, known))
        named.append(FileFacts(path, (build / path).stat().st_size, "0" * 64))
    grown = replace(manifest, other_files=(*manifest.other_files, *named))
    (build / "manifest.json").write_bytes(manifest_bytes(grown))
    return grown, sum(file.bytes for file in named)


def sizes(documents: int) -> Iterator[int]:
    for first in range(0, documents, PART):
        yield min(PART, documents - first)


def random_part(seed: int, count: int, known: pa.Array) -> pa.RecordBatch:
    """Random fingerprints; their ids are of the example's documents, so that what meets by chance is traced."""
    made = np.random.default_rng(seed)
    digests = pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(made.bytes(16 * count))])
    bands = made.integers(0, 2**64, (count, BANDS), np.uint64)
    ids = known.take(pa.array(made.integers(0, len(known), count)))
    return fingerprint_rows(doc_id=ids, exact=digests, keys=key_of(bands))


def questions(texts: list[str]) -> dict[str, list[str]]:
    """Texts that are there, edited ones, and ones that are nowhere."""
    chosen = random.Random(1)
    long = [text for text in texts if len(text) > 200]
    some, others = chosen.sample(long, TEXTS), chosen.sample(long, TEXTS)
    middles = [(text, len(text) // 2) for text in others]
    return {
        "there": some,
        "near": [text[:at] + "가나다라마" + text[at + 5 :] for text, at in middles],
        "nowhere": [STRANGE.format(n, n * 7, n % 12) for n in range(TEXTS)],
    }


def look_up(build: Path, text: str, *, warm: bool) -> tuple[str, float, float]:
    """The answer, seconds, and seconds of the processor."""
    if not warm:
        forget(build)
    begun, own = time.perf_counter(), time.process_time()
    answer: TextAnswer = whose_text(build, text)
    return answer.answer, time.perf_counter() - begun, time.process_time() - own


def told(seconds: list[float], own: list[float]) -> list[str]:
    """Median and longest in milliseconds, and the median of the processor's."""
    return [f"{1000 * one:.0f}" for one in (statistics.median(seconds), max(seconds), statistics.median(own))]


def forget(build: Path) -> None:
    """Let the page cache go of the index, as after a start of the machine."""
    for path in parts(build):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def parts(build: Path) -> list[Path]:
    return sorted((build / FINGERPRINTS).iterdir())


def in_index(build: Path, manifest: Manifest, find: Callable[[FingerprintIndex, dict], object]) -> list[str]:
    """Opening the index and one search of it."""
    made = np.random.default_rng(9)
    times, own = [], []
    for _ in range(TEXTS):
        asked = {"exact": made.bytes(16), "bands": made.integers(0, 2**64, BANDS, np.uint64)}
        begun, started = time.perf_counter(), time.process_time()
        with FingerprintIndex(build, manifest) as index:
            find(index, asked)
        times.append(time.perf_counter() - begun)
        own.append(time.process_time() - started)
    return told(times, own)


def commands(build: Path, scratch: Path, texts: list[str]) -> list[str]:
    """`malmoi trace --text` in a process of its own."""
    times, own = [], []
    for text in texts:
        (scratch / "text.txt").write_text(text, encoding="utf-8")
        begun, started = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        words = ["trace", str(build), "--text", str(scratch / "text.txt"), "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *words], check=True, capture_output=True
        )
        times.append(time.perf_counter() - begun)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        own.append(used.ru_utime + used.ru_stime - started.ru_utime - started.ru_stime)
        assert json.loads(done.stdout)["answer"] == "exact"
    return told(times, own)


if __name__ == "__main__":
    main()
