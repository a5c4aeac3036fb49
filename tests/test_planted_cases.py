"""Every case planted in the example drops, and every near miss, against the example build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipelines.tokens.tokenizer import load_tokenizer
from schemas.identity import document_ids
from schemas.recipe import TokenSettings
from tests.laws.builds import Finished

PLANTED = Path(__file__).parents[1] / "examples" / "planted.yaml"
CASES: dict[str, dict[str, Any]] = {
    case["id"]: case for case in yaml.safe_load(PLANTED.read_text(encoding="utf-8"))
}
REFUSED = [name for name, case in CASES.items() if case["expect"]["decision"] == "quarantined"]
JUDGED = [name for name in CASES if name not in REFUSED]
KEPT = [name for name in JUDGED if CASES[name]["expect"]["decision"] == "kept"]
COPIES = [name for name in JUDGED if "duplicate_of" in CASES[name]["expect"]]
NEAR_MISSES = [name for name, case in CASES.items() if case["near_miss_of"]]
# Where the document id hangs on the key alone: in WARC and manuals the version is a part of it, and its
# wording belongs to the reader.
KEYED = [name for name in JUDGED if CASES[name]["data_set"] not in {"handbook", "manuals", "lo_help_pages"}]


@dataclass(frozen=True)
class Outcome:
    """What the example build says: the ledger by place, the quarantine, the texts of the shards by id."""

    ledger: dict[tuple[str, str, int], dict[str, Any]]
    quarantine: dict[tuple[str, str, int], dict[str, Any]]
    texts: dict[bytes, str]

    def of(self, name: str) -> dict[str, Any]:
        """The ledger's row of a case; fails where the case did not arrive."""
        place = _place(CASES[name])
        assert place in self.ledger, f"{name}: {place} is not in the ledger"
        return self.ledger[place]


def _place(case: dict[str, Any]) -> tuple[str, str, int]:
    return case["partner"], case["file"], case["row"]


def _one_of(wanted: str | list[str]) -> list[str]:
    return [wanted] if isinstance(wanted, str) else wanted


def _texts(build: Path) -> dict[bytes, str]:
    tokenizer = load_tokenizer(TokenSettings(), directory=PLANTED.parent)
    texts = {}
    for path in sorted((build / "segments").glob("*/*/*.arrow")):
        with pa.OSFile(str(path)) as file:
            shard = pa.ipc.open_stream(file).read_all()
        for doc_id, ids in zip(shard["doc_id"].to_pylist(), shard["input_ids"].to_pylist(), strict=True):
            texts[doc_id] = tokenizer.decode(ids)
    return texts


@pytest.fixture(scope="module")
def outcome(built: Finished) -> Outcome:
    rows = pq.read_table(built.build / "ledger").to_pylist()
    quarantine = {}
    for receipt in built.receipts:
        for fault in built.faults(receipt["partner"]):
            quarantine[receipt["partner"], fault["file"], fault["row"]] = fault
    ledger = {(row["partner"], row["file"], row["row"]): row for row in rows}
    return Outcome(ledger, quarantine, _texts(built.build))


@pytest.mark.parametrize("name", JUDGED)
def test_a_planted_document_meets_the_decision_it_was_planted_for(outcome: Outcome, name: str):
    expect, row = CASES[name]["expect"], outcome.of(name)
    found = f"{row['stage']}: {row['reason']}, {row['detail']}"
    assert row["kept"] == (expect["decision"] == "kept"), found
    if "stage" in expect:
        assert row["stage"] in _one_of(expect["stage"]), found
    if "reason" in expect:
        assert row["reason"] in _one_of(expect["reason"]), found
    if "language" in expect:
        assert row["language"] == expect["language"]


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_document_has_the_planted_classes_replaced_and_no_others(outcome: Outcome, name: str):
    expect, row = CASES[name]["expect"], outcome.of(name)
    # The contracts remove unique identifiers: counted with the action, "KR_FRN:removed".
    replaced = {label.partition(":")[0]: count for label, count in row["pii"] or ()}
    for label in expect.get("labels", ()):
        assert replaced.get(label, 0) >= 1, f"{label} was not found: {replaced}"
    for label in expect.get("labels_absent", ()):
        assert label not in replaced


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_document_lies_in_a_shard_with_what_has_to_remain(outcome: Outcome, name: str):
    case, row = CASES[name], outcome.of(name)
    assert row["doc_id"] in outcome.texts
    text = outcome.texts[row["doc_id"]]
    for piece in case.get("remains", ()):
        assert piece in text
    for piece in (*case.get("personal", ()), *case.get("gone", ())):
        assert piece not in text


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_names_the_kept_document_it_lost_to(outcome: Outcome, name: str):
    row = outcome.of(name)
    winner = outcome.of(CASES[name]["expect"]["duplicate_of"])
    assert row["duplicate_of"] == winner["doc_id"]
    assert 0.8 <= row["similarity"] <= 1


@pytest.mark.parametrize("name", REFUSED)
def test_a_planted_broken_row_is_in_quarantine_for_its_reason(outcome: Outcome, name: str):
    case = CASES[name]
    assert _place(case) not in outcome.ledger
    assert _place(case) in outcome.quarantine, f"{name} is not in quarantine"
    entry = outcome.quarantine[_place(case)]
    assert entry["reason"] == case["expect"]["reason"]
    if "field" in case["expect"]:
        assert entry["field"] == case["expect"]["field"]


@pytest.mark.parametrize("name", KEYED)
def test_the_id_of_a_planted_document_is_the_digest_of_its_key(outcome: Outcome, name: str):
    case = CASES[name]
    key = tuple(case["key"].values())
    [wanted] = document_ids(partner=case["partner"], data_set=case["data_set"], keys=[key])
    assert outcome.of(name)["doc_id"] == wanted


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_a_near_miss_stands_beside_a_case_that_is_treated_otherwise(name: str):
    case = CASES[name]
    assert case["expect"]["decision"] == "kept"
    assert case["near_miss_of"] in CASES
    assert CASES[case["near_miss_of"]]["expect"] != case["expect"]


def test_nothing_is_in_quarantine_that_was_not_planted(outcome: Outcome):
    assert set(outcome.quarantine) == {_place(CASES[name]) for name in REFUSED}


def test_no_planted_personal_value_is_in_a_shard_a_log_or_the_report(outcome: Outcome, built: Finished):
    values = sorted({value for case in CASES.values() for value in case.get("personal", ())})
    assert len(values) > 25
    corpus = "\n".join(outcome.texts.values())
    runs = built.build.with_name(f"{built.build.name}.runs")
    logs = [path for path in runs.rglob("*") if path.is_file()]
    assert logs
    told = [path for path in built.build.rglob("*") if path.suffix in {".json", ".html"}]
    said = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in (*logs, *told))
    said += built.output + built.error
    assert [value for value in values if value in corpus] == []
    assert [value for value in values if value in said] == []


def test_there_are_enough_cases_and_a_third_was_written_by_hand():
    assert len(CASES) >= 60
    assert len(NEAR_MISSES) >= 20
    assert 3 * sum(case["handwritten"] for case in CASES.values()) >= len(CASES)
