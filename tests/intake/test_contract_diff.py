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
    Policy,
    QualityRule,
    Role,
    Severity,
)
from schemas.rights import Rights
from tests.intake.contract_parts import (
    BASES,
    CASES,
    CONTRACT,
    DATA_SET,
    EXCEPTIONS,
    OTHER,
    PLACES,
    RIGHTS,
    RULE,
    TEXT,
)
from tests.laws.builds import malmoi

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
