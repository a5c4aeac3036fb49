from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.stages.normalise import normalise
from schemas.recipe import NormaliseSettings
from tests.stages import batch_of, data_set_of

FAMILY = "👩\u200d👧"
SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
# What the rules are about, so that the property tests meet them in every order.
DELICATE = st.sampled_from(
    list("가각ㅋㅠ한\u1112\u1161\u11abae\u0301\u0308\u0323\u0655\u0653اk한字か゛\u3099①ﬁＡ")
    + list(
        " \t\n\r\x0b\x0c\x00\x1f\x7f\x85\x9f\xa0\xad\u1680\u180e\u2000\u2003\u200b\u200c\u200d\u200e\u2028"
    )
    + list(
        "\u2029\u202e\u202f\u205f\u2060\u2066\u2329\u2800\u3000\u3164\ufe0f\ufeff\uffa0\U000e0067\U000e007f"
    )
    + list("🏴👩👧🏽")
    + ["\r\n", "\n\n\n", "    ", FAMILY, SCOTLAND, "می\u200cخ"]
)
TEXTS = st.lists(st.one_of(DELICATE, st.characters(exclude_categories=["Cs"])), max_size=25).map("".join)
KINDS = st.sampled_from([("web", "plain"), ("document", "markdown"), ("code", "plain")])


def normalised(text: str, *, kind: str = "web", markup: str = "plain", most: int = 1) -> str:
    outcome = normalise(batch_of([text]), NormaliseSettings(most), data_set_of(kind, markup))
    assert len(outcome.kept) + len(outcome.dropped) == 1
    return outcome.kept["text"][0].as_py() if len(outcome.kept) else ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("가\r\n나\r다\u2028라\u2029마\x85바\x0b사\x0c아", "가\n나\n다\n라\n마\n바\n사\n아"),
        ("가\x00나\x1b다\x7f라\x9f", "가나다라"),
        ("\ufeff안\u200b녕\u00ad하\u202e세\u2066요\u2060\ufffb", "안녕하세요"),
        ("가\u00a0나\u3000다\u2003라\u3164마\uffa0바\u202f사", "가 나 다 라 마 바 사"),
        ("가 \u00a0  나 \t 다  \n라\u3000\n", "가 나\t다\n라"),
        ("  첫 줄\n  - 들여 씀\n\tx  = 1", "첫 줄\n  - 들여 씀\n\tx = 1"),
        ("\n \n가\n\n\n \n\n나\n\n", "가\n\n나"),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", "한글"),
        ("e\u0301 ㅋㅋㅋ ㅠㅠ ﬁ ① Ａ", "é ㅋㅋㅋ ㅠㅠ ﬁ ① Ａ"),
        ("\u1112\u200b\u1161", "하"),  # NFC comes after the removals that bring letters together
        (f"{FAMILY} {SCOTLAND} 👍🏽 ❤️", f"{FAMILY} {SCOTLAND} 👍🏽 ❤️"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("가\u200d나 a\u200cb \u200d👩 x\U000e0067", "가나 ab 👩 x"),
    ],
)
def test_texts_that_look_the_same_are_spelt_the_same(text, expected):
    assert normalised(text) == expected


def test_code_keeps_its_spaces_and_blank_lines_but_not_its_line_ends():
    code = "    x  = 1\t# a\u00a0b  \r\n\r\n\r\n\ry = '\u3000'\u200b\x00\n\n"
    assert normalised(code, kind="code") == "    x  = 1\t# a\u00a0b\n\n\n\ny = '\u3000'"


def test_markdown_keeps_the_indentation_of_its_first_line():
    assert normalised("\n    code\ntext", markup="markdown") == "    code\ntext"
    assert normalised("\n    code\ntext") == "code\ntext"


@pytest.mark.parametrize("most", [1, 2, 5])
def test_runs_of_blank_lines_are_cut_to_the_setting(most):
    assert normalised("가" + "\n \n" * 9 + "나", most=most) == "가" + "\n" * (most + 1) + "나"


@pytest.mark.parametrize("text", ["", " \n\t\u3000", "\ufeff\u200b", "\x00\x07", "\u2028\r"])
def test_what_holds_nothing_visible_is_dropped_and_says_so(text):
    outcome = normalise(batch_of(["글", text]), NormaliseSettings(), data_set_of())
    assert outcome.kept["text"].to_pylist() == ["글"]
    assert outcome.dropped["row"].to_pylist() == [1]
    assert outcome.dropped["stage"].to_pylist() == ["normalise"]
    assert outcome.dropped["reason"].to_pylist() == ["no_text"]


@settings(deadline=None, max_examples=400)
@example(text="ا\u0300\u0655\u200dا", kind=("web", "plain"))  # NFC parts the joiner from the letter before it
@given(text=TEXTS, kind=KINDS)
def test_twice_is_the_same_as_once(text, kind):
    once = normalised(text, kind=kind[0], markup=kind[1])
    assert normalised(once, kind=kind[0], markup=kind[1]) == once


@settings(deadline=None, max_examples=400)
@given(text=TEXTS)
def test_only_controls_format_characters_and_space_go_and_the_rest_is_nfc(text):
    def visible(text: str) -> str:
        blank = "\u2800\u3164\uffa0"
        return "".join(c for c in text if c not in blank and unicodedata.category(c)[0] not in "ZC")

    def kept_kinds(text: str) -> str:  # unassigned and private code points stay as they are
        return "".join(c for c in text if unicodedata.category(c) in {"Cn", "Co"})

    result = normalised(text)
    assert unicodedata.is_normalized("NFC", result)
    assert unicodedata.normalize("NFD", visible(result)) == unicodedata.normalize("NFD", visible(text))
    assert kept_kinds(result) == kept_kinds(text)
    assert not any(c in result for c in "\r\x00\x0b\x0c\x85\u2028\u2029\xa0\u3000\u200b\ufeff\xad")
    assert result == result.strip()
    assert "\n\n\n" not in result
    assert not any(line != line.rstrip(" \t") for line in result.split("\n"))


@settings(deadline=None, max_examples=30)
@given(st.lists(TEXTS, max_size=8), st.integers(0, 3))
def test_a_batch_gives_what_its_documents_give_alone(texts, first):
    whole = batch_of(texts)
    for batch in (whole, whole.slice(first)):
        outcome = normalise(batch, NormaliseSettings(), data_set_of())
        alone = [normalised(text) for text in batch["text"].to_pylist()]
        assert outcome.kept["text"].to_pylist() == [text for text in alone if text]
        assert outcome.kept["doc_id"].type == pa.binary(16)
        assert len(outcome.kept) + len(outcome.dropped) == len(batch)
