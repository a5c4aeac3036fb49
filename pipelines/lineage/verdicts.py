"""What each stage said of a document, and its relatives: what was found alike.

Reads a trace, and of the build index/edges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.lineage.ledger import find_document
from schemas.documents import EDGES
from schemas.errors import BuildInconsistent
from schemas.manifest import Manifest
from schemas.reasons import REASON_WORDING, Reason, Stage

ADMISSION, TOKENISE = "admission", "tokenise"  # before and behind the stages of schemas.reasons
EDGE_FILES = "index/edges/"
# Of rows of one document id a kept one counts, then one that repeats no key: see counted_first.
REPEATS_KEY = (pl.col("reason") == Reason.REPEATED_KEY.value).fill_null(value=False)
SHOWN = 20  # relatives told with their partner; the others are counted


@dataclass(frozen=True)
class Verdict:
    """One stage on a document: passed, dropped or not reached; what it knew, and why it dropped it."""

    stage: str
    verdict: str
    facts: dict[str, Any]
    why: str | None = None


@dataclass(frozen=True)
class Relative:
    """A document that was found alike, hexadecimal id; `relation` says how it stands to the one asked for."""

    doc_id: str
    relation: str  # lost to it: dropped for the one asked for, or would be; kept: it would be dropped for
    similarity: float
    partner: str | None  # null where the ledger has no such document
    data_set: str | None
    decision: str | None


@dataclass(frozen=True)
class Relatives:
    """The nearest first, and how many there are."""

    nearest: tuple[Relative, ...]
    lost_to_it: int
    kept_alike: int


def verdicts(row: dict[str, Any]) -> tuple[Verdict, ...]:
    """Every stage in the order of the way, of a ledger row; behind the one that dropped it, none decided."""
    facts = _facts(row)
    found = [Verdict(ADMISSION, "passed", facts.get(ADMISSION, {}))]
    reached = True
    for stage in (*Stage, TOKENISE):
        name = str(stage)
        if not reached:
            found.append(Verdict(name, "not reached", {}))
        elif name == row["stage"]:
            why = None if row["reason"] is None else REASON_WORDING[Reason(row["reason"])]
            lost = {"reason": row["reason"], "detail": row["detail"], **facts.get(name, {})}
            found.append(Verdict(name, "dropped", _said(lost), why))
            reached = False
        else:
            found.append(Verdict(name, "passed", _said(facts.get(name, {}))))
    return tuple(found)


def relatives(build: Path, manifest: Manifest, doc_id: bytes, *, shown: int = SHOWN) -> Relatives:
    """Whom a document was found alike to: those dropped that lead to it, and the kept ones it leads to."""
    edges = _edges_around(build, manifest, doc_id)
    to_it = edges.filter(pl.col("kept") == doc_id).select(
        "similarity", "doc_id", relation=pl.lit("lost to it")
    )
    from_it = edges.filter(pl.col("doc_id") == doc_id).select(
        "similarity", doc_id="kept", relation=pl.lit("kept")
    )
    every = pl.concat([from_it, to_it]).unique().sort("similarity", "doc_id", descending=[True, False])
    nearest = [
        Relative(one.hex(), relation, round(similarity, 6), *_whose(build, manifest, one))
        for similarity, one, relation in every.head(shown)
        .select("similarity", "doc_id", "relation")
        .iter_rows()
    ]
    return Relatives(tuple(nearest), lost_to_it=len(to_it), kept_alike=len(from_it))


def _edges_around(build: Path, manifest: Manifest, doc_id: bytes) -> pl.DataFrame:
    """EDGES that begin or end at a document; BuildInconsistent where a file cannot be read."""
    paths = [str(build / f.path) for f in manifest.other_files if f.path.startswith(EDGE_FILES)]
    if not paths:
        return pl.DataFrame(EDGES.empty_table())
    wanted = pa.scalar(doc_id, EDGES.field("doc_id").type)
    try:
        source = ds.dataset(paths, schema=EDGES, format="parquet")
        found = source.to_table(filter=(pc.field("doc_id") == wanted) | (pc.field("kept") == wanted))
    except (OSError, pa.ArrowException) as error:
        raise BuildInconsistent(
            f"{EDGE_FILES} cannot be read ({type(error).__name__}): run `malmoi verify {build.name}`"
        ) from None
    return pl.DataFrame(found)


def counted_first(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ledger's rows of one document id, the one that counts before those that repeat its key."""
    return sorted(rows, key=_counts)


def _counts(row: dict[str, Any]) -> tuple[bool, bool, str, int]:
    return not row["kept"], row["reason"] == Reason.REPEATED_KEY, row["file"], row["row"]


def _whose(build: Path, manifest: Manifest, doc_id: bytes) -> tuple[str | None, str | None, str | None]:
    rows = counted_first(find_document(build, doc_id, manifest=manifest))
    if not rows:
        return None, None, None
    return rows[0]["partner"], rows[0]["data_set"], "kept" if rows[0]["kept"] else "dropped"


def _facts(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the ledger knows of a document, by the stage that found it out."""
    lost = row["duplicate_of"]
    dedup: dict[str, Any] = {"lost_to": None if lost is None else lost.hex()}
    if lost is not None:
        dedup["similarity"] = round(row["similarity"], 6)
    elif row["kept"]:
        dedup["lost_to"] = "nobody"
    return {
        ADMISSION: {"drop": row["drop"], "file": row["file"], "row": row["row"]},
        Stage.LANGUAGE: {"language": row["language"]},
        Stage.QUALITY: {"quality": None if row["quality"] is None else round(row["quality"], 6)},
        Stage.FIND_PII: {"found": sum(row["pii"].values()) if row["pii"] else 0} if _after_pii(row) else {},
        Stage.REPLACE_PII: {"by_class": dict(row["pii"])} if row["pii"] else {},
        Stage.DEDUP: dedup,
        TOKENISE: {"tokens": row["tokens"], "shard": row["shard"], "shard_row": row["shard_row"]},
    }


def _after_pii(row: dict[str, Any]) -> bool:
    return row["stage"] in {None, Stage.RIGHTS.value, Stage.DEDUP.value}


def _said(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}
