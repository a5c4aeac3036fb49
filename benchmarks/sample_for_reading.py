"""Which documents of a build to read: a fixed sample of the kept and the dropped, over all strata.

    python benchmarks/sample_for_reading.py BUILD [--seed 3] [--kept 100] [--dropped 80] [--duplicates 20]
    python benchmarks/sample_for_reading.py BUILD --recipe recipes/consortium.yaml --drops DIR --show-text

Strata: of the kept (partner, data set, language), of the dropped (partner, data set, stage, reason). One
document of each stratum in turn, in the order of a digest of (seed, document id), until there are enough:
small strata are seen, and the sample says nothing of shares. The same seed gives the same documents as long
as their decisions stand. Prints ids, files, rows and reasons. Text is shown only on request and only on a
terminal, as it reached the stage that decided; of duplicates the kept text follows.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.build import make_plan, stages
from pipelines.intake.readers import read_split
from schemas.reasons import Stage


@dataclass(frozen=True)
class Entry:
    """One line of the ledger."""

    doc_id: bytes
    partner: str
    data_set: str
    file: str
    row: int
    language: str | None
    kept: bool
    stage: str | None
    reason: str | None
    detail: str | None
    duplicate_of: bytes | None
    similarity: float | None

    @property
    def stratum(self) -> tuple[str, ...]:
        """What the entry is one of many of."""
        told = (self.language,) if self.kept else (self.stage, self.reason)
        return (self.partner, self.data_set, *(part or "" for part in told))

    def line(self) -> str:
        """Id, data set, decision and where the row lies, tab-separated."""
        decision = "kept" if self.kept else f"{self.stage}/{self.reason}"
        winner = f"{self.duplicate_of.hex()} {self.similarity:.3f}" if self.duplicate_of is not None else ""
        parts = (self.doc_id.hex(), f"{self.partner}/{self.data_set}", self.language or "", decision)
        return "\t".join((*parts, winner or self.detail or "", f"{self.file}:{self.row}"))


def read_ledger(build: Path) -> list[Entry]:
    """Every document of the build."""
    columns = [field.name for field in fields(Entry)]
    paths = sorted(build.glob("ledger/*.parquet"))
    table = pa.concat_tables(pq.read_table(path, columns=columns) for path in paths)
    return [Entry(*values) for values in zip(*(table[name].to_pylist() for name in columns), strict=True)]


def sample(entries: Iterable[Entry], *, seed: int, count: int) -> list[Entry]:
    """`count` entries, one of each stratum in turn; fewer where there are no more."""
    strata: defaultdict[tuple[str, ...], list[Entry]] = defaultdict(list)
    key = seed.to_bytes(8, "big")
    ranked = sorted(entries, key=lambda entry: hashlib.blake2b(entry.doc_id, key=key, digest_size=8).digest())
    for entry in ranked:
        strata[entry.stratum].append(entry)
    rounds = zip_longest(*(strata[name] for name in sorted(strata)))
    turns = [entry for one in rounds for entry in one if entry is not None]
    return sorted(turns[:count], key=lambda entry: (entry.stratum, entry.doc_id))


def texts(entries: Iterable[Entry], *, recipe: Path, drops: Path) -> Iterator[tuple[bytes, str]]:
    """(id, text) of each entry: a kept one's as it went into the corpus, a dropped one's as it was dropped.

    Nothing is written; reads the files of the drops that hold the entries.
    """
    wanted = {entry.doc_id for entry in entries}
    files = {(entry.partner, entry.file) for entry in entries}
    nowhere = Path("reading")  # named by the plan, never made
    with TemporaryDirectory() as staging:  # the admissions of the drops, which the plan stands on
        plan = make_plan(recipe, nowhere, drops=drops, date=None, staging=Path(staging), workers=2)
    chain = stages(plan.site.recipe, plan.site.benchmarks)
    for planned in plan.splits:
        split = planned.split
        if (split.partner, split.path) not in files:
            continue
        data_set = plan.site.data_set(split)
        largest = plan.site.recipe.max_row_mib << 20
        directory = plan.site.directories[split.partner, planned.drop]
        for read in read_split(directory, split, data_set, max_row_bytes=largest):
            batch = read.documents
            batch = batch.filter(pa.array([one in wanted for one in batch["doc_id"].to_pylist()], pa.bool_()))
            for stage, run in chain:
                before = dict(zip(batch["doc_id"].to_pylist(), batch["text"].to_pylist(), strict=True))
                outcome = run(batch, data_set=data_set)
                yield from ((lost, before[lost]) for lost in outcome.dropped["doc_id"].to_pylist())
                batch = outcome.kept
                if stage is Stage.REPLACE_PII:
                    yield from zip(batch["doc_id"].to_pylist(), batch["text"].to_pylist(), strict=True)


def main() -> None:
    """Print the sample of a build."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("build", type=Path)
    for name, default in (("seed", 3), ("kept", 100), ("dropped", 80), ("duplicates", 20)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--recipe", type=Path, default=Path("recipes/consortium.yaml"))
    parser.add_argument("--drops", type=Path)
    parser.add_argument("--show-text", action="store_true", help="on a terminal only; needs --drops")
    options = parser.parse_args()
    if options.show_text and not (options.drops and sys.stdout.isatty()):
        parser.error("--show-text needs --drops, and a terminal: text goes into no file or pipe")
    ledger = read_ledger(options.build)
    dedup = Stage.DEDUP.value
    chosen = sample((one for one in ledger if one.kept), seed=options.seed, count=options.kept)
    lost = (one for one in ledger if not one.kept and one.stage != dedup)
    chosen += sample(lost, seed=options.seed, count=options.dropped)
    chosen += sample((e for e in ledger if e.stage == dedup), seed=options.seed, count=options.duplicates)
    shown: dict[bytes, str] = {}
    if options.show_text:
        winners = {one.duplicate_of for one in chosen}
        needed = [*chosen, *(one for one in ledger if one.doc_id in winners)]
        shown = dict(texts(needed, recipe=options.recipe, drops=options.drops))
    for entry in chosen:
        print(entry.line())
        for doc_id in (entry.doc_id, entry.duplicate_of):
            if doc_id in shown:
                print(f"{shown[doc_id]}\n{'-' * 100}")


if __name__ == "__main__":
    main()
