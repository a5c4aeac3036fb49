"""A request to take documents down: YAML or JSON, written by whoever received it.

    request: 2026-017            # its number in the house
    asked_by: privacy desk of partner_a
    notice: "2026-11-24"         # the day on which it came
    reason: data_subject
    scope: rights                # these rows of this partner; content: whoever holds the text
    documents: [0123456789abcdef0123456789abcdef]
    rows: [{partner: krafton, data_set: reviews, keys: [r-17]}]

All that is named goes. The request itself, names and texts in it, enters neither registry nor certificate.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from schemas.registry import Day, Partner

_STRICT = ConfigDict(extra="forbid", strict=True, defer_build=True)
DocumentId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Value = Annotated[str, Field(min_length=1)]


class Scope(StrEnum):
    """How far a takedown goes."""

    RIGHTS = "rights"  # these documents; another partner's copy that lost to them may now be kept
    CONTENT = "content"  # all that is nearly the same text too, in this build and in every later one


class Why(StrEnum):
    """Why somebody may ask."""

    DATA_SUBJECT = "data_subject"  # a person, about data of their own
    RIGHTS_HOLDER = "rights_holder"
    PARTNER = "partner"
    CONTRACT_ENDED = "contract_ended"
    AUTHORITY = "authority"  # a court, a regulator
    OTHER = "other"


@dataclass(frozen=True, config=_STRICT)
class Subjects:
    """Persons by the keyed pseudonyms under which a partner delivers them."""

    partner: Partner
    keys: Annotated[tuple[Value, ...], Field(min_length=1)]


@dataclass(frozen=True, config=_STRICT)
class Rows:
    """Rows by their key; of several key columns a list each. Every version of a key is meant."""

    partner: Partner
    data_set: Value
    keys: Annotated[
        tuple[Value | Annotated[tuple[Value, ...], Field(min_length=1)], ...], Field(min_length=1)
    ]

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """Each key as the texts of its columns."""
        return tuple((key,) if isinstance(key, str) else key for key in self.keys)


@dataclass(frozen=True, config=_STRICT)
class TakedownRequest:
    """What is to leave, who asked, and when."""

    request: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]  # its number in the house
    asked_by: Value
    notice: Day
    reason: Why
    scope: Scope = Scope.RIGHTS
    documents: tuple[DocumentId, ...] = ()
    subjects: tuple[Subjects, ...] = ()
    rows: tuple[Rows, ...] = ()
    texts: tuple[Value, ...] = ()
    domains: tuple[Value, ...] = ()
    contract: Partner | None = None  # all of a partner's documents
    effective: Day | None = None  # builds that judge rights on an earlier day keep them; null: none does

    @property
    def empty(self) -> bool:
        """Whether nothing is named."""
        named = (self.documents, self.subjects, self.rows, self.texts, self.domains, self.contract)
        return not any(named)


CERTIFICATE_VERSION = 1
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_LOOSE = ConfigDict(extra="forbid", defer_build=True)


class State(StrEnum):
    """What became of a text in one place."""

    ERASED = "erased"
    KEPT = "kept"
    OUTSIDE = "outside"  # not ours to destroy, or not within reach


@dataclass(frozen=True, config=_LOOSE)
class Asked:
    """One way in which the request named documents, and how many were found that way."""

    what: str
    asked: int
    documents: int


@dataclass(frozen=True, config=_LOOSE)
class Gone:
    """A document that left: it was kept, and is no more."""

    doc_id: DocumentId
    partner: str
    data_set: str
    drop: str
    shard: str
    tokens: int
    ledger: str  # the part of the new build's ledger that says so, by path
    proof: str | None = (
        None  # that it is not kept, as `malmoi prove` writes it; of the first PROVEN documents
    )


@dataclass(frozen=True, config=_LOOSE)
class CameBack:
    """A document that is kept now, as the one that it lost to has left."""

    doc_id: DocumentId
    partner: str
    data_set: str
    shard: str
    tokens: int


@dataclass(frozen=True, config=_LOOSE)
class ShardChange:
    """A shard before and after."""

    name: str
    path: str
    before: Sha256
    after: Sha256
    rows_before: int
    rows_after: int
    tokens_before: int
    tokens_after: int


@dataclass(frozen=True, config=_LOOSE)
class BuildName:
    """A build by what it is."""

    name: str
    identity: Sha256
    manifest: Sha256  # of manifest.json


@dataclass(frozen=True, config=_LOOSE)
class Place:
    """Where a text lay, and what became of it there. `path` is relative to what `kind` names."""

    kind: str  # drop, staging, quarantine, index, build, registry, outside
    path: str
    state: State
    why: str
    sha256: Sha256 | None = None  # of what lies there now, where something does


@dataclass(frozen=True, config=_LOOSE)
class Certificate:
    """What was asked, what was found, what left. Canonical JSON; ids, numbers and digests, no text."""

    version: int
    request: str
    reason: str
    scope: str
    notice: str
    deadline: str
    on: str  # the day on which it was carried out
    asked: tuple[Asked, ...]
    unknown: tuple[str, ...]  # documents that were named and are not in the build
    parent: BuildName
    child: BuildName
    gone: tuple[Gone, ...]
    dropped_before: int  # documents that were named and were in no shard already
    came_back: tuple[CameBack, ...]
    fell: tuple[DocumentId, ...]  # kept before, and now a copy of one that came back
    shards: tuple[ShardChange, ...]
    ledger: dict[str, Sha256]  # the parts of the new build's ledger that speak of those who left, by path
    event: Sha256 | None  # in the registry; null where the build has none
    places: tuple[Place, ...] = ()
