"""What is new in a build since another one: recipe, contracts, drops, data sets, shards, documents' fates.

Reads both manifests, and doc_id, partner, kept, stage and reason of both ledgers, range by range of ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.compute as pc

from pipelines.lineage.ledger import read_ledger
from pipelines.lineage.ranges import id_ranges
from pipelines.lineage.verdicts import REPEATS_KEY
from schemas.identity import canonical_json
from schemas.manifest import Manifest

_READ = ["doc_id", "partner", "kept", "stage", "reason"]
_MOVE = ["partner", "before", "after", "why"]


@dataclass(frozen=True)
class Changes:
    """The child against its parent. Pairs are (parent's, child's); None where one has none."""

    recipe: dict[str, tuple[str | None, str | None]]  # settings that differ, as canonical JSON
    made_with: dict[str, tuple[str | None, str | None]]  # models, stages, packages, tokenizer that differ
    contracts: dict[str, tuple[str | None, str | None]]  # by partner: "version digest", that differ
    drops: dict[str, tuple[int, int]]  # by partner: drops that left, drops that came
    kept: dict[tuple[str, str], tuple[int, int]]  # by (partner, data set): documents kept
    tokens: dict[tuple[str, str], tuple[int, int]]
    shards: dict[str, int]  # same, changed, new, gone
    documents: pl.DataFrame  # partner, before, after (kept, dropped, absent), why (it left), documents


def changes_of(parent: tuple[Manifest, Path], child: tuple[Manifest, Path]) -> Changes:
    """Compare two builds; raises BuildInconsistent where a ledger cannot be read."""
    old, new = parent[0], child[0]
    return Changes(
        recipe=_differ(_recipe(old), _recipe(new)),
        made_with=_differ(_made_with(old), _made_with(new)),
        contracts=_differ(_contracts(old), _contracts(new)),
        drops=_drops(old, new),
        kept=_both_sides(
            {(f.partner, f.data_set): f.kept for f in old.data_sets},
            {(f.partner, f.data_set): f.kept for f in new.data_sets},
        ),
        tokens=_both_sides(
            {(f.partner, f.data_set): f.tokens for f in old.data_sets},
            {(f.partner, f.data_set): f.tokens for f in new.data_sets},
        ),
        shards=_shards(old, new),
        documents=_moves(parent, child),
    )


def _differ(old: dict[str, str], new: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    names = sorted(old.keys() | new.keys())
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}


def _both_sides(old: dict[Any, int], new: dict[Any, int]) -> dict[Any, tuple[int, int]]:
    return {name: (old.get(name, 0), new.get(name, 0)) for name in sorted(old.keys() | new.keys())}


def _recipe(manifest: Manifest) -> dict[str, str]:
    return {name: canonical_json(value).decode() for name, value in manifest.recipe.items()}


def _made_with(manifest: Manifest) -> dict[str, str]:
    stages = {f"stage {name}": str(version) for name, version in manifest.stage_versions.items()}
    return {
        **manifest.models,
        **manifest.runtime,
        **stages,
        manifest.tokenizer.name: manifest.tokenizer.sha256,
    }


def _contracts(manifest: Manifest) -> dict[str, str]:
    return {one.partner: f"{one.version} {one.digest[:16]}" for one in manifest.contracts}


def _drops(old: Manifest, new: Manifest) -> dict[str, tuple[int, int]]:
    before, after = ({(d.partner, d.digest) for d in one.drops} for one in (old, new))
    left, came = before - after, after - before
    return {
        partner: (sum(p == partner for p, _ in left), sum(p == partner for p, _ in came))
        for partner in sorted({partner for partner, _ in left | came})
    }


def _shards(old: Manifest, new: Manifest) -> dict[str, int]:
    before, after = ({shard.name: shard.sha256 for shard in one.shards} for one in (old, new))
    return {
        "same": sum(before.get(name) == digest for name, digest in after.items()),
        "changed": sum(name in before and before[name] != digest for name, digest in after.items()),
        "new": sum(name not in before for name in after),
        "gone": sum(name not in after for name in before),
    }


def _moves(parent: tuple[Manifest, Path], child: tuple[Manifest, Path]) -> pl.DataFrame:
    """How many documents of each partner went from which fate to which."""
    counted = pl.DataFrame(schema={**dict.fromkeys(_MOVE, pl.String), "documents": pl.Int64})
    most = max(sum(facts.documents for facts in one.data_sets) for one in (parent[0], child[0]))
    for within in id_ranges(most, "doc_id"):
        old, new = (_fates(build, manifest, within) for manifest, build in (parent, child))
        both = old.join(new, on="doc_id", how="full", coalesce=True, suffix="_new")
        moves = both.select(
            partner=pl.coalesce("partner_new", "partner"),
            before=pl.col("fate").fill_null("absent"),
            after=pl.col("fate_new").fill_null("absent"),
            why=pl.when(pl.col("fate").eq("kept") & pl.col("fate_new").eq("dropped")).then("why_new"),
        )
        here = moves.group_by(_MOVE).agg(documents=pl.len().cast(pl.Int64))
        counted = pl.concat([counted, here]).group_by(_MOVE).agg(pl.col("documents").sum())
    return counted.sort(_MOVE, nulls_last=True)


def _fates(build: Path, manifest: Manifest, within: pc.Expression) -> pl.DataFrame:
    """doc_id, partner, fate, why: a row for each id, of a repeated key the one that counted."""
    rows = pl.DataFrame(read_ledger(build, _READ, within, manifest=manifest))
    return (
        rows.sort("doc_id", ~pl.col("kept"), REPEATS_KEY, maintain_order=True)
        .unique(subset="doc_id", keep="first", maintain_order=True)
        .select(
            "doc_id",
            "partner",
            fate=pl.when("kept").then(pl.lit("kept")).otherwise(pl.lit("dropped")),
            why=pl.format("{}/{}", "stage", "reason"),
        )
    )
