"""The cases are well formed, enough, and nobody's."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest

from pipelines.stages.pii.checks import is_phone_surrogate, luhn_check
from tests.stages.pii.cases import (
    FRESH,
    LABELS,
    MORE,
    NEUTRAL,
    SECOND,
    Case,
    all_cases,
    families,
    load,
    parse,
)
from tests.stages.pii.cases.unassigned import digits, is_nobodys, luhn

POSITIVE, NEAR_MISSES, ALL = 40, 25, 1_200
SECOND_CLEAN = 400
SECOND_SPANS = {
    ("second_game_ids", "GAME_ID"): 100,
    ("second_messengers", "MESSENGER_ID"): 80,
    ("second_addresses", "KR_ADDRESS"): 100,
    ("second_persons_dialogue", "PERSON"): 120,
    ("second_persons_news", "PERSON"): 120,
    ("second_births", "DATE_OF_BIRTH"): 60,
    ("second_phones_foreign", "PHONE_NUMBER"): 60,
    ("second_phones_spelled", "PHONE_NUMBER"): 40,
    ("second_email", "EMAIL_ADDRESS"): 40,
    ("second_ip", "IP_ADDRESS"): 40,
    ("second_licence_corporate", "KR_DRIVER_LICENSE"): 30,
    ("second_licence_corporate", "KR_CRN"): 30,
}


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return list(all_cases())


@pytest.mark.parametrize(
    "family", [name for name in families() if not name.startswith((FRESH, SECOND, MORE))]
)
def test_each_family_has_cases_enough(family):
    near = [case.near_miss for case in load(family)]
    assert sum(near) >= NEAR_MISSES
    if family != "lookalikes":
        assert len(near) - sum(near) >= POSITIVE


def test_there_are_cases_enough_and_every_class_has_some(cases):
    assert len(cases) >= ALL
    counts = Counter(span.label for case in cases for span in case.spans if span.label != NEUTRAL)
    assert set(counts) == LABELS
    assert min(counts.values()) >= 12


def test_no_text_stands_twice(cases):
    seen = Counter(unicodedata.normalize("NFKC", case.text).strip() for case in cases)
    assert not [case.id for case in cases if seen[unicodedata.normalize("NFKC", case.text).strip()] > 1]


def test_labels_are_known_and_no_mark_is_left(cases):
    for case in cases:
        assert {span.label for span in case.spans} <= LABELS | {NEUTRAL}, case.id
        assert "{{" not in case.text, case.id
        assert case.why, case.id


def test_spans_are_in_order_and_hold_no_space_at_their_ends(cases):
    for case in cases:
        last = 0
        for span in case.spans:
            assert last <= span.start < span.end <= len(case.text), case.id
            value = case.text[span.start : span.end]
            assert value == value.strip(" \n\u00a0\u200b"), case.id
            last = span.end


def test_no_value_is_somebodys(cases):
    somebodys = [
        (case.id, span.label)
        for case in cases
        for span in case.spans
        if not is_nobodys(span.label, case.text[span.start : span.end])
    ]
    assert somebodys == []


def test_the_checks_see_what_is_assigned():
    assigned = {
        "PHONE_NUMBER": "010-2345-6789",  # in a block that is given out
        "KR_RRN": "900101-1234567",
        "EMAIL_ADDRESS": "a@mail.kr",
        "IP_ADDRESS": "8.8.8.8",
        "KR_DRIVER_LICENSE": "11-20-394857-12",
        "MAC_ADDRESS": "00:1b:44:11:3a:b7",
        "CREDIT_CARD": "4000000000000002",  # a scheme's test number too, but none of ours
        "KR_VEHICLE_PLATE": "12가3456",
        "GPS_COORDINATE": "37.5665, 126.9780",
        "KR_ADDRESS": "서울특별시 중구 세종대로 110",
        "KR_BRN": "124-81-00998",
        "URL": "https://t.me/someone",
    }
    assert [label for label, value in assigned.items() if is_nobodys(label, value)] == []


def test_none_is_one_of_our_surrogates_for_a_telephone(cases):
    for case in cases:
        for span in case.spans:
            if span.label == "PHONE_NUMBER":
                assert not is_phone_surrogate(digits(case.text[span.start : span.end])), case.id


def test_the_check_digit_is_the_one_of_the_stage():
    for number in ("4111111111111111", "4111111111111112", "490154203237518", "79927398713"):
        assert luhn(number) == luhn_check(number)


def test_about_a_third_is_held_out_whatever_the_family(cases):
    divided = [case for case in cases if not case.family.startswith((FRESH, SECOND, MORE))]
    shares = Counter(case.family for case in divided if case.held_out)
    for family, count in Counter(case.family for case in divided).items():
        assert 0.15 <= shares[family] / count <= 0.5, family
    assert 0.28 <= shares.total() / len(divided) <= 0.38


def test_the_fresh_cases_are_held_out_whole(cases):
    fresh = [case for case in cases if case.family.startswith(FRESH)]
    assert fresh
    assert all(case.held_out for case in fresh)


def test_half_of_the_second_cases_is_held_out(cases):
    second = [case for case in cases if case.family.startswith(SECOND)]
    shares = Counter(case.family for case in second if case.held_out)
    for family, count in Counter(case.family for case in second).items():
        assert 0.3 <= shares[family] / count <= 0.7, family
    assert 0.45 <= shares.total() / len(second) <= 0.55


def test_the_second_cases_are_as_many_as_asked(cases):
    second = [case for case in cases if case.family.startswith(SECOND)]
    counts = Counter((case.family, span.label) for case in second for span in case.spans)
    short = {asked: counts[asked] for asked, least in SECOND_SPANS.items() if counts[asked] < least}
    assert short == {}
    assert sum(case.near_miss for case in second if case.family.startswith("second_clean")) >= SECOND_CLEAN


def test_marks_are_parsed_in_code_points_also_of_decomposed_text():
    text, (span, neutral) = parse("가나 {{PERSON:김말}}은 {{?:각}}", form="nfd")
    assert text == unicodedata.normalize("NFD", "가나 김말은 각")
    assert text[span.start : span.end] == unicodedata.normalize("NFD", "김말")
    assert (text[neutral.start :], neutral.label) == (unicodedata.normalize("NFD", "각"), NEUTRAL)
