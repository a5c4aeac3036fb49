"""Taking one document down, against the time of the build itself: python benchmarks/takedown.py

Builds recipes/consortium.yaml over the handed drops once from nothing, then takes documents out of it by the
command line, each from that same build: some that nobody resembles, some whose copies come back. The whole
pipeline over what is staged, which gives the same bytes, is timed beside it, and the bytes are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.results import RESULTS, machine, table, write_section
from pipelines.lineage.ledger import read_ledger

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
DAY = "2026-11-24"
AGAIN = " The build was measured in the run before, under another load: compare CPU times alone."


class Took(NamedTuple):
    """Seconds of a command and all its processes."""

    wall: float
    cpu: float


def run(*words: str) -> tuple[Took, str]:
    """What a command of this Python took and printed."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, check=False)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Took(wall, cpu), done.stdout.decode()


def malmoi(*words: str | Path) -> tuple[Took, str]:
    """A command of the real command line."""
    return run("-m", "pipelines.cli", *map(str, words))


def middle(found: Sequence[Took]) -> Took:
    """The medians."""
    return Took(median(one.wall for one in found), median(one.cpu for one in found))


def starting() -> Took:
    """What it takes until the command's modules are loaded, which is what `takedown` does before it reads."""
    as_the_command = "import atexit, gc; gc.set_threshold(200_000, 20, 20); atexit.register(gc.freeze)"
    return run("-c", f"{as_the_command}; import pipelines.commands.app, pipelines.takedown.carry_out")[0]


def chosen(build: Path, count: int) -> dict[str, list[str]]:
    """Kept documents, by whether a copy lost to them."""
    rows = pl.DataFrame(read_ledger(build, ["doc_id", "kept", "duplicate_of"]))
    kept = rows.filter("kept").select("doc_id").sort("doc_id")
    winners = rows.filter(pl.col("duplicate_of").is_not_null())["duplicate_of"].unique()
    alone = kept.filter(~pl.col("doc_id").is_in(winners.implode()))["doc_id"].to_list()
    won = kept.filter(pl.col("doc_id").is_in(winners.implode()))["doc_id"].to_list()
    draw = Random(1)
    return {
        "nobody lost to it": [one.hex() for one in draw.sample(alone, count)],
        "copies come back": [one.hex() for one in draw.sample(won, count)],
    }


def take_down(build: Path, doc_id: str, output: Path, *words: str) -> tuple[Took, dict]:
    """What it took, and the certificate."""
    request = output.with_suffix(".json")
    asked = {"request": "B", "asked_by": "benchmark", "notice": DAY, "reason": "other", "documents": [doc_id]}
    request.write_text(json.dumps(asked))
    seconds, said = malmoi("takedown", build, request, "-o", output, "--today", DAY, "--json", *words)
    return seconds, json.loads(said)


def same(first: Path, second: Path) -> bool:
    """Whether two builds hold the same bytes."""
    files = [
        {str(path.relative_to(build)): path.read_bytes() for path in build.rglob("*") if path.is_file()}
        for build in (first, second)
    ]
    return files[0] == files[1]


def main() -> None:
    """Measure and write the section."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scratch", type=Path, default=ROOT / "build" / "takedown-bench")
    options.add_argument("--drops", type=Path, default=DATA)
    options.add_argument("--documents", type=int, default=5, help="of each kind")
    options.add_argument(
        "--again", action="store_true", help="on the build of the run before, against what it took then"
    )
    given = options.parse_args()
    if not given.drops.is_dir():
        print(f"skipped: {given.drops} (the handed drops) is not on this machine")
        return
    scratch = given.scratch.resolve()
    if given.again:
        for path in (*scratch.glob("child-*"), *scratch.glob("piped*")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    else:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
    staging, build = scratch / "staging", scratch / "build"
    recipe = ROOT / "recipes" / "consortium.yaml"
    words = ("build", recipe, "--drops", given.drops, "--staging", staging, "--workers", "2", "--json")
    if not given.again:
        took_cold = malmoi(*words, "-o", build)[0]
        (scratch / "cold.json").write_text(json.dumps(took_cold))
    cold = Took(*json.loads((scratch / "cold.json").read_text()))
    start = middle([starting() for _ in range(3)])
    rows: list[list[str]] = []
    for kind, documents in chosen(build, given.documents).items():
        took, shards, back = [], [], 0
        for number, doc_id in enumerate(documents):
            output = scratch / f"child-{len(rows)}-{number}"
            seconds, said = take_down(build, doc_id, output)
            if not said["direct"]:
                raise SystemExit("the pipeline was run: see the command's words")
            took.append(seconds)
            shards.append(len(said["shards"]))
            back += len(said["came_back"])
        own = middle(took)
        wall, cpu = own.wall - start.wall, own.cpu - start.cpu
        rows.append(
            [
                kind,
                str(len(documents)),
                f"{own.wall:.2f}",
                f"{wall:.2f}",
                f"{100 * wall / cold.wall:.1f} %",
                f"{100 * own.wall / cold.wall:.1f} %",
                f"{cpu:.2f}",
                f"{100 * cpu / cold.cpu:.1f} %",
                f"{max(shards)}",
                str(back),
            ]
        )
    piped, _ = take_down(build, documents[-1], scratch / "piped", "--pipeline")
    equal = same(scratch / "piped", output)
    heads = [
        "one document of which",
        "taken down",
        "wall, s",
        "after start-up, s",
        "of the build's wall",
        "with start-up",
    ]
    heads += ["CPU after start-up, s", "of the build's CPU", "most shards rewritten", "came back"]
    text = f"""## Takedown of one document from the handed drops' build

`python benchmarks/takedown.py` on {machine()}, with {os.getloadavg()[0]:.0f} processes waiting for them at the end: where
that is more than the cores, wall times say little and CPU times count. The build from nothing took {cold.wall:.1f} s of wall
time and {cold.cpu:.1f} s of CPU (2 workers). Wall time is that of `malmoi takedown BUILD REQUEST -o CHILD`, from the
start of the process to its end: request found, new build written and synced, certificate written; medians over
the documents. Start-up is the median of loading the command's modules and nothing else ({start.wall:.2f} s, {start.cpu:.2f} s of
CPU, most of it PyArrow, Polars, NumPy and numba; Apache Beam is not loaded). Asked are 2 % of the build's own time.
Where a copy comes back whose text is not the very text of who leaves, the vocabulary is loaded for it.

{table(heads, rows)}

The whole pipeline over what is staged (`--pipeline`) took {piped.wall:.1f} s of wall time, {piped.cpu:.1f} s of CPU, and gave
{"the same bytes" if equal else "OTHER BYTES"}.{AGAIN if given.again else ""}
"""
    write_section(RESULTS, "takedown", text)
    print(text)
    if not equal:
        raise SystemExit("the short way and the pipeline differ")


if __name__ == "__main__":
    main()
