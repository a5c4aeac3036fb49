"""The contract as the build sees it: what a partner delivers, and what may be done with it.

Read from ODCS 3.2 YAML by `pipelines.intake.contracts`; what ODCS has no field for sits in its
`customProperties` under `malmoi.*` (schemas/malmoi-odcs.schema.json). Rights are in `schemas.rights`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.rights import Rights


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

    APPEND = "append"  # rows are added; a key never comes twice
    UPSERT = "upsert"  # of a key, the newest version counts and withdraws the older
    SNAPSHOT = "snapshot"  # a drop replaces the one before it: what it lacks is withdrawn


class Role(StrEnum):
    """What a named column is for. Columns the contract does not name are never read."""

    TEXT = "text"  # joined, in the contract's order, into the document
    KEY = "key"  # identifies the row; part of the document id
    VERSION = "version"  # revision of the key; part of the document id
    LANGUAGE = "language"  # declared language (BCP 47); a hint
    SUBJECT = "subject"  # the person, keyed by the partner: finds a person's documents, joins nothing
    TOMBSTONE = "tombstone"  # true: the partner takes this key back
    LICENCE = "licence"  # SPDX expression of the row; narrows the contract's
    URL = "url"  # where the row was found; opt-outs go by its host
    CRAWL_DATE = "crawl_date"  # when it was found; without one the row is not used
    ORIGIN = "origin"  # people, machine or mixed; narrows the data set's
    SEED = "seed"  # key(s) of the documents that a synthetic text was made from
    SPEAKER = "speaker"  # who speaks the text beside it, in a list of turns
    OTHER = "other"  # nothing to the build: its policy says where it stops


class Policy(StrEnum):
    """What becomes of a column that is not text, before it leaves the partner."""

    DROP = "drop"  # not delivered; of a raw delivery, not read
    KEEP = "keep"  # delivered as it is
    KEY = "key"  # delivered as a digest under the partner's key
    GENERALISE = "generalise"  # delivered on a grid, or by the hour
    FORBID = "forbid"  # a drop that has it is refused


class DeliveredAs(StrEnum):
    """In which state the partner hands rows over."""

    RAW = "raw"  # as the partner has them: policies act by not reading
    PSEUDONYMISED = "pseudonymised"  # through `malmoi prepare`: policies were carried out at the partner


class Severity(StrEnum):
    """What a broken quality rule does."""

    ERROR = "error"  # the drop is refused
    WARNING = "warning"  # it is reported


@dataclass(frozen=True)
class Limits:
    """What ODCS says of a column's values; None and () say nothing.

    minimum and maximum are numbers, or dates as text for date and timestamp columns.
    """

    unique: bool = False
    pattern: str | None = None  # RE2 syntax, matched against the whole value
    min_length: int | None = None  # code points
    max_length: int | None = None
    minimum: float | int | str | None = None
    maximum: float | int | str | None = None
    exclusive_minimum: float | int | str | None = None
    exclusive_maximum: float | int | str | None = None
    multiple_of: float | int | None = None
    min_items: int | None = None
    max_items: int | None = None
    date_format: str | None = None  # of text that holds dates: JDK pattern as in ODCS, "yyyy-MM-dd"
    enum: tuple[str | int | float | bool, ...] = ()


@dataclass(frozen=True)
class Column:
    """One column. `path` has more than one part where text sits in a list: ("turns", "text")."""

    name: str
    role: Role
    logical_type: str  # ODCS logicalType: string, integer, number, boolean, date, timestamp, array, object
    required: bool
    path: tuple[str, ...]
    policy: Policy = Policy.KEEP
    grid: float | None = None  # of GENERALISE: a number's step, in its own unit (degrees)
    clock: str | None = None  # of GENERALISE: hour, day or month
    limits: Limits = Limits()


@dataclass(frozen=True)
class QualityRule:
    """One ODCS quality rule of a data set or column."""

    name: str  # its id or name, or "<data set>.<column>#<number>"
    type: str  # library, sql, text
    severity: Severity
    column: str | None  # dotted, None for the data set
    metric: str | None  # of library: nullValues, missingValues, invalidValues, duplicateValues, rowCount
    query: str | None  # of sql
    operator: str | None  # mustBe, mustBeLessThan, ...; None for text
    value: tuple[float | int | str | bool, ...]  # what it compares with: two for the ...Between
    unit: str  # rows or percent
    arguments: tuple[
        tuple[str, tuple[str, ...]], ...
    ]  # of library: missingValues, validValues, pattern, properties
    description: str


@dataclass(frozen=True)
class Expected:
    """A range that a service level expects, both ends inclusive; None is open."""

    least: float | None
    most: float | None


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
    max_quarantined: float = 0.0  # share of the rows that may be refused before the drop is
    row_licences: tuple[str, ...] = ()  # SPDX expressions that the licence column may have
    origin: str = ""  # people, machine, mixed; "" is unknown
    machine_terms: str = ""  # of a machine's text: allowed or forbidden by its terms; "" is unknown
    quality: tuple[QualityRule, ...] = ()
    rows_expected: Expected | None = None  # in one drop
    languages_expected: tuple[tuple[str, Expected], ...] = ()  # shares of a drop's rows, by language
    pii_policy: tuple[tuple[str, str], ...] = ()  # (class, remove | surrogate | keep), of the contract
    absent_identifiers: tuple[str, ...] = ()  # classes that may not occur at all, of the contract

    def of_role(self, role: Role) -> tuple[Column, ...]:
        """The columns of one role, in the contract's order."""
        return tuple(column for column in self.columns if column.role is role)

    @property
    def has_turns(self) -> bool:
        """Whether its texts are dialogues whose turns the contract joins: a list, or several columns."""
        texts = self.of_role(Role.TEXT)
        listed = any(len(column.path) > 1 or column.logical_type == "array" for column in texts)
        return self.kind is Kind.DIALOGUE and (listed or len(texts) > 1)

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers of its turns, where the contract lists them."""
        return tuple(str(value) for column in self.of_role(Role.SPEAKER) for value in column.limits.enum)


@dataclass(frozen=True)
class ServiceLevel:
    """When drops come: how many days apart, and how many days late they may be."""

    every_days: int
    late_days: int


@dataclass(frozen=True)
class Approval:
    """Who approved what: an Ed25519 signature over the digest of the contract without its approvals."""

    by: str
    on: str  # ISO date
    digest: str  # `Contract.content_digest` at the time, 64 hexadecimal digits
    key: str  # the public key, 64 hexadecimal digits
    signature: str  # 128 hexadecimal digits, over `approval_message`


@dataclass(frozen=True)
class Contract:
    """A partner's contract: data sets and the rights they are delivered under."""

    partner: str
    version: str
    status: str  # proposed, draft, active, deprecated, retired
    digest: str  # fingerprint of the parsed YAML
    content_digest: str  # the same without approvals: what an approval signs
    data_sets: tuple[DataSet, ...]
    rights: Rights
    delivered_as: DeliveredAs
    quarantine_days: int  # how long refused rows are kept for mending
    service: ServiceLevel | None
    approvals: tuple[Approval, ...]

    def data_set(self, name: str) -> DataSet:
        """The data set of a name."""
        return next(data_set for data_set in self.data_sets if data_set.name == name)
