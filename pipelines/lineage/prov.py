"""A trace as W3C PROV: entities, activities, agents and how they stand to each other, in PROV-JSON.

PROV-DM (W3C Recommendation, 2013) for the terms, PROV-JSON (W3C Member Submission, 2013) for the form. Names
are digests and ids; nothing has a time, so that the same build gives the same document.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from pipelines.lineage.trace import Trace
from pipelines.lineage.verdicts import ADMISSION, TOKENISE, Relatives, Verdict
from schemas.manifest import Manifest, manifest_digest

_OURS = "malmoi"
_NAMESPACE = "urn:malmoi:"

Attributes = dict[str, Any]


class _Record:
    """What is being written: PROV-JSON's objects by kind, relations with names of their own."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict[str, Attributes]] = {}
        self._numbers: Counter[str] = Counter()

    def put(self, kind: str, name: str, prov_type: str | None = None, /, **facts: Any) -> str:
        """An entity, activity or agent; its qualified name."""
        attributes = {} if prov_type is None else {"prov:type": _name(prov_type)}
        attributes |= {f"{_OURS}:{key}": _value(value) for key, value in facts.items() if value is not None}
        self.kinds.setdefault(kind, {})[name] = attributes
        return name

    def relate(self, kind: str, **ends: str) -> None:
        """A relation between two things, by its ends."""
        self._numbers[kind] += 1
        named = {f"prov:{end}": name for end, name in ends.items()}
        self.kinds.setdefault(kind, {})[f"_:{kind}{self._numbers[kind]}"] = named


def prov_document(build: Path, manifest: Manifest, trace: Trace, near: Relatives) -> Attributes:
    """The PROV-JSON of one document's trace: from the contract and the drop's row to its place in a shard.

    A dropped document is invalidated by the stage that dropped it. A relative is an alternate of it.
    """
    record = _Record()
    digest = manifest_digest(build)
    partner = record.put("agent", _id("partner", trace.partner), "prov:Organization", partner=trace.partner)
    software = record.put(
        "agent",
        _id("software", manifest.identity),
        "prov:SoftwareAgent",
        identity=manifest.identity,
        stage_versions=_pairs(manifest.stage_versions),
        models=_pairs(manifest.models),
        runtime=_pairs(manifest.runtime),
    )
    whole = record.put(
        "entity", _id("build", digest), "prov:Collection", manifest_sha256=digest, date=manifest.date
    )
    record.relate("wasAttributedTo", entity=whole, agent=software)
    row = _origin(record, trace, partner)
    document = record.put(
        "entity",
        _id("document", trace.doc_id),
        doc_id=trace.doc_id,
        kind=trace.kind,
        language=trace.language,
        decision=trace.decision,
        licence=trace.licence,
    )
    record.relate("wasDerivedFrom", generatedEntity=document, usedEntity=row)
    record.relate("wasAttributedTo", entity=document, agent=partner)
    at = f"{digest[:16]}.{trace.doc_id}"
    for verdict in trace.stages:
        _act(record, verdict, at, software, row=row, document=document)
    _place(record, manifest, trace, at, document=document, whole=whole)
    _alike(record, trace, near, document)
    prefix = {_OURS: _NAMESPACE}
    return {"prefix": prefix, **{kind: record.kinds[kind] for kind in sorted(record.kinds)}}


def _origin(record: _Record, trace: Trace, partner: str) -> str:
    """Contract, drop, file and row; the row's name."""
    contract = record.put(
        "entity",
        _id("contract", trace.contract_digest),
        "prov:Plan",
        version=trace.contract_version,
        digest=trace.contract_digest,
        licence=trace.licence,
        purposes=list(trace.purposes),
    )
    drop = record.put(
        "entity", _id("drop", trace.drop), "prov:Collection", drop=trace.drop, epoch=trace.epoch
    )
    file = record.put("entity", _id("file", trace.file_sha256), path=trace.file, sha256=trace.file_sha256)
    row = record.put("entity", _id("row", f"{trace.file_sha256}.{trace.row}"), row=trace.row)
    record.relate("hadMember", collection=drop, entity=file)
    record.relate("wasDerivedFrom", generatedEntity=row, usedEntity=file)
    for entity in (contract, drop):
        record.relate("wasAttributedTo", entity=entity, agent=partner)
    record.relate("wasInfluencedBy", influencee=drop, influencer=contract)
    return row


def _act(record: _Record, verdict: Verdict, at: str, software: str, *, row: str, document: str) -> None:
    """A stage that was reached, as an activity on the document."""
    if verdict.verdict == "not reached":
        return
    activity = record.put(
        "activity", _id("stage", f"{verdict.stage}.{at}"), stage=verdict.stage, verdict=verdict.verdict
    )
    for name, value in verdict.facts.items():
        record.kinds["activity"][activity][f"{_OURS}:{name}"] = _value(value)
    record.relate("wasAssociatedWith", activity=activity, agent=software)
    record.relate("used", activity=activity, entity=row if verdict.stage == ADMISSION else document)
    if verdict.stage == ADMISSION:
        record.relate("wasGeneratedBy", entity=document, activity=activity)
    if verdict.verdict == "dropped":
        record.relate("wasInvalidatedBy", entity=document, activity=activity)


def _place(record: _Record, manifest: Manifest, trace: Trace, at: str, *, document: str, whole: str) -> None:
    """The shard row of a kept document."""
    if trace.shard is None:
        return
    facts = next(shard for shard in manifest.shards if shard.name == trace.shard)
    shard = record.put(
        "entity", _id("shard", facts.sha256), "prov:Collection", shard=facts.name, sha256=facts.sha256
    )
    place = record.put(
        "entity",
        _id("shard-row", f"{facts.sha256}.{trace.shard_row}"),
        shard_row=trace.shard_row,
        tokens=trace.tokens,
        tokenizer=manifest.tokenizer.name,
        tokenizer_sha256=manifest.tokenizer.sha256,
    )
    record.relate("hadMember", collection=whole, entity=shard)
    record.relate("hadMember", collection=shard, entity=place)
    record.relate("wasDerivedFrom", generatedEntity=place, usedEntity=document)
    record.relate("wasGeneratedBy", entity=place, activity=_id("stage", f"{TOKENISE}.{at}"))


def _alike(record: _Record, trace: Trace, near: Relatives, document: str) -> None:
    """Relatives, and whom it lost to, as alternates with whose they are."""
    for relative in near.nearest:
        other = record.put(
            "entity",
            _id("document", relative.doc_id),
            doc_id=relative.doc_id,
            decision=relative.decision,
            relation=relative.relation,
            similarity=relative.similarity,
        )
        record.relate("alternateOf", alternate1=document, alternate2=other)
        if relative.partner is not None:
            agent = _id("partner", relative.partner)
            record.put("agent", agent, "prov:Organization", partner=relative.partner)
            record.relate("wasAttributedTo", entity=other, agent=agent)
    if trace.duplicate_of is not None and _id("document", trace.duplicate_of) not in record.kinds["entity"]:
        winner = record.put("entity", _id("document", trace.duplicate_of), doc_id=trace.duplicate_of)
        record.relate("alternateOf", alternate1=document, alternate2=winner)


def _id(kind: str, name: str) -> str:
    """A qualified name: letters, digits, "_", "-" and "." need no escape in PROV-N."""
    return f"{_OURS}:{kind}.{name}"


def _name(name: str) -> Attributes:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _value(value: Any) -> Any:
    """A PROV-JSON value: numbers with their XML Schema type, several as a list, pairs as "name=value"."""
    if isinstance(value, bool):
        return {"$": str(value).lower(), "type": "xsd:boolean"}
    if isinstance(value, int):
        return {"$": str(value), "type": "xsd:int" if abs(value) < 2**31 else "xsd:long"}
    if isinstance(value, float):
        return {"$": repr(value), "type": "xsd:double"}
    if isinstance(value, dict):
        return _pairs(value)
    if isinstance(value, list):
        return [_value(one) for one in value]
    return str(value)


def _pairs(facts: dict[str, Any]) -> list[str]:
    return [f"{name}={value}" for name, value in sorted(facts.items())]
