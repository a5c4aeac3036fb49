"""House rules of contracts: each is broken once, and named by its id where it is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.intake.contracts import lint_contract
from pipelines.intake.house_rules import JUDGED_LATER, RULES
from tests.intake.test_contracts import CONTRACTS, PARTNERS, mutated

TODAY = "2026-11-24"
KEY = "malmoi.role, value: key}"
PERSON = "PERSON: {expected: true, policy: surrogate"
SHARE = "malmoi.languageShare.ko, element: daily_chat"
ROWS = "        metric: rowCount\n        mustBeGreaterThan: 0\n"


def sql(query: str) -> tuple[str, str, str]:
    """A contract whose first sql rule has another query."""
    old = next(
        line.strip()
        for line in (CONTRACTS / "krafton.yaml").read_text("utf-8").splitlines()
        if line.strip().startswith("query:")
    )
    return "krafton", old, f"query: {query}"


# Of each rule: contracts (partner, what stands there, what is put there) that break it.
BROKEN: dict[str, list[tuple[str, str, str]]] = {
    "yaml-syntax": [("a_dot", "status: active", "status: a: b"), ("a_dot", "schema:\n", "---\nschema:\n")],
    "yaml-duplicate-key": [("a_dot", "status: active", "status: active\nid: b")],
    "yaml-alias": [
        ("a_dot", "status: active", "status: &x active"),
        ("a_dot", "status: active", "status: *x"),
    ],
    "yaml-size": [("a_dot", "status: active", "status: " + "[" * 60)],
    "unknown-field": [
        ("a_dot", "tenant: a_dot", "tennant: a_dot"),
        ("a_dot", "malmoi.kind", "malmoi.kimd"),
        ("a_dot", "data_mining: notAllowed", "data_minning: notAllowed"),
    ],
    "missing-field": [
        ("a_dot", "id: malmoi-a-dot\n", ""),
        ("a_dot", "      - {property: malmoi.kind, value: dialogue}\n", ""),
        ("a_dot", 'article: "15-1-1", ', ""),
        ("a_dot", "metric: rowCount", "description: rows"),
    ],
    "wrong-type": [("a_dot", 'version: "1.0.0"', "version: 1.0"), ("a_dot", "value: 30}", 'value: "30"}')],
    "unknown-value": [
        ("a_dot", "value: dialogue", "value: dialog"),
        ("a_dot", "PERSON: {expected", "PERSONN: {expected"),
    ],
    "wrong-form": [("a_dot", "2029-12-31", "31.12.2029"), ("krafton", '";"', '"::"')],
    "out-of-bounds": [
        ("a_dot", "malmoi.maxQuarantined, value: 0.05", "malmoi.maxQuarantined, value: 1.5"),
        ("a_dot", "malmoi.upsamplingLimit, value: 2", "malmoi.upsamplingLimit, value: 0"),
        ("a_dot", "value: [pretraining, distillation, open_release]", "value: []"),
    ],
    "repeated-item": [("a_dot", "[pretraining, distillation", "[pretraining, pretraining, distillation")],
    "no-such-form": [("a_dot", "value: {days: 365}", "value: {days: 365, until: serviceEnd}")],
    "odcs-version": [("a_dot", "apiVersion: v3.2.0", "apiVersion: v3.1.0")],
    "property-twice": [
        ("a_dot", "{property: malmoi.delivery, value: append}", "{property: malmoi.kind, value: web}")
    ],
    "todo": [
        ("a_dot", "value: [KR]}", "value: TODO}"),
        ("a_dot", "status: active", "status: active # TODO: ask"),
        ("a_dot", "name: Conversations of the assistant", "name: TODO name it"),
    ],
    "semver": [("a_dot", 'version: "1.0.0"', 'version: "1.0"'), ("a_dot", '"1.0.0"', '"01.0.0"')],
    "not-active": [("a_dot", "status: active", "status: draft"), ("a_dot", "status: active\n", "")],
    "no-contact": [("a_dot", "    url: mailto:", "    description: mailto:")],
    "calendar-day": [
        ("a_dot", "2029-12-31", "2029-02-29"),
        ("liner", 'since: "2026-05-01"', 'since: "2026-04-31"'),
        ("a_dot", 'on: "2026-11-20"', 'on: "2026-11-31"'),
        ("fortytwodot", 'minimum: "2000-01-01"', 'minimum: "2000-13-01"'),
    ],
    "name-form": [("a_dot", "tenant: a_dot", "tenant: A.")],
    "name-twice": [
        ("a_dot", "- name: math_tutor", "- name: daily_chat"),
        ("a_dot", "- name: response", "- name: prompt"),
    ],
    "no-data-set": [("selectstar", "schema:\n", "schema: []\nunused:\n")],
    "glob": [("a_dot", "daily_chat*.jsonl*", "../daily_chat*"), ("a_dot", "math_tutor*", "daily_chat*")],
    "encoding": [("krafton", "value: cp949", "value: rot13"), ("a_dot", "malmoi.join", "malmoi.delimiter")],
    "warc-columns": [("liner", "- name: url", "- name: uri")],
    "no-text": [
        (
            "selectstar",
            "customProperties: [{property: malmoi.role, value: text}]",
            "customProperties: [{property: malmoi.policy, value: drop}]",
        )
    ],
    "key-column": [
        ("a_dot", "primaryKey: true", "primaryKey: false"),
        ("a_dot", "required: true", "required: false"),
    ],
    "role-type": [
        (
            "selectstar",
            "name: comment\n        logicalType: string",
            "name: comment\n        logicalType: integer",
        )
    ],
    "role-place": [
        (
            "a_dot",
            "locale: ko}]\n              enum: [{value: user}, {value: assistant}]\n"
            "              customProperties: [{property: malmoi.policy, value: keep}]",
            "locale: ko}]\n              customProperties: [{property: malmoi.role, value: language}]",
        ),
        ("a_dot", KEY, KEY.replace("key", "speaker")),
    ],
    "role-policy": [
        ("a_dot", KEY, KEY + ", {property: malmoi.policy, value: drop}"),
        (
            "krafton",
            "required: false\n        synonyms: [{synonym: 닉네임, locale: ko}]\n        customProperties: "
            "[{property: malmoi.policy, value: drop}]",
            "required: true\n        customProperties: [{property: malmoi.policy, value: forbid}]",
        ),
    ],
    "subject-key": [
        (
            "krafton",
            "[{property: malmoi.policy, value: key}]",
            "[{property: malmoi.role, value: subject}, {property: malmoi.policy, value: keep}]",
        )
    ],
    "generalise": [
        ("fortytwodot", ", {property: malmoi.grid, value: 0.01}", ""),
        ("fortytwodot", "malmoi.clock, value: hour", "malmoi.grid, value: 1"),
        ("fortytwodot", "malmoi.policy, value: generalise", "malmoi.policy, value: keep"),
    ],
    "upsert-version": [("a_dot", "malmoi.delivery, value: append", "malmoi.delivery, value: upsert")],
    "limit": [
        ("fortytwodot", "{minimum: 33, maximum: 39}", "{minimum: 39, maximum: 33}"),
        ("a_dot", "enum: [{value: 0}", 'enum: [{value: "0"}'),
        ("krafton", "{minLength: 1, maxLength: 140}", "{minLength: 141, maxLength: 140}"),
        ("fortytwodot", "yyyy-MM-dd HH:mm", "Q-W"),
        ("a_dot", "        items:\n", "        logicalTypeOptions: {minItems: 2}\n        items:\n"),
        (
            "fortytwodot",
            "{pattern: '^[a-z]+$'}",
            "{pattern: '^[a-z]+$'}\n        enum: [{value: A}]",
        ),
        ("a_dot", "logicalTypeOptions: {minLength: 1}", "logicalTypeOptions: {format: binary}"),
    ],
    "pattern": [
        ("a_dot", "'^(talk|chatbot)-[0-9]+$'", r"'(a)\1'"),
        ("a_dot", "'^(talk|chatbot)-[0-9]+$'", "'^(?=talk)'"),
        ("a_dot", "'^(talk|chatbot)-[0-9]+$'", "'" + "a" * 1001 + "'"),
        ("a_dot", "'^(talk|chatbot)-[0-9]+$'", "'(((a{99}){99}){99}){99}'"),
    ],
    "quality-type": [
        ("a_dot", ROWS, "        type: custom\n        engine: soda\n        implementation: x\n"),
    ],
    "quality-severity": [("a_dot", ROWS, ROWS + "        severity: info\n")],
    "quality-operator": [
        ("a_dot", ROWS, "        type: sql\n        query: SELECT 1\n        mustBeBetween: [3, 1]\n"),
        ("a_dot", ROWS, "        metric: rowCount\n"),
        ("a_dot", ROWS, ROWS + "        mustBeLessThan: 9\n"),
    ],
    "quality-metric": [
        ("a_dot", ROWS, ROWS + "        arguments: {rows: [3]}\n"),
        ("a_dot", ROWS, ROWS + "        unit: dozens\n"),
        ("a_dot", "metric: rowCount", "metric: nullValues"),
        ("fortytwodot", "{properties: [page_id]}", "{properties: [page_idd]}"),
        ("fortytwodot", "        arguments: {properties: [page_id]}\n", ""),
    ],
    "quality-name": [("a_dot", "id: math_tutor_rows", "id: daily_chat_rows")],
    "sql": [
        sql("SELECT 1; SELECT 2"),
        sql("DROP TABLE reviews"),
        sql("COPY reviews TO '/tmp/x'"),
        sql("SELECT count(*) FROM read_text('/etc/passwd')"),
        sql("SELECT count(*) FROM '/etc/passwd'"),
        sql("SELECT count(*) FROM glob('*')"),
        sql("SELECT count(*) FROM duckdb_settings()"),
        sql("SELECT count(*) FROM information_schema.tables"),
        sql("SELECT count(*) FROM nothing"),
        sql("SELECT cont FROM ${table}"),
        sql("SELECT 1, 2"),
        sql("SELEC 1"),
        sql("SELECT count(*) FROM ${tables}"),
        sql("SELECT (SELECT count(*) FROM read_csv('x.csv')) FROM ${table}"),
        sql("WITH x AS (SELECT * FROM read_csv('x.csv')) SELECT count(*) FROM x"),
    ],
    "service-level": [
        ("a_dot", "malmoi.rows, element: daily_chat", "malmoi.rows, element: daily"),
        ("a_dot", "property: frequency, value: 1, unit: m", "property: frequency, value: 1, unit: fortnight"),
        ("a_dot", "property: frequency, value: 1, unit: m", "property: frequency, value: soon, unit: m"),
        ("a_dot", "property: latency", "property: latencie"),
        ("a_dot", "value: 0.9, valueExt: 1", "value: 0.9, valueExt: 0.5"),
        ("a_dot", "value: 0.9, valueExt: 1", "value: 90, valueExt: 100"),
        ("a_dot", "malmoi.languageShare.ko", "malmoi.languageShare.kor"),
    ],
    "licence-unknown": [
        ("a_dot", '"MIT"', '"MTI"'),
        ("a_dot", '"MIT"', '"KOGL-1"'),
        ("a_dot", '"MIT"', '"(MIT"'),
        ("a_dot", '"MIT"', '"MIT OR GPL-2"'),
    ],
    "licence-agreement": [
        ("a_dot", '"MIT"', '"LicenseRef-KOGL-Type-1"'),
        ("fortytwodot", " AND LicenseRef-Malmoi-Consortium-2026", ""),
    ],
    "licence-forbids": [
        ("a_dot", '"MIT"', '"CC-BY-NC-4.0"'),
        ("a_dot", '"MIT"', '"MIT AND CC-BY-ND-4.0"'),
        ("a_dot", '"MIT"', '"LicenseRef-KOGL-Type-3"'),
    ],
    "row-licences": [
        (
            "a_dot",
            "customProperties: [{property: malmoi.policy, value: keep}]",
            "customProperties: [{property: malmoi.role, value: licence}]",
        ),
        ("a_dot", "malmoi.origin, value: people}", "malmoi.origin, value: people}\n      "
         "- {property: malmoi.rowLicences, value: [MIT]}"),
    ],
    "term-order": [("a_dot", "2029-12-31", "2025-12-31")],
    "expired": [("a_dot", "2029-12-31", "2026-11-23")],
    "endless-term": [("a_dot", "2029-12-31", "9999-12-31")],
    "purpose-verb": [("a_dot", "ai_inference: allowed", "ai_inference: notAllowed")],
    "purpose-release": [
        ("a_dot", "malmoi.modelRelease, value: open", "malmoi.modelRelease, value: closed"),
        ("a_dot", ", open_release]", "]"),
    ],
    "student-size": [
        ("a_dot", "  - {property: malmoi.maxStudentParameters, value: 70000000000}\n", ""),
        ("a_dot", "malmoi.maxStudentParameters, value: 70000000000", "malmoi.maxStudentParameters, value: 0"),
    ],
    "constraint": [("a_dot", "data_mining: notAllowed", "data_mining: constrained")],
    "legitimate-interest": [("liner", "      necessity: Handbooks", "      # necessity: Handbooks")],
    "pseudonymised": [
        ("selectstar", "purpose: scientificResearch, ", ""),
        ("selectstar", "malmoi.deliveredAs, value: pseudonymised", "malmoi.deliveredAs, value: raw"),
    ],
    "legal-evidence": [("a_dot", '"15-1-1", evidence', '"15-1-1" } #')],
    "no-personal-data": [("snu_kaist", "{expected: false", "{expected: true")],
    "identifier-kept": [
        ("a_dot", PERSON, "KR_RRN: {expected: true, policy: keep, why: x"),
        ("a_dot", "PERSON: {", "KR_FRN: {"),
        ("selectstar", PERSON, "KR_RRN: {expected: true, policy: remove"),
    ],
    "kept-class": [("a_dot", PERSON, "PERSON: {expected: true, policy: keep")],
    "crawl-url": [("a_dot", "[own_service, synthetic]", "[own_service, crawl]")],
    "opt-outs": [("liner", "property: malmoi.optOuts", "property: optOuts")],
    "machine-terms": [
        ("a_dot", "malmoi.origin, value: people", "malmoi.origin, value: machine"),
        ("a_dot", "malmoi.origin, value: machine", "malmoi.origin, value: people"),
    ],
    "language-expectation": [
        ("a_dot", SHARE, "malmoi.languageShare.en, element: daily_chat")
    ],
    "missing-right": [
        ("a_dot", "  - {property: malmoi.territory, value: [KR]}\n", ""),
        ("a_dot", "KR_RRN: remove, ", ""),
        ("a_dot", "      - {property: malmoi.origin, value: people}\n", ""),
    ],
    "approval-missing": [("a_dot", "property: malmoi.approvals", "property: approvals")],
    "approval-stale": [("a_dot", "2029-12-31", "2029-12-30")],
    "approval-signature": [("a_dot", "Yun Ha-neul, corpus", "Yun Ha-nuel, corpus")],
}  # fmt: skip
CASES = [(rule, place) for rule, cases in BROKEN.items() for place in range(len(cases))]


@pytest.mark.parametrize(("rule", "place"), CASES, ids=[f"{rule}-{place}" for rule, place in CASES])
def test_a_broken_rule_is_named_where_it_is_broken(tmp_path: Path, rule: str, place: int):
    partner, old, new = BROKEN[rule][place]
    assert rule not in {problem.rule for problem in lint_contract(CONTRACTS / f"{partner}.yaml", today=TODAY)}
    path, line = mutated(tmp_path, partner, old, new)
    problems = lint_contract(path, today=TODAY)
    found = [problem for problem in problems if problem.rule == rule]
    assert found, [str(problem) for problem in problems]
    for problem in found:
        assert problem.severity == RULES[rule].severity
        assert problem.line >= 1
        assert problem.column >= 1
        assert str(problem).endswith(f"[{rule}]")
    near = (
        "approval",
        "missing",
        "name-twice",
        "row-licences",
        "crawl",
        "quality-name",
        "yaml",
        "no-",
        "opt-outs",
    )
    if not rule.startswith(near):
        assert min(abs(problem.line - line) for problem in found) <= 20


def test_every_rule_has_a_case_that_breaks_it():
    elsewhere = {"partner-twice"}  # of a directory: test_faults_of_all_files_come_together
    assert set(BROKEN) | elsewhere == set(RULES)


def test_every_rule_says_what_it_wants_in_two_languages_and_why():
    for rule in RULES.values():
        assert rule.severity in ("error", "warning")
        assert rule.english.endswith(".")
        assert any("가" <= character <= "힣" for character in rule.korean)
        assert len(rule.why) > 10
    assert set(RULES) >= JUDGED_LATER


@pytest.mark.parametrize("partner", PARTNERS)
def test_the_six_contracts_break_no_rule(partner: str):
    assert lint_contract(CONTRACTS / f"{partner}.yaml", today=TODAY) == ()
