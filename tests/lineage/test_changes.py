"""What is new since a parent, against two builds whose differences are known."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import pipelines.lineage.ranges as ranges
from pipelines.lineage.changes import changes_of
from pipelines.lineage.duplicates import losses
from pipelines.lineage.ranges import id_ranges
from pipelines.lineage.trace import trace_document
from schemas.documents import LEDGER
from schemas.reasons import Reason, Stage
from tests.lineage.small_build import _lost, documents, write_build


@pytest.fixture
def pair(tmp_path: Path):
    """A parent, and a child in which one document is gone, one lost, one came back and one is new."""
    rows = documents(20)
    parent = write_build(tmp_path / "parent", [dict(row) for row in rows])
    kept = [row for row in rows if row["kept"]]
    gone, lost = kept[5], kept[9]
    back = next(row for row in rows if row["reason"] == "too_short")
    tokens = {"input_ids": [5, 2], "tokens": 2, "kept": True, "stage": None, "reason": None}
    lost |= _lost(Reason.EXACT_DUPLICATE, kept[0]["doc_id"], 1.0) | {"tokens": 0, "input_ids": None}
    back |= tokens
    new = {**kept[0], "doc_id": b"\xff" * 16, "row": 99, **tokens}
    child = write_build(tmp_path / "child", [row for row in rows if row is not gone] + [new])
    return (parent, tmp_path / "parent"), (child, tmp_path / "child"), (gone, lost)


@pytest.mark.parametrize("in_a_range", [4_000_000, 3])
def test_documents_are_told_by_their_fates(pair, monkeypatch, in_a_range: int):
    monkeypatch.setattr(ranges, "_IN_A_RANGE", in_a_range)
    parent, child, (gone, lost) = pair
    moves = changes_of(parent, child).documents
    told: Counter[tuple[str, str]] = Counter()
    for _, before, after, _, count in moves.iter_rows():
        told[before, after] += count
    kept = {row["doc_id"] for row in documents(20) if row["kept"]}
    dropped = {row["doc_id"] for row in documents(20)} - kept
    assert told.pop(("kept", "kept")) == len(kept) - 2
    assert told.pop(("dropped", "dropped")) == len(dropped) - 1
    assert told == {
        ("kept", "absent"): 1,
        ("kept", "dropped"): 1,
        ("dropped", "kept"): 1,
        ("absent", "kept"): 1,
    }
    left = moves.filter((moves["before"] == "kept") & (moves["after"] != "kept"))
    assert {tuple(row) for row in left.iter_rows()} == {
        (gone["partner"], "kept", "absent", None, 1),
        (lost["partner"], "kept", "dropped", "dedup/exact_duplicate", 1),
    }


def test_why_a_document_left_is_told_by_the_row_that_counts(tmp_path: Path):
    rows = documents(20)
    parent = write_build(tmp_path / "parent", [dict(row) for row in rows])
    first, again = rows[0], rows[20]
    assert (again["doc_id"], again["reason"]) == (first["doc_id"], Reason.REPEATED_KEY)
    why = {"kept": False, "stage": Stage.QUALITY.value, "reason": Reason.SPAM.value}
    first |= why | {"tokens": 0, "input_ids": None}
    again |= {"file": "before.jsonl"}  # than that of the row it repeats
    assert again["file"] < first["file"]
    child = write_build(tmp_path / "child", rows)
    moves = changes_of((parent, tmp_path / "parent"), (child, tmp_path / "child")).documents
    (left,) = moves.filter((moves["before"] == "kept") & (moves["after"] == "dropped")).iter_rows()
    assert left == (first["partner"], "kept", "dropped", "quality/spam", 1)
    assert trace_document(tmp_path / "child", first["doc_id"].hex()).reason == "spam"


def test_nothing_is_new_between_a_build_and_itself(pair):
    parent, _, _ = pair
    found = changes_of(parent, parent)
    assert (found.recipe, found.made_with, found.contracts, found.drops) == ({}, {}, {}, {})
    assert found.shards == {"same": 3, "changed": 0, "new": 0, "gone": 0}
    assert all(before == now for before, now in found.kept.values())
    assert {tuple(row) for row in found.documents.select("before", "after").iter_rows()} == {
        ("kept", "kept"),
        ("dropped", "dropped"),
    }


def test_settings_contracts_drops_and_shards_that_differ_are_named(pair):
    (old, home), (new, child), _ = pair
    first = new.contracts[0]
    changed = replace(
        new,
        recipe={**new.recipe, "release": "closed"},
        contracts=(replace(first, version="2.0.0"), *new.contracts[1:]),
        drops=new.drops[:1],
        stage_versions={"language": 2},
    )
    found = changes_of((old, home), (changed, child))
    assert found.recipe == {"release": ('"open"', '"closed"')}
    assert found.contracts == {first.partner: ("1.0.0 4444444444444444", "2.0.0 4444444444444444")}
    assert found.drops == {"liner": (1, 0)}
    assert found.made_with == {"stage language": ("1", "2")}
    assert found.shards["changed"] >= 1
    assert sum(found.shards.values()) == 3


@pytest.mark.parametrize("count", [0, 1, 10, 1000])
def test_every_id_is_in_exactly_one_range(count: int, monkeypatch):
    monkeypatch.setattr(ranges, "_IN_A_RANGE", 7)
    table = LEDGER.empty_table().select(["doc_id"])
    ids = [bytes(16), *sorted(row["doc_id"] for row in documents(30)), b"\xff" * 16]
    table = type(table).from_pydict({"doc_id": ids}, table.schema)
    found = Counter(
        one for within in id_ranges(count, "doc_id") for one in table.filter(within)["doc_id"].to_pylist()
    )
    assert found == Counter(ids)


def test_losses_are_the_same_by_ranges_and_at_once(pair, monkeypatch):
    (manifest, build), _, _ = pair
    at_once = losses(build, manifest)
    assert sum(one.documents for one in at_once) == sum(
        row["duplicate_of"] is not None and row["reason"] != "repeated_key" for row in documents(20)
    )
    monkeypatch.setattr(ranges, "_IN_A_RANGE", 3)
    assert losses(build, manifest) == at_once
