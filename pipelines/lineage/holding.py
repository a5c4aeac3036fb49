"""Forward: every build that has a document, and what each made of it.

Reads the manifests and ledgers of the builds that lie in a directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipelines.lineage.trace import document_id, find_trace
from schemas.errors import UsageError
from schemas.manifest import manifest_digest, read_manifest


@dataclass(frozen=True)
class Holding:
    """A document in one build."""

    build: str  # the directory's name
    manifest: str  # SHA-256
    date: str
    decision: str  # kept, dropped or not there
    stage: str | None
    reason: str | None
    duplicate_of: str | None
    contract_version: str | None
    licence: str | None
    shard: str | None
    shard_row: int | None
    tokens: int


def builds_in(directory: Path) -> tuple[Path, ...]:
    """The finished builds in a directory, by name; the directory itself where it is one. UsageError: none."""
    found = [path.parent for path in sorted(directory.glob("*/manifest.json"))]
    if (directory / "manifest.json").is_file():
        found.insert(0, directory)
    if not found:
        raise UsageError(f"{directory}: holds no build: name the directory that builds lie in")
    return tuple(found)


def holdings(builds: tuple[Path, ...], doc_id: str) -> tuple[Holding, ...]:
    """What each build made of a document; UsageError for what is no id, BuildInconsistent as `trace` does."""
    wanted = document_id(doc_id)
    return tuple(_holding(build, wanted) for build in builds)


def _holding(build: Path, doc_id: bytes) -> Holding:
    manifest = read_manifest(build)
    digest = manifest_digest(build)
    name = build.resolve().name
    found = find_trace(build, manifest, doc_id)
    if found is None:
        nothing = (None,) * 7
        return Holding(name, digest, manifest.date, "not there", *nothing, tokens=0)
    return Holding(
        build=name,
        manifest=digest,
        date=manifest.date,
        decision=found.decision,
        stage=found.stage,
        reason=found.reason,
        duplicate_of=found.duplicate_of,
        contract_version=found.contract_version,
        licence=found.licence,
        shard=found.shard,
        shard_row=found.shard_row,
        tokens=found.tokens,
    )
