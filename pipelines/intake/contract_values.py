"""A contract without faults, from parsed YAML to `schemas.contract.Contract`."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.intake.column_rules import leaves
from pipelines.intake.odcs import custom, items_of
from schemas.contract import (
    Approval,
    Column,
    Contract,
    DataSet,
    DeliveredAs,
    Delivery,
    Expected,
    Format,
    Kind,
    Limits,
    Markup,
    Policy,
    QualityRule,
    Role,
    ServiceLevel,
    Severity,
)
from schemas.identity import fingerprint
from schemas.rights import Article, ClassPolicy, LegalBasis, OptOut, Retention, Rights

DEFAULT_QUARANTINE_DAYS = 30
APPROVALS = "malmoi.approvals"
# What the service levels are called in slaProperties; the first two are ODCS's own names.
FREQUENCY, LATENCY, ROWS, LANGUAGE_SHARE = "frequency", "latency", "malmoi.rows", "malmoi.languageShare."
DAYS = {"d": 1, "day": 1, "days": 1, "w": 7, "week": 7, "weeks": 7, "m": 31, "month": 31, "months": 31}
_OPERATORS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)


def contract_of(document: dict[str, Any]) -> Contract:
    """The contract of a parsed YAML file that has no fault."""
    ours = custom(document)
    rights = _rights(document, ours)
    return Contract(
        partner=document["tenant"],
        version=document["version"],
        status=document.get("status", "draft"),
        digest=fingerprint(document),
        content_digest=content_digest(document),
        data_sets=tuple(_data_set(document, item, rights) for _, item in items_of(document, "schema")),
        rights=rights,
        delivered_as=DeliveredAs(ours.get("malmoi.deliveredAs", "raw")),
        quarantine_days=ours.get("malmoi.quarantineDays", DEFAULT_QUARANTINE_DAYS),
        service=_service(document),
        approvals=tuple(Approval(**approval) for approval in ours.get(APPROVALS, ())),
    )


def content_digest(document: dict[str, Any]) -> str:
    """The fingerprint of a contract without its approvals: what an approval signs."""
    listed = document.get("customProperties", [])
    rest = [entry for entry in listed if entry.get("property") != APPROVALS]
    return fingerprint({**document, "customProperties": rest})


def approval_message(partner: str, version: str, digest: str, by: str, on: str) -> bytes:
    """The bytes that an approval's signature is over."""
    return "\n".join(("malmoi contract approval 1", partner, version, digest, by, on)).encode()


def _rights(document: dict[str, Any], ours: Mapping[str, Any]) -> Rights:
    basis = ours.get("malmoi.legalBasis")
    retention = ours.get("malmoi.retention")
    use = {verb: answer for verb, answer in ours.get("malmoi.aiUse", {}).items() if verb != "constraint"}
    classes = ours.get("malmoi.personalData", {})
    return Rights(
        licence=ours["malmoi.licence"],
        agreement=ours.get("malmoi.agreement", ""),
        source=tuple(sorted(ours.get("malmoi.source", ()))),
        legal_basis=None
        if basis is None
        else LegalBasis(
            article=Article(basis["article"]),
            purpose=basis.get("purpose", ""),
            evidence=basis.get("evidence", ""),
            legitimate_purpose=basis.get("legitimatePurpose", ""),
            necessity=basis.get("necessity", ""),
            balancing=basis.get("balancing", ""),
        ),
        purposes=tuple(sorted(ours["malmoi.purposes"])),
        ai_use=tuple(sorted(use.items())),
        model_release=ours.get("malmoi.modelRelease", ""),
        max_student_parameters=ours.get("malmoi.maxStudentParameters", 0),
        territory=tuple(sorted(ours.get("malmoi.territory", ()))),
        starts=ours["malmoi.starts"],
        expires=ours["malmoi.expires"],
        retention=None if retention is None else Retention(retention.get("days")),
        attribution=ours["malmoi.attribution"],
        personal_data=tuple(
            ClassPolicy(label, said["expected"], said["policy"], said.get("why", ""))
            for label, said in sorted(classes.items())
        ),
        unique_identifiers=tuple(sorted(ours.get("malmoi.uniqueIdentifiers", {}).items())),
        upsampling_limit=float(ours.get("malmoi.upsamplingLimit", 1)),
        notice_days=ours.get("malmoi.noticeDays", 0),
        contact=document["support"][0]["url"],
        opt_outs=tuple(
            sorted(
                (OptOut(entry["domain"], entry["since"]) for entry in ours.get("malmoi.optOuts", ())),
                key=lambda out: (out.domain, out.since),
            )
        ),
    )


def _data_set(document: dict[str, Any], item: dict[str, Any], rights: Rights) -> DataSet:
    ours = custom(item)
    file_format = Format(ours["malmoi.format"])
    name = item["name"]
    return DataSet(
        name=name,
        kind=Kind(ours["malmoi.kind"]),
        files=tuple(sorted(ours["malmoi.files"])),
        format=file_format,
        encoding=codecs.lookup(ours.get("malmoi.encoding", "utf-8")).name,
        delimiter=ours.get("malmoi.delimiter", ",") if file_format is Format.CSV else "",
        markup=Markup(ours.get("malmoi.markup", "plain")),
        join=ours.get("malmoi.join", "\n"),
        delivery=Delivery(ours["malmoi.delivery"]),
        languages=tuple(ours["malmoi.languages"]),
        columns=tuple(_columns(item)),
        optional=ours.get("malmoi.optional", False),
        max_quarantined=float(ours.get("malmoi.maxQuarantined", 0)),
        row_licences=tuple(sorted(ours.get("malmoi.rowLicences", ()))),
        origin=ours.get("malmoi.origin", ""),
        machine_terms=ours.get("malmoi.machineTerms", ""),
        quality=tuple(_quality(item)),
        rows_expected=_expected(document, name, ROWS),
        languages_expected=tuple(_languages(document, name)),
        pii_policy=_pii_policy(rights),
        absent_identifiers=tuple(label for label, may in rights.unique_identifiers if may == "absent"),
    )


def _pii_policy(rights: Rights) -> tuple[tuple[str, str], ...]:
    policies = {said.label: said.policy for said in rights.personal_data}
    policies |= {label: "remove" for label, _ in rights.unique_identifiers}
    return tuple(sorted(policies.items()))


def _columns(item: dict[str, Any]) -> Iterator[Column]:
    for leaf in leaves(item):
        ours, value = custom(leaf.value), leaf.value
        role = Role(ours.get("malmoi.role", "other"))
        yield Column(
            name=".".join(leaf.path),
            role=role,
            logical_type=value["logicalType"],
            required=value.get("required", False),
            path=leaf.path,
            policy=Policy(ours.get("malmoi.policy", "key" if role is Role.SUBJECT else "keep")),
            grid=ours.get("malmoi.grid"),
            clock=ours.get("malmoi.clock"),
            limits=_limits(value),
        )


def _limits(value: dict[str, Any]) -> Limits:
    options = value.get("logicalTypeOptions", {})
    return Limits(
        unique=value.get("unique", False),
        pattern=options.get("pattern"),
        min_length=options.get("minLength"),
        max_length=options.get("maxLength"),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        exclusive_minimum=options.get("exclusiveMinimum"),
        exclusive_maximum=options.get("exclusiveMaximum"),
        multiple_of=options.get("multipleOf"),
        min_items=options.get("minItems"),
        max_items=options.get("maxItems"),
        date_format=options.get("format"),
        enum=tuple(entry["value"] for entry in value.get("enum", ())),
    )


def _quality(item: dict[str, Any]) -> Iterator[QualityRule]:
    yield from _rules(item, None)
    for leaf in leaves(item):
        yield from _rules(leaf.value, ".".join(leaf.path))


def _rules(item: dict[str, Any], column: str | None) -> Iterator[QualityRule]:
    for index, rule in items_of(item, "quality"):
        operator = next((name for name in _OPERATORS if name in rule), None)
        value: Any = rule.get(operator) if operator else None
        arguments = rule.get("arguments", {})
        yield QualityRule(
            name=rule.get("id") or rule.get("name") or f"{column or item['name']}#{index + 1}",
            type=rule.get("type", "library"),
            severity=Severity(rule.get("severity", "error")),
            column=column,
            metric=rule.get("metric"),
            query=rule.get("query"),
            operator=operator,
            value=tuple(value) if isinstance(value, list) else () if operator is None else (value,),
            unit=rule.get("unit", "rows"),
            arguments=tuple(
                (name, tuple(map(str, given)) if isinstance(given, list) else (str(given),))
                for name, given in sorted(arguments.items())
            ),
            description=rule.get("description", ""),
        )


def _service(document: dict[str, Any]) -> ServiceLevel | None:
    levels = {level["property"]: level for _, level in items_of(document, "slaProperties")}
    if FREQUENCY not in levels:
        return None
    return ServiceLevel(_days(levels[FREQUENCY]), _days(levels[LATENCY]) if LATENCY in levels else 0)


def _days(level: dict[str, Any]) -> int:
    return int(level["value"]) * DAYS[level.get("unit", "d")]


def _expected(document: dict[str, Any], data_set: str, name: str) -> Expected | None:
    """Value and valueExt are the least and the most, both inclusive."""
    for _, level in items_of(document, "slaProperties"):
        if level["property"] == name and level.get("element") == data_set:
            return Expected(level["value"], level.get("valueExt"))
    return None


def _languages(document: dict[str, Any], data_set: str) -> Iterator[tuple[str, Expected]]:
    for _, level in items_of(document, "slaProperties"):
        name = level["property"]
        if name.startswith(LANGUAGE_SHARE) and level.get("element") == data_set:
            yield name.removeprefix(LANGUAGE_SHARE), Expected(level["value"], level.get("valueExt"))
