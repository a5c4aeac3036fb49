"""The ledger: bytes a document, lookup by id at 100 million documents, trace by id at 10 million, proofs.

    python benchmarks/ledger.py [--scratch DIR] [--documents 100000000] [--handed BUILD]

Writes two builds of generated ledgers (no shards) under DIR (default /tmp/malmoi-ledger, 3.2 GB at 100 million
documents), piece by piece of 250,000 documents by the build's own writer, and removes them. Every question is asked
in a process of its own that has its imports done; "cold" has the asked piece's pages let go before each question
(posix_fadvise), so it is read from the disk. `--handed` is a finished build of the handed drops, for bytes a document
of real ones. Writes its section of RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from generated_build import write_generated
from results import RESULTS, machine, table, write_section

from pipelines.lineage.ledger import find_document, read_ledger
from pipelines.lineage.prove import prove_document
from pipelines.lineage.trace import trace_document
from schemas.content import piece_places
from schemas.manifest import Manifest, read_manifest
from schemas.proof import proof_bytes

QUESTIONS = 60
PIECE = 250_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scratch", type=Path, default=Path("/tmp/malmoi-ledger"))
    parser.add_argument("--documents", type=int, default=100_000_000, help="of the larger ledger")
    parser.add_argument("--handed", type=Path, help="a finished build of the handed drops")
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask is not None:
        print(json.dumps(ask(options.ask)))
        return
    load, rows, sizes = os.getloadavg()[0], [], []
    for documents in (options.documents // 10, options.documents):
        build = options.scratch / f"{documents}"
        shutil.rmtree(build, ignore_errors=True)
        try:
            begun = time.process_time()
            manifest = write_generated(build, documents=documents, pieces=max(1, documents // PIECE))
            spent = (time.process_time() - begun) / documents
            size = sum(piece.bytes for segment in manifest.segments for piece in segment.ledger)
            sizes.append([f"generated, {documents:,}", f"{size / documents:.1f}", f"{spent * 1e6:.2f}"])
            done = subprocess.run(
                [sys.executable, __file__, "--ask", str(build)], capture_output=True, check=True
            )
            found = json.loads(done.stdout)
        finally:
            shutil.rmtree(build, ignore_errors=True)
        for name, asked in (("lookup", 100), ("lookup, not there", 100), ("trace", 200), ("prove", None)):
            for state in ("cold", "warm"):
                times = found[f"{name} {state}"]
                rows.append(
                    [
                        f"{documents:,}: {name}, {state}",
                        f"{statistics.median(wall for wall, _ in times) * 1e3:.1f}",
                        f"{max(wall for wall, _ in times) * 1e3:.1f}",
                        f"{statistics.median(cpu for _, cpu in times) * 1e3:.1f}",
                        "" if asked is None else f"{asked}",
                    ]
                )
        rows.append([f"{documents:,}: peak of the process, MiB", f"{found['peak'] / 1024:.0f}", "", "", ""])
        rows.append([f"{documents:,}: a proof, bytes", f"{found['proof']}", "", "", ""])
    if options.handed is not None:
        size, documents = handed(options.handed)
        sizes.insert(0, [f"handed drops, {documents:,}", f"{size / documents:.1f}", ""])
    text = f"""## Ledger

`python benchmarks/ledger.py` on {machine()}; load average before {load:.1f}. Pieces of {PIECE:,} documents, row groups of
8,192. Asked: at most 120 bytes a document; lookup by id under 100 ms at 100 million documents, trace by id under 200 ms at
10 million, after start-up: each question reads the manifest anew. Cold: the piece's pages were let go before.

{table(["ledger", "bytes a document", "µs of CPU to generate and write one"], sizes)}

{table([f"{QUESTIONS} questions each", "median, ms", "worst, ms", "median CPU, ms", "asked, ms"], rows)}
"""
    write_section(RESULTS, "ledger", text)
    print(text)


def ask(build: Path) -> dict[str, object]:
    """Seconds of every question, by its name."""
    manifest = read_manifest(build)
    random = np.random.default_rng(1)
    pieces = manifest.segments[0].ledger
    there = []
    for number in random.integers(len(pieces), size=QUESTIONS):
        ids = read_ledger_piece(build, pieces[number].path)
        there.append(ids[random.integers(len(ids))])
    absent = [random.integers(0, 256, 16, np.uint8).tobytes() for _ in range(QUESTIONS)]
    found: dict[str, object] = {}
    for name, ids, question in (
        ("lookup", there, lambda doc_id: len(find_document(build, doc_id)) == 1),
        ("lookup, not there", absent, lambda doc_id: not find_document(build, doc_id)),
        ("trace", there, lambda doc_id: trace_document(build, doc_id.hex()).doc_id == doc_id.hex()),
        ("prove", there, lambda doc_id: prove_document(build, doc_id.hex()).says != "absent"),
    ):
        question(ids[0])  # imports and the thread pools of Arrow
        for state in ("cold", "warm"):
            found[f"{name} {state}"] = [
                timed(build, manifest, doc_id, question, cold=state == "cold") for doc_id in ids
            ]
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["proof"] = len(proof_bytes(prove_document(build, there[0].hex())))
    return found


def read_ledger_piece(build: Path, path: str) -> list[bytes]:
    """The ids of a piece."""
    import pyarrow.parquet as pq

    return pq.read_table(build / path, columns=["doc_id"])["doc_id"].to_pylist()


def timed(
    build: Path, manifest: Manifest, doc_id: bytes, question: Callable[[bytes], bool], *, cold: bool
) -> tuple[float, float]:
    """Seconds of one question by the clock and of the processor; its answer must be right."""
    if cold:
        for _, segment, piece in piece_places(manifest.segments, doc_id):
            handle = os.open(build / manifest.segments[segment].ledger[piece].path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)
    begun, busy = time.perf_counter(), time.process_time()
    right = question(doc_id)
    spent = time.perf_counter() - begun, time.process_time() - busy
    if not right:
        raise SystemExit(f"{doc_id.hex()}: the wrong answer")
    return spent


def handed(build: Path) -> tuple[int, int]:
    """Bytes and documents of a build's ledger."""
    manifest = read_manifest(build)
    pieces = [piece for segment in manifest.segments for piece in segment.ledger]
    if sum(piece.rows for piece in pieces) != len(read_ledger(build, ["tokens"])):
        raise SystemExit(f"{build}: the ledger is not what the manifest says")
    return sum(piece.bytes for piece in pieces), sum(piece.rows for piece in pieces)


if __name__ == "__main__":
    main()
