"""How long the report takes to make, how large it is and what it holds of memory, by documents of the build.

    python benchmarks/report_page.py [--documents 49900 300000]

Builds of generated rows (tests/lineage/small_build.py). Each page is made three times in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results import RESULTS, machine, table, write_section

ROUNDS = 3


def measure(build: Path) -> dict[str, float]:
    """Processor seconds of making the page, of reading the ledger whole beside it, bytes, peak MiB."""
    from pipelines.lineage.ledger import read_ledger
    from pipelines.lineage.report import render_report
    from schemas.manifest import read_manifest

    manifest = read_manifest(build)
    render_report(manifest, build)  # imports, pools and caches
    begin = time.process_time()
    page = render_report(manifest, build)
    made = time.process_time() - begin
    peak = peak_mib()
    begin = time.process_time()
    read_ledger(build, manifest=manifest)
    read = time.process_time() - begin
    return {"made": made, "read": read, "bytes": len(page.encode()), "mib": peak}


def peak_mib() -> float:
    """The most this process has held; ru_maxrss would be the parent's, which wrote the build."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Measure every size and write the section."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, nargs="+", default=[5_000, 49_900, 300_000])
    parser.add_argument("--child", type=Path)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child)))
        return
    rows = []
    for documents in options.documents:
        with tempfile.TemporaryDirectory() as home:
            build = Path(home) / "build"
            count = write(build, documents)
            runs = [child(build) for _ in range(ROUNDS)]
        middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        rows.append(
            [
                f"{count:,}",
                f"{middle['made']:.2f}",
                f"{middle['read']:.2f}",
                f"{middle['bytes'] / 1e6:.2f}",
                f"{middle['mib']:.0f}",
            ]
        )
    head = ["documents", "page made, s", "ledger read whole, s", "page, MB", "peak MiB of the process"]
    text = (
        "## The report's page\n\n"
        f"`python benchmarks/report_page.py`, on {machine()}. Seconds of processor time, medians of {ROUNDS} "
        "runs; the ledger\nread whole in the same process is the reference. Up to 50,000 documents the page "
        "holds an index of them.\n\n" + table(head, rows)
    )
    write_section(RESULTS, "report-page", text)
    print(text)


def write(build: Path, documents: int) -> int:
    """A build of about so many documents; how many it has."""
    from tests.lineage.small_build import documents as rows_of
    from tests.lineage.small_build import write_build

    manifest = write_build(build, rows_of(documents // 3 - 1))
    return sum(facts.documents for facts in manifest.data_sets)


def child(build: Path) -> dict[str, float]:
    """`measure` in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.report_page", "--child", str(build)]
    return json.loads(subprocess.run(words, capture_output=True, check=True, timeout=600).stdout)


if __name__ == "__main__":
    main()
