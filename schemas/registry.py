"""The registry: an append-only log of what happened, one file an event, and what its head says of it.

REGISTRY/registry.json                         version and public key
REGISTRY/events/0000000000.json                one `Event`: canonical JSON and a line end
REGISTRY/drops/<partner>/<drop16>/...          what admission left of a drop (`drop_directory`)
REGISTRY.key/{signing.pem, secret}             apart from the log; --key names another directory
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from schemas.identity import canonical_json

REGISTRY_VERSION = 1
START = "0" * 64  # what the first event has for `previous`
_STRICT = ConfigDict(extra="forbid", strict=True, defer_build=True)
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]  # UTC
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Signature = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
Partner = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$", max_length=200)
]  # names a directory
Count = Annotated[int, Field(ge=0, lt=1 << 63)]


class EventType(StrEnum):
    """What can happen."""

    CONTRACT_APPROVED = "contract_approved"
    DROP_ADMITTED = "drop_admitted"
    EPOCH_SEALED = "epoch_sealed"
    DROP_WITHDRAWN = "drop_withdrawn"
    TAKEDOWN = "takedown"
    BUILD_RELEASED = "build_released"


class AdmittedAs(StrEnum):
    """The verdicts under which a drop is in the registry; a refused drop is no event."""

    ADMITTED = "admitted"
    ADMITTED_WITH_QUARANTINE = "admitted with quarantine"


@dataclass(frozen=True, config=_STRICT)
class ContractApproved:
    """Somebody approved a contract's content; `key` signed it."""

    partner: Partner
    version: str
    content_digest: Digest  # Contract.content_digest
    by: str
    on: Day
    key: Digest


@dataclass(frozen=True, config=_STRICT)
class DropAdmitted:
    """A drop came in. (partner, drop) is there once, however often it is handed in."""

    partner: Partner
    drop: Digest  # fingerprint of its files: Receipt.drop
    contract: Digest  # Contract.digest
    content_digest: Digest
    receipt: Digest  # SHA-256 of receipt.json
    verdict: AdmittedAs
    data_sets: Mapping[str, Mapping[str, Count]]  # counts (rows, documents, quarantined, ...) by data set
    notice_days: Count  # of the contract: between a withdrawal's notice and its effect


@dataclass(frozen=True, config=_STRICT)
class EpochSealed:
    """Closes an epoch: it holds the drops admitted since the seal before. Numbered from 0 without a gap."""

    epoch: Count


@dataclass(frozen=True, config=_STRICT)
class DropWithdrawn:
    """The partner takes a drop back: builds of the day `effective` and later do without it."""

    partner: Partner
    drop: Digest
    notice: Day
    effective: Day  # notice and the contract's notice days


@dataclass(frozen=True, config=_STRICT)
class Takedown:
    """Documents leave what is built from the day `effective` on."""

    documents: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")], ...]  # document ids, sorted
    reason: str
    notice: Day
    effective: Day


@dataclass(frozen=True, config=_STRICT)
class BuildReleased:
    """A build left the house."""

    identity: Digest
    manifest: Digest  # SHA-256 of manifest.json


Body = ContractApproved | DropAdmitted | EpochSealed | DropWithdrawn | Takedown | BuildReleased
BODIES: dict[EventType, type[Body]] = {
    EventType.CONTRACT_APPROVED: ContractApproved,
    EventType.DROP_ADMITTED: DropAdmitted,
    EventType.EPOCH_SEALED: EpochSealed,
    EventType.DROP_WITHDRAWN: DropWithdrawn,
    EventType.TAKEDOWN: Takedown,
    EventType.BUILD_RELEASED: BuildReleased,
}


@dataclass(frozen=True, config=_STRICT)
class Event:
    """One file of the log. Its `digest` (RFC 6962 leaf hash of the file's bytes) is not in it."""

    sequence: Count  # from 0 without a gap: its leaf in the tree of the log
    type: EventType
    at: Moment
    previous: Digest  # of the event before, START of the first
    body: Body
    signature: Signature  # the registry's, over `signed_bytes`
    digest: Digest


@dataclass(frozen=True, config=_STRICT)
class Head:
    """What the log was at a size. Whoever keeps one can check later that the log only grew."""

    size: Count
    root: Digest  # RFC 6962 over the events' bytes
    key: Digest
    signature: Signature  # over `head_message`


@dataclasses.dataclass(frozen=True)
class AdmittedDrop:
    """A drop that is in the registry. `receipt` is the path of its receipt.json."""

    partner: str
    drop: str
    epoch: int | None  # None: not sealed yet
    receipt: Path
    withdrawn_effective: str | None  # ISO day from which on builds do without it
    contract: str
    content_digest: str
    notice_days: int


@dataclass(frozen=True, order=True, config=_STRICT)
class RecordFinding:
    """Something that a registry or a receipt says and that is not so: which check, where, what it saw."""

    check: str  # registry: events, signatures, rules, receipts, heads; receipt: form, counts, ..., proof
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: {self.message}"


def head_message(size: int, root: str) -> bytes:
    """The bytes that a head's signature is over."""
    return f"malmoi registry head 1\n{size}\n{root}".encode()


def signed_bytes(event: Event) -> bytes:
    """The bytes that an event's signature is over: a title and its canonical JSON without the signature."""
    return b"malmoi registry event 1\n" + canonical_json(_content(event))


def event_bytes(event: Event) -> bytes:
    """The bytes of an event's file."""
    return canonical_json({**_content(event), "signature": event.signature}) + b"\n"


def _content(event: Event) -> dict[str, object]:
    return {
        "sequence": event.sequence,
        "type": event.type.value,
        "at": event.at,
        "previous": event.previous,
        "body": event.body,
    }


def drop_directory(registry: Path, *, partner: str, drop: str, again: str = "") -> Path:
    """Where a drop's receipt, faults, quarantine, keys and report lie.

    again: the digest of the contract by which it was judged anew; what was said of it before stays.
    """
    return registry / "drops" / partner / (f"{drop[:16]}-{again[:8]}" if again else drop[:16])
