"""The receipt of a drop, receipt.json: what came, what was refused, under which contract, in which log.

Canonical JSON and a line end, so that both sides sign the same bytes (receipt.sig.json beside it). A proof
shows a partner alone that the log a receipt names has only grown since, and that the drop is in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from schemas.admission import RECEIPT_VERSION, DataSetReceipt, DropFinding, Verdict
from schemas.drop import Period
from schemas.errors import InputUnreadable
from schemas.identity import canonical_json, fingerprint
from schemas.registry import Count, Digest, Head, Signature

PROOF_VERSION = 1
RECEIPT_JSON = "receipt.json"
SIGNATURES_JSON = "receipt.sig.json"
_STRICT = ConfigDict(extra="forbid", defer_build=True)


class Side(StrEnum):
    """Who signs a receipt."""

    CONSORTIUM = "consortium"
    PARTNER = "partner"


@dataclass(frozen=True, config=_STRICT)
class ReceiptContract:
    """The contract that the drop was judged by."""

    version: str
    digest: Digest
    content_digest: Digest
    rules: Digest  # of what decides over rows: `pipelines.intake.contracts.admission_rules`


@dataclass(frozen=True, config=_STRICT)
class ReceiptFile:
    """A file of the drop, as it was read. `rows_sent` is what drop.json said."""

    path: str
    data_set: str
    bytes: Count
    sha256: Digest
    rows_sent: Count | None
    rows_arrived: Count
    documents: Count
    uncompressed_bytes: Count
    quarantined: Mapping[str, Count]  # rows by the Refusal of their first fault


@dataclass(frozen=True, config=_STRICT)
class ReceiptFaults:
    """How many faults were found; `sha256` of faults.parquet, null where none was written."""

    count: Count
    sha256: Digest | None


@dataclass(frozen=True, config=_STRICT)
class Receipt:
    """The whole of receipt.json."""

    version: Literal[3]
    partner: str
    contract: ReceiptContract
    drop: Digest  # `drop_of` its files
    drop_json: bool  # whether the sender's drop.json was there
    period: Period | None
    verdict: Verdict
    findings: tuple[DropFinding, ...]
    merkle_root: Digest  # RFC 6962 over `file_leaf` of every file, in order
    files: tuple[ReceiptFile, ...]  # by path
    data_sets: tuple[DataSetReceipt, ...]
    not_named_by_contract: tuple[str, ...]
    not_delivered: tuple[str, ...]
    faults: ReceiptFaults
    log: Head | None  # of the registry before this drop; null without a registry


@dataclass(frozen=True, config=_STRICT)
class ReceiptSignature:
    """Ed25519 over the bytes of receipt.json."""

    role: Side
    key: Digest
    signature: Signature


@dataclass(frozen=True, config=_STRICT)
class ReceiptSignatures:
    """The whole of receipt.sig.json; one of a role, by role."""

    signatures: tuple[ReceiptSignature, ...]


@dataclass(frozen=True, config=_STRICT)
class Proof:
    """That a log grew from the head of a receipt to a later one, and holds the drop's event (RFC 9162)."""

    version: Literal[1]
    first: Head
    second: Head
    consistency: tuple[Digest, ...]
    event: str  # the bytes of the drop's event file, UTF-8
    inclusion: tuple[Digest, ...]  # of the event, at its sequence, in the tree of `second`


_Form = TypeVar("_Form")
_RECEIPT = TypeAdapter(Receipt)
_SIGNATURES = TypeAdapter(ReceiptSignatures)
_PROOF = TypeAdapter(Proof)


def drop_of(files: Mapping[str, str]) -> str:
    """What a drop is called: the fingerprint of its files' SHA-256 by path, in whatever order they come."""
    return fingerprint([[path, sha256] for path, sha256 in sorted(files.items())])


def file_leaf(file: ReceiptFile) -> bytes:
    """What stands for a file in the receipt's Merkle tree."""
    return canonical_json({"path": file.path, "bytes": file.bytes, "sha256": file.sha256})


def receipt_bytes(receipt: Receipt) -> bytes:
    """The bytes of receipt.json. TypeError or ValueError where a rule's measure has no JSON."""
    return canonical_json(receipt) + b"\n"


def receipt_values(receipt: Receipt) -> dict[str, Any]:
    """The receipt as JSON values."""
    values: dict[str, Any] = json.loads(receipt_bytes(receipt))
    return values


def read_receipt(content: bytes, *, name: str) -> Receipt:
    """A receipt from the bytes of its file. Raises InputUnreadable where they are none of this version."""
    return _read(_RECEIPT, content, name, f"a receipt of version {RECEIPT_VERSION}")


def read_signatures(content: bytes, *, name: str) -> ReceiptSignatures:
    """The signatures beside a receipt. Raises InputUnreadable where they are none."""
    return _read(_SIGNATURES, content, name, "a file of signatures")


def read_proof(content: bytes, *, name: str) -> Proof:
    """A proof from the bytes of its file. Raises InputUnreadable where they are none of this version."""
    return _read(_PROOF, content, name, f"a proof of version {PROOF_VERSION}")


def _read(adapter: TypeAdapter[_Form], content: bytes, name: str, what: str) -> _Form:
    remedy = "ask whoever wrote it for another copy"
    try:
        value = adapter.validate_json(content, strict=True)
    except ValidationError as error:
        places = {".".join(map(str, found["loc"])) for found in error.errors(include_input=False)} - {""}
        where = f" ({', '.join(sorted(places)[:5])})" if places else ""
        raise InputUnreadable(f"{name}: is not {what}{where}: {remedy}") from None
    if canonical_json(value) + b"\n" != content:
        raise InputUnreadable(f"{name}: is not as it was written: {remedy}")
    return value
