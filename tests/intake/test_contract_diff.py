"""Contract diff: every field of a contract shows, in a stated class, in both directions."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.intake.contract_changes import (
    BREAKING,
    COMPATIBLE,
    NARROWING,
    WIDENING,
    Bump,
    ChangeClass,
)
from pipelines.intake.contract_diff import contract_changes, diff_documents, judge_version
from pipelines.intake.rights_diff import licence
from pipelines.intake.yaml_source import read_yaml
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
from tests.laws.builds import malmoi

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
FIELDS = [
    (part, field.name)
    for part in PLACES
    for field in dataclasses.fields(part)
    if (part, field.name) not in EXCEPTIONS
]
_SEVERITY = (COMPATIBLE, WIDENING, NARROWING, BREAKING)


def _worst(old: Contract, new: Contract) -> ChangeClass | None:
    return max((found.change for found in contract_changes(old, new)), key=_SEVERITY.index, default=None)


def test_no_part_of_a_contract_is_left_out():
    seen, waiting = set(), [Contract]
    while waiting:
        part = waiting.pop()
        seen.add(part)
        for name, hint in __import__("typing").get_type_hints(part).items():
            for inner in PLACES:
                if inner.__name__ in str(hint) and inner not in seen:
                    waiting.append(inner)
            assert (part, name) in EXCEPTIONS or name in CASES[part], f"{part.__name__}.{name}: say its class"
    assert seen == set(PLACES)


@pytest.mark.parametrize(("part", "field"), FIELDS, ids=lambda value: getattr(value, "__name__", value))
def test_a_changed_field_shows_in_its_class_and_its_opposite_in_the_other(part: type, field: str):
    value, other, there, back = CASES[part][field]
    old = PLACES[part](replace(BASES[part], **{field: value}))
    new = PLACES[part](replace(BASES[part], **{field: other}))
    assert _worst(old, new) is there
    assert _worst(new, old) is back
    assert contract_changes(old, old) == ()
    for found in contract_changes(old, new):
        assert found.message
        assert found.korean
        assert all(found.meaning)


def test_a_field_that_nobody_classed_is_breaking(monkeypatch: pytest.MonkeyPatch):
    from pipelines.intake import rights_diff

    monkeypatch.delitem(rights_diff.RIGHTS, "expires")
    assert _worst(CONTRACT, PLACES[Rights](replace(RIGHTS, expires="2029-01-01"))) is BREAKING


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("MIT", "CC0-1.0", WIDENING),
        ("CC0-1.0", "MIT", NARROWING),
        ("MIT", "MIT OR GPL-3.0-only", WIDENING),
        ("MIT OR GPL-3.0-only", "MIT", NARROWING),
        ("CC-BY-NC-4.0", "CC-BY-NC-4.0 OR MIT", WIDENING),
        ("CC-BY-4.0 AND MIT", "MIT AND CC-BY-4.0", COMPATIBLE),
        ("CC-BY-4.0", "CC-BY-4.0 AND CC-BY-NC-4.0", NARROWING),
        ("CC-BY-4.0 AND CC-BY-NC-4.0", "CC-BY-4.0", WIDENING),
        ("CC-BY-4.0", "LicenseRef-NoTraining", NARROWING),
        ("LicenseRef-NoTraining", "LicenseRef-Other", NARROWING),
        ("MIT", "Apache-2.0", NARROWING),
        ("", "MIT", WIDENING),
    ],
)
def test_a_licence_is_wider_only_where_it_is_known_to_ask_for_less(old: str, new: str, kind: ChangeClass):
    assert [finding.change for finding in licence(old, new)] == [kind]


def test_a_renamed_column_is_one_change_and_breaks():
    renamed = replace(DATA_SET, columns=(TEXT, replace(OTHER, name="alias", path=("alias",))))
    found = contract_changes(CONTRACT, PLACES[DataSet](renamed))
    assert [(item.change, item.message) for item in found] == [(BREAKING, "column nick is called alias")]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (replace(OTHER, name="new", path=("new",), policy=Policy.DROP), COMPATIBLE),
        (replace(OTHER, name="new", path=("new",), policy=Policy.FORBID), NARROWING),
        (replace(OTHER, name="new", path=("new",), required=True), BREAKING),
        (replace(OTHER, name="new", path=("new",), role=Role.TEXT), BREAKING),
        (replace(OTHER, name="new", path=("new",), role=Role.LICENCE), NARROWING),
    ],
)
def test_a_new_column_breaks_only_where_old_drops_or_documents_would_differ(
    column: Column, kind: ChangeClass
):
    assert _worst(CONTRACT, PLACES[DataSet](replace(DATA_SET, columns=(TEXT, OTHER, column)))) is kind


def test_the_order_of_texts_breaks_and_the_order_of_data_sets_does_not():
    second = replace(TEXT, name="title", path=("title",))
    one, two = replace(DATA_SET, columns=(TEXT, second)), replace(DATA_SET, columns=(second, TEXT))
    assert _worst(PLACES[DataSet](one), PLACES[DataSet](two)) is BREAKING
    other = replace(DATA_SET, name="posts")
    forth, back = (replace(CONTRACT, data_sets=sets) for sets in ((DATA_SET, other), (other, DATA_SET)))
    assert [(item.change, item.bump) for item in contract_changes(forth, back)] == [(COMPATIBLE, Bump.PATCH)]


def test_a_warning_that_tightens_breaks_nothing():
    warning = replace(RULE, severity=Severity.WARNING)
    assert (
        _worst(PLACES[QualityRule](warning), PLACES[QualityRule](replace(warning, value=(1,)))) is COMPATIBLE
    )


VERSIONS = st.tuples(*[st.integers(0, 3)] * 3)


@given(VERSIONS, VERSIONS, st.sampled_from(FIELDS))
@settings(max_examples=60)
def test_the_version_follows_exactly_when_the_right_number_rose(old, new, chosen):
    part, field = chosen
    value, other, there, _ = CASES[part][field]
    changes = contract_changes(
        PLACES[part](replace(BASES[part], **{field: value})),
        PLACES[part](replace(BASES[part], **{field: other})),
    )
    verdict = judge_version(".".join(map(str, old)), ".".join(map(str, new)), changes)
    if there in (BREAKING, NARROWING) and part is not Approval and field != "approvals":
        assert verdict.needed is Bump.MAJOR
        assert verdict.follows == (new[0] > old[0])
    elif verdict.needed is Bump.MINOR:
        assert verdict.follows == (new[:2] > old[:2])
    elif verdict.needed is Bump.PATCH:
        assert verdict.follows == (new > old)
    else:
        assert verdict.follows == (new >= old)


@pytest.mark.parametrize("version", ["", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0.0", "one"])
def test_what_is_no_semantic_version_does_not_follow(version: str):
    assert not judge_version("1.0.0", version, ()).follows


@pytest.fixture(scope="module")
def written(repository: Path) -> dict:
    """The studio's contract as it stands, without approvals."""
    document = read_yaml(repository / "data_contracts" / "krafton.yaml").value
    document["customProperties"] = [
        entry for entry in document["customProperties"] if entry["property"] != "malmoi.approvals"
    ]
    return document


def _with(document: dict, **ours: object) -> dict:
    changed = copy.deepcopy(document)
    for name, value in ours.items():
        entries = changed["customProperties"]
        entries[:] = [entry for entry in entries if entry["property"] != f"malmoi.{name}"]
        entries.append({"property": f"malmoi.{name}", "value": value})
    return changed


def test_wording_is_a_patch_and_named_by_its_place(written: dict):
    changed = copy.deepcopy(written)
    changed["description"]["purpose"] = "What players write."
    changed["schema"][0]["description"] = "Reviews."
    found = diff_documents(written, changed)
    assert [(item.change, item.bump, item.path) for item in found.changes] == [
        (COMPATIBLE, Bump.PATCH, "description.purpose"),
        (COMPATIBLE, Bump.PATCH, f"schema.{written['schema'][0]['name']}.description"),
    ]
    assert found.answer_is_no  # the version did not rise


def test_another_order_of_keys_and_lists_changes_nothing_but_the_patch(written: dict):
    changed = dict(reversed(list(copy.deepcopy(written).items())))
    changed["customProperties"].reverse()
    found = diff_documents(written, changed)
    assert {item.bump for item in found.changes} <= {Bump.PATCH}


def test_the_words_of_a_constraint_are_a_right(written: dict):
    use = {"ai_training": "constrained", "constraint": "no games"}
    before = _with(written, aiUse=use)
    after = _with(written, aiUse={**use, "constraint": "no games, no films"})
    assert {item.change for item in diff_documents(before, after).changes} == {NARROWING}


@given(st.data())
@settings(max_examples=40)
def test_no_two_different_contracts_are_called_the_same(written: dict, data: st.DataObject):
    """Whatever scalar of the file changes, the diff says something."""
    changed = copy.deepcopy(written)
    places = [place for place in _scalars(changed) if place[1] not in ("property",)]
    parent, key = data.draw(st.sampled_from(places))
    value = parent[key]
    other = {bool: lambda v: not v, int: lambda v: v + 1, float: lambda v: v / 2}.get(
        type(value), lambda v: f"{v}x"
    )
    parent[key] = other(value)
    try:
        found = diff_documents(written, changed)
    except (ValueError, KeyError, TypeError, LookupError, AttributeError):
        return  # no contract any more: lint's business
    assert found.changes or key == "version"


def _scalars(value):
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        if isinstance(inner, dict | list):
            yield from _scalars(inner)
        else:
            yield value, key


@pytest.fixture
def versions(written: dict, tmp_path: Path):
    """Writes a changed contract beside the old one; both as JSON, which is YAML."""

    def write(version: str, **ours: object) -> tuple[Path, Path]:
        paths = tmp_path / "old.yaml", tmp_path / "new.yaml"
        new = {**_with(written, **ours), "version": version}
        for path, document in zip(paths, (written, new), strict=True):
            path.write_bytes(orjson.dumps(document))
        return paths

    return write


@pytest.mark.parametrize(
    ("version", "ours", "code"),
    [
        ("1.0.1", {}, 0),
        ("1.1.0", {"noticeDays": 9999}, 0),
        ("1.0.1", {"noticeDays": 9999}, 1),
        ("2.0.0", {"purposes": ["research"]}, 1),
        ("2.0.0", {"modelRelease": "closed", "maxStudentParameters": 1}, 1),
    ],
)
def test_the_command_answers_with_its_exit_code(versions, version: str, ours: dict, code: int):
    done = malmoi("contract", "diff", *versions(version, **ours), "--json")
    assert (done.returncode, done.stderr) == (code, b"")
    told = orjson.loads(done.stdout)
    assert told["version"]["new"] == version
    assert all(change["korean"] and change["meaning_korean"] for change in told["changes"])


def test_the_command_says_the_same_in_words(versions):
    done = malmoi("contract", "diff", *versions("1.1.0", purposes=["research"]))
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("rights-narrowing: builds that used the old contract hold what")
    assert "version 1.0.0 to 1.1.0 does not say so: a major change needs 2.0.0 or more" in lines
    assert done.returncode == 1


def test_a_removed_training_permission_is_told_as_what_it_is(versions):
    """datacontract-cli 1.2.8 calls it INFO and exits 0 (FACTS_GOVERNANCE, 1c)."""
    use = {"data_mining": "allowed", "ai_generative_training": "notAllowed"}
    done = malmoi("contract", "diff", *versions("2.0.0", aiUse=use), "--json")
    changes = orjson.loads(done.stdout)["changes"]
    lost = [change for change in changes if change["path"] == "rights.ai_use[ai_generative_training]"]
    assert [change["class"] for change in lost] == ["rights-narrowing"]
    assert done.returncode == 1


def test_a_contract_with_faults_is_not_compared(versions, tmp_path: Path):
    old, new = versions("2.0.0", purposes=["world_domination"])
    done = malmoi("contract", "diff", old, new)
    assert done.returncode == 2
    assert b"new.yaml" in done.stderr
    assert malmoi("contract", "diff", old, tmp_path / "none.yaml").returncode == 2


def test_of_a_build_the_documents_and_tokens_under_the_old_contract_are_counted(
    versions, built, repository: Path
):
    old = repository / "data_contracts" / "krafton.yaml"
    _, new = versions("2.0.0", purposes=["research"])
    done = malmoi("contract", "diff", old, new, "--build", built.build, "--json")
    told = orjson.loads(done.stdout)["build"]
    held = [facts for facts in built.manifest["data_sets"] if facts["partner"] == "krafton"]
    assert told["used_the_old_contract"]
    assert told["documents_affected"] == sum(facts["kept"] for facts in held) > 0
    assert told["tokens_affected"] == sum(facts["tokens"] for facts in held)
    assert "purpose" in {denial["code"] for denial in told["denied_under_the_new_contract"]}
