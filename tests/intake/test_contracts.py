"""Contracts: the six of the consortium, and every fault named by file, line and path."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.intake.contracts import (
    data_set_identity,
    data_sets_of,
    lint_contract,
    load_contract,
    load_contracts,
)
from pipelines.intake.house_rules import JUDGED_LATER, RULES
from pipelines.intake.odcs import malmoi_schema
from pipelines.intake.spdx import own_licences
from pipelines.intake.yaml_source import read_yaml
from schemas.contract import Delivery, Format, Kind, Markup, Role
from schemas.errors import ContractRejected, InputUnreadable
from schemas.identity import fingerprint
from schemas.rights import Use, denials

CONTRACTS = Path(__file__).parents[2] / "data_contracts"
TEACHER = Use(("pretraining", "distillation", "open_release"), "open", ("KR",), "2026-11-24", 70_000_000_000)
PARTNERS = ("a_dot", "fortytwodot", "krafton", "liner", "selectstar", "snu_kaist")


def mutated(tmp_path: Path, partner: str, old: str, new: str) -> tuple[Path, int]:
    """A contract with the first `old` replaced, and the line on which the replacement begins."""
    text = (CONTRACTS / f"{partner}.yaml").read_text("utf-8")
    assert old in text
    path = tmp_path / f"{partner}.yaml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path, text[: text.index(old)].count("\n") + 1


def test_the_six_contracts_load_in_the_order_of_their_partners():
    contracts = load_contracts(CONTRACTS)
    assert tuple(contract.partner for contract in contracts) == PARTNERS
    assert len({contract.digest for contract in contracts}) == 6


def test_every_contract_allows_the_teacher_corpus_on_its_day():
    for contract in load_contracts(CONTRACTS):
        assert denials(contract.partner, contract.rights, TEACHER) == ()
        assert contract.rights.attribution
        assert contract.rights.contact.startswith("mailto:")
        assert contract.rights.contact.endswith(".example")


def test_the_six_contracts_differ_in_their_rights():
    rights = [contract.rights for contract in load_contracts(CONTRACTS)]
    bases = {r.legal_basis.article for r in rights if r.legal_basis}
    assert bases == {"15-1-1", "15-1-4", "15-1-6", "28-2", "none"}
    for field in ("licence", "territory", "expires", "retention", "personal_data", "ai_use", "notice_days"):
        assert len({getattr(r, field) for r in rights}) >= 4, field


def test_the_agreement_of_a_licence_of_ones_own_is_the_text_beside_the_contracts():
    rights = next(c.rights for c in load_contracts(CONTRACTS) if c.rights.agreement)
    (name,) = own_licences(rights.licence)
    text = (CONTRACTS / "agreements" / f"{name}.txt").read_bytes()
    assert rights.agreement == "sha256:" + hashlib.sha256(text).hexdigest()


def test_every_handed_file_belongs_to_exactly_one_data_set(handed: Path):
    for contract in load_contracts(CONTRACTS):
        drop = handed / contract.partner
        names = [path.relative_to(drop).as_posix() for path in drop.rglob("*") if path.is_file()]
        found = {name: [data_set.name for data_set in data_sets_of(contract, name)] for name in names}
        assert names
        assert {name: sets for name, sets in found.items() if len(sets) != 1} == {}
        delivered = {sets[0] for sets in found.values()}
        assert delivered >= {data_set.name for data_set in contract.data_sets if not data_set.optional}


def test_a_star_stays_inside_its_directory():
    contract = load_contract(CONTRACTS / "krafton.yaml")
    assert [s.name for s in data_sets_of(contract, "reviews_legacy_cp949.csv.gz")] == ["reviews_legacy"]
    assert data_sets_of(contract, "reviews_1/x.csv.gz") == ()
    assert data_sets_of(contract, "reviews_1.csv.gz/x") == ()
    assert data_sets_of(contract, "Community.jsonl") == ()


def test_text_in_a_list_has_a_path_into_it():
    math_tutor = load_contract(CONTRACTS / "a_dot.yaml").data_sets[1]
    (text,) = math_tutor.of_role(Role.TEXT)
    assert (text.name, text.path, text.logical_type, text.required) == (
        "turns.text",
        ("turns", "text"),
        "string",
        True,
    )
    assert [column.path for column in math_tutor.of_role(Role.KEY)] == [("dlg_id",)]


def test_a_data_set_is_read_as_its_contract_says():
    sets = {s.name: s for contract in load_contracts(CONTRACTS) for s in contract.data_sets}
    legacy, manuals, handbook = sets["reviews_legacy"], sets["manuals"], sets["handbook"]
    assert (legacy.encoding, legacy.delimiter, legacy.format, legacy.kind) == (
        "cp949",
        ";",
        Format.CSV,
        Kind.SHORT_POST,
    )
    assert (manuals.markup, manuals.join, manuals.delivery) == (Markup.MARKDOWN, "\n\n", Delivery.UPSERT)
    assert [(c.name, c.required) for c in manuals.of_role(Role.VERSION)] == [
        ("revised", False),
        ("rev_date", False),
    ]
    assert [(c.name, c.required) for c in manuals.of_role(Role.TEXT)] == [
        ("heading", False),
        ("body_md", True),
    ]
    assert handbook.languages == ("en", "ja", "ko", "zh")
    assert [c.name for c in handbook.columns] == ["url", "date", "html"]
    assert [c.name for c in sets["community"].of_role(Role.KEY)] == ["no"]
    assert {name for name, s in sets.items() if s.optional} == {
        "code_samples", "game_chat", "lo_help_crawl", "pages_es", "pairs_ko_en", "trips",
    }  # fmt: skip


def test_personal_columns_are_never_read():
    sets = {s.name: s for contract in load_contracts(CONTRACTS) for s in contract.data_sets}
    for name, columns in {
        "reviews": {"nick"}, "reviews_legacy": {"nick"}, "game_chat": {"nick", "room"},
        "trips": {"driver", "start_lat", "start_lon"},
    }.items():  # fmt: skip
        assert columns <= {column.name for column in sets[name].of_role(Role.OTHER)}


def test_our_schema_and_our_types_know_the_same_words():
    words = malmoi_schema()["$defs"]["data_set"]["properties"]
    assert words["malmoi.kind"]["enum"] == [kind.value for kind in Kind]
    assert words["malmoi.format"]["enum"] == [file_format.value for file_format in Format]
    assert words["malmoi.markup"]["enum"] == [markup.value for markup in Markup]
    assert words["malmoi.delivery"]["enum"] == [delivery.value for delivery in Delivery]
    assert malmoi_schema()["$defs"]["column"]["properties"]["malmoi.role"]["enum"] == [
        role.value for role in Role if role is not Role.OTHER
    ]


def test_a_file_that_is_not_there_is_named_without_its_directory(tmp_path: Path):
    with pytest.raises(InputUnreadable, match=r"^gone\.yaml: "):
        load_contract(tmp_path / "gone.yaml")
    with pytest.raises(InputUnreadable, match="no contract"):
        load_contracts(tmp_path)


def test_faults_of_all_files_come_together(tmp_path: Path):
    mutated(tmp_path, "a_dot", "value: dialogue", "value: dialog")
    mutated(tmp_path, "liner", "tenant: liner", "tenant: krafton")
    mutated(tmp_path, "krafton", "status: active", "status: 3")
    (tmp_path / "second.yaml").write_text((CONTRACTS / "selectstar.yaml").read_text("utf-8"), "utf-8")
    (tmp_path / "third.yaml").write_text((CONTRACTS / "selectstar.yaml").read_text("utf-8"), "utf-8")
    with pytest.raises(ContractRejected) as rejected:
        load_contracts(tmp_path)
    assert {problem.file for problem in rejected.value.problems} == {
        "a_dot.yaml",
        "krafton.yaml",
        "third.yaml",
    }
    assert any("second.yaml is this partner's contract already" in str(p) for p in rejected.value.problems)


def test_words_that_yaml_11_took_for_truth_values_or_days_stay_words(tmp_path: Path):
    path = tmp_path / "c.yaml"
    path.write_text("[no, on, 2026-11-24, 12:30:00, 0x1F, 1_000, 1e999, true, 3, -4.5, ~, '3', \"\"]")
    assert read_yaml(path).value == [
        "no", "on", "2026-11-24", "12:30:00", "0x1F", "1_000", "1e999", True, 3, -4.5, None, "3", "",
    ]  # fmt: skip


def shuffled(value: Any, draw: st.DataObject) -> Any:
    """The same value with every mapping's keys in another order."""
    if isinstance(value, dict):
        keys = draw.draw(st.permutations(list(value)))
        return {key: shuffled(value[key], draw) for key in keys}
    return [shuffled(item, draw) for item in value] if isinstance(value, list) else value


@settings(deadline=None, max_examples=10)
@given(partner=st.sampled_from(PARTNERS), data=st.data())
def test_order_of_keys_comments_and_style_do_not_change_the_digest(
    tmp_path_factory: pytest.TempPathFactory, partner: str, data: st.DataObject
):
    original = CONTRACTS / f"{partner}.yaml"
    value = shuffled(read_yaml(original).value, data)
    comment = data.draw(st.text(st.characters(categories=("L", "N", "Zs")), max_size=20))
    lines = json.dumps(value, ensure_ascii=False, indent=data.draw(st.integers(1, 4))).split("\n")
    at = data.draw(st.integers(0, len(lines)))
    path = tmp_path_factory.mktemp("shuffled") / "other.yaml"
    path.write_text("\n".join([*lines[:at], f"# {comment}", *lines[at:]]), "utf-8")
    loaded, known = load_contract(path), load_contract(original)
    assert loaded == known  # digest and all


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "array", "text", "..", "malmoi.x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "items", "properties", "property"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of everything inside a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inside for found in places(item, (*path, key)))]


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_whatever_stands_in_a_contract_it_is_loaded_or_refused_with_reasons(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    value = read_yaml(CONTRACTS / f"{data.draw(st.sampled_from(PARTNERS))}.yaml").value
    *above, last = data.draw(st.sampled_from(places(value)[1:]))
    inside = value
    for part in above:
        inside = inside[part]
    if data.draw(st.booleans()):
        del inside[last]
    else:
        inside[last] = data.draw(ANYTHING)
    path = tmp_path_factory.mktemp("any") / "any.yaml"
    path.write_text(json.dumps(value), "utf-8")
    problems = lint_contract(path)
    assert all(problem.rule in RULES for problem in problems)
    if any(p.severity == "error" and p.rule not in JUDGED_LATER for p in problems):
        with pytest.raises(ContractRejected):
            load_contract(path)
    else:
        assert load_contract(path).data_sets


def test_a_change_of_content_changes_the_digest(tmp_path: Path):
    path, _ = mutated(tmp_path, "a_dot", "2029-12-31", "2029-12-30")
    assert load_contract(path).digest != load_contract(CONTRACTS / "a_dot.yaml").digest


def test_only_what_shapes_the_text_is_a_data_sets_identity():
    data_set = load_contract(CONTRACTS / "krafton.yaml").data_sets[0]
    identity = fingerprint(data_set_identity(data_set))
    unread = tuple(column for column in data_set.columns if column.role is not Role.OTHER)
    for same in (
        {"files": ("x*.csv",)}, {"delivery": Delivery.UPSERT}, {"optional": True}, {"columns": unread},
    ):  # fmt: skip
        assert fingerprint(data_set_identity(dataclasses.replace(data_set, **same))) == identity
    for other in (
        {"kind": Kind.WEB}, {"format": Format.JSONL}, {"encoding": "cp949"}, {"delimiter": ";"},
        {"markup": Markup.HTML}, {"join": ""}, {"languages": ("en",)}, {"columns": unread[:1]}, {"name": "x"},
    ):  # fmt: skip
        assert fingerprint(data_set_identity(dataclasses.replace(data_set, **other))) != identity
