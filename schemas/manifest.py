"""The manifest: what a build consists of, by digest. Canonical JSON, written last.

Nothing in it knows a clock, a host, a path outside the build or the number of workers.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from schemas.errors import BuildInconsistent
from schemas.identity import canonical_json, file_sha256
from schemas.rights import Rights

# 3: root over shards and ledger pieces, and the build before; read as it was written or not at all.
MANIFEST_VERSION = 3
_STRICT = ConfigDict(extra="forbid", defer_build=True)
Count = Annotated[int, Field(ge=0, lt=1 << 53)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# A manifest of 300,000 shards has some 200 MiB; without a bound a file of brackets would fill the memory.
_MOST_BYTES = 256 << 20
_MOST_VALUES = 16_000_000


@dataclass(frozen=True, config=_STRICT)
class FileFacts:
    """A file of the build or of a drop: path relative to it, bytes, SHA-256."""

    path: str
    bytes: Count
    sha256: Digest


@dataclass(frozen=True, config=_STRICT)
class LedgerFacts:
    """A ledger piece: the rows of one partition's documents. `root` is over them (schemas.content)."""

    path: str
    bytes: Count
    sha256: Digest
    rows: Count
    root: Digest


@dataclass(frozen=True, config=_STRICT)
class ShardFacts:
    """One shard. `name` is unique in the build, e.g. "0-train-00003"; rows are documents."""

    name: str
    path: str
    bytes: Count
    sha256: Digest
    rows: Count
    tokens: Count


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
    """What one epoch added: immutable. Ledger piece i holds the documents of shard i, train first."""

    epoch: Count
    train: tuple[ShardFacts, ...]
    validation: tuple[ShardFacts, ...]
    ledger: tuple[LedgerFacts, ...]

    @property
    def shards(self) -> tuple[ShardFacts, ...]:
        """All of its shards: train before validation."""
        return *self.train, *self.validation


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
    root: Digest  # schemas.content.content_root: of what was built, not of what it was built on
    parent: Digest | None = None  # SHA-256 of the manifest of the build this one goes on from or replaces

    @property
    def shards(self) -> tuple[ShardFacts, ...]:
        """All shards of all segments: train before validation."""
        return tuple(shard for segment in self.segments for shard in segment.shards)

    @property
    def files(self) -> tuple[FileFacts | LedgerFacts | ShardFacts, ...]:
        """All files of the build but the manifest and its digest: shards, ledger pieces, the others."""
        ledger = (piece for segment in self.segments for piece in segment.ledger)
        return *self.shards, *ledger, *self.other_files


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest's canonical JSON, with a line end."""
    return canonical_json(manifest) + b"\n"


def manifest_digest(build: Path) -> str:
    """SHA-256 of a build's manifest, by which others name the build; OSError where there is none."""
    return file_sha256(build / "manifest.json")


def digest_line(digest: str) -> bytes:
    """What BUILD/manifest.sha256 holds, for `sha256sum --check`."""
    return f"{digest}  manifest.json\n".encode()


def read_manifest(build: Path) -> Manifest:
    """Read BUILD/manifest.json; raises BuildInconsistent where it is missing or not one.

    Taken is only what `manifest_bytes` writes: no key twice, no number of another kind, no path that leaves
    the build, no more than the bounds above.
    """
    where = f"{build.name}/manifest.json"
    content = _bounded(build / "manifest.json", build.name)
    try:
        manifest = _reader().validate_json(content, strict=True)
        written = manifest_bytes(manifest)
    except (ValueError, RecursionError):
        version = MANIFEST_VERSION
        raise BuildInconsistent(f"{where} is not a manifest of version {version}: build again") from None
    if manifest.version != MANIFEST_VERSION:
        raise BuildInconsistent(
            f"{where} is not a manifest of version {MANIFEST_VERSION} but of {manifest.version}: build again"
        )
    if written != content:
        raise BuildInconsistent(
            f"{where} is not a manifest as it is written (a key twice, blanks, other numbers): take it from "
            "where it was built, or build again"
        )
    for path in _paths(manifest):
        if not _inside(path):
            shown = path[:200] if path.isprintable() else ascii(path[:200])
            raise BuildInconsistent(f"{where}: {shown}: is no path inside the build: build again")
    return manifest


def _bounded(path: Path, name: str) -> bytes:
    """The bytes of a plain file that is no larger than a manifest can be."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BuildInconsistent(f"{name}/manifest.json is no plain file: build again")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise BuildInconsistent(
            f"{name}: no manifest.json, so this is no finished build: run `malmoi build` to its end"
        ) from None
    if len(content) > _MOST_BYTES or sum(map(content.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise BuildInconsistent(
            f"{name}/manifest.json is larger than any manifest ({_MOST_BYTES >> 20} MiB, "
            f"{_MOST_VALUES:,} values): it is not one of ours"
        )
    return content


def _paths(manifest: Manifest) -> Iterator[str]:
    yield from (file.path for file in manifest.files)
    yield from (file.path for drop in manifest.drops for file in drop.files)


def _inside(path: str) -> bool:
    """Whether a path stays below where it starts, in its one form; an absolute one begins with "" here."""
    return "\0" not in path and not {"", ".", ".."}.intersection(path.split("/"))


@cache
def _reader() -> TypeAdapter[Manifest]:
    """Made once a process: that takes longer than reading a manifest."""
    return TypeAdapter(Manifest)
