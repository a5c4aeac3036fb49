"""A proof about one document or one shard, for whoever holds nothing of the build but its root.

Ids, digests and counts; no text. Canonical JSON and a line end, so that a proof has one form.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from schemas.errors import InputUnreadable
from schemas.identity import canonical_json
from schemas.manifest import Count, Digest

_STRICT = ConfigDict(extra="forbid", strict=True, defer_build=True)
_MOST_BYTES = 64 << 20
Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{64})+$")]
Said = Literal["kept", "dropped", "absent"]
Siblings = Annotated[tuple[Digest, ...], Field(max_length=64)]  # siblings from the leaf up


@dataclass(frozen=True, config=_STRICT)
class Leaf:
    """A leaf of the content tree (schemas.content), as its text, and its siblings."""

    text: Annotated[str, Field(max_length=1 << 20)]
    path: Siblings


@dataclass(frozen=True, config=_STRICT)
class Neighbours:
    """Leaves of a ledger piece that stand side by side around a document id: their records, hexadecimal."""

    piece: Leaf
    first: Count  # which leaf of the piece the first is
    records: tuple[Hex, ...]
    paths: tuple[Siblings, ...]


@dataclass(frozen=True, config=_STRICT)
class DocumentProof:
    """What became of a document in every epoch, or that no epoch has it."""

    kind: Literal["document"]
    version: Literal[1]
    root: Digest
    document: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    says: Said
    head: Leaf
    pieces: tuple[Neighbours, ...]  # of every epoch: train, validation


@dataclass(frozen=True, config=_STRICT)
class ShardProof:
    """That a shard of these bytes is part of the build."""

    kind: Literal["shard"]
    version: Literal[1]
    root: Digest
    shard: str
    head: Leaf
    leaf: Leaf


BuildProof = DocumentProof | ShardProof
_PROOF: TypeAdapter[BuildProof] = TypeAdapter(Annotated[BuildProof, Field(discriminator="kind")])


def proof_bytes(proof: BuildProof) -> bytes:
    """The bytes of a proof's file."""
    return canonical_json(proof) + b"\n"


def read_build_proof(content: bytes, *, name: str) -> BuildProof:
    """A proof from the bytes of its file; InputUnreadable where they are none as `proof_bytes` writes it."""
    proof = _parsed(content) if len(content) <= _MOST_BYTES else None
    if proof is None or proof_bytes(proof) != content:
        raise InputUnreadable(f"{name}: is no proof as `malmoi prove` writes it: ask for another copy")
    return proof


def _parsed(content: bytes) -> BuildProof | None:
    try:
        return _PROOF.validate_json(content, strict=True)
    except (ValidationError, ValueError, RecursionError):
        return None
