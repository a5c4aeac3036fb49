"""What a run tells of itself to receivers of OpenLineage: plain facts, without paths, text or hosts.

`pipelines.lineage.openlineage` makes events of them; `pipelines.engine.told` fills them in from a plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Fields = tuple[tuple[str, str, str], ...]  # name, type, what it is


@dataclass(frozen=True)
class FieldOrigin:
    """A column of what is written, and the column of what was read that it comes from."""

    field: str
    source: str  # name of the data set
    source_field: str
    subtype: str  # IDENTITY, TRANSFORMATION or AGGREGATION of OpenLineage's transformations
    description: str
    masking: bool = False  # personal data in it is replaced, or it is a digest


@dataclass(frozen=True)
class Asset:
    """A data set of OpenLineage, read or written; None where a number is not known (yet)."""

    name: str
    version: str
    fields: Fields = ()
    rows: int | None = None
    bytes: int | None = None
    files: int | None = None
    rights: Mapping[str, object] | None = None  # of the contract: see malmoi-openlineage.schema.json
    origins: tuple[FieldOrigin, ...] = ()
    filtered_by: tuple[tuple[str, str], ...] = ()  # (data set, column) that decide which rows there are


@dataclass(frozen=True)
class JobFacts:
    """A build, or one of its stages. `source` is the code that says what it does."""

    name: str
    description: str
    source: str
    inputs: tuple[Asset, ...]
    outputs: tuple[Asset, ...]


@dataclass(frozen=True)
class CodeFacts:
    """What ran: a build's identity, versions of the code, packages and models. No host, no path."""

    identity: str
    date: str
    stage_versions: Mapping[str, int]
    models: Mapping[str, str]
    lock: str
    engine: str  # Beam's version


@dataclass(frozen=True)
class Moment:
    """One event of a job: what happened, when, and how far it is."""

    kind: str  # START, RUNNING, COMPLETE, FAIL, ABORT
    at: float  # seconds since 1970, UTC
    statistics: Mapping[str, int] = field(default_factory=dict)
    error: str = ""  # of FAIL: a sentence without text
