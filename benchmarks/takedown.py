"""Taking one document down, against the time of the build itself: python benchmarks/takedown.py

Builds recipes/consortium.yaml over the handed drops once from nothing, then takes documents out of it by the
command line, each from that same build: some that nobody resembles, some whose copies come back. The whole
pipeline over what is staged, which gives the same bytes, is timed beside it, and the bytes are compared.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from statistics import median

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.results import RESULTS, machine, table, write_section
from pipelines.lineage.ledger import read_ledger

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
ALLOWED = 0.02  # of the build's own time
DAY = "2026-11-24"


def malmoi(*words: str | Path) -> tuple[float, str]:
    """Wall seconds of a command and what it printed."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *map(str, words)], cwd=ROOT, capture_output=True, check=False
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    return seconds, done.stdout.decode()


def starting() -> float:
    """Wall seconds until the command's modules are loaded, which is what `takedown` does before it reads."""
    code = "import pipelines.commands.app, pipelines.takedown.carry_out"
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - begun


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


def take_down(build: Path, doc_id: str, output: Path, *words: str) -> tuple[float, dict]:
    """Wall seconds and the certificate."""
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
    options.add_argument("--documents", type=int, default=5, help="of each kind")
    given = options.parse_args()
    if not DATA.is_dir():
        print(f"skipped: {DATA} (the handed drops) is not on this machine")
        return
    scratch = given.scratch.resolve()
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    staging, build = scratch / "staging", scratch / "build"
    recipe = ROOT / "recipes" / "consortium.yaml"
    words = ("build", recipe, "--drops", DATA, "--staging", staging, "--workers", "2", "--json")
    cold, _ = malmoi(*words, "-o", build)
    start = median(starting() for _ in range(5))
    rows = []
    for kind, documents in chosen(build, given.documents).items():
        walls, shards, back = [], [], 0
        for number, doc_id in enumerate(documents):
            output = scratch / f"child-{len(rows)}-{number}"
            seconds, said = take_down(build, doc_id, output)
            if not said["direct"]:
                raise SystemExit("the pipeline was run: see the command's words")
            walls.append(seconds)
            shards.append(len(said["shards"]))
            back += len(said["came_back"])
        work = median(walls) - start
        rows.append(
            [
                kind,
                str(len(documents)),
                f"{median(walls):.2f}",
                f"{max(walls):.2f}",
                f"{work:.2f}",
                f"{100 * work / cold:.1f} %",
                f"{max(shards)}",
                str(back),
            ]
        )
    piped, _ = take_down(build, documents[-1], scratch / "piped", "--pipeline")
    equal = same(scratch / "piped", output)
    heads = ["one document of which", "taken down", "wall, s", "slowest, s", "after start-up, s"]
    heads += ["of the build", "most shards rewritten", "came back"]
    text = f"""## Takedown of one document from the handed drops' build

`python benchmarks/takedown.py` on {machine()}. The build from nothing took {cold:.1f} s of wall time (2 workers).
Wall time is that of `malmoi takedown BUILD REQUEST -o CHILD`, from the start of the process to its end: request
found, new build written and synced, certificate written; the median over the documents. Start-up is the median
of loading the command's modules and nothing else ({start:.2f} s, most of it Apache Beam, PyArrow and Polars).
Asked are 2 % of the build's own time ({ALLOWED * cold:.2f} s here). Where copies come back, the vocabulary is loaded
for them.

{table(heads, rows)}

The whole pipeline over what is staged (`--pipeline`) took {piped:.1f} s and gave {"the same bytes" if equal else "OTHER BYTES"}.
"""
    write_section(RESULTS, "takedown", text)
    print(text)
    if not equal:
        raise SystemExit("the short way and the pipeline differ")


if __name__ == "__main__":
    main()
