"""A contract with something in every part, and for every field of every part two values and their classes."""

from __future__ import annotations

from dataclasses import replace

from pipelines.intake.contract_changes import BREAKING, COMPATIBLE, NARROWING, WIDENING
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
from schemas.rights import Article, ClassPolicy, LegalBasis, OptOut, Retention, Rights
from tests.agreements import ALL_RIGHTS, contract_of

RULE = QualityRule(
    "few_nulls", "library", Severity.ERROR, None, "nullValues", None, "mustBeLessThan", (5,), "rows", (), ""
)
TEXT = Column("body", Role.TEXT, "string", True, ("body",))
OTHER = Column("nick", Role.OTHER, "string", False, ("nick",), Policy.KEY)
DATA_SET = DataSet(
    name="reviews",
    kind=Kind.SHORT_POST,
    files=("a*.csv", "b*.csv"),
    format=Format.CSV,
    encoding="utf-8",
    delimiter=",",
    markup=Markup.PLAIN,
    join="\n",
    delivery=Delivery.APPEND,
    languages=("ko", "en"),
    columns=(TEXT, OTHER),
    max_quarantined=0.02,
    row_licences=("CC-BY-4.0", "MIT"),
    origin="people",
    machine_terms="allowed",
    quality=(RULE,),
    rows_expected=Expected(10, 100),
    languages_expected=(("ko", Expected(0.5, 0.9)),),
    pii_policy=(("EMAIL_ADDRESS", "surrogate"),),
    absent_identifiers=("KR_RRN",),
)
BASIS = LegalBasis(Article.CONSENT, "statistics", "sha256:" + "1" * 64, "a", "b", "c")
PERSONAL = ClassPolicy("EMAIL_ADDRESS", True, "surrogate", "")
RIGHTS = replace(
    ALL_RIGHTS,
    agreement="sha256:" + "2" * 64,
    legal_basis=BASIS,
    territory=("JP", "KR"),
    personal_data=(PERSONAL,),
    opt_outs=(OptOut("a.example", "2026-02-01"),),
)
APPROVAL = Approval("<가상> 책임자", "2026-01-01", "3" * 64, "4" * 64, "5" * 128)
CONTRACT = replace(
    contract_of(DATA_SET, rights=RIGHTS), service=ServiceLevel(7, 2), approvals=(APPROVAL,), partner="krafton"
)

# How each kind of part is put into the contract.
PLACES = {
    Contract: lambda contract: contract,
    ServiceLevel: lambda level: replace(CONTRACT, service=level),
    Approval: lambda approval: replace(CONTRACT, approvals=(approval,)),
    Rights: lambda rights: replace(CONTRACT, rights=rights),
    LegalBasis: lambda basis: replace(CONTRACT, rights=replace(RIGHTS, legal_basis=basis)),
    ClassPolicy: lambda said: replace(CONTRACT, rights=replace(RIGHTS, personal_data=(said,))),
    OptOut: lambda out: replace(CONTRACT, rights=replace(RIGHTS, opt_outs=(out,))),
    Retention: lambda kept: replace(CONTRACT, rights=replace(RIGHTS, retention=kept)),
    DataSet: lambda data_set: replace(CONTRACT, data_sets=(data_set,)),
    Column: lambda column: replace(CONTRACT, data_sets=(replace(DATA_SET, columns=(TEXT, column)),)),
    Limits: lambda limits: PLACES[Column](replace(OTHER, limits=limits)),
    QualityRule: lambda rule: replace(CONTRACT, data_sets=(replace(DATA_SET, quality=(rule,)),)),
    Expected: lambda expected: replace(CONTRACT, data_sets=(replace(DATA_SET, rows_expected=expected),)),
}
BASES = {
    Contract: CONTRACT,
    ServiceLevel: CONTRACT.service,
    Approval: APPROVAL,
    Rights: RIGHTS,
    LegalBasis: BASIS,
    ClassPolicy: PERSONAL,
    OptOut: RIGHTS.opt_outs[0],
    Retention: Retention(365),
    DataSet: DATA_SET,
    Column: OTHER,
    Limits: Limits(),
    QualityRule: RULE,
    Expected: Expected(10, 100),
}
# (value, other value, class of value -> other, class of other -> value)
CASES: dict[type, dict[str, tuple]] = {
    Contract: {
        "partner": ("krafton", "liner", BREAKING, BREAKING),
        "status": ("active", "retired", NARROWING, WIDENING),
        "data_sets": ((DATA_SET,), (), BREAKING, BREAKING),
        "rights": (RIGHTS, replace(RIGHTS, expires="2027-01-01"), NARROWING, WIDENING),
        "delivered_as": (DeliveredAs.RAW, DeliveredAs.PSEUDONYMISED, NARROWING, WIDENING),
        "quarantine_days": (30, 10, NARROWING, WIDENING),
        "service": (ServiceLevel(7, 2), None, COMPATIBLE, BREAKING),
        "approvals": ((APPROVAL,), (), NARROWING, COMPATIBLE),
    },
    ServiceLevel: {
        "every_days": (7, 1, BREAKING, COMPATIBLE),
        "late_days": (2, 1, BREAKING, COMPATIBLE),
    },
    Approval: dict.fromkeys(("by", "on", "digest", "key", "signature"), ("a", "b", NARROWING, NARROWING)),
    Rights: {
        "licence": ("CC-BY-4.0", "CC-BY-NC-4.0", NARROWING, WIDENING),
        "agreement": ("sha256:" + "2" * 64, "", NARROWING, WIDENING),
        "source": (("own_service",), ("own_service", "crawl"), BREAKING, COMPATIBLE),
        "legal_basis": (BASIS, None, NARROWING, WIDENING),
        "purposes": (("open_release", "pretraining"), ("pretraining",), NARROWING, WIDENING),
        "ai_use": ((("ai_training", "allowed"),), (("ai_training", "notAllowed"),), NARROWING, WIDENING),
        "model_release": ("open", "closed", NARROWING, WIDENING),
        "max_student_parameters": (70_000_000_000, 8_000_000_000, NARROWING, WIDENING),
        "territory": (("JP", "KR"), ("KR",), NARROWING, WIDENING),
        "starts": ("2026-01-01", "2026-02-01", NARROWING, WIDENING),
        "expires": ("2027-12-31", "2027-06-30", NARROWING, WIDENING),
        "retention": (Retention(None), Retention(10), NARROWING, WIDENING),
        "attribution": ("<가상>", "<다른 가상>", COMPATIBLE, COMPATIBLE),
        "personal_data": ((), (replace(PERSONAL, policy="remove"),), NARROWING, WIDENING),
        "unique_identifiers": ((("KR_RRN", "remove"),), (("KR_RRN", "absent"),), NARROWING, WIDENING),
        "upsampling_limit": (4.0, 2.0, NARROWING, WIDENING),
        "notice_days": (30, 10, NARROWING, WIDENING),
        "contact": ("mailto:a@p.example", "mailto:b@p.example", COMPATIBLE, COMPATIBLE),
        "opt_outs": ((), (OptOut("a.example", "2026-02-01"),), NARROWING, WIDENING),
    },
    LegalBasis: {
        "article": (Article.CONSENT, Article.NO_PERSONAL_DATA, NARROWING, NARROWING),
        "purpose": ("statistics", "archiving", NARROWING, NARROWING),
        "evidence": ("sha256:" + "1" * 64, "", NARROWING, COMPATIBLE),
        "legitimate_purpose": ("a", "", NARROWING, COMPATIBLE),
        "necessity": ("b", "", NARROWING, COMPATIBLE),
        "balancing": ("c", "", NARROWING, COMPATIBLE),
    },
    ClassPolicy: {
        "label": ("EMAIL_ADDRESS", "PERSON", COMPATIBLE, COMPATIBLE),
        "expected": (True, False, BREAKING, COMPATIBLE),
        "policy": ("surrogate", "remove", NARROWING, WIDENING),
        "why": ("", "cited", COMPATIBLE, COMPATIBLE),
    },
    OptOut: {
        "domain": ("a.example", "b.example", NARROWING, NARROWING),
        "since": ("2026-02-01", "2026-01-01", NARROWING, WIDENING),
    },
    Retention: {"days": (365, 30, NARROWING, WIDENING)},
    DataSet: {
        "name": ("reviews", "posts", BREAKING, BREAKING),
        "kind": (Kind.SHORT_POST, Kind.WEB, BREAKING, BREAKING),
        "files": (("a*.csv", "b*.csv"), ("a*.csv",), BREAKING, COMPATIBLE),
        "format": (Format.CSV, Format.JSONL, BREAKING, BREAKING),
        "encoding": ("utf-8", "cp949", BREAKING, BREAKING),
        "delimiter": (",", ";", BREAKING, BREAKING),
        "markup": (Markup.PLAIN, Markup.HTML, BREAKING, BREAKING),
        "join": ("\n", "\n\n", BREAKING, BREAKING),
        "delivery": (Delivery.APPEND, Delivery.SNAPSHOT, BREAKING, BREAKING),
        "languages": (("ko", "en"), ("ko",), BREAKING, COMPATIBLE),
        "columns": ((TEXT, OTHER), (TEXT,), BREAKING, COMPATIBLE),
        "optional": (True, False, BREAKING, COMPATIBLE),
        "max_quarantined": (0.02, 0.0, BREAKING, COMPATIBLE),
        "row_licences": (("CC-BY-4.0", "MIT"), ("MIT",), NARROWING, WIDENING),
        "origin": ("people", "machine", NARROWING, WIDENING),
        "machine_terms": ("allowed", "", NARROWING, WIDENING),
        "quality": ((RULE,), (), COMPATIBLE, BREAKING),
        "rows_expected": (Expected(10, 100), None, COMPATIBLE, BREAKING),
        "languages_expected": ((("ko", Expected(0.5, 0.9)),), (), COMPATIBLE, BREAKING),
        "pii_policy": ((("PERSON", "keep"),), (("PERSON", "remove"),), NARROWING, WIDENING),
        "absent_identifiers": ((), ("KR_RRN",), NARROWING, WIDENING),
    },
    Column: {
        "name": ("nick", "alias", BREAKING, BREAKING),
        "role": (Role.OTHER, Role.LANGUAGE, BREAKING, BREAKING),
        "logical_type": ("string", "integer", BREAKING, BREAKING),
        "required": (False, True, BREAKING, COMPATIBLE),
        "path": (("nick",), ("who", "nick"), BREAKING, BREAKING),
        "policy": (Policy.KEEP, Policy.DROP, NARROWING, WIDENING),
        "grid": (0.01, 0.1, NARROWING, WIDENING),
        "clock": ("hour", "month", NARROWING, WIDENING),
        "limits": (Limits(), Limits(max_length=5), BREAKING, COMPATIBLE),
    },
    Limits: {
        "unique": (False, True, BREAKING, COMPATIBLE),
        "pattern": (None, "[a-z]+", BREAKING, COMPATIBLE),
        "min_length": (1, 2, BREAKING, COMPATIBLE),
        "max_length": (9, 8, BREAKING, COMPATIBLE),
        "minimum": (None, 0, BREAKING, COMPATIBLE),
        "maximum": ("2027-01-01", "2026-01-01", BREAKING, COMPATIBLE),
        "exclusive_minimum": (0, 1.5, BREAKING, COMPATIBLE),
        "exclusive_maximum": (9, 8, BREAKING, COMPATIBLE),
        "multiple_of": (2, 4, BREAKING, COMPATIBLE),
        "min_items": (None, 1, BREAKING, COMPATIBLE),
        "max_items": (9, 8, BREAKING, COMPATIBLE),
        "date_format": (None, "yyyy-MM-dd", BREAKING, COMPATIBLE),
        "enum": (("a", "b"), ("a",), BREAKING, COMPATIBLE),
    },
    QualityRule: {
        "name": ("few_nulls", "no_nulls", BREAKING, BREAKING),
        "type": ("library", "sql", BREAKING, BREAKING),
        "severity": (Severity.WARNING, Severity.ERROR, BREAKING, COMPATIBLE),
        "column": (None, "nick", BREAKING, BREAKING),
        "metric": ("nullValues", "missingValues", BREAKING, BREAKING),
        "query": (None, "select 1", BREAKING, BREAKING),
        "operator": ("mustBeLessThan", "mustBe", BREAKING, BREAKING),
        "value": ((5,), (3,), BREAKING, COMPATIBLE),
        "unit": ("rows", "percent", BREAKING, BREAKING),
        "arguments": ((), (("pattern", ("a+",)),), BREAKING, BREAKING),
        "description": ("", "few", COMPATIBLE, COMPATIBLE),
    },
    Expected: {"least": (10, 20, BREAKING, COMPATIBLE), "most": (100, 90, BREAKING, COMPATIBLE)},
}
# Digests follow from all the rest; the version is what the rest is held against.
EXCEPTIONS = {(Contract, "digest"), (Contract, "content_digest"), (Contract, "version")}
