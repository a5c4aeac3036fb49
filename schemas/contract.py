"""The contract as the build sees it: what a partner delivers, in data sets of a stated kind.

Read from ODCS 3.2 YAML by `pipelines.intake.contracts`; what ODCS has no field for sits in its
`customProperties` under `malmoi.*` (schemas/malmoi-odcs.schema.json).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a data set's texts are: rule sets belong to (kind, language)."""

    WEB = "web"
    DIALOGUE = "dialogue"
    SHORT_POST = "short_post"
    DOCUMENT = "document"
    CODE = "code"
    PARALLEL = "parallel"
    TABLE = "table"


class Format(StrEnum):
    """File formats; compression is told by the file's ending (.gz, .zst)."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"
    WARC = "warc"


class Markup(StrEnum):
    """What the text columns hold: decides what the extract stage does."""

    PLAIN = "plain"
    HTML = "html"
    MARKDOWN = "markdown"


class Delivery(StrEnum):
    """How later drops relate to earlier ones."""

    APPEND = "append"
    UPSERT = "upsert"
    SNAPSHOT = "snapshot"


class Role(StrEnum):
    """What a named column is for. Columns the contract does not name are never read."""

    TEXT = "text"  # joined, in the contract's order, into the document
    KEY = "key"  # identifies the row; part of the document id
    VERSION = "version"  # revision of the key; part of the document id
    LANGUAGE = "language"  # declared language (BCP 47); a hint
    DROP = "drop"  # named so that it is known, and not read


@dataclass(frozen=True)
class Column:
    """One column. `path` has more than one part where text sits in a list: ("turns", "text")."""

    name: str
    role: Role
    logical_type: str  # ODCS logicalType: string, integer, number, boolean, date, timestamp, array, object
    required: bool
    path: tuple[str, ...]


@dataclass(frozen=True)
class DataSet:
    """One ODCS schema object: the files it lies in, how they are read, what its columns mean.

    WARC data sets have the columns url, date and html (the payload, decoded).
    """

    name: str
    kind: Kind
    files: tuple[str, ...]  # globs inside the drop, sorted
    format: Format
    encoding: str  # of text formats: utf-8, cp949, euc-kr, ...
    delimiter: str  # of CSV
    markup: Markup
    join: str  # between text columns and list items
    delivery: Delivery
    languages: tuple[str, ...]  # that the partner declares, ISO 639-1; ("code",) for code
    columns: tuple[Column, ...]
    optional: bool = False  # may be absent from a drop; reported as not delivered either way

    def of_role(self, role: Role) -> tuple[Column, ...]:
        """The columns of one role, in the contract's order."""
        return tuple(column for column in self.columns if column.role is role)


@dataclass(frozen=True)
class Contract:
    """A partner's contract: data sets and the rights they are delivered under."""

    partner: str
    version: str
    digest: str  # fingerprint of the parsed YAML
    data_sets: tuple[DataSet, ...]
    licence: str  # SPDX expression or LicenseRef-*
    purposes: tuple[str, ...]  # sorted; what is not named is not allowed
    starts: str  # ISO date, inclusive
    expires: str  # ISO date, inclusive
    attribution: str
    contact: str
