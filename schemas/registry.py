"""The registry: an append-only log of what happened, one file an event, and what its head says of it.

REGISTRY/registry.json                         version and public key
REGISTRY/events/0000000000.json                one `Event`: canonical JSON and a line end
REGISTRY/drops/<partner>/<drop16>/...          what admission left of a drop (`drop_directory`)
REGISTRY/suppressed/<request32>.arrow          what a takedown of content keeps out, as keyed fingerprints
REGISTRY.key/{signing.pem, secret}             apart from the log; --key names another directory
REGISTRY.key/drops/<drop>                      the key of a drop's leaves: without it they say nothing
REGISTRY.key/takedowns/<request32>.json        the documents of a takedown, by drop
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
Leaf = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Partner = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$", max_length=200)
]  # names a directory
Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Words = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=500)]  # one line, not empty


class EventType(StrEnum):
    """What can happen."""

    CONTRACT_APPROVED = "contract_approved"
    DROP_ADMITTED = "drop_admitted"
    EPOCH_SEALED = "epoch_sealed"
    DROP_WITHDRAWN = "drop_withdrawn"
    TAKEDOWN = "takedown"
    TAKEDOWN_DONE = "takedown_done"
    BUILD_APPROVED = "build_approved"
    BUILD_RELEASED = "build_released"
    BUILD_WITHDRAWN = "build_withdrawn"
    TRAINING_RECORDED = "training_recorded"
    LOOKED = "looked"
    KEY_NAMED = "key_named"


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
    """Documents leave what is built. Which ones is said beside the registry's key: here are keyed digests."""

    request: Digest  # of the request, under the registry's secret
    scope: str  # schemas.takedown.Scope
    reason: str  # schemas.takedown.Why
    notice: Day
    deadline: Day  # notice and the shortest notice of the contracts concerned
    effective: Day | None  # builds that judge rights on an earlier day keep them; null: none does
    leaves: Mapping[Digest, tuple[Leaf, ...]]  # by drop: its documents under the drop's own key, sorted
    suppressed: Digest | None  # SHA-256 of the fingerprints that are kept out; null: of scope rights


@dataclass(frozen=True, config=_STRICT)
class TakedownDone:
    """A takedown was carried out on a build; what it left has a certificate."""

    request: Digest
    identity: Digest  # of the new build
    manifest: Digest  # SHA-256 of its manifest.json
    certificate: Digest  # SHA-256 of certificate.json


class ReleaseRole(StrEnum):
    """Who has to approve a build before it leaves the house; each with a key of their own."""

    DATA_LEAD = "data_lead"
    COUNSEL = "counsel"


@dataclass(frozen=True, config=_STRICT)
class KeyNamed:
    """Whose key approves builds for a role, from a day and before another; of a key the last word counts."""

    role: ReleaseRole
    name: Words
    key: Digest
    since: Day
    until: Day | None  # from which on it approves nothing more; null: it goes on
    signer: Digest  # of the role's first key the registry, of all later ones a key that stands for it
    signed: Signature  # the signer's, over `key_message`


@dataclass(frozen=True, config=_STRICT)
class BuildApproved:
    """Somebody approved a build; until both roles have, it is a candidate."""

    identity: Digest
    manifest: Digest  # SHA-256 of manifest.json
    role: ReleaseRole
    by: Words
    on: Day
    key: Digest  # whose signature it is
    signed: Signature  # over `release_message`


@dataclass(frozen=True, config=_STRICT)
class BuildReleased:
    """A build left the house. It was approved by both roles, and is frozen."""

    identity: Digest
    manifest: Digest  # SHA-256 of manifest.json


@dataclass(frozen=True, config=_STRICT)
class BuildWithdrawn:
    """A released build is taken back: nobody is to train on it any more."""

    identity: Digest
    manifest: Digest
    reason: Words
    on: Day


@dataclass(frozen=True, config=_STRICT)
class TrainingRecorded:
    """A model was trained on steps of a build; settings are those of `open_loader`, which give its order."""

    model: Words
    manifest: Digest  # SHA-256 of manifest.json
    first_step: Count
    last_step: Count  # inclusive
    order: Digest  # `Order.identity`
    seed: int
    batch: Count | None
    sequence_length: Count | None  # null: the stages of the recipe
    packing: Words
    split: Words
    withdrawn: Digest | None  # list of documents whose loss was masked
    left_out: Digest | None  # list of documents that were not there at all


@dataclass(frozen=True, config=_STRICT)
class Looked:
    """A person was about to look at raw text. Which rows, by id or position; never what they say."""

    who: Words  # the login that the system knows
    why: Words
    command: Words
    of: Words  # build, drop or input that was looked at
    rows: tuple[Annotated[str, Field(max_length=1 << 20)], ...]  # document ids, or FILE:FIRST-LAST,ROW,...


Body = (
    ContractApproved
    | DropAdmitted
    | EpochSealed
    | DropWithdrawn
    | Takedown
    | TakedownDone
    | BuildApproved
    | BuildReleased
    | BuildWithdrawn
    | TrainingRecorded
    | Looked
    | KeyNamed
)
BODIES: dict[EventType, type[Body]] = {
    EventType.CONTRACT_APPROVED: ContractApproved,
    EventType.DROP_ADMITTED: DropAdmitted,
    EventType.EPOCH_SEALED: EpochSealed,
    EventType.DROP_WITHDRAWN: DropWithdrawn,
    EventType.TAKEDOWN: Takedown,
    EventType.TAKEDOWN_DONE: TakedownDone,
    EventType.BUILD_APPROVED: BuildApproved,
    EventType.BUILD_RELEASED: BuildReleased,
    EventType.BUILD_WITHDRAWN: BuildWithdrawn,
    EventType.TRAINING_RECORDED: TrainingRecorded,
    EventType.LOOKED: Looked,
    EventType.KEY_NAMED: KeyNamed,
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

    def stands(self, day: str) -> bool:
        """Whether builds that judge rights on an ISO day may still have it."""
        return self.withdrawn_effective is None or self.withdrawn_effective > day


@dataclass(frozen=True, order=True, config=_STRICT)
class RecordFinding:
    """Something that a registry or a receipt says and that is not so: which check, where, what it saw."""

    check: str  # registry: events, signatures, rules, receipts, heads; receipt: form, counts, ..., proof
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: {self.message}"


def release_message(manifest: str, identity: str, role: ReleaseRole, by: str, on: str) -> bytes:
    """The bytes that an approval of a build is a signature over."""
    said = {"manifest": manifest, "identity": identity, "role": role, "by": by, "on": on}
    return b"malmoi build approval 1\n" + canonical_json(said)


def key_message(role: ReleaseRole, name: str, key: str, since: str, until: str | None) -> bytes:
    """The bytes that whoever names a key for a role signs."""
    said = {"role": role, "name": name, "key": key, "since": since, "until": until}
    return b"malmoi role key 1\n" + canonical_json(said)


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
