"""Law of rights: no document of a contract or row that forbids the use ever reaches a shard."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipelines.lineage.verify import verify
from schemas.errors import BuildInconsistent, ContractRejected, UsageError
from schemas.manifest import manifest_digest
from schemas.reasons import Reason, Stage
from tests.laws import row_rights
from tests.laws.tiny import DAY, Partner, build, text, write_home

PURPOSES = ["pretraining", "distillation", "open_release", "evaluation", "research"]
VERBS = {
    "pretraining": {"ai_generative_training"},
    "distillation": {"ai_generative_training", "ai_inference"},
    "open_release": {"ai_generative_training"},
    "evaluation": {"ai_inference"},
    "research": {"data_mining"},
}
ANSWERS = st.sampled_from(["allowed", "allowed", "allowed", "notAllowed", "constrained"])
CONTRACTS = st.fixed_dictionaries(
    {
        "malmoi.purposes": st.lists(st.sampled_from(PURPOSES), min_size=2, unique=True),
        "malmoi.aiUse": st.fixed_dictionaries(
            dict.fromkeys(("data_mining", "ai_inference", "ai_generative_training", "ai_training"), ANSWERS)
        ),
        "malmoi.modelRelease": st.sampled_from(["open", "open", "closed", None]),
        "malmoi.maxStudentParameters": st.sampled_from([0, 7_000_000_000, 70_000_000_000, 70_000_000_000]),
        "malmoi.territory": st.sampled_from([["KR"], ["JP", "KR"], ["JP"], ["worldwide"], ["worldwide"]]),
        "malmoi.starts": st.sampled_from(["2026-01-01", "2026-01-01", "2026-11-24", "2026-11-25"]),
        "malmoi.expires": st.sampled_from(["2028-12-31", "2028-12-31", "2026-11-24", "2026-11-23"]),
    }
)
RECIPES = st.fixed_dictionaries(
    {
        "purposes": st.lists(st.sampled_from(PURPOSES), min_size=1, max_size=3, unique=True),
        "release": st.sampled_from(["open", "closed"]),
        "territory": st.sampled_from([["KR"], ["JP", "KR"], ["worldwide"]]),
        "student_parameters": st.sampled_from([7_000_000_000, 70_000_000_000]),
    }
).map(lambda recipe: recipe | ({"release": "open"} if "open_release" in recipe["purposes"] else {}))
# A failing build is not made smaller: each takes a second.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
SHARED = [{"id": f"s{number}", "text": text(number)} for number in range(3)]
GOOD = {
    "id": "good",
    "url": "https://a.example/",
    "seen": "2026-06-02",
    "lic": "MIT",
    "by": "people",
    "of": [],
    "gone": False,
    "rev": 1,
}
OWN = [{"id": f"o{number}", "text": text(50 + number)} for number in range(2)]


def allows(contract: dict[str, Any], recipe: dict[str, Any]) -> bool:
    """The law again, the long way."""
    use = contract["malmoi.aiUse"]
    verbs = {verb for purpose in recipe["purposes"] for verb in VERBS[purpose]}
    distils = "distillation" in recipe["purposes"]
    land = contract["malmoi.territory"]
    return (
        set(recipe["purposes"]) <= set(contract["malmoi.purposes"])
        and all(use[verb] == "allowed" for verb in verbs)
        and (recipe["release"] == "closed" or contract["malmoi.modelRelease"] == "open")
        and not (distils and recipe["student_parameters"] > contract["malmoi.maxStudentParameters"])
        and ("worldwide" in land or set(recipe["territory"]) <= set(land))
        and contract["malmoi.starts"] <= DAY <= contract["malmoi.expires"]
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Directories, all of whose builds share one staging directory, as in life."""
    home = tmp_path_factory.mktemp("rights")
    count = iter(range(1000))

    def fresh() -> Path:
        path = home / str(next(count))
        path.mkdir()
        (home / "staging").mkdir(exist_ok=True)
        (path / "staging").symlink_to(home / "staging")
        return path

    return fresh


@settings(max_examples=12, deadline=None, phases=PHASES)
@given(contract=CONTRACTS, recipe=RECIPES)
def test_no_document_of_a_contract_that_forbids_the_use_reaches_a_shard(contract, recipe, place):
    # Alpha ranks first and shares texts with beta: where alpha may not be used, beta's copies stand alone.
    home = place()
    alpha = Partner("alpha", rights=contract, rows=[*SHARED, *OWN])
    beta = Partner("beta", rights={"malmoi.territory": ["worldwide"]}, rows=SHARED)
    path = write_home(home, [alpha, beta], **recipe)
    try:
        built = build(home, path)
    except ContractRejected:
        return  # no contract that lint refuses is built from
    kept = built.kept
    partners = {row["partner"] for row in built.rows}
    if allows(contract, recipe):
        assert {alpha.doc_id(row["id"]) for row in (*SHARED, *OWN)} == kept
    else:
        assert partners == {"beta"}
        assert [excluded.partner for excluded in built.manifest.excluded] == ["alpha"]
        assert {beta.doc_id(row["id"]) for row in SHARED} == kept
    assert verify(built.directory) == ()


@settings(max_examples=8, deadline=None, phases=PHASES)
@given(
    drawn=row_rights.rows(10),
    delivery=st.sampled_from(["append", "upsert"]),
    origin=st.sampled_from([None, "people", "mixed", "machine"]),
    terms=st.sampled_from([None, "allowed", "forbidden"]),
)
def test_no_document_of_a_row_that_forbids_the_use_reaches_a_shard(drawn, delivery, origin, terms, place):
    rows = [{**row, "text": text(number)} for number, row in enumerate([GOOD, *drawn])]
    alpha = Partner(
        "alpha",
        rights=row_rights.RIGHTS,
        data_set={
            "malmoi.delivery": delivery,
            "malmoi.origin": origin,
            "malmoi.machineTerms": terms,
            "malmoi.rowLicences": list(row_rights.LICENCES),
        },
        columns=row_rights.COLUMNS,
        rows=rows,
    )
    beta = Partner("beta", rows=OWN)
    home = place()
    try:
        built = build(home, write_home(home, [alpha, beta]))
    except ContractRejected:
        return  # a machine's text without terms is refused with its contract
    # Rows that admission refused are not there, and say nothing of others.
    there = sorted(row["row"] for row in built.rows if row["partner"] == "alpha")
    judged = [rows[place] for place in there]
    facts = {"delivery": delivery, "origin": origin or "", "terms": terms or ""}
    out = {there[place] for place in row_rights.forbidden(judged, **facts)}
    for row in built.rows:
        if row["partner"] == "alpha" and row["row"] in out:
            assert not row["kept"]
        else:
            assert row["stage"] != Stage.RIGHTS, f"row {row['row']}: nothing is against it"
    assert verify(built.directory) == ()


def test_a_withdrawn_document_is_nobodys_winner_and_its_copies_are_judged_without_it(place):
    home = place()
    columns = {"url": ("url", "string")}
    rights = {"malmoi.optOuts": [{"domain": "no.example", "since": "2026-06-01"}]}
    rows = [{**row, "url": "https://no.example/"} for row in SHARED]
    alpha = Partner("alpha", rights=rights, columns=columns, rows=rows)
    beta = Partner("beta", rows=SHARED)
    built = build(home, write_home(home, [alpha, beta]))
    assert built.kept == {beta.doc_id(row["id"]) for row in SHARED}
    (facts, _) = built.manifest.data_sets
    assert facts.dropped == {"rights/opted_out": 3}
    lost = [row for row in built.rows if row["partner"] == "alpha"]
    assert {row["detail"] for row in lost} == {"no.example"}
    assert b"https" not in b"".join(p.read_bytes() for p in built.directory.glob("ledger/*"))


def test_an_opt_out_runs_no_stage_again(place):
    home = place()
    columns = {"url": ("url", "string")}
    rows = [{**row, "url": f"https://{row['id']}.example/"} for row in (*SHARED, *OWN)]
    alpha = Partner("alpha", columns=columns, rows=rows)
    first = build(home, write_home(home, [alpha]))
    alpha.rights = {"malmoi.optOuts": [{"domain": "s1.example", "since": "2020-01-01"}]}
    second = build(home, write_home(home, [alpha]), "second")
    assert first.kept - second.kept == {alpha.doc_id("s1")}
    lines = [
        json.loads(line)
        for path in (home / "second.runs").glob("*/tasks/*.jsonl")
        for line in path.read_bytes().splitlines()
    ]
    assert [line["made"] for line in lines if line["step"] == "CleanSplits"] == [False]


def test_an_upsampling_beyond_the_contracts_limit_is_an_error(place):
    home = place()
    path = write_home(home, [Partner(rows=OWN)], upsampling={"alpha": 2.5})
    with pytest.raises(UsageError, match=r"alpha: 2.5 times, its contract allows 2"):
        build(home, path)


def test_a_curriculum_that_sees_a_partner_too_often_is_an_error(place):
    stage = {"sequence_length": 16, "mixture": [{"partner": "alpha", "times": 1.5}]}
    home = place()
    path = write_home(
        home, [Partner(rows=OWN)], curriculum=[{"name": "one", **stage}, {"name": "two", **stage}]
    )
    with pytest.raises(
        UsageError, match=r"curriculum: alpha: 3 times over all stages, its contract allows 2"
    ):
        build(home, path)


@pytest.mark.parametrize("change", ["unapproved", "draft", "stale"])
def test_a_contract_that_nobody_agreed_to_is_left_out(change: str, place):
    home = place()
    alpha = Partner("alpha", rows=SHARED, approved=change != "unapproved")
    alpha.status = "draft" if change == "draft" else "active"
    path = write_home(home, [alpha, Partner("beta", rows=OWN)])
    if change == "stale":
        file = home / "contracts" / "alpha.yaml"
        file.write_text(file.read_text().replace("lines of talk", "other lines of talk"))
    built = build(home, path)
    assert [excluded.partner for excluded in built.manifest.excluded] == ["alpha"]


def test_a_contract_that_ends_within_the_horizon_is_warned_of(place):
    home = place()
    ends = (date.fromisoformat(DAY) + timedelta(days=30)).isoformat()
    path = write_home(home, [Partner(rights={"malmoi.expires": ends}, rows=OWN)], horizon_days=31)
    built = build(home, path)
    (warning,) = built.manifest.warnings
    assert f"alpha: the contract ends on {ends}" in warning
    assert warning in (built.directory / "report.html").read_text()
    path = write_home(home, [Partner(rights={"malmoi.expires": ends}, rows=OWN)], horizon_days=30)
    assert build(home, path, "later").manifest.warnings == ()


def test_a_base_that_holds_what_may_not_be_used_is_refused_with_the_takedown_that_mends_it(place):
    home = place()
    alpha, beta = Partner("alpha", rows=SHARED), Partner("beta", rows=OWN)
    base = build(home, write_home(home, [alpha, beta]), "base")
    again = build(home, write_home(home, [alpha, beta]), "again", base=base.directory)
    assert again.manifest == replace(base.manifest, parent=manifest_digest(base.directory))
    alpha.rights = {"malmoi.purposes": ["research"]}
    with pytest.raises(BuildInconsistent, match=r"alpha: .*pretraining[\s\S]*malmoi takedown base --expired"):
        build(home, write_home(home, [alpha, beta]), "next", base=base.directory)
    alpha.rights, alpha.columns = {}, {"gone": ("tombstone", "boolean")}
    alpha.rows = [*SHARED[1:], {**SHARED[0], "gone": True}]
    shutil.rmtree(home / "drops")
    path = write_home(home, [alpha, beta])
    with pytest.raises(BuildInconsistent, match=r"was withdrawn[\s\S]*malmoi takedown base REQUEST"):
        build(home, path, "next", base=base.directory)


def test_a_base_with_a_document_that_its_rows_rights_take_out_now_is_refused(place):
    home = place()
    columns = {"url": ("url", "string")}
    alpha = Partner("alpha", columns=columns, rows=[{**row, "url": "https://a.example/"} for row in SHARED])
    beta = Partner("beta", rows=OWN)
    base = build(home, write_home(home, [alpha, beta]), "base")
    alpha.rights = {"malmoi.optOuts": [{"domain": "a.example", "since": "2026-11-01"}]}
    with pytest.raises(BuildInconsistent, match=r"3 documents [\s\S]*malmoi takedown base REQUEST"):
        build(home, write_home(home, [alpha, beta]), "next", base=base.directory)


def test_personal_data_meets_the_contracts_policy_in_the_shards_ledger(place):
    home = place()
    line = "제 번호는 010-0000-5678이고 주민등록번호는 900101-1234567이에요. 내일 오후에 꼭 연락 주세요."
    policy = {"PHONE_NUMBER": {"expected": True, "policy": "keep", "why": "invented"}}
    rows = [{"id": "p", "text": line}, *OWN]
    built = build(home, write_home(home, [Partner(rights={"malmoi.personalData": policy}, rows=rows)]))
    assert built.manifest.data_sets[0].pii == {"KR_RRN:removed": 1, "PHONE_NUMBER:kept": 1}


def test_every_reason_of_the_rights_stage_is_reached_by_a_law(place):
    home = place()
    cases = {
        Reason.OPTED_OUT: {"url": "https://no.example/", "seen": "2026-05-31"},
        Reason.CRAWLED_AFTER_OPT_OUT: {"url": "https://no.example/", "seen": "2026-06-01"},
        Reason.CRAWL_DATE: {"seen": "2026-11-25"},
        Reason.LICENCE_NOT_ALLOWED: {"lic": None},
        Reason.MACHINE_TERMS: {"by": "machine"},
        Reason.SEED_WITHDRAWN: {"of": ["nowhere"]},
        Reason.TAKEN_BACK: {"gone": True},
        None: {},
    }
    rows = [
        {**GOOD, "id": str(number), "text": text(number), **change}
        for number, change in enumerate(cases.values())
    ]
    rows += [{**GOOD, "id": "v", "text": text(20 + rev), "rev": rev} for rev in (9, 10)]
    alpha = Partner(
        rights=row_rights.RIGHTS,
        data_set={"malmoi.delivery": "upsert", "malmoi.rowLicences": list(row_rights.LICENCES)},
        columns=row_rights.COLUMNS,
        rows=rows,
    )
    built = build(home, write_home(home, [alpha]))
    wanted = dict(enumerate(cases)) | {len(cases): Reason.SUPERSEDED, len(cases) + 1: None}
    assert {row: reason for (_, row), reason in built.reasons().items()} == wanted
