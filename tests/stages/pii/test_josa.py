from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.pii.josa import agreeing, final_sound

CLOSED, RIEUL, OPEN = "서윤", "별", "지우"  # ends in a consonant, in ㄹ, in a vowel
PAIRS = [
    ("은", "는"),
    ("이", "가"),
    ("을", "를"),
    ("과", "와"),
    ("이랑", "랑"),
    ("이라고", "라고"),
    ("이라는", "라는"),
    ("이에요", "예요"),
    ("이었어요", "였어요"),
    ("이나", "나"),
    ("은요", "는요"),
]


def _written(value: str, particle: str, stand_in: str, *, person: bool = False) -> str:
    text = value + particle
    new, length = agreeing(text, len(value), len(text), stand_in, person=person)
    return new + text[len(value) + length :]


@pytest.mark.parametrize(("closed", "open_"), PAIRS)
@pytest.mark.parametrize("behind", ["", " 맞아요", ".", ", 그리고", "\n"])
def test_a_particle_agrees_with_the_new_sound_whatever_the_old_was(closed, open_, behind):
    for written in (closed, open_):
        for old in (CLOSED, OPEN):
            assert _written(old, written + behind, CLOSED) == closed + behind
            assert _written(old, written + behind, OPEN) == open_ + behind


@pytest.mark.parametrize("rest", ["", "도", "부터", "서", "는", "요"])
def test_the_long_form_of_to_is_written_after_a_consonant_other_than_rieul(rest):
    for written in ("으로", "로"):
        assert _written(OPEN, written + rest, CLOSED) == "으로" + rest
        assert _written(CLOSED, written + rest, RIEUL) == "로" + rest
        assert _written(CLOSED, written + rest, OPEN) == "로" + rest


def test_names_are_called_and_made_familiar():
    assert _written("서연", "아!", "지우", person=True) == "야!"
    assert _written("지우", "야!", "서연", person=True) == "아!"
    assert _written("서연", "이가 왔다", "지우", person=True) == "가 왔다"
    assert _written("서연", "이한테", "지우", person=True) == "한테"
    assert _written("서연", "이는", "도윤", person=True) == "이는"
    assert _written("지우", "가 왔다", "도윤", person=True) == "이 왔다"


@pytest.mark.parametrize(
    "rest",
    ["씨는", "님이", " 과장은", "에게", "도", "만", "입니다", "의", "한테서", "가족", "은행", "이사", "로봇"],
)
def test_what_is_no_particle_or_does_not_vary_stays(rest):
    assert _written(CLOSED, rest, OPEN) == rest
    assert _written(OPEN, rest, CLOSED) == rest


def test_the_copula_that_a_vowel_swallowed_comes_back():
    assert _written("010-0000-5672", "다.", "010-0000-5671") == "이다."
    assert _written("010-0000-5672", "고 어제", "010-0000-5671") == "이고 어제"
    assert _written("010-0000-5671", "이다.", "010-0000-5672") == "이다."  # 2이다 is right too


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        *(("1", True), ("2", False), ("3", True), ("4", False), ("5", False), ("9", False), ("0", True)),
        *(("a@example.com", True), ("a@example.org", False), ("a@example.net", True)),
        *(("호", False), ("층)", True)),
    ],
)
def test_digits_and_letters_sound_as_they_are_read(text, closed):
    assert bool(final_sound(text)) is closed


@given(
    st.text("가나은는이라로으을 .12abc요고서", max_size=8), st.sampled_from([CLOSED, RIEUL, OPEN, "1", "2"])
)
def test_agreeing_twice_is_agreeing_once(rest, stand_in):
    once = _written(OPEN, rest, stand_in)
    assert _written(stand_in, once, stand_in) == once


@given(st.text(max_size=6))
def test_a_particle_is_never_longer_than_what_is_there(rest):
    text = CLOSED + rest
    new, length = agreeing(text, len(CLOSED), len(text), OPEN, person=True)
    assert 0 <= length <= len(rest)
    assert new or length in {0, 1}
