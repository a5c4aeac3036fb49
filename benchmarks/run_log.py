"""What a build's run log (BUILD.runs/<run>/tasks/*.jsonl) says of its steps and its workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

# Our steps under the headings that both sides share.
HEADINGS = {
    "clean": ("LoadModels", "CleanSplits"),
    "dedup": (
        "FindCandidates",
        "DivideCandidates",
        "SketchCandidates",
        "ResolvePart",
        "ResolveDuplicates",
    ),
    "tokens": ("Tokenise", "WriteShards"),
}


@dataclass(frozen=True)
class WorkerShares:
    """The share of tasks, and of task seconds, of the busiest process."""

    tasks: float
    seconds: float


def read_tasks(build: Path) -> list[dict[str, Any]]:
    """The finished tasks of the newest run beside a build; records without a duration are no tasks."""
    runs = sorted(path for path in build.with_name(build.name + ".runs").iterdir() if path.is_dir())
    if not runs:
        raise SystemExit(f"{build.name}.runs holds no run: build first")
    lines = [
        line for path in sorted(runs[-1].glob("tasks/*.jsonl")) for line in path.read_bytes().splitlines()
    ]
    return [task for task in map(orjson.loads, lines) if "begun" in task]


def wall(tasks: Iterable[dict[str, Any]], steps: Sequence[str]) -> float:
    """Seconds during which at least one task of these steps ran; overlaps count once."""
    spans = sorted(
        (task["begun"], task["begun"] + task["seconds"]) for task in tasks if task["step"] in steps
    )
    total, reached = 0.0, float("-inf")
    for begun, ended in spans:
        total += max(0.0, ended - max(begun, reached))
        reached = max(reached, ended)
    return total


def walls(tasks: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Wall seconds of each heading."""
    return {heading: wall(tasks, steps) for heading, steps in HEADINGS.items()}


def worker_shares(tasks: Sequence[dict[str, Any]]) -> WorkerShares:
    """How much the busiest process did of all tasks."""
    counts: Counter[int] = Counter()
    seconds: Counter[int] = Counter()
    for task in tasks:
        counts[task["pid"]] += 1
        seconds[task["pid"]] += task["seconds"]
    return WorkerShares(
        max(counts.values()) / counts.total(), max(seconds.values()) / max(sum(seconds.values()), 1e-9)
    )
