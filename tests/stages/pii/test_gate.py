from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.stages.pii.find import explain_pii, find_pii
from pipelines.stages.pii.gate import DETECTORS, ENTITIES, every_finding, windows
from pipelines.stages.pii.scan import find_in_line, find_over_lines, lines_of
from schemas.recipe import PiiSettings
from tests.stages.pii.cases import all_cases
from tests.stages.pii.examples import CHAT, ITEMS, SETTINGS, documents, noise, texts

EVERYTHING = PiiSettings(entities=tuple(sorted(ENTITIES)), min_score=0.0, max_share=1.0)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(texts, noise), min_size=1, max_size=4))
@example(["면허번호:\n11-20-394857-12", "주민번호\n\n\n900101-1234567\r\n", "\n", ""])
def test_the_gated_result_is_the_whole_text_result(values):
    outcome = find_pii(documents(values), EVERYTHING, CHAT)
    assert len(outcome.dropped) == 0
    gated = [
        [(s["start"], s["end"], s["label"], round(s["score"], 2)) for s in row]
        for row in outcome.kept["spans"].to_pylist()
    ]
    whole = [[f[:4] for f in explain_pii(text, EVERYTHING)] for text in values]
    assert gated == whole


@pytest.mark.parametrize("bit", range(len(DETECTORS)), ids=lambda bit: f"{bit}-{DETECTORS[bit].entities[0]}")
@settings(deadline=None, max_examples=60)
@given(text=st.one_of(texts, noise))
def test_a_line_in_which_a_detector_finds_something_is_for_it(bit, text):
    detector = DETECTORS[bit]
    if detector.lines > 1:
        passing = {window.start for window in windows(pa.array([text])) if window.mask >> bit & 1}
        for begin, end in lines_of(text):
            assert begin in passing or not list(find_over_lines(text, begin, end, [detector]))
        return
    for line in text.split("\n"):
        if any(found for found in find_in_line(line, 0, len(line), [detector])):
            assert [window.mask >> bit & 1 for window in windows(pa.array([line]))] == [1]


def test_gated_and_whole_agree_on_every_case():
    cases = list(all_cases())
    rows = find_pii(documents([case.text for case in cases]), EVERYTHING, CHAT).kept["spans"].to_pylist()
    gated = [[(s["start"], s["end"], s["label"], round(s["score"], 2)) for s in row] for row in rows]
    differ = [
        case.id
        for case, spans in zip(cases, gated, strict=True)
        if spans != [finding[:4] for finding in explain_pii(case.text, EVERYTHING)]
    ]
    assert not differ


@pytest.mark.parametrize("detector", [d for d in DETECTORS if d.lines == 1], ids=lambda d: d.entities[0])
def test_no_pattern_matches_a_line_feed(detector):
    text = "\n".join(ITEMS).replace("-", "\n").replace(" ", "\n")
    assert not any("\n" in match[0] for match in detector.pattern.finditer(text))


def test_a_batch_without_numbers_is_not_looked_at():
    batch = documents(["오늘 영화 정말 재밌었어요 10점!", "", "제12조 제3항, 3,000,000원\n2024. 11. 23."])
    assert {window.row for window in windows(batch["text"])} == {2}  # eight digits of a date
    assert find_pii(batch, SETTINGS, CHAT).kept["spans"].to_pylist() == [[], [], []]


def test_windows_are_the_lines_that_pass_in_code_points():
    values = ["가나\U0001f600\n전화 010-0000-5678\n끝", "없음", "1.2.3.4"]
    found = [values[row][start:end] for row, start, end, _ in windows(pa.array(values))]
    assert found == ["전화 010-0000-5678", "1.2.3.4"]


def test_a_sliced_batch_is_read_from_its_own_rows():
    batch = documents(["010-0000-1111", "없음", "kim@mail.co.kr"])
    spans = find_pii(batch.slice(1), SETTINGS, CHAT).kept["spans"].to_pylist()
    assert [[s["label"] for s in row] for row in spans] == [[], ["EMAIL_ADDRESS"]]


def test_a_match_that_is_nothing_hides_no_number_behind_it():
    labels = [
        finding.label
        for finding in next(every_finding(pa.array(["02 010-2345-6789"])))[1]
        if finding.score >= 0.5
    ]
    assert labels == ["PHONE_NUMBER"]
