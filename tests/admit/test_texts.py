"""Personal data by class and languages on a sample: the same whatever the cuts between batches."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.admit.texts import LanguageSample, leaves, personal_data
from schemas.contract import Column, Markup, Role
from tests.intake.test_quality_rules import data_set

POSTS = data_set()


def table(words: list[str | None], first: int = 0) -> pa.RecordBatch:
    rows = pa.array(range(first, first + len(words)), pa.int64())
    return pa.RecordBatch.from_pydict({"row": rows, "word": pa.array(words, pa.string())})


def found(words: list[str | None], markup: Markup = Markup.PLAIN) -> dict[int, set[str]]:
    told = personal_data(table(words), replace(POSTS, markup=markup))
    return {one.position: set(one.labels) for one in told}


def test_classes_are_told_by_row_and_nulls_hold_none():
    words = ["아무것도 없다", None, "전화 010-0123-4567\n메일 a@gaon.example", "010-0123-4567"]
    assert found(words) == {2: {"PHONE_NUMBER", "EMAIL_ADDRESS"}, 3: {"PHONE_NUMBER"}}


def test_of_a_page_the_text_counts_and_not_its_markup():
    page = '<p data-id="010-0123-4567">전화: 010-<b>0123</b>-4567</p>'
    other = '<p data-id="010-0123-4567">전화는 없다</p>'
    assert found([page, other], Markup.HTML) == {0: {"PHONE_NUMBER"}}


def test_texts_inside_lists_count_for_their_row():
    inside = Column("turns.text", Role.TEXT, "string", False, ("turns", "text"))
    turns = [[{"text": "안녕"}, {"text": "010-0123-4567"}], None, [{"text": "a@gaon.example"}]]
    batch = pa.RecordBatch.from_pydict({"row": range(3), "turns": turns})
    told = {one.position: one.labels for one in personal_data(batch, replace(POSTS, columns=(inside,)))}
    assert told == {0: {"PHONE_NUMBER"}, 2: {"EMAIL_ADDRESS"}}


KOREAN, ENGLISH = (
    "오늘은 학교에 가서 책을 읽었다",
    "The harbour was quiet when the first boat came in that morning.",
)


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 300), max_size=4), english=st.sets(st.integers(0, 299)))
def test_the_sample_is_the_same_whatever_the_cuts(cuts, english):
    words = [ENGLISH if n in english else KOREAN for n in range(300)]

    def counts(places: list[int], secret: bytes = b"s") -> Counter[str]:
        sample = LanguageSample(POSTS, secret)
        sample._size = 20
        ends = [0, *sorted(places), 300]
        for start, stop in pairwise(ends):
            sample.add("a.jsonl", table(words[start:stop], start))
        return sample.counts()

    whole = counts([])
    assert counts(cuts) == whole
    assert whole.total() == 20
    everything = LanguageSample(POSTS, b"s")
    everything.add("a.jsonl", table(words))
    assert everything.counts() == Counter(en=len(english), ko=300 - len(english)) - Counter()


def test_another_secret_chooses_other_rows():
    words = [ENGLISH if n % 2 else KOREAN for n in range(3_000)]
    told = set()
    for secret in (b"one", b"two", b"three"):
        sample = LanguageSample(POSTS, secret)
        sample._size = 200
        sample.add("a.jsonl", table(words))
        told.add(sample.counts()["en"])
    assert len(told) > 1


def test_leaves_are_the_texts_in_order():
    value = [{"text": "a"}, {"text": ["b", {"no": "x"}]}, {"other": "y"}, None]
    assert list(leaves(value, ("text",))) == ["a", "b"]
