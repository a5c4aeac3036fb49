"""Persons: what is a name, where it ends, and that column, text and pieces agree."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.stages.pii import persons
from pipelines.stages.pii.evidence import Finding
from pipelines.stages.pii.person_text_kernels import COUNT, word_of
from pipelines.stages.pii.persons import find_persons, merged, persons_in
from schemas.errors import InputUnreadable

NAMES = ("김서윤", "박도현", "이하람", "정예솔", "황보영", "선우하진")


def found(text: str) -> list[str]:
    return [text[name.start : name.end] for name in persons_in(text)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "text",
    [
        "성명: {}",
        "{} 씨 지금 통화 괜찮으세요?",
        "저는 {}입니다",
        "{}님이 들어왔습니다.",
        "예금주 {}",
        "{} 드림",
    ],
)
def test_a_name_beside_its_cue_is_found_without_cue_or_particle(name: str, text: str) -> None:
    assert found(text.format(name)) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "과장님 지금 어디 계세요?",
        "성명: ____________",
        "이름을 입력하세요",
        "정말 고마워",
        "저는 학생입니다",
        "상담사: 무엇을 도와드릴까요?",
        "FROM Sales.Customer WHERE CustomerID = 3",
        "Public Function F(ByVal name As String) As String",
        "",
    ],
)
def test_titles_labels_and_code_name_nobody(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("성명: 김 서 윤", "김 서 윤"),  # each alone sounds like no transliteration
        ("배우 마르코 벨리니의 연기가 좋았다", "마르코 벨리니"),
        ("감독 카를로스는 말했다.", "카를로스"),
    ],
)
def test_names_of_several_runs_and_of_other_tongues_are_found(text: str, name: str) -> None:
    assert found(text) == [name]


@pytest.mark.parametrize("hidden", ["nfd", "zero width"])
def test_a_span_is_in_code_points_of_the_text_given(hidden: str) -> None:
    text = "제 이름은 서다온입니다"
    nfd, wide = unicodedata.normalize("NFD", text), text.replace("서다온", "서\u200b다온")
    text = nfd if hidden == "nfd" else wide
    (name,) = persons_in(text)
    folded = unicodedata.normalize("NFC", text[name.start : name.end]).replace("\u200b", "")
    assert folded == "서다온"


def test_lone_surrogates_right_to_left_marks_and_emoji_do_not_move_a_span() -> None:
    text = "\ud800😀\u202e 성명: 김서윤\n👩‍👩‍👧 담당자: 박도현"
    assert found(text) == ["김서윤", "박도현"]


LINES = st.sampled_from(
    [
        "성명: 김서윤",
        "박도현 씨는요?",
        "hello Kim",
        "",
        "정말 고마워 ㅋㅋ",
        unicodedata.normalize("NFD", "저는 이하람입니다"),
        "😀 김서윤\u200b님",
        "배우 존 스미스의 연기",
    ]
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(LINES, max_size=4).map("\n".join), max_size=6), st.booleans())
def test_a_column_holds_what_its_texts_hold(texts: list[str], large: bool) -> None:
    column = pa.array(["x", *texts], pa.large_string() if large else pa.string()).slice(1)
    said = dict(find_persons(column))
    assert list(said) == sorted(said)
    assert said == {row: names for row, text in enumerate(texts) if (names := persons_in(text))}


def test_a_text_cut_in_pieces_keeps_its_places(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "제 이름은 서다온입니다\n" * 40
    whole = persons_in(text)
    monkeypatch.setattr(persons, "PIECE", 100)
    assert persons_in(text) == whole
    assert [text[name.start : name.end] for name in whole] == ["서다온"] * 40
    assert persons_in("가" * 1000) == []


def test_names_within_other_findings_give_way() -> None:
    other = Finding(5, 10, "KR_ADDRESS", 0.9, ())
    names = [Finding(at, at + 3, "PERSON", 0.9, ()) for at in (0, 3, 8, 10)]
    assert [(f.start, f.label) for f in merged([other], names)] == [
        (0, "PERSON"),
        (5, "KR_ADDRESS"),
        (10, "PERSON"),
    ]


def test_a_sure_name_speaks_for_its_other_places_in_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "성명: 김이음\n\n거기 이음 말고 없어"
    with_memory = found(text)
    monkeypatch.setattr(persons, "MEMORY", 0)
    assert found(text) == ["김이음"]
    assert with_memory == ["김이음", "이음"]


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("성명: 김서윤, 도겸, 참석", ["도겸"]),
        ("성명: 김서윤 도겸, 참석", []),  # a space alone joins no names
        ("성명: 김서윤, 그리고 나중에 도겸, 참석", []),
    ],
)
def test_a_sure_name_speaks_for_those_beside_it_in_a_row(
    text: str, others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(text) == ["김서윤", *others]
    monkeypatch.setattr(persons, "MEMORY", 0)  # no second pass
    assert found(text) == ["김서윤"]


def test_words_of_today_are_nobody() -> None:
    lines = (
        "인스타 디엠 주세요",
        "캐릭터 이름 변경권 팝니다",
        "길드원 모집합니다",
        "닉네임 규칙",
        "테슬라 주가가 빠졌다",
    )
    assert [found(line) for line in lines] == [[]] * len(lines)


def test_the_table_of_words_tells_of_nobody() -> None:
    known, _ = persons.model()
    given = ("지훈", "서윤", "도현", "민준", "하은", "예솔", "수빈", "영호")
    names = [surname + name for surname in "김이박최정강조윤장임한오서신권황안송전홍" for name in given]
    held = [name for name in names if word_of(known.words, persons.hash_text(name))]
    assert held == []
    assert word_of(known.words, persons.hash_text("사람")) & COUNT  # but of words


def test_another_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persons, "MODEL_SHA256", "0" * 64)
    persons.model.cache_clear()
    with pytest.raises(InputUnreadable, match="install the package again"):
        persons.model()
    persons.model.cache_clear()


def test_presidio_finds_the_same() -> None:
    recognizers = pytest.importorskip("pipelines.stages.pii.recognizers")
    (person,) = [r for r in recognizers.recognizers() if r.supported_entities == ["PERSON"]]
    text = "성명: 김서윤, 연락처 없음"
    assert [(r.start, r.end) for r in person.analyze(text, ["PERSON"])] == [(4, 7)]
