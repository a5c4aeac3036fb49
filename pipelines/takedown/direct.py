"""The short way: who of a build changes when documents leave it, found along shared buckets alone.

Reads the ledger of the build and the staged splits of the components concerned. What it says is what the
pipeline says over the same registry with the takedown in it (tests/laws/test_takedown.py, by bytes); where it
cannot know, it says why, and the pipeline is run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.dedup.component import Component, Resolution, StagedFiles, find_component, resolve_component
from pipelines.dedup.ranked import SplitRank, split_ranks
from pipelines.engine.made import Inputs, Made, MadeSplit
from pipelines.engine.plan import lock_digest, runtime
from pipelines.stages.fingerprint import shingle_sets
from pipelines.takedown.house import House
from pipelines.takedown.ledger_parts import LedgerParts
from pipelines.takedown.staged_places import codes_of
from schemas.errors import MalmoiError, UsageError
from schemas.identity import canonical_json
from schemas.manifest import Manifest
from schemas.reasons import Reason, Stage
from schemas.recipe import DedupSettings, Recipe

LARGEST = 50_000  # documents of the components concerned: beyond, the pipeline on all workers is faster
TAKEDOWN = "takedown"  # the detail of a document that a takedown names, as pipelines.engine.select writes it


class NotDirect(Exception):
    """Why the short way cannot decide; its text is told."""


@dataclass(frozen=True)
class Parent:
    """A build that documents leave, with what it was made of."""

    build: Path
    manifest: Manifest
    recipe: Recipe
    home: Path  # the recipe's directory
    made: Made
    files: StagedFiles
    ranks: Sequence[SplitRank]
    parts: LedgerParts


@dataclass(frozen=True)
class Fate:
    """What becomes of a document that takes part in deduplication."""

    kept: bool
    stage: str | None = None
    reason: str | None = None
    detail: str | None = None
    duplicate_of: bytes | None = None
    similarity: float | None = None
    edges: tuple[tuple[bytes, float], ...] = ()


GONE = Fate(kept=False, stage=Stage.RIGHTS.value, reason=Reason.TAKEN_BACK.value, detail=TAKEDOWN)


@dataclass(frozen=True)
class Changed:
    """A document whose row in the ledger changes."""

    code: int  # split << 32 | position
    split: MadeSplit
    doc_id: bytes
    row: int
    before: Fate
    after: Fate


@dataclass(frozen=True)
class Decided:
    """All that changes."""

    changed: tuple[Changed, ...]
    component: int  # documents that were looked at
    resolved: dict[str, int]  # what is to be added to the counts of the resolution
    kept_without: dict[str, Counter[str]]  # and to those of what would be kept without a partner

    def of(self, *, kept: bool) -> tuple[Changed, ...]:
        """Who is kept now and was not, or the reverse."""
        return tuple(c for c in self.changed if c.after.kept is kept and c.before.kept is not kept)


def open_parent(house: House) -> Parent:
    """The build with all that the short way needs; raises NotDirect where something is missing."""
    made, manifest, path = house.made, house.manifest, Path(house.origin.recipe)
    if made is None:
        raise NotDirect(f"{house.build.name}.runs does not say what the build was made of")
    try:
        recipe = house.recipe
        inputs = Inputs(path, path.parent / recipe.contracts).digests()
    except (MalmoiError, OSError):
        raise NotDirect("the recipe or its contracts cannot be read") from None
    if dict(made.inputs) != inputs:
        raise NotDirect("the recipe or a contract was written to since")
    if canonical_json(recipe.identity) != canonical_json(manifest.recipe):
        raise NotDirect("the recipe is another")
    if manifest.runtime != {**runtime(), "requirements.lock": lock_digest()}:
        raise NotDirect("the packages are others than the build was made with")
    if recipe.passages.wanted:
        raise NotDirect("passages were cut or marked, so whoever lost text is looked at again")
    try:
        files = house.staged
    except UsageError:
        raise NotDirect("staged splits are gone") from None
    ranks = split_ranks(made.splits, recipe)
    return Parent(house.build, manifest, recipe, path.parent, made, files, ranks, house.parts)


def decide(parent: Parent, leaving: Collection[str]) -> Decided:
    """What changes when documents (ids, hexadecimal) leave.

    Raises NotDirect where the ledger tells another story than the staged files.
    """
    found = parent.parts.rows([bytes.fromhex(one) for one in leaving])
    start = codes_of(
        parent.made.splits,
        parent.files,
        found.filter(pl.col("kept") | (pl.col("stage") == Stage.DEDUP.value)),
    )
    if not len(start):
        return Decided((), 0, {}, {})
    # Whoever rights took out hangs together with others here; a component may be larger than it has to be.
    whole = find_component(parent.files, start, limit=LARGEST)
    if whole is None:
        raise NotDirect(f"more than {LARGEST:,} documents hang together with those that leave")
    told = parent.parts.rows(whole.rows["doc_id"].to_pylist())
    lost = codes_of(parent.made.splits, parent.files, told.filter(pl.col("stage") == Stage.RIGHTS.value))
    component = whole.without(lost)
    if len(component.codes) == 1:
        return _alone(parent, component)
    component = component.sketched(partial(shingle_sets, settings=parent.recipe.fingerprint))
    settings = parent.recipe.dedup
    before = resolve_component(component, ranks=parent.ranks, settings=settings)
    after = resolve_component(component, ranks=parent.ranks, settings=settings, without=start.tolist())
    fates_before, fates_after = _fates(component, before), _fates(component, after)
    for code in start.tolist():
        fates_after[code] = GONE
    rows = {name: component.rows[name].to_pylist() for name in ("doc_id", "row")}
    changed = tuple(
        Changed(code, parent.made.splits[code >> 32], doc_id, row, fates_before[code], fates_after[code])
        for code, doc_id, row in zip(component.codes.tolist(), rows["doc_id"], rows["row"], strict=True)
        if fates_before[code] != fates_after[code]
    )
    _check_told(parent, component, fates_before, told)
    return Decided(
        changed,
        len(component.codes),
        {name: n - asdict(before.facts)[name] for name, n in asdict(after.facts).items()},
        _without_each(parent, component, start, before, after, settings),
    )


def _fates(component: Component, resolution: Resolution) -> dict[int, Fate]:
    fates = dict.fromkeys(component.codes.tolist(), Fate(kept=True))
    for code, row in zip(resolution.codes.tolist(), resolution.duplicates.to_pylist(), strict=True):
        fates[code] = Fate(
            kept=False,
            stage=Stage.DEDUP.value,
            reason=row["reason"],
            duplicate_of=row["duplicate_of"],
            similarity=row["similarity"],
            edges=tuple((edge["doc_id"], edge["similarity"]) for edge in row["edges"]),
        )
    return fates


def _alone(parent: Parent, component: Component) -> Decided:
    """A document that nobody shares a bucket with: it was kept, and nobody else is concerned."""
    row = component.rows.slice(0, 1).to_pylist()[0]
    code = int(component.codes[0])
    one = Changed(code, parent.made.splits[code >> 32], row["doc_id"], row["row"], Fate(kept=True), GONE)
    return Decided((one,), 1, {}, {})


def _check_told(parent: Parent, component: Component, fates: dict[int, Fate], told: pl.DataFrame) -> None:
    """The ledger must say of the component what its resolution says."""
    rows = told.select("drop", "file", "row", "kept", "reason", "duplicate_of").iter_rows()
    by_place = {(drop, path, row): (kept, reason, winner) for drop, path, row, kept, reason, winner in rows}
    for code, number in zip(component.codes.tolist(), component.rows["row"].to_pylist(), strict=True):
        split, fate = parent.made.splits[code >> 32], fates[code]
        if by_place.get((split.drop, split.path, number)) != (fate.kept, fate.reason, fate.duplicate_of):
            raise NotDirect("the ledger says other than the staged files: run `malmoi verify`")


def _without_each(
    parent: Parent,
    component: Component,
    start: NDArray[np.int64],
    before: Resolution,
    after: Resolution,
    settings: DedupSettings,
) -> dict[str, Counter[str]]:
    """By partner left out, how many documents more of each other one are kept without it than before."""
    partner_of = np.array([split.partner for split in parent.made.splits])
    whose = partner_of[component.codes >> 32]
    found: dict[str, Counter[str]] = {}
    for partner in np.unique(whose).tolist():
        own = component.codes[whose == partner]
        difference: Counter[str] = Counter()
        for sign, resolution, gone in ((-1, before, own), (1, after, np.union1d(own, start))):
            again = resolve_component(
                component, ranks=parent.ranks, settings=settings, without=gone.tolist()
            ).codes
            freed = np.setdiff1d(np.setdiff1d(resolution.codes, own), again)
            for name in partner_of[freed >> 32].tolist():
                difference[name] += sign
        found[partner] = difference
    return found
