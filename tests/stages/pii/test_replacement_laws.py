"""Laws of replacement, on every case of personal data and on drawn values; texts are never printed."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.stages.pii.find import explain_pii
from pipelines.stages.pii.gate import ENTITIES
from schemas.recipe import PiiSettings
from tests.stages.pii.cases import all_cases, families, load
from tests.stages.pii.examples import replaced

EVERYTHING = PiiSettings(entities=tuple(sorted(ENTITIES - {"PERSON"})), max_share=1.0)
FORMS = (  # a letter x stands for any digit
    *(
        "전화 010-xxxx-xxxx으로",
        "주민등록번호 9xxxxx-1xxxxxx은",
        "사업자번호 xxx-xx-xxxxx",
        "신한은행 계좌 110-xxx-xxxxxx로",
    ),
    *(
        "카드번호 4xxx-xxxx-xxxx-xxxx",
        "여권번호 Mxxxxxxxx",
        "면허 11-xx-xxxxxx-xx",
        "차량번호 12가xxxx를",
        "IP 21.xx.xx.xx",
    ),
    *("IMEI 35xxxxxxxxxxxxx", "비밀번호: malxxxx!", "카톡 아이디 malmoi_xxxx", "생년월일 19xx년 xx월 xx일"),
)


@pytest.mark.parametrize("family", families())
def test_what_stands_in_is_never_found_again(family):
    texts = [case.text for case in load(family)]
    once = replaced(texts, EVERYTHING)["text"].to_pylist()
    twice = replaced(once, EVERYTHING)["text"].to_pylist()
    again = [case.id for case, a, b in zip(load(family), once, twice, strict=True) if a != b]
    assert again == []


@settings(deadline=None, max_examples=200)
@given(form=st.sampled_from(FORMS), data=st.data())
def test_what_stands_in_does_not_depend_on_the_value(form, data):
    count = form.count("x")
    one, two = (data.draw(st.text("123456789", min_size=count, max_size=count)) for _ in range(2))
    texts = [_filled(form, one), _filled(form, two)]
    spans = [[finding[:3] for finding in explain_pii(text, EVERYTHING)] for text in texts]
    assume(len(spans[0]) == 1 and spans[0] == spans[1])
    results = [replaced([text], EVERYTHING)["text"][0].as_py() for text in texts]
    assert results[0] == results[1]


def _filled(form: str, digits: str) -> str:
    source = iter(digits)
    return "".join(next(source) if letter == "x" else letter for letter in form)


def test_no_value_of_a_case_is_left_where_it_was_found():
    cases = [case for case in all_cases() if not case.near_miss]
    once = replaced([case.text for case in cases], EVERYTHING)
    for case, text, spans in zip(cases, once["text"].to_pylist(), once["spans"].to_pylist(), strict=True):
        values = {case.text[span.start : span.end] for span in case.spans}
        for span in spans:
            assert text[span["start"] : span["end"]] not in values, case.id
