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
