"""Verify: its speed beside reading the same files for their SHA-256 alone, in the same run.

    python benchmarks/verify.py [--scratch DIR] [--documents 250000] [--rounds 5] [--handed BUILD]

Writes a build of generated documents of a mean of 1,000 tokens under DIR (default /tmp/malmoi-verify, 1 GB; removed
afterwards), and takes with --handed a finished one of the handed drops, whose documents have a mean of 75 tokens. Each round:
SHA-256 of every file by one thread, by as many as there are cores, then `verify`, in one process whose imports are done and
whose files are in the page cache. Writes its section of RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from generated_build import write_generated
from results import RESULTS, machine, table, write_section

from pipelines.lineage.verify import verify
from schemas.identity import file_sha256
from schemas.manifest import read_manifest


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scratch", type=Path, default=Path("/tmp/malmoi-verify"))
    parser.add_argument("--documents", type=int, default=250_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--handed", type=Path, help="a finished build of the handed drops")
    options = parser.parse_args()
    load, rows = os.getloadavg()[0], []
    shutil.rmtree(options.scratch, ignore_errors=True)
    try:
        write_generated(options.scratch / "build", documents=options.documents, pieces=8, tokens=1000)
        rows.append(measured("generated", options.scratch / "build", options.rounds))
    finally:
        shutil.rmtree(options.scratch, ignore_errors=True)
    if options.handed is not None:
        rows.append(measured("handed drops", options.handed, options.rounds))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    head = [
        *("build", "documents", "MB", "SHA-256, one thread, s", "SHA-256, a thread a core, s", "verify, s"),
        *("CPU of SHA-256, s", "CPU of verify, s", "speed, share of one thread", "share of a thread a core"),
    ]
    text = f"""## Verify

`python benchmarks/verify.py --rounds {options.rounds}` on {machine()}; load average before {load:.1f}. Medians of rounds in turn, files in
the page cache, {len(os.sched_getaffinity(0))} threads; peak of the process {peak:.0f} MiB. Asked: 70 % of plain SHA-256 reading speed of the same files. What
verify does beside digests costs by the document, not by the byte: short documents show it.

{table(head, rows)}
"""
    write_section(RESULTS, "verify", text)
    print(text)


def measured(name: str, build: Path, rounds: int) -> list[str]:
    """One row of the table."""
    paths = sorted(
        (path for path in build.rglob("*") if path.is_file()), key=lambda path: -path.stat().st_size
    )
    size = sum(path.stat().st_size for path in paths)
    cores = len(os.sched_getaffinity(0))

    def check() -> None:
        if findings := verify(build):
            raise SystemExit("\n".join(map(str, findings[:10])))

    def side_by_side() -> None:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(file_sha256, paths))

    steps: tuple[Callable[[], object], ...] = (
        lambda: [file_sha256(path) for path in paths],
        side_by_side,
        check,
    )
    check()  # imports, page cache
    times: list[list[float]] = [[] for _ in steps]
    busy: list[list[float]] = [[] for _ in steps]
    for _ in range(rounds):
        for step, found, spent in zip(steps, times, busy, strict=True):
            begun, cpu = time.perf_counter(), time.process_time()
            step()
            found.append(time.perf_counter() - begun)
            spent.append(time.process_time() - cpu)
    one, all_, ours = map(statistics.median, times)
    documents = sum(piece.rows for segment in read_manifest(build).segments for piece in segment.ledger)
    return [
        *(name, f"{documents:,}", f"{size / 1e6:.0f}", f"{one:.3f}", f"{all_:.3f}", f"{ours:.3f}"),
        *(f"{statistics.median(busy[0]):.3f}", f"{statistics.median(busy[2]):.3f}"),
        *(f"{one / ours:.0%}", f"{all_ / ours:.0%}"),
    ]


if __name__ == "__main__":
    main()
