"""The manifest: what a build consists of, by digest. Canonical JSON, written last.

Nothing in it knows a clock, a host, a path outside the build or the number of workers.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from schemas.errors import BuildInconsistent
from schemas.identity import canonical_json
from schemas.rights import Rights

MANIFEST_VERSION = 2
_STRICT = ConfigDict(extra="forbid", defer_build=True)


@dataclass(frozen=True, config=_STRICT)
class FileFacts:
    """A file of the build or of a drop: path relative to it, bytes, SHA-256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, config=_STRICT)
class ShardFacts:
    """One shard. `name` is unique in the build, e.g. "0-train-00003"; rows are documents."""

    name: str
    path: str
    bytes: int
    sha256: str
    rows: int
    tokens: int


@dataclass(frozen=True, config=_STRICT)
class ContractFacts:
    """The contract a partner's documents stand under."""

    partner: str
    version: str
    digest: str
    rights: Rights


@dataclass(frozen=True, config=_STRICT)
class Excluded:
    """A contract left out whole, and why: every reason, separated by semicolons."""

    partner: str
    reason: str


@dataclass(frozen=True, config=_STRICT)
class DropFacts:
    """A drop that the build was made from. `drop` is the beginning of its digest, as in the ledger."""

    partner: str
    drop: str
    digest: str  # fingerprint of [[path, SHA-256], ...]
    epoch: int
    files: tuple[FileFacts, ...]


@dataclass(frozen=True, config=_STRICT)
class DataSetFacts:
    """The balance of one data set: rows_arrived == documents + quarantined; documents == kept + dropped."""

    partner: str
    data_set: str
    kind: str
    rows_sent: int | None  # said by drop.json; null where the drop has none
    rows_arrived: int
    quarantined: dict[str, int]  # by Refusal
    documents: int
    kept: int
    dropped: dict[str, int]  # by "stage/reason"
    bytes: int  # uncompressed bytes read
    tokens: int
    pii: dict[str, int]  # replaced spans in kept documents, by class


@dataclass(frozen=True, config=_STRICT)
class Segment:
    """What one epoch added: immutable."""

    epoch: int
    train: tuple[ShardFacts, ...]
    validation: tuple[ShardFacts, ...]
    ledger: tuple[FileFacts, ...]


@dataclass(frozen=True, config=_STRICT)
class TokenizerFacts:
    """The tokenizer the shards were made with."""

    name: str
    sha256: str
    vocabulary: int
    end_of_document: int
    begin_of_document: int | None = None  # before every document, where the recipe wants one


@dataclass(frozen=True, config=_STRICT)
class Manifest:
    """A whole build."""

    version: int
    recipe: dict[str, object]
    date: str
    identity: (
        str  # fingerprint of everything that decides the content: recipe, contracts, drops, code, models
    )
    stage_versions: dict[str, int]
    models: dict[str, str]  # SHA-256 by name
    runtime: dict[str, str]  # versions of the packages that shape bytes, and the lock's digest
    contracts: tuple[ContractFacts, ...]
    excluded: tuple[Excluded, ...]
    warnings: tuple[str, ...]  # of contracts that end soon, and what a contract asks and nothing here does
    drops: tuple[DropFacts, ...]  # by epoch, partner and digest
    data_sets: tuple[DataSetFacts, ...]
    tokenizer: TokenizerFacts
    segments: tuple[Segment, ...]
    other_files: tuple[FileFacts, ...]  # receipts, report, dataset_info, state

    @property
    def shards(self) -> tuple[ShardFacts, ...]:
        """All shards of all segments: train before validation."""
        return tuple(shard for segment in self.segments for shard in (*segment.train, *segment.validation))


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest's canonical JSON, with a line end."""
    return canonical_json(manifest) + b"\n"


def read_manifest(build: Path) -> Manifest:
    """Read BUILD/manifest.json; raises BuildInconsistent where it is missing or not one."""
    path = build / "manifest.json"
    try:
        return _reader().validate_json(path.read_bytes())
    except FileNotFoundError:
        raise BuildInconsistent(
            f"{build.name}: no manifest.json, so this is no finished build: run `malmoi build` to its end"
        ) from None
    except ValueError:
        raise BuildInconsistent(
            f"{build.name}/manifest.json is not a manifest of version {MANIFEST_VERSION}: build again"
        ) from None


@cache
def _reader() -> TypeAdapter[Manifest]:
    """Made once a process: that takes longer than reading a manifest."""
    return TypeAdapter(Manifest)
