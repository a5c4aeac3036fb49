"""drop.json: what the sender says a drop consists of. Written last: a drop without it is not complete."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

DROP_VERSION = 1
DROP_JSON = "drop.json"
PART = ".part"  # a file that ends in it is still being written, and is not there
_STRICT = ConfigDict(extra="forbid", defer_build=True)
_Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, config=_STRICT)
class SentFile:
    """A file as it was sent; path is POSIX and relative to the drop."""

    path: str
    bytes: Annotated[int, Field(ge=0)]
    rows: Annotated[int, Field(ge=0)]
    sha256: _Sha256


@dataclass(frozen=True, config=_STRICT)
class SentContract:
    """Under which contract the drop was made."""

    version: str
    content_digest: _Sha256 | None = None  # of the contract without its approvals


@dataclass(frozen=True, config=_STRICT)
class Period:
    """The days that the data is of, both inclusive."""

    first: _Day
    last: _Day


@dataclass(frozen=True, config=_STRICT)
class DropSignature:
    """The partner's Ed25519 signature over the canonical JSON of drop.json without it."""

    key: str
    signature: str


@dataclass(frozen=True, config=_STRICT)
class DropManifest:
    """The whole of drop.json."""

    version: int
    partner: str
    contract: SentContract
    period: Period | None
    files: tuple[SentFile, ...]
    subject_key_id: str | None = None  # names the partner's key (never the key) that columns were keyed with
    signature: DropSignature | None = None
