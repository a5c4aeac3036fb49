"""Texts that nobody would write: no span moves, nothing fails, time follows the length."""

from __future__ import annotations

import json
import time
import unicodedata

import pytest

from pipelines.stages.pii.find import explain_pii, find_pii
from pipelines.stages.pii.gate import ENTITIES
from pipelines.stages.pii.replace import replace_pii
from schemas.recipe import PiiSettings
from tests.stages.pii.examples import CHAT, documents

SETTINGS = PiiSettings(entities=tuple(sorted(ENTITIES - {"PERSON"})), max_share=1.0)
ITEMS = {
    "PHONE_NUMBER": ("전화 ", "010-1234-5678"),
    "KR_RRN": ("주민등록번호 ", "900101-1234567"),
    "EMAIL_ADDRESS": ("메일 ", "kim@mail.co.kr"),
    "KR_VEHICLE_PLATE": ("차량번호 ", "12가3456"),
    "KR_ADDRESS": ("주소: ", "서울특별시 마포구 말모이로 123, 101동 1502호"),
    "DATE_OF_BIRTH": ("생년월일 ", "1990년 3월 15일"),
    "MESSENGER_ID": ("카톡 아이디 ", "malmoi_1004"),
    "CREDENTIAL": ("비밀번호: ", "malmoi!2345"),
}
BEFORE = (
    *("", "\U0001f600\U0001f468‍\U0001f469‍\U0001f467 ", "\u202e\u200f", "\u202b가나\u202c ", "é́́ "),
    *("\ud800 ", "a\udfff\ud83d ", "\x00\x01 ", "\ufeff", unicodedata.normalize("NFD", "각힣 뷁 ")),
)


@pytest.mark.parametrize("before", BEFORE, ids=ascii)
@pytest.mark.parametrize("label", ITEMS)
def test_a_span_addresses_the_text_given_in_code_points(label, before):
    cue, value = ITEMS[label]
    text = f"{before}{cue}{value}"
    spans = [(f.label, text[f.start : f.end]) for f in explain_pii(text, SETTINGS)]
    assert spans == [(label, value)]


@pytest.mark.parametrize("label", ITEMS)
def test_a_decomposed_text_has_the_same_items(label):
    cue, value = ITEMS[label]
    text = unicodedata.normalize("NFD", f"\U0001f600 {cue}{value} 끝")
    (finding,) = explain_pii(text, SETTINGS)
    assert (finding.label, unicodedata.normalize("NFC", text[finding.start : finding.end])) == (label, value)


@pytest.mark.parametrize("label", ITEMS)
def test_json_within_json_within_json_hides_nothing(label):
    cue, value = ITEMS[label]
    text = f"{cue}{value}"
    for _ in range(3):
        text = json.dumps({"a": [text, {"b": 1}]}, ensure_ascii=False)
    assert value in {text[f.start : f.end] for f in explain_pii(text, SETTINGS)}
    batch = replace_pii(find_pii(documents([text]), SETTINGS, CHAT).kept, SETTINGS, CHAT).kept
    clean = batch["text"][0].as_py()
    assert value not in clean
    for _ in range(3):
        clean = json.loads(clean)["a"][0]


@pytest.mark.parametrize(
    "piece",
    [
        "010-1234-5678 ",
        "가",
        "a1",
        "닉네임",
        "비밀번호:",
        "@a.",
        "0",
        "서울 강남구 ",
        "생일\n",
        "A: 생일은요?\n",
        "가,나\n",
        "-",
        "://a:",
    ],
    ids=ascii,
)
def test_time_follows_the_length_of_a_text(piece):
    def seconds(characters: int) -> float:
        batch = documents([(piece * (characters // len(piece) + 1))[:characters]])
        start = time.process_time()
        find_pii(batch, SETTINGS, CHAT)
        return time.process_time() - start

    seconds(1_000)
    short, long = seconds(50_000), seconds(400_000)
    assert long < 0.2 + 8 * 3 * max(short, 0.01)


@pytest.mark.slow
def test_ten_megabytes_without_a_space_end():
    text = "가나다라마바사010-1234-5678으로abc@mail.co.kr이" * 300_000
    start = time.process_time()
    outcome = find_pii(documents([text[:10_000_000]]), SETTINGS, CHAT)
    assert len(outcome.kept["spans"][0]) > 300_000
    assert time.process_time() - start < 200
