from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings

from pipelines.stages.pii.checks import is_date, luhn_check
from pipelines.stages.pii.find import explain_pii, find_pii
from pipelines.stages.pii.replace import replace_pii
from pipelines.stages.pii.surrogates import Place, surrogate
from schemas.errors import UsageError
from schemas.recipe import PiiSettings
from tests.stages.pii.examples import CHAT, ITEMS, SETTINGS, documents, found, replaced, texts

KEEP_ALL = PiiSettings(max_share=1.0)
VALUES = {
    "KR_RRN": ("900101-1234567", "9001011234567", "９００１０１ - １２３４５６７"),
    "KR_FRN": ("900101-5234567",),
    "KR_BRN": ("123-45-67890", "1234567890"),
    "KR_PASSPORT": ("M12345678", "M123A4567", "N1294857", "TK7820194", "m12345678"),
    "KR_DRIVER_LICENSE": ("서울 04-123456-71", "11-20-394857-12", "11-20-45-12-345-67", "12-10-0456"),
    "PHONE_NUMBER": (
        *("010-1234-5678", "01012345678", "010 1234 5678", "(02) 123-4567", "02)1234567", "0212345678"),
        *("+82 (0)10 1234 5678", "+821012345678", "1588-1234", "０１０–１２３４–５６７８", "02 ) - 123-4567"),
    ),
    "EMAIL_ADDRESS": ("kim@mail.co.kr",),
    "CREDIT_CARD": ("4111-1111-1111-1111", "4111111111111111", "3782 822463 10005"),
    "IP_ADDRESS": ("211.234.5.6", "2a02:26f0:1234::1"),
}
CUES = {
    "KR_BRN": "사업자등록번호 ",
    "KR_PASSPORT": "여권번호 ",
    "KR_DRIVER_LICENSE": "운전면허번호 ",
    "CREDIT_CARD": "카드번호 ",
    "PHONE_NUMBER": "전화 ",
    "KR_RRN": "주민등록번호 ",
    "KR_FRN": "외국인등록번호 ",
}


def _runs_on(text: str, start: int, end: int) -> bool:
    """Whether a digit stands before or behind the span with at most three other characters between."""
    before, behind = text[max(0, start - 4) : start], text[end : end + 4]
    return any(character.isdigit() for character in before + behind)


@settings(deadline=None, max_examples=200)
@given(texts)
def test_replacing_twice_is_replacing_once(text):
    # Where digits run on into each other ("1588-33334111 1111 1111 1111-4111 1111") there is no telling where
    # a number ends, and with other digits in it the line is cut elsewhere.
    assume(not any(_runs_on(text, finding.start, finding.end) for finding in explain_pii(text, KEEP_ALL)))
    once = replaced([text], KEEP_ALL)["text"].to_pylist()
    assert replaced(once, KEEP_ALL)["text"].to_pylist() == once


@settings(deadline=None, max_examples=150)
@given(texts)
def test_spans_follow_the_new_text_and_all_else_stays(text):
    before = find_pii(documents([text]), KEEP_ALL, CHAT).kept
    after = replace_pii(before, KEEP_ALL, CHAT).kept
    old, new = before["spans"][0].as_py(), after["spans"][0].as_py()
    stand_ins = after["text"][0].as_py()
    assert [span["label"] for span in old] == [span["label"] for span in new]
    old_rest = _without(text, old)
    assert old_rest == _without(stand_ins, new)
    for a, b in zip(old, new, strict=True):
        assert stand_ins[b["start"] : b["end"]] != text[a["start"] : a["end"]]


def _without(text, spans):
    for span in reversed(spans):
        text = text[: span["start"]] + "|" + text[span["end"] :]
    return text


@pytest.mark.parametrize("label", VALUES)
def test_a_surrogate_is_known_as_ours_and_not_found_again(label):
    for value in VALUES[label]:
        for index in range(50):
            stand_in = surrogate(Place(index.to_bytes(16, "big"), label, index), value)
            assert found(CUES.get(label, "") + stand_in + "로") == []


@pytest.mark.parametrize("label", VALUES)
def test_a_hundred_values_of_a_document_have_a_hundred_surrogates(label):
    value = VALUES[label][0]
    assert len({surrogate(Place(bytes(16), label, index), value) for index in range(100)}) == 100


@pytest.mark.parametrize("label", sorted(set(VALUES) - {"PHONE_NUMBER", "EMAIL_ADDRESS", "IP_ADDRESS"}))
def test_an_identity_numbers_form_is_kept(label):
    for value in VALUES[label]:
        stand_in = surrogate(Place(bytes(16), label, 3), value)
        shape = re.compile(r"\d|[A-Za-z]|[가-힣]+")
        assert shape.sub("x", stand_in) == shape.sub("x", value)


def test_surrogates_belong_to_nobody():
    for index in range(200):
        resident = surrogate(Place(bytes(16), "KR_RRN", index), "900101-1234567")
        assert not any(
            is_date(c + int(resident[:2]), int(resident[2:4]), int(resident[4:6])) for c in (1900, 2000)
        )
        assert resident[7] in "1234"
        assert surrogate(Place(bytes(16), "KR_FRN", index), "900101-5234567")[7] in "5678"
        assert surrogate(Place(bytes(16), "KR_BRN", index), "123-45-67890")[4:6] == "00"
        card = surrogate(Place(bytes(16), "CREDIT_CARD", index), "4111111111111111")
        assert card[0] == "0"
        assert not luhn_check(card)
        assert re.fullmatch(
            r"010-[01]\d{3}-\d{4}", surrogate(Place(bytes(16), "PHONE_NUMBER", index), "02-123-4567")
        )
        mail = surrogate(Place(bytes(16), "EMAIL_ADDRESS", index), "kim@mail.kr")
        assert re.fullmatch(r"user[0-9a-f]{8}@example\.(com|org|net)", mail)
        address = surrogate(Place(bytes(16), "IP_ADDRESS", index), "211.1.1.1")
        assert re.fullmatch(r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}", address)
        assert surrogate(Place(bytes(16), "IP_ADDRESS", index), "2a02::1").startswith("2001:db8::")
        assert surrogate(Place(bytes(16), "KR_PASSPORT", index), "M12345678").startswith("X000")
        assert surrogate(Place(bytes(16), "KR_DRIVER_LICENSE", index), "11-20-394857-12").startswith("00-")


def test_the_same_value_is_the_same_person_however_it_is_written():
    text = "010-2345-6789 그리고 010 2345 6789, +82 10-2345-6789, 다른 분 010-9876-5432"
    values = re.findall(r"[+0-9][0-9 -]{9,}[0-9]", replaced([text])["text"][0].as_py())
    digits = [re.sub(r"^82", "0", re.sub(r"\D", "", value)) for value in values]
    assert digits[0] == digits[1] == digits[2] != digits[3]


def test_addresses_that_differ_only_in_their_points_are_two():
    text = replaced(["접속 211.23.45.6 그리고 211.234.5.6"])["text"][0].as_py()
    assert len(set(re.findall(r"\d+\.\d+\.\d+\.\d+", text))) == 2


def test_a_surrogate_does_not_depend_on_the_value_but_on_the_document():
    one, two = replaced(["전화 010-2345-6789로", "없음"]), replaced(["전화 010-9876-5432로", "없음"])
    assert one["text"].to_pylist() == two["text"].to_pylist()
    first, second = replaced(["010-2345-6789", "010-2345-6789"])["text"].to_pylist()
    assert first != second


@pytest.mark.parametrize(
    ("particle", "endings"),
    [
        ("은 ", "013678"),
        ("는 ", "2459"),
        ("으로 ", "036"),
        ("로 ", "1245789"),
        ("을 ", "013678"),
        ("와 ", "2459"),
    ],
)
def test_the_last_digit_agrees_with_the_particle_behind(particle, endings):
    for row in range(20):
        text = replaced(["없음"] * row + [f"번호 010-2345-6789{particle}바꿔 주세요"])["text"][row].as_py()
        assert text[text.index(particle + "바꿔") - 1] in endings


def test_an_unassigned_number_that_is_not_ours_is_found():
    assert found("010-0000-5678") == [("PHONE_NUMBER", "010-0000-5678")]


def test_a_batch_without_spans_is_handed_on_as_it_is():
    batch = find_pii(documents(["없음", ""]), SETTINGS, CHAT).kept
    assert replace_pii(batch, SETTINGS, CHAT).kept is batch


def test_a_class_without_surrogate_is_refused_without_its_value():
    with pytest.raises(UsageError) as refused:
        surrogate(Place(bytes(16), "KR_ADDRESS", 0), "세종로 1")
    assert "세종로" not in str(refused.value)


def test_nothing_of_the_items_is_left():
    text = "\n".join(ITEMS)
    left = replaced([text], KEEP_ALL)["text"][0].as_py()
    for finding in explain_pii(text, KEEP_ALL):
        assert text[finding.start : finding.end] not in left
