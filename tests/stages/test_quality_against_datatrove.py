"""Ours against datatrove's filters, text by text: the same first failing rule.

Both sides split words at white space. Deliberate differences, none of which these tests cover:
- C4: datatrove removes lines before it looks for "lorem ipsum" or a bracket, and reports whichever line comes
  first; here it runs with its line rules off, and a text with both counts as lorem ipsum.
- A text without a word makes datatrove's Gopher quality divide by zero unless min_doc_words stops it first;
  ours measures 0.
- Korean stop words as endings, and characters as words (zh, ja), have no counterpart: see test_quality.py.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datatrove.data import Document as Text
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION
from datatrove.utils.word_tokenizers import WordTokenizer
from fastwarc import ArchiveIterator, WarcRecordType
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.extract.html2text import extract_plain_text

from pipelines.stages.character_classes import LINE_BREAK, PUNCTUATION, TERMINAL, character_classes
from pipelines.stages.quality import first_failures, measure_texts
from pipelines.stages.quality_rules import C4, FineWeb, GopherQuality, GopherRepetition, Thresholds
from schemas.reasons import Reason

MOST_COMMON_ENGLISH = ("the", "be", "to", "of", "and", "that", "have", "with")
REASONS = {
    "empty": Reason.NO_TEXT,
    "dup_para_frac": Reason.DUPLICATE_PARAGRAPHS,
    "dup_para_char_frac": Reason.DUPLICATE_PARAGRAPH_CHARACTERS,
    "dup_line_frac": Reason.DUPLICATE_LINES,
    "dup_line_char_frac": Reason.DUPLICATE_LINE_CHARACTERS,
    "gopher_short_doc": Reason.TOO_FEW_WORDS,
    "gopher_long_doc": Reason.TOO_MANY_WORDS,
    "gopher_below_avg_threshold": Reason.MEAN_WORD_TOO_SHORT,
    "gopher_above_avg_threshold": Reason.MEAN_WORD_TOO_LONG,
    "gopher_too_many_hashes": Reason.TOO_MANY_SYMBOLS,
    "gopher_too_many_ellipsis": Reason.TOO_MANY_SYMBOLS,
    "gopher_too_many_bullets": Reason.TOO_MANY_BULLETS,
    "gopher_too_many_end_ellipsis": Reason.TOO_MANY_ELLIPSES,
    "gopher_below_alpha_threshold": Reason.TOO_FEW_ALPHABETIC_WORDS,
    "gopher_enough_stop_words": Reason.TOO_FEW_STOP_WORDS,
    "line_punct_ratio": Reason.LINES_WITHOUT_PUNCTUATION,
    "short_line_ratio": Reason.SHORT_LINES,
    "char_dup_ratio": Reason.CHARACTER_DUPLICATES,
    "list_ratio": Reason.TOO_MANY_LINES,
    "lorem_ipsum": Reason.LOREM_IPSUM,
    "curly_bracket": Reason.CURLY_BRACKET,
}
REPETITION, FINEWEB = GopherRepetition(), FineWeb(max_newlines_per_word=0.3)
NO_LIMIT = 1_000_000_000


class SplitAtWhiteSpace(WordTokenizer):
    """What datatrove offers for tokenizers of one's own: passed where a language's name is expected."""

    def word_tokenize(self, text: str) -> list[str]:
        return text.split()

    def sent_tokenize(self, text: str) -> list[str]:
        raise NotImplementedError

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        raise NotImplementedError


WORDS = SplitAtWhiteSpace()


def theirs(texts: list[str], one: object) -> list[str | None]:
    """The reason of one datatrove filter for each text, in our words; n-grams with their n."""
    answers: list[str | None] = []
    for text in texts:
        answer = one.filter(Text(text=text, id="0"))
        if answer is True:
            answers.append(None)
            continue
        name = answer[1]
        if name.startswith("top_"):
            answers.append(f"{Reason.TOP_NGRAM} {name.split('_')[1]}")
        elif name.startswith("duplicated_"):
            answers.append(f"{Reason.DUPLICATE_NGRAMS} {name.split('_')[1]}")
        else:
            answers.append(REASONS[name])
    return answers


def ours(texts: list[str], rules: Thresholds) -> list[str | None]:
    measured = measure_texts(pa.array(texts, pa.string()), sets=[rules], language="en")
    answers: list[str | None] = [None] * len(texts)
    for row, (reason, detail) in first_failures(measured, [rules]).items():
        ngram = reason in {Reason.TOP_NGRAM, Reason.DUPLICATE_NGRAMS}
        answers[row] = f"{reason} {detail.split('_')[1]}" if ngram else reason
    return answers


def repetition_filter(rules: GopherRepetition) -> GopherRepetitionFilter:
    return GopherRepetitionFilter(
        dup_line_frac=rules.duplicate_lines,
        dup_para_frac=rules.duplicate_paragraphs,
        dup_line_char_frac=rules.duplicate_line_characters,
        dup_para_char_frac=rules.duplicate_paragraph_characters,
        top_n_grams=rules.top_ngrams,
        dup_n_grams=rules.duplicate_ngrams,
        language=WORDS,
    )


def quality_filter(rules: GopherQuality) -> GopherQualityFilter:
    return GopherQualityFilter(
        min_doc_words=rules.min_words,
        max_doc_words=rules.max_words,
        min_avg_word_length=rules.min_mean_word,
        max_avg_word_length=rules.max_mean_word,
        max_symbol_word_ratio=rules.max_symbols,
        max_bullet_lines_ratio=rules.max_bullets,
        max_ellipsis_lines_ratio=rules.max_ellipses,
        max_non_alpha_words_ratio=rules.min_alphabetic_words,
        min_stop_words=rules.min_stop_words,
        stop_words=list(MOST_COMMON_ENGLISH),
        language=WORDS,
    )


def fineweb_filter(rules: FineWeb) -> FineWebQualityFilter:
    return FineWebQualityFilter(
        line_punct_thr=rules.min_punctuated_lines or 0,
        short_line_thr=_limit(rules.max_short_lines),
        char_duplicates_ratio=_limit(rules.max_duplicate_characters),
        new_line_ratio=_limit(rules.max_newlines_per_word),
        language=WORDS,
    )


def _limit(value: float | None) -> float:
    return NO_LIMIT if value is None else value


def c4_filter() -> C4QualityFilter:
    return C4QualityFilter(
        remove_citations=False,
        filter_no_terminal_punct=False,
        min_num_sentences=-1,
        min_words_per_line=-1,
        max_word_length=-1,
        filter_javascript=False,
        filter_policy=False,
    )


def pairs(texts: list[str], strictness: float) -> Iterator[tuple[str, list[str | None], list[str | None]]]:
    """Name, datatrove's answers and ours, by filter: all its rules together, and each rule alone.

    Alone, upper limits are the defaults times strictness and lower ones the defaults over it, so that the
    measurement decides and not the shape of the texts.
    """
    for repetition in (REPETITION, *_repetition_rules_alone(strictness)):
        yield f"{repetition}", theirs(texts, repetition_filter(repetition)), ours(texts, repetition)
    for quality in (GopherQuality(), *_quality_rules_alone(strictness)):
        yield f"{quality}", theirs(texts, quality_filter(quality)), ours(texts, quality)
    worded = [text for text in texts if text.split()]  # datatrove divides by the number of words
    for fineweb in (FINEWEB, *_fineweb_rules_alone(strictness)):
        yield f"{fineweb}", theirs(worded, fineweb_filter(fineweb)), ours(worded, fineweb)
    one_of = [text for text in texts if not ("lorem ipsum" in text.lower() and "{" in text)]
    c4 = C4(curly_bracket=True)
    yield f"{c4}", theirs(one_of, c4_filter()), ours(one_of, c4)


def _repetition_rules_alone(strictness: float) -> Iterator[GopherRepetition]:
    for name, limit in vars(REPETITION).items():
        if isinstance(limit, float):
            yield replace(NO_REPETITION, **{name: limit * strictness})
        else:
            for n, share in limit:
                yield replace(NO_REPETITION, **{name: ((n, share * strictness),)})


def _quality_rules_alone(strictness: float) -> Iterator[GopherQuality]:
    default = GopherQuality()
    off = GopherQuality(**dict.fromkeys(vars(default)) | {"min_words": 1})  # or datatrove divides by no words
    limits = vars(default) | {"max_words": 50}  # no text here has 100,000
    for name, limit in limits.items():
        if name != "min_words":
            scaled = limit * strictness if name.startswith("max") else limit / strictness
            yield replace(off, **{name: scaled})


def _fineweb_rules_alone(strictness: float) -> Iterator[FineWeb]:
    yield replace(NO_FINEWEB, min_punctuated_lines=0.12 / strictness)
    yield replace(NO_FINEWEB, max_short_lines=0.67 * strictness)
    yield replace(NO_FINEWEB, max_duplicate_characters=0.1 * strictness)
    yield replace(NO_FINEWEB, max_newlines_per_word=0.3 * strictness)


NO_FINEWEB = FineWeb(
    min_punctuated_lines=None, max_short_lines=None, max_duplicate_characters=None, max_newlines_per_word=None
)
NO_REPETITION = GopherRepetition(
    duplicate_paragraphs=None,
    duplicate_paragraph_characters=None,
    duplicate_lines=None,
    duplicate_line_characters=None,
    top_ngrams=(),
    duplicate_ngrams=(),
)


def disagreements(texts: list[str], strictness: float = 1.0) -> list[str]:
    """One line a difference: the rule set, the text's number, their answer and ours."""
    found = []
    for name, expected, got in pairs(texts, strictness):
        differing = [
            f"{name}: text {number}: datatrove {one}, ours {other}"
            for number, (one, other) in enumerate(zip(expected, got, strict=True))
            if one != other
        ]
        found += differing
    return found


def sample(texts: list[str], size: int) -> list[str]:
    return random.Random(7).sample(texts, min(size, len(texts)))


def test_reviews_are_judged_as_by_datatrove(handed: Path):
    with gzip.open(handed / "krafton/reviews_1.csv.gz", "rt", encoding="utf-8-sig", newline="") as file:
        reviews = [row["content"] for row in csv.DictReader(file) if row["content"]]
    reviews = sample(reviews, 800)
    glued = ["\n".join(reviews[i : i + 12]) for i in range(0, 600, 12)]  # long enough to pass the first rule
    assert disagreements([*reviews, *glued], strictness=0.5) == []


def test_manuals_are_judged_as_by_datatrove(handed: Path):
    table = pq.read_table(handed / "fortytwodot/manuals_1.parquet", columns=["body_md"])
    manuals = [text for text in table["body_md"].to_pylist() if text]
    assert disagreements(sample(manuals, 40), strictness=0.2) == []


@pytest.mark.parametrize("language", ["en", "ko"])
def test_handbook_pages_are_judged_as_by_datatrove(handed: Path, language: str):
    packed = gzip.decompress((handed / f"liner/handbook_{language}.warc.gz").read_bytes())
    pages = [
        extract_plain_text(record.reader.read().decode("utf-8", "replace"))
        for record in ArchiveIterator(io.BytesIO(packed), record_types=WarcRecordType.response)
    ]
    assert disagreements(sample(pages, 10), strictness=0.2) == []


# Few words and marks, so that lines, paragraphs and n-grams repeat and every border case comes up.
PIECES = (
    *(
        "the",
        "of",
        "a",
        "ab",
        "b",
        "가",
        "나다",
        "였다.",
        "12",
        "#",
        "...",
        "..",
        ".",
        "…",
        "-",
        "•",
        "{",
        "}",
    ),
    *("lorem ipsum", "Lorem Ipsum", "ß", "ㅋㅋ", "。", "!", '"', "\x85", "\x1c", "\x0b", "\u2028", "\xa0"),
    *("\r", "\r\n", "\x00", "\x07", "🙂", "𑩂", "の", "\u3000", "- a", "• b", "한국어를 쓴다", "a b c d e f"),
)
SPACES = st.sampled_from(["", " ", " ", " ", "\n", "\n", "\n\n", "\n\n\n", "\t", " \n", "\n "])
ANY_PIECES = st.lists(st.tuples(st.sampled_from(PIECES), SPACES), max_size=40)
FEW_PIECES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).flatmap(
    lambda few: st.lists(st.tuples(st.sampled_from(few), SPACES), max_size=60)
)
PARTS = st.one_of(ANY_PIECES, FEW_PIECES).map(lambda parts: "".join(piece + space for piece, space in parts))
TEXTS = st.tuples(st.lists(PARTS, max_size=4), st.lists(st.integers(0, 3), max_size=8), SPACES).map(
    lambda given: given[2].join(given[0][i % len(given[0])] for i in given[1]) if given[0] else given[2]
)


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=8), st.sampled_from([1.0, 0.5, 0.2, 0.05]))
def test_generated_texts_are_judged_as_by_datatrove(texts: list[str], strictness: float):
    assert disagreements(texts, strictness) == []


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=8))
def test_any_unicode_text_is_judged_as_by_datatrove(texts: list[str]):
    assert disagreements([text.encode("utf-8", "ignore").decode() for text in texts]) == []


def test_character_classes_are_those_of_python_and_datatrove():
    flags = character_classes()[:0x110000]
    marked = {chr(point) for point in (flags & PUNCTUATION).nonzero()[0]}
    assert marked == PUNCTUATION_SET
    assert {chr(point) for point in (flags & TERMINAL).nonzero()[0]} == TERMINAL_PUNCTUATION
    breaks = {chr(point) for point in (flags & LINE_BREAK).nonzero()[0]}
    assert breaks == {chr(point) for point in range(0x110000) if len(f"a{chr(point)}b".splitlines()) == 2}
