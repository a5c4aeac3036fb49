"""The quality stage: what each rule set drops and, as important, what it lets through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.stages.quality import first_failures, measure_texts, quality
from pipelines.stages.quality_rules import C4, FineWeb, GopherRepetition, language_rules, thresholds
from pipelines.stages.text_kernels import Units, measure
from pipelines.stages.word_kernels import Count
from schemas.contract import DataSet, Delivery, Format, Kind, Markup
from schemas.documents import DOCUMENT, DROPPED
from schemas.errors import UsageError
from schemas.reasons import Reason
from schemas.recipe import QualitySettings

KOREAN_PAGE = """한국어 말뭉치를 모으는 일은 사전을 만드는 일에서 시작되었다. 전국의 사람들이 저마다 쓰는
말을 적어 보냈다.

편찬자들은 그 말을 갈래에 따라 나누고 뜻을 풀이했다. 방언과 옛말도 빠뜨리지 않으려고 애썼다.

완성을 앞둔 원고는 한때 사라졌다가 서울역 창고에서 다시 발견되었다. 그 뒤로
여러 학자가 이어받아 책으로 펴냈다.
"""
ENGLISH_PAGE = """The first dictionary of a language is seldom the work of one person. People from every
village sent in the words that they used at home and at work, and a few editors had to sort them.

Many of the slips were hard to read, and some of the words had never been written down before. The editors
asked three speakers about each of them, and kept what at least two of them knew.
"""
CHINESE_PAGE = (
    "编写第一部词典是一件漫长的工作。各地的人们把自己使用的词语写在纸上寄来,编辑们按照意义把它们分类。"
    "有些方言词从来没有被写下来过,编者只好请教当地的老人。\n\n"
    "后来稿子在战争中丢失,过了三年才在车站的仓库里"
    "被人发现。学者们继续这项工作,终于把它印成了六卷书,也成为后来研究的基础。"
)
JAPANESE_PAGE = (
    "最初の辞書を作る仕事は長い年月をかけて行われた。各地の人々が自分の使う言葉を紙に書いて送り、"
    "編集者たちが意味ごとに分けていった。方言の中には一度も書かれたことのない語もあり、"
    "土地の老人に尋ねるしかなかった。\n\n"
    "戦争のあいだに原稿は失われたが、三年後に駅の倉庫で見つかった。"
    "その後も学者たちが作業を続け、六巻の本になった。"
)
SPANISH_PAGE = """El primer diccionario de una lengua rara vez es obra de una sola persona. Los vecinos de
cada pueblo enviaron las palabras que usaban en casa, y unos pocos editores tuvieron que ordenarlas despacio.

Algunas voces nunca se habían escrito antes, por eso preguntaron a tres hablantes y guardaron solamente las
que conocían al menos dos de ellos.
"""


def data_set(kind: Kind) -> DataSet:
    return DataSet(
        name="texts",
        kind=kind,
        files=(),
        format=Format.JSONL,
        encoding="utf-8",
        delimiter=",",
        markup=Markup.PLAIN,
        join="\n\n",
        delivery=Delivery.APPEND,
        languages=("ko",),
        columns=(),
    )


def batch(texts: list[str], languages: str | list[str | None] | None = "ko") -> pa.RecordBatch:
    if not isinstance(languages, list):
        languages = [languages] * len(texts)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([i.to_bytes(16, "big") for i in range(len(texts))], pa.binary(16)),
            pa.array(range(len(texts)), pa.int64()),
            pa.array(texts, pa.string()),
            pa.array(languages, pa.string()),
            pa.array([1.0] * len(texts), pa.float32()),
        ],
        schema=DOCUMENT.append(pa.field("language_score", pa.float32(), nullable=False)),
    )


def reason(text: str, kind: Kind, language: str | None = "ko") -> str | None:
    """Why the text is dropped, or None."""
    outcome = quality(batch([text], language), QualitySettings(), data_set(kind))
    return outcome.dropped["reason"][0].as_py() if len(outcome.dropped) else None


def fails(text: str, rules: GopherRepetition | C4 | FineWeb, language: str = "en") -> Reason | None:
    """The reason of one rule set alone."""
    measured = measure_texts(pa.array([text]), sets=[rules], language=language)
    failure = first_failures(measured, [rules]).get(0)
    return failure[0] if failure else None


@pytest.mark.parametrize(
    ("language", "page"),
    [
        ("ko", KOREAN_PAGE),
        ("en", ENGLISH_PAGE),
        ("zh", CHINESE_PAGE),
        ("ja", JAPANESE_PAGE),
        ("es", SPANISH_PAGE),
        ("fr", ENGLISH_PAGE),
        (None, ENGLISH_PAGE),
    ],
)
@pytest.mark.parametrize("kind", [Kind.WEB, Kind.DOCUMENT, Kind.DIALOGUE, Kind.SHORT_POST])
def test_ordinary_prose_passes_in_every_language_and_kind(kind: Kind, language: str | None, page: str):
    assert reason(page, kind, language) is None


@pytest.mark.parametrize(
    ("expected", "language", "text"),
    [
        (Reason.NO_TEXT, "ko", ""),
        (Reason.TOP_NGRAM, "ko", "사전은 여러 사람이 함께 만든다."),
        (Reason.TOO_FEW_WORDS, "ko", KOREAN_PAGE[:100]),
        (Reason.TOO_FEW_WORDS, "zh", CHINESE_PAGE[:60]),
        (Reason.TOO_FEW_STOP_WORDS, "en", ENGLISH_PAGE.translate(str.maketrans("aeo", "xyz"))),
        (Reason.TOO_FEW_STOP_WORDS, "zh", "".join(chr(0x6F00 + 3 * i) for i in range(120)) + "。"),
        (Reason.TOO_MANY_LINES, "ko", "\n\n".join(f"제{i}장{i}절은 짧다." for i in range(40))),
        (Reason.LINES_WITHOUT_PUNCTUATION, "ko", KOREAN_PAGE.replace(".", "")),
        (
            Reason.MEAN_WORD_TOO_LONG,
            "ko",
            "".join(f"{word}{i}길이연장 " for i, word in enumerate(KOREAN_PAGE.split())) + ".",
        ),
        (Reason.LOREM_IPSUM, "en", ENGLISH_PAGE + "Lorem IPSUM dolor sit amet."),
        (
            Reason.TOO_MANY_BULLETS,
            "en",
            "- " + ENGLISH_PAGE.replace("\n\n", "\n").strip().replace("\n", "\n- "),
        ),
        (Reason.DUPLICATE_LINES, "ko", KOREAN_PAGE + "로그인하고 계속 보기\n" * 8),
    ],
)
def test_web_pages_are_dropped_for_the_first_rule_they_fail(expected: Reason, language: str, text: str):
    assert reason(text, Kind.WEB, language) == expected


def test_an_english_page_may_say_a_command_twice_but_not_much_of_itself():
    command = "sort --unique slips.txt"
    page = f"{ENGLISH_PAGE}\n{command}\n\nThen the list is printed and read once more.\n\n{command}\n"
    written = len(page) - page.count("\n")
    assert 0.01 < len(command) / written < 0.1
    assert reason(page, Kind.WEB, "en") is None
    note = "The slips of each village lie in a drawer of its own."
    page = f"{ENGLISH_PAGE}\n{note}\n\nThen the list is printed and read once more.\n\n{note}\n"
    assert 0.1 < len(note) / (len(page) - page.count("\n")) < 0.2
    assert reason(page, Kind.WEB, "en") == Reason.CHARACTER_DUPLICATES


def test_sentences_and_brackets_count_only_where_a_rule_set_asks_for_them():
    code = ENGLISH_PAGE + "if (a) { b(); }"
    assert fails(code, C4()) is None
    assert fails(code, C4(curly_bracket=True)) is Reason.CURLY_BRACKET
    assert fails('One. "Two." Version 3.14 is three?! Four', C4(min_sentences=3)) is None
    assert fails('One. "Two." Version 3.14 is three?! Four', C4(min_sentences=4)) is Reason.TOO_FEW_SENTENCES
    assert fails("一。二。三", C4(min_sentences=2)) is None


def test_a_korean_stop_word_is_the_ending_of_a_word():
    units = Units(stop_words=language_rules("ko").stop_words, stop_word_ends=True)
    found = measure(
        pa.array(["집에서 밥을", "집에서. (밥을)", "에서 집", "집 밥 물", "다다 하다 가다"]), units
    )
    # 에서 and 을; the same behind punctuation; 에서 alone; none; one word counts once.
    assert found[:, Count.STOP_WORDS].tolist() == [2, 2, 1, 0, 1]


def test_chinese_is_counted_in_characters_and_latin_runs_in_words():
    found = measure(pa.array(["我用 Python 3.11写,好。", "ab cd"]), Units(split_characters=True))
    assert found[:, Count.WORDS].tolist() == [8, 2]  # 我 用 Python 3.11 写 , 好 。 with an ASCII comma


def test_a_phrase_repeated_without_spaces_is_found_in_characters():
    slogan = CHINESE_PAGE + "本店全场商品一律打折欢迎选购" * 12
    assert reason(slogan, Kind.WEB, "zh") in {Reason.TOP_NGRAM, Reason.DUPLICATE_NGRAMS}
    assert fails(
        "가나 다라 마바 사아 " * 40, thresholds(kind=Kind.WEB, rule_set="gopher_repetition", language="ko")
    )


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (Reason.TOO_SHORT, "."),
        (Reason.TOO_SHORT, "굿"),
        (Reason.TOO_FEW_LETTERS, "ㅋㅋㅋㅋ"),
        (Reason.TOO_FEW_LETTERS, "ㅠㅠ ㅎㅎ"),
        (Reason.TOO_FEW_LETTERS, "1111"),
        (Reason.TOO_FEW_LETTERS, "!?!?"),
        (Reason.TOO_FEW_LETTERS, "10/10 👍👍"),
        (Reason.REPEATED_CHARACTERS, "최고" + "ㅋ" * 12),
        (Reason.REPEATED_CHARACTERS, "우와아아아아아아아아아아"),
    ],
)
def test_posts_without_words_are_dropped(expected: Reason, text: str):
    assert reason(text, Kind.SHORT_POST) == expected
    assert reason(text, Kind.DIALOGUE) == expected


@pytest.mark.parametrize(
    "text",
    [
        "재밌다",
        "굿굿",
        "ok",
        "ㅋㅋㅋ 재밌다",
        "와아아아아",
        "最高",
        "네, 내일 봬요!",
        "3시 출발",
        "하하하하 웃기다",
    ],
)
def test_short_posts_with_words_stay(text: str):
    assert reason(text, Kind.SHORT_POST) is None


def test_advertising_is_looked_for_where_the_recipe_says_so():
    advertisement = "먹튀검증 완료 토토사이트, 꽁머니 3만 지급"
    assert reason(advertisement, Kind.SHORT_POST) == Reason.SPAM
    assert reason(advertisement, Kind.DIALOGUE) is None


def test_manuals_with_code_and_tables_stay():
    manual = "# 설치\n\n다음 명령으로 패키지를 설치하고 서비스를 다시 시작합니다.\n\n"
    manual += "```\n" + "".join(f"$ sudo install --level {i} /opt/tool-{i}\n" for i in range(6)) + "```\n\n"
    manual += "| 옵션 | 값 | 설명 |\n|---|---|---|\n| level | 3 | 기록 단계를 정한다 |\n"
    assert reason(manual, Kind.DOCUMENT) is None
    assert reason(manual, Kind.WEB) is not None


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (Reason.NO_TEXT, ""),
        (Reason.TOO_FEW_WORDS, "적용 대상: 데이터베이스 엔진"),
        (Reason.TOO_FEW_LETTERS, "\n".join(f"{i * 977} | {i * 31} | {i * 7}" for i in range(1, 40))),
        (Reason.REPEATED_CHARACTERS, KOREAN_PAGE + " " + "가나" + " ".join("나" * i for i in range(1, 40))),
        (
            Reason.DUPLICATE_LINE_CHARACTERS,
            KOREAN_PAGE + "이 페이지는 비어 있습니다 다음 장으로 가세요\n" * 12,
        ),
        (Reason.DUPLICATE_PARAGRAPH_CHARACTERS, (KOREAN_PAGE + "\n") * 3),
    ],
)
def test_documents_that_are_no_text_are_dropped(expected: Reason, text: str):
    assert reason(text, Kind.DOCUMENT) == expected


def test_paragraph_rules_hold_for_english_pages():
    assert reason(
        "\n\n".join([*ENGLISH_PAGE.split("\n\n"), "Read on.", "Read on.", "Read on."]), Kind.WEB, "en"
    ) == (Reason.DUPLICATE_PARAGRAPHS)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (None, "def f(x):\n    return {y: y + 1 for y in x}\n" * 5),
        (None, "x = 1\n"),
        (Reason.NO_TEXT, " \n\n"),
        (Reason.LONG_LINES, "var a=1;\n" * 200 + "a" * 1001),
        (Reason.LONG_LINES, ("x = '" + "a" * 120 + "'\n") * 3),
        (Reason.TOO_FEW_LETTERS, "{}[]();,.-+*/\n" * 20),
    ],
)
def test_code_is_judged_by_its_lines(expected: Reason | None, text: str):
    assert reason(text, Kind.CODE, "code") == expected


def test_a_line_of_exactly_the_limit_stays():
    assert reason("a" * 1000 + "\n" + "b\n" * 20, Kind.CODE, "code") is None


def test_a_rule_set_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(UsageError, match=r"quality\.web: no rule set 'gophre'; known are c4, code"):
        quality(batch(["글"]), replace(QualitySettings(), web=("gophre",)), data_set(Kind.WEB))


@pytest.mark.parametrize("kind", list(Kind))
def test_an_empty_batch_gives_an_empty_outcome(kind: Kind):
    outcome = quality(batch([]), QualitySettings(), data_set(kind))
    assert (len(outcome.kept), len(outcome.dropped)) == (0, 0)
    assert outcome.kept.schema.field("quality").type == pa.float32()


def test_details_name_the_measurement_and_hold_no_text():
    texts = ["비밀스러운 글", "ㅋㅋㅋㅋ", "바카라 사이트 추천 www.example-casino.com"]
    outcome = quality(batch(texts), QualitySettings(), data_set(Kind.SHORT_POST))
    assert outcome.dropped["detail"].to_pylist() == ["letters=0", "advertising=1"]
    assert outcome.dropped.schema == DROPPED
    assert outcome.dropped["stage"].to_pylist() == ["quality", "quality"]


def test_the_better_of_two_texts_has_the_higher_score():
    texts = [
        KOREAN_PAGE,
        KOREAN_PAGE[:60],
        KOREAN_PAGE + "★☆★☆" * 30,
        KOREAN_PAGE + "같은 말을 또 하고 또 한다 " * 30,
    ]
    scores = quality(batch(texts), QualitySettings(), data_set(Kind.DIALOGUE)).kept["quality"].to_pylist()
    assert len(scores) == 4
    assert max(scores[1:]) < scores[0] < 1
    assert scores == [np.float32(round(score, 3)) for score in scores]


def test_a_text_larger_than_the_first_scratch_is_counted_whole():
    words = [f"w{i}" for i in range(70_000)]
    text = " ".join([*words, *words[:10]])
    found = measure(pa.array(["a b", text, "a b"]), Units(top_ngrams=(2,), duplicate_ngrams=(5,)))
    assert found[:, Count.WORDS].tolist() == [2, 70_010, 2]
    assert found[1, Count.COLUMNS + 1] == sum(len(word) for word in words[:10])
    assert found[0].tolist() == found[2].tolist()


@settings(deadline=None, max_examples=150)
@given(st.text(st.sampled_from("aB가ㅋ漢。.!…-•#1 \t\n\n\r\x0b\x1c\x1f\x85\u2028\u3000🙂"), max_size=30))
def test_the_plain_counts_are_those_of_python(text: str):
    counts = dict(
        zip(Count, measure(pa.array(["ab", text]), Units(characters=True))[1].tolist(), strict=False)
    )
    lines, words, dense = text.splitlines(), text.split(), "".join(text.split())
    expected = {
        Count.CHARACTERS: len(text),
        Count.DENSE: len(dense),
        Count.ALPHABETIC_CHARACTERS: sum(map(str.isalpha, text)),
        Count.LETTERS: sum(character.isalpha() and character != "ㅋ" for character in text),
        Count.ALPHANUMERIC_CHARACTERS: sum(map(str.isalnum, text)),
        Count.WORDS: len(words),
        Count.ALPHABETIC_WORDS: sum(any(map(str.isalpha, word)) for word in words),
        Count.HASHES: text.count("#"),
        Count.ELLIPSES: text.count("...") + text.count("…"),
        Count.BREAK_LINES: len(lines),
        Count.BREAK_LINE_CHARACTERS: sum(map(len, lines)),
        Count.LONGEST_LINE: max(map(len, lines), default=0),
        Count.BULLET_LINES: sum(line.lstrip().startswith(("-", "•")) for line in lines),
        Count.ELLIPSIS_LINES: sum(line.rstrip().endswith(("...", "…")) for line in lines),
        Count.NEWLINES: text.count("\n"),
        Count.TEXT_LINES: sum(line.strip() != "" for line in text.split("\n")),
        Count.COMMONEST_CHARACTER: max(map(dense.count, dense), default=0),
    }
    assert {count: counts[count] for count in expected} == expected


SAMPLES = st.lists(
    st.tuples(
        st.sampled_from(
            (
                *(KOREAN_PAGE, ENGLISH_PAGE, CHINESE_PAGE, JAPANESE_PAGE, "", "ㅋㅋㅋㅋ", "재밌다"),
                *("바카라 www.ab.com", "같은 줄\n" * 30, "def f():\n    pass\n"),
            )
        ),
        st.sampled_from(["ko", "en", "zh", "ja", "es", "code", None]),
    ),
    min_size=1,
    max_size=10,
)


def decisions(given_batch: pa.RecordBatch, kind: Kind) -> dict[int, tuple[str | None, ...]]:
    """By row number: what became of it."""
    outcome = quality(given_batch, QualitySettings(), data_set(kind))
    assert len(outcome.kept) + len(outcome.dropped) == len(given_batch)
    kept = {row["row"]: ("kept", row["quality"], row["text"]) for row in outcome.kept.to_pylist()}
    lost = {
        row["row"]: (row["reason"], row["detail"], row["language"]) for row in outcome.dropped.to_pylist()
    }
    assert not kept.keys() & lost.keys()
    return kept | lost


@settings(deadline=None, max_examples=60)
@given(SAMPLES, st.sampled_from(list(Kind)), st.data())
def test_neither_order_nor_slicing_changes_a_decision(samples, kind: Kind, data):
    whole = batch([text for text, _ in samples], [language for _, language in samples])
    expected = decisions(whole, kind)
    assert sorted(expected) == list(range(len(samples)))
    start = data.draw(st.integers(0, len(samples)))
    length = data.draw(st.integers(0, len(samples)))
    part = whole.slice(start, length)
    assert decisions(part, kind) == {row: expected[row] for row in part["row"].to_pylist()}
    shuffled = whole.take(pa.array(data.draw(st.permutations(range(len(samples))))))
    assert decisions(shuffled, kind) == expected
