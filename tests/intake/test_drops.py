from __future__ import annotations

import os
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.intake.drops import Drop, DropFile, announced_faults, discover
from schemas.contract import Contract, Format
from schemas.errors import InputUnreadable
from schemas.identity import file_sha256
from schemas.reasons import Refusal
from tests.agreements import contract_of
from tests.intake.readers.reading import data_set
from tests.sent import send


def contract(**globs: tuple[str, ...]) -> Contract:
    sets = (replace(data_set(Format.JSONL), name=name, files=files) for name, files in globs.items())
    return contract_of(*sets)


def fill(drop: Path, *names: str) -> None:
    for name in names:
        (drop / name).parent.mkdir(parents=True, exist_ok=True)
        (drop / name).write_text("{}\n")


def test_files_are_told_by_data_set_and_sorted(tmp_path: Path) -> None:
    fill(tmp_path, "b.jsonl", "a.jsonl", "deep/er/c.jsonl", "deep/README", "[x].txt")
    sent = send(tmp_path, {"b.jsonl": 1, "a.jsonl": 2, "deep/er/c.jsonl": 3})
    found = discover(
        tmp_path, contract(chat=("?.jsonl",), deep=("deep/**/*.jsonl",), none=("*.csv", "deep/*.jsonl"))
    )
    assert found == Drop(
        partner="p",
        files=(
            DropFile("chat", "a.jsonl"),
            DropFile("chat", "b.jsonl"),
            DropFile("deep", "deep/er/c.jsonl"),
        ),
        unnamed=("[x].txt", "deep/README"),
        refused=(),
        missing=("none",),
        rows_sent=(("a.jsonl", 2), ("b.jsonl", 1), ("deep/er/c.jsonl", 3)),
        sent=sent,
        faults=tuple(
            ("file_not_announced", path, "there and not announced in drop.json: prepare the drop again")
            for path in ("[x].txt", "deep/README")
        ),
    )


@pytest.mark.parametrize(
    ("glob", "matched"),
    [
        ("*", {"a1", "a2", "b1"}),
        ("**", {"a1", "a2", "b1", "d/a1", "d/e/a1"}),
        ("**/a1", {"a1", "d/a1", "d/e/a1"}),
        ("[a]?", {"a1", "a2"}),
        ("[!a]1", {"b1"}),
        ("d/*/a[0-9]", {"d/e/a1"}),
    ],
)
def test_globs_cross_folders_only_by_two_stars(tmp_path: Path, glob: str, matched: set[str]) -> None:
    fill(tmp_path, "a1", "a2", "b1", "d/a1", "d/e/a1")
    assert {file.path for file in discover(tmp_path, contract(x=(glob,))).files} == matched


def test_decomposed_hangul_names_are_found(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "대화.jsonl")
    fill(tmp_path, name)
    assert discover(tmp_path, contract(chat=("대화*.jsonl",))).files == (DropFile("chat", name),)


def test_an_optional_data_set_is_not_missed(tmp_path: Path) -> None:
    two = contract(a=("a",), b=("b",))
    two = replace(two, data_sets=(two.data_sets[0], replace(two.data_sets[1], optional=True)))
    assert discover(tmp_path, two).missing == ("a",)


def test_links_out_of_the_drop_are_refused_and_not_followed(tmp_path: Path) -> None:
    fill(tmp_path, "drop/a.jsonl", "outside/secret.jsonl")
    drop = tmp_path / "drop"
    (drop / "b.jsonl").symlink_to(tmp_path / "outside/secret.jsonl")
    (drop / "folder").symlink_to(tmp_path / "outside", target_is_directory=True)
    (drop / "dangling.jsonl").symlink_to("nowhere")
    os.mkfifo(drop / "pipe.jsonl")
    send(drop, {"a.jsonl": 1, "../outside/secret.jsonl": 1, "b.jsonl": 1})
    found = discover(drop, contract(chat=("**/*.jsonl",)))
    assert found.files == (DropFile("chat", "a.jsonl"),)
    assert found.refused == (
        ("../outside/secret.jsonl", Refusal.OUTSIDE_DROP),
        ("b.jsonl", Refusal.OUTSIDE_DROP),
        ("dangling.jsonl", Refusal.OUTSIDE_DROP),
        ("folder", Refusal.OUTSIDE_DROP),
        ("pipe.jsonl", Refusal.UNREADABLE),
    )
    assert found.unnamed == ()
    assert found.faults == ()


def test_a_file_of_two_data_sets_is_an_error_that_names_both(tmp_path: Path) -> None:
    fill(tmp_path, "a.jsonl")
    with pytest.raises(InputUnreadable, match=r"a\.jsonl belongs to the data sets chat and talk"):
        discover(tmp_path, contract(talk=("*.jsonl",), chat=("a.*",)))


def test_files_that_end_in_part_are_not_there(tmp_path: Path) -> None:
    fill(tmp_path, "a.jsonl", "b.jsonl.part", "drop.json.part")
    found = discover(tmp_path, contract(chat=("*.jsonl*",)))
    assert [file.path for file in found.files] == ["a.jsonl"]
    assert found.parts == ("b.jsonl.part", "drop.json.part")
    assert found.unnamed == ()
    assert found.sent is None


def test_drop_json_is_no_file_of_a_data_set(tmp_path: Path) -> None:
    fill(tmp_path, "a.json")
    send(tmp_path, {"a.json": 1})
    assert discover(tmp_path, contract(x=("*",))).files == (DropFile("x", "a.json"),)


def test_what_arrived_is_held_against_what_was_sent(tmp_path: Path) -> None:
    names = ["same", "longer", "other", "fewer", "gone", "decomposed가".upper()]
    fill(tmp_path, *names)
    send(tmp_path, dict.fromkeys(names, 1), version="0.9.0")
    (tmp_path / "gone").unlink()
    fill(tmp_path, "added")
    name = unicodedata.normalize("NFD", names[-1])
    (tmp_path / names[-1]).rename(tmp_path / name)
    found = discover(tmp_path, contract(x=("*",)))
    same = file_sha256(tmp_path / "same")
    facts = {
        "same": (3, same, 1),
        "longer": (4, "0" * 64, 1),
        "other": (3, "0" * 64, 1),
        "fewer": (3, same, 0),
        name: (3, same, 1),
        "added": (3, same, 1),
    }
    assert [(code, path) for code, path, _ in announced_faults(found, facts)] == [
        ("contract_version", ""),
        ("file_digest", "other"),
        ("file_missing", "gone"),
        ("file_not_announced", "added"),
        ("file_size", "longer"),
        ("rows_sent", "fewer"),
    ]
    assert dict(found.rows_sent)[name] == 1


def test_a_drop_as_it_was_sent_has_no_fault(tmp_path: Path) -> None:
    fill(tmp_path, "a")
    send(tmp_path, {"a": 1}, content_digest=contract(x=("*",)).content_digest)
    found = discover(tmp_path, contract(x=("*",)))
    assert announced_faults(found, {"a": (3, file_sha256(tmp_path / "a"), 1)}) == ()


def test_a_contract_of_the_same_version_with_other_content_is_a_fault(tmp_path: Path) -> None:
    fill(tmp_path, "a")
    send(tmp_path, {"a": 1}, content_digest="9" * 64)
    assert [code for code, _, _ in discover(tmp_path, contract(x=("*",))).faults] == ["contract_digest"]


def test_the_drop_of_another_partner_is_an_error(tmp_path: Path) -> None:
    send(tmp_path, {}, partner="q")
    with pytest.raises(InputUnreadable, match="partner: is not p"):
        discover(tmp_path, contract(x=("*",)))


def test_a_drop_that_is_no_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadable, match="is no directory"):
        discover(tmp_path / "nowhere", contract(x=("*",)))
