"""A plan as receivers of OpenLineage see it: its jobs and what they read and write, without a path.

Data sets are named drop/<partner>/<data set> and build/<recipe>/<what>; their versions are the drop's digest
and the build's identity.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipelines.engine.plan import Plan, lock_digest
from schemas.contract import Column, Contract, DataSet, Role
from schemas.documents import LEDGER, STAGED
from schemas.identity import fingerprint
from schemas.lineage import Asset, CodeFacts, FieldOrigin, Fields, JobFacts
from schemas.manifest import Manifest
from schemas.shards import SHARD


@dataclass(frozen=True)
class Step:
    """A stage of the build: the tasks of the run log that are its, what it reads and what it writes."""

    name: str
    tasks: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    description: str


DROPS = "drops"
STEPS = (
    Step(
        "CleanSplits",
        ("CleanSplits", "LoadModels"),
        (DROPS,),
        ("clean",),
        "Reads the drops and cleans each text: extract to replace pii.",
    ),
    Step("AdmitDrops", ("AdmitDrops",), (DROPS,), ("receipts",), "Says what was sent, admitted and refused."),
    Step(
        "SelectDocuments",
        ("SelectDocuments",),
        ("clean",),
        ("selected",),
        "Judges rows' rights, opt-outs, versions, snapshots and takedowns.",
    ),
    Step(
        "FindCandidates",
        ("FindCandidates", "DivideCandidates", "SketchCandidates"),
        ("selected",),
        ("candidates",),
        "Finds documents that may be each other's duplicates.",
    ),
    Step(
        "ResolveDuplicates",
        ("ResolvePart", "ResolveDuplicates"),
        ("candidates",),
        ("decisions",),
        "Decides in rank order who is whose duplicate.",
    ),
    Step(
        "AttributeLosses",
        ("AttributeLosses",),
        ("decisions",),
        ("losses",),
        "Counts what would be kept without each partner.",
    ),
    Step(
        "FindPassages",
        ("FindPassages", "FindRepeats"),
        ("decisions",),
        ("passages",),
        "Finds passages that stood in earlier documents.",
    ),
    Step("Tokenise", ("Tokenise",), ("clean", "decisions"), ("tokens",), "Encodes what is kept."),
    Step("WriteShards", ("WriteShards",), ("tokens",), ("shards", "ledger"), "Writes shards and ledger."),
    Step(
        "BalanceLedger",
        ("BalanceLedger",),
        ("ledger",),
        ("counts",),
        "Counts the ledger from its own files.",
    ),
    Step(
        "PublishManifest",
        ("PublishManifest",),
        ("shards", "ledger", "counts"),
        ("manifest",),
        "Checks the balance and publishes the manifest.",
    ),
)


def code_facts(plan: Plan) -> CodeFacts:
    """What runs."""
    site = plan.site
    return CodeFacts(
        identity=site.identity,
        date=site.date,
        stage_versions=dict(site.pipeline.versions),
        models=dict(site.pipeline.models),
        lock=lock_digest(),
        engine=beam.__version__,
    )


def build_job(plan: Plan, source: str, manifest: Manifest | None = None) -> JobFacts:
    """The build as a whole: drops in, shards and ledger out; counted once there is a manifest."""
    drops = _drops(plan, manifest)
    shards = replace(
        _made(plan, "shards", SHARD),
        origins=tuple(_origins(plan)),
        filtered_by=tuple(_filters(plan)),
    )
    ledger = _made(plan, "ledger", LEDGER)
    if manifest is not None:
        files = [file for segment in manifest.segments for file in segment.ledger]
        shards = replace(
            shards,
            rows=sum(shard.rows for shard in manifest.shards),
            bytes=sum(shard.bytes for shard in manifest.shards),
            files=len(manifest.shards),
        )
        ledger = replace(
            ledger,
            rows=sum(facts.documents for facts in manifest.data_sets),
            bytes=sum(file.bytes for file in files),
            files=len(files),
        )
    description = f"The corpus of recipe {plan.site.recipe.name} on {plan.site.date}."
    return JobFacts(plan.site.recipe.name, description, source, drops, (shards, ledger))


def step_job(plan: Plan, step: Step, source: str, statistics: Mapping[str, int]) -> JobFacts:
    """A stage: what it reads and writes, with the counts known so far."""
    schemas = {"clean": STAGED, "selected": STAGED, "shards": SHARD, "ledger": LEDGER}
    inputs: list[Asset] = []
    for name in step.reads:
        inputs.extend(_drops(plan, None) if name == DROPS else [_made(plan, name, schemas.get(name))])
    outputs = [_made(plan, name, schemas.get(name)) for name in step.writes]
    if "kept" in statistics:
        outputs[0] = replace(outputs[0], rows=statistics["kept"])
    if step.name == "CleanSplits":
        outputs[0] = replace(
            outputs[0], origins=tuple(_origins(plan, "text")), filtered_by=tuple(_filters(plan))
        )
    name = f"{plan.site.recipe.name}.{step.name}"
    return JobFacts(name, step.description, source, tuple(inputs), tuple(outputs))


def _made(plan: Plan, what: str, schema: pa.Schema | None = None) -> Asset:
    name = f"build/{plan.site.recipe.name}/{what}"
    return Asset(name, plan.site.identity, () if schema is None else _arrow_fields(schema))


def _arrow_fields(schema: pa.Schema) -> Fields:
    return tuple((field.name, str(field.type), "") for field in schema)


def _drops(plan: Plan, manifest: Manifest | None) -> tuple[Asset, ...]:
    """One input for each data set that was delivered, over all its drops."""
    arrived = {(f.partner, f.data_set): f.rows_arrived for f in manifest.data_sets} if manifest else {}
    found = []
    for contract in plan.site.contracts:
        mine = [drop for drop in plan.drops if drop.partner == contract.partner]
        for data_set in contract.data_sets:
            files = [f for drop in mine for f in drop.files if f.data_set == data_set.name]
            if not files:
                continue
            digests = [d.digest for d in mine if any(f.data_set == data_set.name for f in d.files)]
            found.append(
                Asset(
                    name=_drop_name(contract, data_set),
                    version=digests[0] if len(digests) == 1 else fingerprint(digests),
                    fields=tuple(_contract_fields(data_set.columns)),
                    rows=arrived.get((contract.partner, data_set.name)),
                    bytes=sum(file.bytes for file in files),
                    files=len(files),
                    rights=_rights(contract, digests),
                )
            )
    return tuple(found)


def _drop_name(contract: Contract, data_set: DataSet) -> str:
    return f"drop/{contract.partner}/{data_set.name}"


def _contract_fields(columns: Sequence[Column]) -> Iterable[tuple[str, str, str]]:
    for column in columns:
        yield ".".join(column.path), column.logical_type, f"role: {column.role.value}"


def _origins(plan: Plan, text: str = "input_ids") -> Iterable[FieldOrigin]:
    """From which columns of the drops the columns of what is written come."""
    for name, column in _columns(plan):
        place = ".".join(column.path)
        match column.role:
            case Role.TEXT:
                how = "cleaned, personal data replaced" + (", encoded" if text == "input_ids" else "")
                yield FieldOrigin(text, name, place, "TRANSFORMATION", how, masking=True)
                yield FieldOrigin("language", name, place, "TRANSFORMATION", "identified from the text")
            case Role.KEY | Role.VERSION:
                yield FieldOrigin("doc_id", name, place, "TRANSFORMATION", "BLAKE2b-128", masking=True)
            case Role.LANGUAGE:
                yield FieldOrigin("language", name, place, "TRANSFORMATION", "a hint to identification")


def _filters(plan: Plan) -> Iterable[tuple[str, str]]:
    deciding = {Role.TEXT, Role.TOMBSTONE, Role.LICENCE, Role.URL, Role.CRAWL_DATE, Role.ORIGIN, Role.SEED}
    return ((name, ".".join(column.path)) for name, column in _columns(plan) if column.role in deciding)


def _columns(plan: Plan) -> Iterable[tuple[str, Column]]:
    for contract in plan.site.contracts:
        delivered = {f.data_set for d in plan.drops if d.partner == contract.partner for f in d.files}
        for data_set in contract.data_sets:
            if data_set.name in delivered:
                for column in data_set.columns:
                    yield _drop_name(contract, data_set), column


def _rights(contract: Contract, digests: Sequence[str]) -> Mapping[str, object]:
    """The facet malmoi_rights; the contract's contact is a person, so it stays out."""
    rights = contract.rights
    basis = rights.legal_basis
    return {
        "partner": contract.partner,
        "contractVersion": contract.version,
        "contractDigest": contract.digest,
        "licence": rights.licence,
        "agreement": rights.agreement,
        "source": list(rights.source),
        "legalBasis": "" if basis is None else basis.article.value,
        "purposes": list(rights.purposes),
        "aiUse": dict(rights.ai_use),
        "modelRelease": rights.model_release,
        "maxStudentParameters": rights.max_student_parameters,
        "territory": list(rights.territory),
        "starts": rights.starts,
        "expires": rights.expires,
        "attribution": rights.attribution,
        "upsamplingLimit": rights.upsampling_limit,
        "drops": list(digests),
    }


def source_of(thing: Any) -> str:
    """The source of a function or class; "" where it is installed without."""
    try:
        return inspect.getsource(thing)
    except OSError:
        return ""
