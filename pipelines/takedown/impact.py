"""What a takedown would do, before it is done: builds, shards, tokens, relatives, who comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.lineage.ledger import read_ledger
from pipelines.takedown.direct import Decided
from pipelines.takedown.find import Answer, Found
from pipelines.takedown.house import House
from schemas.manifest import read_manifest


@dataclass(frozen=True)
class OfPartner:
    """What of one partner is concerned."""

    partner: str
    documents: int
    kept: int
    tokens: int


@dataclass(frozen=True)
class OfBuild:
    """What of one build is concerned."""

    build: str
    kept: int
    tokens: int
    shards: tuple[str, ...]


@dataclass(frozen=True)
class Relatives:
    """Near relatives of those who would leave, at one partner: documents in verified edges with them."""

    partner: str
    documents: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Impact:
    """All of it. `come_back` and `fall` are null where only the pipeline can tell; `why` says so."""

    request: str
    scope: str
    answers: tuple[Answer, ...]
    unknown: tuple[str, ...]
    partners: tuple[OfPartner, ...]
    builds: tuple[OfBuild, ...]
    relatives: tuple[Relatives, ...]
    come_back: tuple[str, ...] | None
    fall: tuple[str, ...] | None
    why: str | None


def impact(
    house: House,
    request: str,
    scope: str,
    found: Found,
    decided: Decided | None,
    why: str | None,
    also: Sequence[Path],
) -> Impact:
    """Look at this build and others that may hold the documents; writes nothing."""
    rows = found.documents
    ids = rows["doc_id"].unique().to_list()
    partners = (
        rows.group_by("partner")
        .agg(pl.len().alias("documents"), pl.col("kept").sum(), pl.col("tokens").cast(pl.Int64).sum())
        .sort("partner")
        if len(rows)
        else pl.DataFrame(schema={"partner": pl.String})
    )
    return Impact(
        request=request,
        scope=scope,
        answers=found.answers,
        unknown=found.unknown,
        partners=tuple(OfPartner(*row) for row in partners.iter_rows()),
        builds=tuple(_of_build(build, ids) for build in (house.build, *also)),
        relatives=_relatives(house, ids) if ids else (),
        come_back=None if decided is None else tuple(c.doc_id.hex() for c in decided.of(kept=True)),
        fall=None
        if decided is None
        else tuple(c.doc_id.hex() for c in decided.of(kept=False) if c.after.stage == "dedup"),
        why=why,
    )


def _of_build(build: Path, ids: list[bytes]) -> OfBuild:
    manifest = read_manifest(build)
    where = pc.field("kept") & pc.field("doc_id").isin(ids)
    rows = pl.DataFrame(read_ledger(build, ["doc_id", "tokens", "shard"], where, manifest=manifest))
    shards = tuple(sorted(rows["shard"].unique().to_list()))
    return OfBuild(str(build), len(rows), int(rows["tokens"].cast(pl.Int64).sum()), shards)


def _relatives(house: House, ids: list[bytes]) -> tuple[Relatives, ...]:
    edges = [pl.DataFrame(schema={"doc_id": pl.Binary, "kept": pl.Binary, "similarity": pl.Float32})]
    for file in house.manifest.other_files:
        if file.path.startswith("index/edges/"):
            table = pl.DataFrame(pq.read_table(house.build / file.path))
            edges.append(table.filter(pl.col("doc_id").is_in(ids) | pl.col("kept").is_in(ids)))
    near = pl.concat(edges)
    others = set(near["doc_id"].to_list()) | set(near["kept"].to_list())
    others -= set(ids)
    if not others:
        return ()
    rows = house.ledger(pc.field("doc_id").isin(sorted(others)))
    counted = (
        rows.group_by("partner")
        .agg(pl.col("doc_id").n_unique().alias("n"), pl.col("doc_id").unique().sort().head(3).alias("some"))
        .sort("partner")
    )
    return tuple(Relatives(p, n, tuple(one.hex() for one in some)) for p, n, some in counted.iter_rows())
