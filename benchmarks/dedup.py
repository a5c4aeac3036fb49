"""Deduplication measured: truth, hot buckets, side by side with datatrove, scale. Sections of RESULTS.md.

python benchmarks/dedup.py truth hot rival scale --sizes 1000000 5000000 --workers 2
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dedup_corpus import PER_FILE, write_corpus, write_hot
from dedup_plot import Curve, write_plot
from dedup_truth import truth_text
from results import RESULTS, machine, table, write_section
from run_log import HEADINGS, read_tasks, wall

HERE = Path(__file__).parent
HANDED = HERE.parents[1] / "shared" / "data"
PARTS = ("truth", "hot", "rival", "scale", "incremental", "losses")
STEPS = ("fingerprints", "candidates", "parts", "sketches", "resolution", "gathering")


def child(
    script: str, *words: str | Path, python: Path | str = sys.executable
) -> tuple[float, float, dict[str, Any]]:
    """Run a script of this folder: seconds of the whole process, its processor seconds, its line of JSON."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [str(python), str(HERE / script), *map(str, words)], check=False, capture_output=True
    )
    seconds, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr.decode()[-2000:])
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, used, json.loads(done.stdout.splitlines()[-1])


def hot(given: argparse.Namespace, home: Path) -> str:
    """1,000,000 copies, near copies, strangers that share bands."""
    rows = []
    for kind, words in (
        ("copies", "copies of one sentence"),
        ("near", "near copies of one"),
        ("strangers", "short texts that share bands and are no duplicates"),
    ):
        for documents in (given.hot // 4, given.hot):
            texts, out = home / f"{kind}-{documents}", home / f"out-{kind}-{documents}"
            write_hot(kind, texts, documents)
            _, used, found = child("dedup_run.py", texts, out, "--workers", str(given.workers))
            facts = found["facts"]
            rows.append(
                [
                    f"{documents:,} {words}",
                    f"{used:.1f}",
                    f"{found['cpu']['resolution']:.1f}",
                    f"{max(found['anonymous'].values()) / 2**20:,.0f}",
                    f"{facts['comparisons']:,}",
                    f"{facts['edges']:,}",
                    f"{facts['capped_buckets']}",
                    f"{facts['unlisted']:,}",
                ]
            )
    head = [
        "documents",
        "processor s",
        "of it resolution",
        "peak MiB",
        "comparisons",
        "edges",
        "capped buckets",
        "unlisted",
    ]
    return f"""## Hot buckets

`python benchmarks/dedup.py hot`, on {machine()}; load average {os.getloadavg()[0]:.1f}. Processor time of all processes, two workers.
Peak: anonymous memory of all processes. A bucket shows its first 1,000 kept documents.

{table(head, rows)}
"""


def rival(given: argparse.Namespace, home: Path) -> str:
    """datatrove's four stages and ours over the same JSON lines."""
    from rival_input import plan_of, write_texts

    texts = home / "texts"
    size = write_texts(
        plan_of(HERE.parent / "recipes" / "consortium.yaml", HANDED, home / "plan"),
        texts,
        files=given.workers,
    )
    rows = []
    for shingles in ("words", "characters"):
        ours = [
            child(
                "dedup_run.py",
                texts,
                home / f"ours-{shingles}-{n}",
                "--shingles",
                shingles,
                "--workers",
                str(given.workers),
            )
            for n in range(3)
        ]
        wall, used, found = sorted(ours, key=lambda run: run[0])[1]
        slow, slow_used, theirs = child(
            "rival_minhash.py",
            texts,
            home / f"rival-{shingles}",
            "--shingles",
            shingles,
            "--workers",
            str(given.workers),
        )
        facts = found["facts"]
        kept = found["documents"] - sum(
            facts[name] for name in ("repeated_keys", "exact_duplicates", "near_duplicates")
        )
        rows.append(
            [
                f"5-grams of {shingles}: Malmoi",
                f"{wall:.1f}",
                f"{used:.1f}",
                f"{sum(found['seconds'].values()):.1f}",
                f"{kept:,}",
            ]
        )
        rows.append(
            [
                f"5-grams of {shingles}: datatrove",
                f"{slow:.1f}",
                f"{slow_used:.1f}",
                f"{sum(theirs['seconds'].values()):.1f}",
                f"{theirs['kept']:,}",
            ]
        )
        steps = sum(theirs["seconds"].values()) / sum(found["seconds"].values())
        rows.append(
            [
                f"5-grams of {shingles}: ratio",
                f"{slow / wall:.1f}",
                f"{slow_used / used:.1f}",
                f"{steps:.1f}",
                "",
            ]
        )
        if given.rensa:
            took, taken, other = child(
                "rival_rensa.py",
                texts,
                home / f"rensa-{shingles}",
                "--shingles",
                shingles,
                python=given.rensa,
            )
            spent = sum(other["seconds"].values())
            rows.append(
                [
                    f"5-grams of {shingles}: rensa",
                    f"{took:.1f}",
                    f"{taken:.1f}",
                    f"{spent:.1f}",
                    f"{other['kept']:,}",
                ]
            )
            ratio = spent / sum(found["seconds"].values())
            rows.append(
                [
                    f"5-grams of {shingles}: ratio",
                    f"{took / wall:.1f}",
                    f"{taken / used:.1f}",
                    f"{ratio:.1f}",
                    "",
                ]
            )
    head = ["", "whole process, s", "processor s", "the steps, s", "kept"]
    return f"""## Deduplication side by side with datatrove 0.10.1 and rensa

`python benchmarks/dedup.py rival`, on {machine()}; load average {os.getloadavg()[0]:.1f}. The {size["documents"]:,} extracted texts of the handed
drops ({size["bytes"] / 1e6:.1f} MB) as JSON lines; both read them twice and write the kept ones; 14 x 8 functions over the same kind of
shingles, {given.workers} workers; ours is the median of three runs, datatrove's one. Ours also verifies every candidate by exact Jaccard and
records every edge. datatrove lowers case and takes punctuation away before it shingles and keeps one document of a
connected component, so it keeps other numbers. rensa 0.5.0 is its RMinHashDeduplicator, one process with its own threads: it
estimates similarity by the 112 functions alone and keeps its index in memory. text-dedup does not install here: 0.4.1 asks for
Python 3.12, and what 0.3 is pinned to has no wheels for 3.11.

{table(head, rows)}
"""


def scale(given: argparse.Namespace, home: Path) -> str:
    """The curve over the sizes, by processor time and anonymous memory."""
    write_corpus(HANDED, home / "first", 20_000)
    child("dedup_run.py", home / "first", home / "out-first")  # kernels are compiled by it
    rows, costs, peaks = [], [], []
    for documents in given.sizes:
        texts, out = home / f"scale-{documents}", home / f"out-{documents}"
        planted = write_corpus(HANDED, texts, documents)
        _, _, found = child("dedup_run.py", texts, out, "--workers", str(given.workers))
        facts, cpu = found["facts"], [found["cpu"][step] for step in STEPS]
        costs.append(sum(cpu) / documents * 1e6)
        peaks.append(max(found["anonymous"].values()) / 2**20)
        lost = facts["exact_duplicates"] + facts["near_duplicates"]
        rows.append(
            [
                f"{documents:,}",
                *(f"{one:.1f}" for one in cpu),
                f"{costs[-1]:.1f}",
                f"{costs[-1] / costs[0]:.2f}",
                f"{peaks[-1]:,.0f}",
                f"{max(found['resident'].values()) / 2**20:,.0f}",
                f"{sum(planted.values()):,}",
                f"{lost:,}",
            ]
        )
        subprocess.run(["rm", "-rf", str(texts), str(out)], check=True)
    curves = [
        Curve("processor time, µs a document", costs, 1.3 * costs[0]),
        Curve("peak of anonymous memory, MiB", peaks, 3072),
    ]
    write_plot(given.results.with_name("dedup-scale.svg"), given.sizes, curves)
    head = [
        "documents",
        *(f"{step}, s" for step in STEPS),
        "µs a document",
        "of the first",
        "peak MiB, anonymous",
        "peak MiB, resident",
        "planted copies",
        "dropped",
    ]
    return f"""## Scale of deduplication

`python benchmarks/dedup.py scale --sizes {" ".join(map(str, given.sizes))}`, on {machine()}; load average {os.getloadavg()[0]:.1f}. Short documents made of real reviews, a
fifth of them planted copies (exact, near, chains). Processor seconds by step, {given.workers} workers; peak of all processes together:
anonymous memory, and all that is resident, which counts the pages of mapped files that the kernel may take back. Asked at 20 million: 3,072 MiB at most, and at
most 1.3 times the cost of a document at 1 million.

{table(head, rows)}

![processor time and memory over the number of documents](dedup-scale.svg)
"""


def incremental(given: argparse.Namespace, home: Path) -> str:
    """One in a hundred more on a base that is settled, and all of it at once."""
    texts, out = home / "grown", home / "out-grown"
    files = -(-given.base // PER_FILE)
    write_corpus(HANDED, texts, files * PER_FILE + given.base // 100)
    workers = ("--workers", str(given.workers))
    child("dedup_run.py", texts, out, *workers, "--first", str(files))
    _, _, small = child("dedup_run.py", texts, out, *workers, "--settled", str(files))
    _, _, whole = child("dedup_run.py", texts, out, *workers)
    steps, rows = STEPS[1:], []
    for name, found in (("on the base", small), ("all at once", whole)):
        spent = [found["cpu"][step] for step in steps]
        rows.append([name, *(f"{one:.2f}" for one in spent), f"{sum(spent):.2f}"])
    share = sum(small["cpu"][step] for step in steps) / sum(whole["cpu"][step] for step in steps)
    by_step = (f"{small['cpu'][step] / max(whole['cpu'][step], 0.001):.1%}" for step in steps)
    rows.append(["share", *by_step, f"{share:.1%}"])
    deciding = ("parts", "resolution", "gathering")
    decided = sum(small["cpu"][step] for step in deciding) / sum(whole["cpu"][step] for step in deciding)
    return f"""## Incremental deduplication

`python benchmarks/dedup.py incremental`, on {machine()}; load average {os.getloadavg()[0]:.1f}. {given.base // 100:,} new documents on a base of
{files * PER_FILE:,}; processor seconds, fingerprints of both there already. The base's key files are its index: they are sorted and
memory-mapped, and only documents in a bucket with a new one are looked at. To decide (parts, resolution, gathering) takes
{decided:.1%} of the time of all at once; asked: at most 5 %.

{table(["", *(f"{step}, s" for step in steps), "in all, s"], rows)}
"""


def losses(given: argparse.Namespace, home: Path) -> str:
    """What resolving again without each partner costs a build of the consortium's drops."""
    build = given.build or home / "build"
    if not given.build:
        words = ("build", given.recipe, "--drops", HANDED, "-o", build, "--staging", home / "staging")
        command = [sys.executable, "-m", "pipelines.cli", *map(str, words), "--workers", str(given.workers)]
        done = subprocess.run(command, check=False, capture_output=True, cwd=HERE.parent)
        if done.returncode:
            raise SystemExit(done.stderr.decode()[-2000:])
    tasks = read_tasks(build)
    begun = min(task["begun"] for task in tasks)
    whole = max(task["begun"] + task["seconds"] for task in tasks) - begun
    steps = (*HEADINGS["dedup"], "AttributeLosses")
    rows = [
        [step, str(sum(task["step"] == step for task in tasks)), f"{taken:.2f}", f"{taken / whole:.2%}"]
        for step in steps
        for taken in [wall(tasks, [step])]
    ]
    rows.append(["the build", str(len(tasks)), f"{whole:.1f}", ""])
    return f"""## What would have been kept without each partner: the cost

`python benchmarks/dedup.py losses --recipe {os.path.relpath(given.recipe, HERE.parent)}`, on {machine()}; load average {os.getloadavg()[0]:.1f}. Each partner is a task
of AttributeLosses, which resolves all others again over the same sketches. Wall seconds during which a task of the step ran. Asked: at
most 3 % of the build.

{table(["step", "tasks", "wall, s", "of the build"], rows)}
"""


def main() -> None:
    """Measure the parts that are asked for and write their sections."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=PARTS)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--base", type=int, default=2_000_000)
    parser.add_argument("--hot", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--recipe", type=Path, default=HERE.parent / "recipes" / "consortium.yaml")
    parser.add_argument("--build", type=Path, help="losses: a finished build whose run log is read instead")
    parser.add_argument("--rensa", type=Path, help="the Python of an environment that holds rensa")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--scratch", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="malmoi-dedup-", dir=given.scratch) as name:
        for part in given.parts:
            text = truth_text(HANDED) if part == "truth" else globals()[part](given, Path(name))
            write_section(given.results, f"dedup {part}", text)


if __name__ == "__main__":
    main()
