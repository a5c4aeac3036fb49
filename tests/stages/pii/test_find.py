from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings

from pipelines.stages.pii.find import MIN_DROPPED_CHARACTERS, entity_counts, explain_pii, find_pii
from schemas.documents import DROPPED, SPANS
from schemas.errors import UsageError
from schemas.recipe import PiiSettings
from tests.stages.pii.examples import CHAT, SETTINGS, documents, texts

SENTENCE = "오늘은 날씨가 좋아서 한강에 갔다가 저녁을 먹고 돌아왔습니다. "


@settings(deadline=None, max_examples=150)
@given(texts)
def test_spans_are_sorted_disjoint_inside_the_text_and_never_null(text):
    outcome = find_pii(documents([text]), PiiSettings(min_score=0.0, max_share=1.0), CHAT)
    assert outcome.kept["spans"].type == SPANS
    assert outcome.kept["spans"].null_count == 0
    last = 0
    for span in outcome.kept["spans"][0].as_py():
        assert last <= span["start"] < span["end"] <= len(text)
        last = span["end"]


def test_spans_count_code_points_behind_emoji_and_conjoining_jamo():
    text = "\U0001f600\u1100\u1161\U0001f468\u200d\U0001f469 010-0000-5678"
    assert [text[f.start : f.end] for f in explain_pii(text, SETTINGS)] == ["010-0000-5678"]


def test_a_long_list_of_people_is_dropped_and_says_its_share():
    text = "010-0000-5678 " * 20
    outcome = find_pii(documents([text, SENTENCE * 10]), SETTINGS, CHAT)
    assert outcome.dropped.schema == DROPPED
    assert outcome.dropped.to_pylist() == [
        {
            "doc_id": bytes(16),
            "row": 0,
            "language": "ko",
            "stage": "find_pii",
            "reason": "too_much_personal_data",
            "detail": "0.93",
        }
    ]
    assert outcome.kept["row"].to_pylist() == [1]


def test_a_short_text_is_kept_whatever_its_share():
    text = ("010-0000-5678\n" * 20)[: MIN_DROPPED_CHARACTERS - 1]
    outcome = find_pii(documents([text]), SETTINGS, CHAT)
    assert len(outcome.dropped) == 0
    assert len(outcome.kept["spans"][0]) == 14


def test_entities_that_are_not_wanted_are_not_found_nor_are_their_pieces():
    only_phones = PiiSettings(entities=("PHONE_NUMBER",))
    spans = find_pii(documents(["900101-1234567, 010-0000-5678"]), only_phones, CHAT).kept["spans"]
    assert entity_counts(spans) == {"PHONE_NUMBER": 1}


def test_an_entity_that_nothing_looks_for_is_refused():
    with pytest.raises(UsageError, match="nothing looks for KR_ADRESS"):
        find_pii(documents([]), PiiSettings(entities=("KR_ADRESS",)), CHAT)


def test_counts_are_by_class():
    spans = find_pii(documents(["010-0000-5678 a@mail.kr", "없음", "b@mail.kr"]), SETTINGS, CHAT).kept[
        "spans"
    ]
    assert entity_counts(spans) == {"EMAIL_ADDRESS": 2, "PHONE_NUMBER": 1}


def test_an_empty_batch_passes_through():
    outcome = find_pii(documents([]), SETTINGS, CHAT)
    assert len(outcome.kept) == 0
    assert outcome.kept["spans"].type == SPANS


def test_evidence_never_holds_text():
    for finding in explain_pii("주민등록번호 900101-1234567, 전화 010-0000-5678", SETTINGS):
        assert finding.evidence
        assert not any(c.isdigit() or "가" <= c <= "힣" for sign in finding.evidence for c in sign)


LABELS = {
    "PHONE": ("PHONE_NUMBER", 0.99, 0.98),
    "EMAIL": ("EMAIL_ADDRESS", 0.995, 0.99),
    "RRN": ("KR_RRN", 0.995, 0.99),
    "BUSINESS_REG": ("KR_BRN", 0.97, 0.97),
    "CARD": ("CREDIT_CARD", 0.97, 0.97),
    "DRIVER_LICENSE": ("KR_DRIVER_LICENSE", 0.93, 0.95),
    "PASSPORT": ("KR_PASSPORT", 0.97, 0.97),
}


def test_recall_and_precision_on_the_handed_korean_texts_stay_where_they_are(handed):
    gold, right, reported = Counter(), Counter(), Counter()
    with (handed / "pii" / "ko_pii_generated.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    for row in rows:
        text = row["text"]
        truth = set()
        masked = []
        for span in row["spans"]:
            value = text[span["start"] : span["end"]]
            if span["label"] == "RRN" and ("*" in value or sum(map(str.isdigit, value)) < 13):
                masked.append(span)
            elif span["label"] in LABELS:
                truth.add((span["start"], span["end"], LABELS[span["label"]][0]))
        findings = [f[:3] for f in explain_pii(text, SETTINGS)]
        gold.update(label for _, _, label in truth)
        right.update(label for start, end, label in findings if (start, end, label) in truth)
        reported.update(
            label
            for start, end, label in findings
            if not any(start < span["end"] and span["start"] < end for span in masked)
        )
    for label, recall, precision in LABELS.values():
        assert right[label] >= recall * gold[label], label
        assert right[label] >= precision * reported[label], label
