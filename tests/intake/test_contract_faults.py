"""Contracts: every fault is named by file, line and path, all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.intake.contracts import lint_contract, load_contract
from pipelines.intake.house_rules import JUDGED_LATER
from schemas.errors import ContractRejected, Problem
from tests.intake.test_contracts import mutated

KEY_ROLE = "customProperties: [{property: malmoi.role, value: key}]"
TEXT_ROLE = "customProperties: [{property: malmoi.role, value: text}]"

# (partner, what stands there, what is put there, lines below its first, path, part of the message)
MUTATIONS = {
    "typo in a field of the contract": (
        "a_dot",
        "tenant: a_dot",
        "tennant: a_dot",
        0,
        "tennant",
        "did you mean tenant?",
    ),
    "typo in a field of a column": (
        "a_dot",
        "physicalType: string",
        "fysicalType: string",
        0,
        "schema[0].properties[0].fysicalType",
        "did you mean physicalType?",
    ),
    "typo in a field of a column inside a list": (
        "a_dot",
        "            - name: text\n",
        "            - nam: text\n",
        0,
        "schema[1].properties[1].items.properties[1].nam",
        "did you mean name?",
    ),
    "unknown logical type": (
        "a_dot",
        "logicalType: integer",
        "logicalType: int",
        0,
        "schema[0].properties[3].logicalType",
        "did you mean integer?",
    ),
    "number for a text": (
        "a_dot",
        'version: "1.0.0"',
        "version: 1.0",
        0,
        "version",
        "is number and must be string",
    ),
    "older standard": (
        "a_dot",
        "apiVersion: v3.2.0",
        "apiVersion: v3.1.0",
        0,
        "apiVersion",
        "must be v3.2.0",
    ),
    "no such standard": (
        "a_dot",
        "apiVersion: v3.2.0",
        "apiVersion: v9",
        0,
        "apiVersion",
        "'v9' is not known",
    ),
    "missing id": ("a_dot", "id: malmoi-a-dot\n", "", -2, "(the whole file)", "id is missing"),
    "missing contact": ("a_dot", "    url: mailto:", "    description: mailto:", -2, "support", "no contact"),
    "day that does not exist": (
        "a_dot",
        "2029-12-31",
        "2029-02-29",
        0,
        "customProperties[3].value",
        "no day",
    ),
    "day in another form": (
        "a_dot",
        "2029-12-31",
        "31.12.2029",
        0,
        "customProperties[3].value",
        "does not fit",
    ),
    "end before the start": (
        "a_dot",
        "2029-12-31",
        "2025-12-31",
        0,
        "customProperties[3].value",
        "lies before",
    ),
    "alias": ("a_dot", "status: active", "status: *x", 0, "status", "an alias"),
    "anchor": ("a_dot", "status: active", "status: &x active", 0, "status", "an anchor"),
    "tag": ("a_dot", "status: active", "status: !!python/name:os.system x", 0, "status", "a tag"),
    "key that stands twice": (
        "a_dot",
        "status: active",
        "status: active\nid: b",
        1,
        "id",
        "(first in line 4)",
    ),
    "half a surrogate pair": ("a_dot", "status: active", 'status: "\\ud800"', 0, "status", "surrogate"),
    "second document": ("a_dot", "schema:\n", "---\nschema:\n", 0, "(the whole file)", "a second document"),
    "syntax": ("a_dot", "status: active", "status: a: b", 0, "(the whole file)", "not YAML"),
    "unknown malmoi property": (
        "a_dot",
        "malmoi.kind",
        "malmoi.kimd",
        0,
        "schema[0].customProperties[0].property",
        "did you mean malmoi.kind?",
    ),
    "malmoi property in another place": (
        "a_dot",
        "malmoi.licence",
        "malmoi.kind",
        0,
        "customProperties[0].property",
        "nothing a contract has",
    ),
    "malmoi property twice": (
        "a_dot",
        "{property: malmoi.delivery, value: append}",
        "{property: malmoi.kind, value: web}",
        0,
        "schema[0].customProperties[4].property",
        "stands twice",
    ),
    "missing malmoi property": (
        "a_dot",
        "      - {property: malmoi.kind, value: dialogue}\n",
        "",
        -4,
        "schema[0]",
        "malmoi.kind is missing",
    ),
    "wrong kind": (
        "a_dot",
        "value: dialogue",
        "value: dialog",
        0,
        "schema[0].customProperties[0].value",
        "did you mean dialogue?",
    ),
    "wrong type of a malmoi value": (
        "a_dot",
        'value: ["daily_chat*.jsonl*"]',
        "value: daily",
        0,
        "schema[0].customProperties[1].value",
        "is string and must be array",
    ),
    "wrong type inside a malmoi value": (
        "a_dot",
        '["daily_chat*.jsonl*"]',
        "[x, 3]",
        0,
        "schema[0].customProperties[1].value[1]",
        "is integer and must be string",
    ),
    "unknown purpose": (
        "a_dot",
        "open_release]",
        "open_relase]",
        0,
        "customProperties[1].value[2]",
        "did you mean open_release?",
    ),
    "empty licence": ("a_dot", '"MIT"', '""', 0, "customProperties[0].value", "does not fit"),
    "unknown role": (
        "a_dot",
        "value: key}]",
        "value: kee}]",
        0,
        "schema[0].properties[0].customProperties[0].value",
        "did you mean key?",
    ),
    "column without a role": (
        "a_dot",
        f"        {KEY_ROLE}\n",
        "",
        -7,
        "schema[0].properties[0]",
        "malmoi.role is missing",
    ),
    "no text column": (
        "selectstar",
        TEXT_ROLE,
        "customProperties: [{property: malmoi.policy, value: drop}]",
        -16,
        "schema[0].properties",
        "no column has the role text",
    ),
    "key that need not be there": (
        "a_dot",
        "required: true",
        "required: false",
        -4,
        "schema[0].properties[0]",
        "must be there in every row",
    ),
    "key that ODCS does not call one": (
        "a_dot",
        "primaryKey: true",
        "primaryKey: false",
        0,
        "schema[0].properties[0].primaryKey",
        "go together",
    ),
    "text that is a number": (
        "selectstar",
        "name: comment\n        logicalType: string",
        "name: comment\n        logicalType: integer",
        1,
        "schema[0].properties[1].logicalType",
        "cannot be integer",
    ),
    "key inside a list": (
        "a_dot",
        "              required: true\n              synonyms: [{synonym: 발화, locale: ko}]\n"
        "              logicalTypeOptions: {minLength: 1}\n              " + TEXT_ROLE,
        "              required: true\n              primaryKey: true\n"
        "              logicalTypeOptions: {minLength: 1}\n              " + KEY_ROLE,
        3,
        "schema[1].properties[1].items.properties[1].customProperties[0].value",
        "inside a list",
    ),
    "column of another name in WARC": (
        "liner",
        "- name: url",
        "- name: uri",
        0,
        "schema[0].properties[0].name",
        "WARC has the columns",
    ),
    "two columns of one name": (
        "a_dot",
        "- name: response",
        "- name: prompt",
        0,
        "schema[0].properties[2].name",
        "a second column",
    ),
    "two data sets of one name": (
        "a_dot",
        "- name: math_tutor",
        "- name: daily_chat",
        0,
        "schema[1].name",
        "a second data set",
    ),
    "data set that is no file name": (
        "a_dot",
        "- name: math_tutor",
        "- name: Math/Tutor",
        0,
        "schema[1].name",
        "a-z",
    ),
    "partner that is no file name": ("a_dot", "tenant: a_dot", "tenant: A.", 0, "tenant", "a-z"),
    "path that climbs out": (
        "a_dot",
        "daily_chat*.jsonl*",
        "../daily_chat*",
        0,
        "schema[0].customProperties[1].value[0]",
        "climbs out",
    ),
    "path that starts at the root": (
        "a_dot",
        "daily_chat*.jsonl*",
        "/daily_chat*",
        0,
        "schema[0].customProperties[1].value[0]",
        "outside the drop",
    ),
    "path with two stars": (
        "a_dot",
        "daily_chat*.jsonl*",
        "**/daily",
        0,
        "schema[0].customProperties[1].value[0]",
        "no plain glob",
    ),
    "path of another data set": (
        "a_dot",
        "math_tutor*.jsonl*",
        "daily_chat*.jsonl*",
        0,
        "schema[1].customProperties[1].value[0]",
        "one data set",
    ),
    "unknown encoding": (
        "krafton",
        "value: cp949",
        "value: cp94999",
        0,
        "schema[1].customProperties[3].value",
        "no encoding",
    ),
    "long delimiter": ("krafton", '";"', '"::"', 0, "schema[1].customProperties[4].value", "does not fit"),
    "delimiter of JSON lines": (
        "a_dot",
        "malmoi.join",
        "malmoi.delimiter",
        0,
        "schema[0].customProperties[3].value",
        "only csv",
    ),
}


def blocking(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Those that keep a contract from being read: no warning, and not that its approval is now stale."""
    return tuple(p for p in problems if p.severity == "error" and p.rule not in JUDGED_LATER)


@pytest.mark.parametrize("case", MUTATIONS)
def test_each_fault_is_named_with_its_line_and_path(tmp_path: Path, case: str):
    partner, old, new, below, where, message = MUTATIONS[case]
    path, line = mutated(tmp_path, partner, old, new)
    problems = lint_contract(path)
    named = [p for p in problems if (p.line, p.path) == (line + below, where) and message in p.message]
    assert named, f"expected line {line + below}, {where}: {message}; found: {[str(p) for p in problems]}"
    assert named[0].file == path.name
    assert str(tmp_path) not in "".join(map(str, problems))
    with pytest.raises(ContractRejected) as rejected:
        load_contract(path)
    assert set(rejected.value.problems) == set(blocking(problems))


def test_one_fault_is_one_problem(tmp_path: Path):
    for old, new in {
        "value: dialogue": "value: dialog", "logicalType: integer": "logicalType: int", "status:": "sttatus:",
        "2029-12-31": "2029-02-29",
    }.items():  # fmt: skip
        path, _ = mutated(tmp_path, "a_dot", old, new)
        assert len(blocking(lint_contract(path))) == 1


def test_all_faults_are_reported_sorted_by_line(tmp_path: Path):
    path, _ = mutated(tmp_path, "a_dot", "2029-12-31", "2029-02-29")
    text = path.read_text("utf-8")
    text = text.replace("value: dialogue", "value: dialog").replace("status:", "sttatus:")
    path.write_text(text.replace("name: tag", "name: prompt"), "utf-8")
    problems = blocking(lint_contract(path))
    assert [p.message.split(":")[0][:20] for p in problems] == [
        "ODCS has no field of", "2029-02-29 is no day", "'dialog' is not know", "a second column of t",
        "'dialog' is not know",
    ]  # fmt: skip
    assert [p.line for p in problems] == sorted(p.line for p in problems)


def test_an_alias_bomb_is_refused_unopened(tmp_path: Path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(lines))
    problems = lint_contract(path)
    assert len([p for p in problems if "an alias" in p.message]) == 29 * 10
    assert {p.line for p in problems} == set(range(1, 31))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty and must be object"),
        (b"- 1", "is array and must be object"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a: \x01", "control character"),
        (b"[" * 100_000, "nested deeper"),
        (b"? [a]\n: 1", "keys are plain words"),
        (b"a: " + b"x" * (1 << 20), "larger than"),
        (b"schema: [3]\ncustomProperties: 4\nsupport: [x]\ntenant: 5", "is integer and must be object"),
        (
            b"schema: [{properties: [x, {items: 3}, {name: [1]}], customProperties: [{}, {property: 1}]}]",
            "name",
        ),
    ],
)
def test_what_is_no_contract_at_all_is_refused_with_a_reason(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    assert any(message in problem.message for problem in lint_contract(path))
