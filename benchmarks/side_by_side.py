"""Ours and datatrove in turn over the same drops: whole processes, medians, ratio by step.

    python benchmarks/side_by_side.py --rounds 3

Ours is the command line from an empty staging directory; datatrove is `rival_datatrove.py` over texts that
were read and extracted before its clock starts. Writes its sections of RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results import RESULTS, machine, table, write_section
from run_log import HEADINGS, WorkerShares, read_tasks, walls, worker_shares

HERE = Path(__file__).parent
ROOT = HERE.parent
RIVAL_STEPS = {
    "clean": ("clean", "signatures"),
    "dedup": ("buckets", "cluster"),
    "tokens": ("filter and tokens",),
}
WHAT = {
    "clean": "clean, sign: language, filters, personal data, MinHash signatures",
    "dedup": "find duplicates",
    "tokens": "leave duplicates out, tokenise, write",
    "rest": "start-up, planning, ledger, report, manifest",
}


@dataclass(frozen=True)
class Run:
    """One whole process: seconds by heading ("rest" is what no heading holds) and what it kept."""

    total: float
    steps: dict[str, float]
    facts: dict[str, Any]


def timed(command: Sequence[object], log: Path, **environment: str) -> tuple[float, str]:
    """Wall seconds and standard output of a process; ends the benchmark where it fails."""
    begun = time.monotonic()
    with log.open("w", encoding="utf-8") as errors:
        done = subprocess.run(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            check=False,
            env={**os.environ, **environment},
        )
    seconds = time.monotonic() - begun
    if done.returncode:
        said = log.read_text(encoding="utf-8")[-2000:]
        raise SystemExit(f"{' '.join(map(str, command[:3]))} ended with {done.returncode}:\n{said}")
    return seconds, done.stdout


def run_ours(given: argparse.Namespace, home: Path, **environment: str) -> Run:
    """`malmoi build` from nothing; the build is left at `home`/build."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    build = home / "build"
    command = [
        Path(sys.executable).with_name("malmoi"),
        *("build", given.recipe, "--drops", given.drops, "-o", build),
        *("--staging", home / "staging", "--workers", str(given.workers)),
    ]
    total, _ = timed(command, home.with_suffix(".log"), **environment)
    tasks = read_tasks(build)
    steps = walls(tasks)
    steps["rest"] = total - sum(steps.values())
    manifest = json.loads((build / "manifest.json").read_bytes())
    kept = sum(one["kept"] for one in manifest["data_sets"])
    tokens = sum(one["tokens"] for one in manifest["data_sets"])
    return Run(total, steps, {"kept": kept, "tokens": tokens, "shares": worker_shares(tasks)})


def run_rival(given: argparse.Namespace, home: Path, handed: Path, model: Path) -> Run:
    """datatrove from nothing."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    command = [
        *(sys.executable, HERE / "rival_datatrove.py", handed / "texts", home / "work"),
        *("--tokenizer", handed / "tokenizer.json", "--model", model, "--workers", str(given.workers)),
    ]
    total, output = timed(command, home.with_suffix(".log"))
    said = json.loads(output.splitlines()[-1])
    steps = {heading: sum(said["seconds"][name] for name in names) for heading, names in RIVAL_STEPS.items()}
    steps["rest"] = total - sum(steps.values())
    return Run(total, steps, said)


def median(values: list[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def comparison(ours: list[Run], rival: list[Run]) -> str:
    """The table of medians and ratios."""
    rows = []
    for heading in (*HEADINGS, "rest"):
        us = median([run.steps[heading] for run in ours])
        them = median([run.steps[heading] for run in rival])
        ratio = "" if heading == "rest" else f"{them / us:.1f}"
        rows.append([WHAT[heading], f"{us:.1f}", f"{them:.1f}", ratio])
    us, them = median([run.total for run in ours]), median([run.total for run in rival])
    rows.append(["**whole process**", f"**{us:.1f}**", f"**{them:.1f}**", f"**{them / us:.2f}**"])
    return table(["", "Malmoi, s", "datatrove, s", "ratio"], rows)


def rounds_text(ours: list[Run], rival: list[Run]) -> str:
    """Every round's totals, and the spread in words."""
    rows = [
        [f"{number}", f"{us.total:.1f}", f"{them.total:.1f}", f"{them.total / us.total:.2f}"]
        for number, (us, them) in enumerate(zip(ours, rival, strict=True), start=1)
    ]
    return table(["round", "Malmoi, s", "datatrove, s", "ratio"], rows)


def blocks_text(rival: list[Run]) -> str:
    """Seconds of datatrove's blocks, over both workers."""
    names = list(rival[0].facts["blocks"])
    rows = [[_plain(name), f"{median([run.facts['blocks'][name] for run in rival]):.1f}"] for name in names]
    return table(["datatrove's block", "seconds, summed over tasks"], rows)


def _plain(block: str) -> str:
    """datatrove's name of a block without its pictures."""
    return " ".join("".join(letter for letter in block if letter.isascii()).split())


def kept_text(manifest: dict[str, Any]) -> str:
    """What remains of every data set."""
    rows = []
    for one in sorted(manifest["data_sets"], key=lambda one: (one["partner"], one["kind"], one["data_set"])):
        lost = ", ".join(
            f"{reason} {count:,}"
            for reason, count in sorted(one["dropped"].items(), key=lambda kv: -kv[1])[:3]
        )
        share = one["kept"] / one["documents"] if one["documents"] else 0.0
        rows.append(
            [
                one["partner"],
                one["kind"],
                one["data_set"],
                f"{one['documents']:,}",
                f"{one['kept']:,}",
                f"{share:.1%}",
                f"{one['tokens']:,}",
                lost,
            ]
        )
    head = ["partner", "kind", "data set", "documents", "kept", "share", "tokens", "most dropped by"]
    return table(head, rows)


def stages_text(measured: dict[str, Any]) -> str:
    """MB/s by stage."""
    rows = [
        [
            name,
            f"{speed:.2f}",
            f"{measured['theirs'][name]:.2f}",
            f"{speed / measured['theirs'][name]:.1f}",
        ]
        for name, speed in measured["ours"].items()
    ]
    return table(["stage", "Malmoi, MB/s", "datatrove, MB/s", "ratio"], rows)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "consortium.yaml")
    parser.add_argument("--drops", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--scratch", type=Path, help="where builds are made and removed; default: a new one")
    return parser.parse_args()


def measure(given: argparse.Namespace, home: Path) -> None:
    """Warm up, alternate, write."""
    from rival_input import plan_of, write_texts, write_tokenizer

    from pipelines.stages.lid_model import checked_model_file

    handed = home / "handed"
    handed.mkdir(parents=True)
    write_tokenizer(handed / "tokenizer.json")
    texts = write_texts(plan_of(given.recipe, given.drops, handed), handed / "texts", files=given.workers)
    model = checked_model_file()
    stage_output = timed(
        [
            *(sys.executable, HERE / "by_stage.py", handed / "texts", home / "signatures"),
            *("--tokenizer", handed / "tokenizer.json", "--model", model),
        ],
        home / "by_stage.log",
    )[1]
    stages = json.loads(stage_output.splitlines()[-1])
    load = os.getloadavg()[0]
    cold = run_ours(given, home / "cold", NUMBA_CACHE_DIR=str(home / "numba"))
    run_ours(given, home / "warm-up")
    ours, rival = [], []
    for number in range(1, given.rounds + 1):
        ours.append(run_ours(given, home / "ours"))
        rival.append(run_rival(given, home / "rival", handed, model))
        print(f"round {number}: {ours[-1].total:.1f} s, datatrove {rival[-1].total:.1f} s", file=sys.stderr)
    manifest = json.loads((home / "ours" / "build" / "manifest.json").read_bytes())
    shares: list[WorkerShares] = [run.facts["shares"] for run in ours]
    writer = next(facts for name, facts in rival[-1].facts["counts"].items() if "TOKENIZER" in name)
    last = next(facts for name, facts in rival[-1].facts["counts"].items() if "stage 4" in name)
    name = given.recipe.name
    write_section(
        given.results,
        "side by side",
        f"""
## Side by side with datatrove 0.10.1

`python benchmarks/side_by_side.py --rounds {given.rounds} --workers {given.workers}` over
`recipes/{name}`, on {machine()}; load average before the first build {load:.1f}. Medians of
{given.rounds} rounds, ours and datatrove's in turn; every run from empty directories. Times are those of whole
processes, start-up of the interpreter and of the workers included; the packages of the environment, ours
and datatrove's, were byte-compiled before.

{comparison(ours, rival)}

{rounds_text(ours, rival)}

With no compiled kernel in numba's cache (the first build ever on a machine) ours took {cold.total:.1f} s.

What each side does: datatrove starts from {texts["documents"]:,} texts
({texts["bytes"] / 1e6:.1f} MB) that our readers and our extract and normalise stages made before its clock
started; ours starts from the drops as they were handed in (gz, zst, CSV in CP949, Parquet, Arrow, WARC with
HTML), and its first row holds reading, extraction, normalisation and decontamination too. Its personal data
stage looks for nine entities, datatrove's for two; its duplicates are verified by exact Jaccard, datatrove's are not. Reviews, chat and dialogue pass
datatrove's language filter (threshold 0.1) and PII formatter only: its page rules ask for 50 words and would
drop them all, which would make its later steps cheaper. Manuals and books pass all its filters; ours has
repetition and a set of their own for them. `rival_datatrove.py` says which of its rules are off and why.

Kept: ours {ours[-1].facts["kept"]:,} documents with {ours[-1].facts["tokens"]:,} tokens; datatrove
{last["forwarded"]:,} documents with {writer["tokens"]:,} tokens: its rules for pages take more of the manuals
and books, and its C4 filter takes lines out of what it keeps, which spares its later steps work. Ours: no worker
process ran more than {max(one.tasks for one in shares):.0%} of the tasks, or had more than
{max(one.seconds for one in shares):.0%} of the task seconds.

{blocks_text(rival)}
""",
    )
    write_section(
        given.results,
        "by stage",
        f"""
## By stage, one core

`python benchmarks/by_stage.py`, run by the same command in a process bound to one core:
{stages["documents"]:,} of the extracted documents ({stages["bytes"] / 1e6:.1f} MB of UTF-8), half long and
half short; median of three runs after one that does not count. Quality is measured on the long ones with the rules
for web pages; a page that one datatrove filter drops is not shown to its next.

{stages_text(stages)}
""",
    )
    write_section(
        given.results,
        "kept",
        f"""
## What remains of the consortium's drops

From the manifest of the last build above (`malmoi report BUILD` prints the same).

{kept_text(manifest)}
""",
    )


def main() -> None:
    """Measure in a directory that is removed at the end."""
    given = arguments()
    if given.scratch:
        given.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="malmoi-bench-", dir=given.scratch) as home:
        measure(given, Path(home))


if __name__ == "__main__":
    main()
