"""Decontamination finds whole benchmark parts, and only those."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.preview import data_set_of
from pipelines.stages.decontaminate import build_index, decontaminate
from schemas.contract import Kind, Markup
from schemas.documents import DOCUMENT
from schemas.recipe import DecontaminateSettings

PLAIN = data_set_of(kind=Kind.DOCUMENT, markup=Markup.PLAIN, languages=())
SETTINGS = DecontaminateSettings()
ALPHABET = "가나다 a1.Z，é\n"


def batch(texts: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [
            pa.array([number.to_bytes(16, "big") for number in range(len(texts))], pa.binary(16)),
            pa.array(range(len(texts)), pa.int64()),
            pa.array(texts, pa.string()),
            pa.nulls(len(texts), pa.string()),
        ],
        schema=DOCUMENT,
    )


def letters(text: str) -> str:
    return "".join(c.casefold()[0] for c in text if c.isalnum())


def run(texts: list[str], items: list[tuple[str, str]], minimum: int = 13) -> list[str | None]:
    wanted = DecontaminateSettings(min_letters=minimum)
    outcome = decontaminate(batch(texts), wanted, PLAIN, index=build_index(items, wanted))
    assert len(outcome.kept) + len(outcome.dropped) == len(texts)
    found: list[str | None] = [None] * len(texts)
    for row in outcome.dropped.to_pylist():
        found[row["row"]] = row["detail"]
    return found


def test_punctuation_case_and_white_space_cannot_hide_an_item():
    item = ("q-1", "말모이는 몇 년에 시작된 사전 편찬 사업인가요? ABC")
    assert run(["전에, 말모이는\n몇 년에 시작된 '사전' 편찬사업인가요 abc 그런데"], [item]) == ["q-1"]


def test_an_item_with_one_word_changed_is_kept():
    item = ("q-1", "말모이는 몇 년에 시작된 사전 편찬 사업인가요?")
    assert run(["말모이는 몇 달에 시작된 사전 편찬 사업인가요?"], [item]) == [None]


def test_an_item_shorter_than_the_minimum_is_not_looked_for():
    assert run(["정말 재미있었다"], [("q-1", "정말 재미있었다")]) == [None]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text(ALPHABET, max_size=40), min_size=1, max_size=6),
    st.lists(st.text(ALPHABET, max_size=10), max_size=5),
)
def test_every_document_that_contains_a_part_is_found_and_no_other(texts, parts):
    items = [(f"item-{number}", part) for number, part in enumerate(parts)]
    found = run(texts, items, minimum=3)
    wanted = [letters(part) for part in parts if len(letters(part)) >= 3]
    for text, detail in zip(texts, found, strict=True):
        assert (detail is not None) == any(part in letters(text) for part in wanted)


def test_a_slice_of_a_batch_decides_as_the_batch_does():
    texts = ["앞의 글입니다", "가나다라마바사아자차카타파하 문제", "뒤의 글"]
    index = build_index([("q", "가나다라마바사아자차카타파하")], SETTINGS)
    outcome = decontaminate(batch(texts).slice(1, 2), SETTINGS, PLAIN, index=index)
    assert outcome.dropped["row"].to_pylist() == [1]


def test_the_handed_truth_is_found_exactly(handed: Path):
    items = []
    for path in sorted((handed / "eval").glob("*.jsonl")):
        if path.name.startswith("truth"):
            continue
        for line in path.read_text().splitlines():
            item = json.loads(line)
            items += [(item["id"], part) for part in item["parts"].values()]
    truth = [json.loads(line) for line in (handed / "eval/truth_contaminated.jsonl").read_text().splitlines()]
    name = "krafton/reviews_legacy_cp949.csv.gz"
    expected = {row["doc_id"] for row in truth if row["file"] == name}
    rows = list(
        csv.DictReader(
            io.StringIO(gzip.decompress((handed / name).read_bytes()).decode("cp949")), delimiter=";"
        )
    )
    found = run([row["content"] for row in rows], items)
    assert {r["review_no"] for r, detail in zip(rows, found, strict=True) if detail} == expected
