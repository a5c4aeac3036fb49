"""What a run shows while it works: documents, MB/s, kept and dropped by stage, time left.

Silent where the output is no terminal. Reads the run log only, so it costs the workers nothing.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipelines.engine.runs import RunLog

STEPS = (
    "CleanSplits",
    "FindCandidates",
    "DivideCandidates",
    "SketchCandidates",
    "ResolvePart",
    "ResolveDuplicates",
    "Tokenise",
    "WriteShards",
    "PublishManifest",
)


@contextmanager
def shown(log: RunLog, *, total_cost: int, quiet: bool = False) -> Iterator[None]:
    """Show the run's progress until the block ends; total_cost: estimated uncompressed bytes to read."""
    console = Console(stderr=True)
    if quiet or not sys.stderr.isatty():
        yield
        return
    stop = threading.Event()
    records: list[dict[str, Any]] = []
    read: dict[Path, int] = {}
    with Live(_view(records, total_cost, 0.0), console=console, refresh_per_second=4, transient=True) as live:
        begun = time.monotonic()

        def refresh() -> None:
            while not stop.wait(0.5):
                records.extend(log.records(read))
                live.update(_view(records, total_cost, time.monotonic() - begun))

        thread = threading.Thread(target=refresh, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _view(records: Sequence[dict[str, Any]], total_cost: int, seconds: float) -> Group:
    reads = [r for r in records if r["step"] == "Read"]
    done = sum(r["bytes"] for r in reads)
    cleaned = [r for r in records if r["step"] == "CleanSplits"]
    done += sum(r["bytes"] for r in cleaned if not r["made"])
    documents = sum(r["documents"] for r in reads)
    kept = sum(r["kept"] for r in cleaned)
    dropped: Counter[str] = Counter()
    for record in cleaned:
        for key, count in record["dropped"].items():
            dropped[key.split("/", 1)[0]] += count
    finished = Counter(r["step"] for r in records)
    share = min(1.0, done / max(1, total_cost))
    rate = done / 1e6 / seconds if seconds else 0.0
    left = f"{seconds * (1 - share) / share:.0f} s left of reading" if 0.02 < share < 1 else ""
    head = Text(f"{documents:,} documents read   {rate:.1f} MB/s   {seconds:.0f} s   {left}", style="bold")
    table = Table.grid(padding=(0, 2))
    table.add_row("kept so far", f"{kept:,}")
    for stage, count in dropped.most_common():
        table.add_row(f"dropped by {stage}", f"{count:,}")
    steps = "  ".join(f"{step} {finished[step]}" for step in STEPS if finished[step])
    bar = Columns([ProgressBar(total=1.0, completed=share, width=60)])  # a bar alone ends no line
    return Group(head, bar, table, Text(steps, style="dim"))
