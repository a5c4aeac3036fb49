"""The rule sets' thresholds by (kind, language), each with its source.

A threshold of None is a rule that is off. Lower and upper bounds are inclusive: a document exactly at a
threshold stays, as in datatrove.

Units. Gopher and FineWeb count white-space words. FineWeb-2's Korean, Chinese and Japanese thresholds were
tuned on morphemes (Kiwi, jieba, SudachiPy), which no rule here needs a dictionary for:
- Korean is counted in white-space words (eojeol) of some 1.7 morphemes each (49,211 morphemes in 28,357 words
  of a handed textbook's 533 Korean paragraphs). Shares keep FineWeb-2's values; "per word" and "at least so
  many words" are converted; a stop word is a word's ending, since particles are no words of their own.
- Newlines: FineWeb's limits belong to trafilatura's text, one newline between blocks. The extract stage
  leaves a blank line there, so every "newlines per word" is doubled, English included.
- Chinese and Japanese are counted in characters, at about 1.5 to a morpheme: n-grams of n morphemes become
  n-grams of 1.5 n characters, counts of words are converted, and the mean word length is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from schemas.contract import Kind
from schemas.errors import UsageError

NGrams = tuple[tuple[int, float], ...]  # (words in the n-gram, largest share of the text's characters)

MORPHEMES_PER_EOJEOL = 1.7
NEWLINES_PER_BLOCK = 2
CHARACTERS_PER_MORPHEME = 1.5


@dataclass(frozen=True)
class GopherRepetition:
    """Shares of repeated lines, paragraphs and n-grams (Rae et al. 2021, table A1)."""

    duplicate_paragraphs: float | None = 0.3
    duplicate_paragraph_characters: float | None = 0.2
    duplicate_lines: float | None = 0.3
    duplicate_line_characters: float | None = 0.2
    top_ngrams: NGrams = ((2, 0.2), (3, 0.18), (4, 0.16))
    duplicate_ngrams: NGrams = ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))


@dataclass(frozen=True)
class GopherQuality:
    """Length, word shape, symbols and stop words (Rae et al. 2021, section A1.1; datatrove's defaults)."""

    min_words: int | None = 50
    max_words: int | None = 100_000
    min_mean_word: float | None = 3
    max_mean_word: float | None = 10
    max_symbols: float | None = 0.1
    max_bullets: float | None = 0.9
    max_ellipses: float | None = 0.3
    min_alphabetic_words: float | None = 0.8
    min_stop_words: int | None = 2


@dataclass(frozen=True)
class C4:
    """What C4 drops whole pages for (Raffel et al. 2020, section 2.2).

    Curly brackets are off: they were C4's sign of code, and manuals hold code. Sentences (C4: 5) are off as
    in FineWeb-2, and counted by punctuation alone. C4's removal of lines (javascript, policies, words of over
    1,000 characters) changes text, which this stage does not do.
    """

    lorem_ipsum: bool = True
    curly_bracket: bool = False
    min_sentences: int | None = None


@dataclass(frozen=True)
class FineWeb:
    """Line rules (Penedo et al. 2024, section 3.6; datatrove's defaults)."""

    min_punctuated_lines: float | None = 0.12
    max_short_lines: float | None = 0.67
    max_duplicate_characters: float | None = 0.01
    max_newlines_per_word: float | None = 0.3 * NEWLINES_PER_BLOCK


@dataclass(frozen=True)
class Document:
    """Manuals, books, papers: code and tables are part of them, so only what is no text at all goes.

    Of the handed manuals and textbooks 1 page in 100 has a letter share under 0.66; none of prose, code and
    tables is under 0.45. Under 20 words lie include snippets ("applies to: ...") and empty headings.
    """

    min_words: int = 20
    min_letters: float = 0.4  # share of alphabetic characters among those that are no white space
    max_commonest_character: float = 0.4


@dataclass(frozen=True)
class Short:
    """Dialogue, reviews, comments, chat, table rows, sentence pairs: one utterance is a document."""

    min_characters: int = 2  # that are no white space
    min_letters: int = 2  # jamo alone (laughter) are none
    long_enough_to_judge: int = 10  # characters, before shares mean anything
    max_commonest_character: float = 0.6


@dataclass(frozen=True)
class Spam:
    """Advertising cues; the patterns stand in `pipelines.stages.spam`."""

    enabled: bool = True


@dataclass(frozen=True)
class Code:
    """Generated or binary-like files (StarCoder, Li et al. 2023, section 3.2; The Stack's filters)."""

    max_line: int = 1000
    max_mean_line: float = 100
    min_alphanumeric: float = 0.25


Thresholds = GopherRepetition | GopherQuality | C4 | FineWeb | Document | Short | Spam | Code


@dataclass(frozen=True)
class Language:
    """How a language's words are counted, and its thresholds for web pages."""

    repetition: GopherRepetition
    quality: GopherQuality
    fineweb: FineWeb
    stop_words: tuple[str, ...]
    stop_word_ends: bool = False  # a word that ends in one counts
    split_characters: bool = False  # each character of its scripts is a word


# FineWeb-2 for every language: paragraphs and repeated lines' characters are off in Gopher's set, short lines
# in FineWeb's, whose repeated characters are looser (fineweb-2-pipeline.py, step 5).
_LOOSE_REPETITION = GopherRepetition(
    duplicate_paragraphs=None, duplicate_paragraph_characters=None, duplicate_line_characters=None
)
_LOOSE_FINEWEB = FineWeb(max_short_lines=None, max_duplicate_characters=0.1)


def _in_characters(ngrams: NGrams) -> NGrams:
    """N-grams of morphemes as n-grams of so many characters."""
    return tuple((int(n * CHARACTERS_PER_MORPHEME + 0.5), share) for n, share in ngrams)


_ENGLISH = Language(
    repetition=GopherRepetition(),
    quality=GopherQuality(),
    # FineWeb-2's value for its other languages. FineWeb's own 0.01, set on Common Crawl, drops whole chapters
    # and help pages in which a command or a menu's name stands on a line twice (benchmarks/READING.md).
    fineweb=FineWeb(max_duplicate_characters=0.1),
    stop_words=("the", "be", "to", "of", "and", "that", "have", "with"),  # Gopher's eight
)
# huggingface/fineweb-2 configs/spa_Latn.yml
_SPANISH = Language(
    repetition=replace(
        _LOOSE_REPETITION,
        duplicate_lines=0.265,
        top_ngrams=((2, 0.077), (3, 0.097), (4, 0.112)),
        duplicate_ngrams=((5, 0.152), (6, 0.137), (7, 0.123), (8, 0.114), (9, 0.107), (10, 0.099)),
    ),
    quality=GopherQuality(min_mean_word=4, max_mean_word=14, min_alphabetic_words=0.825),
    fineweb=replace(
        _LOOSE_FINEWEB, min_punctuated_lines=0.3, max_newlines_per_word=0.171 * NEWLINES_PER_BLOCK
    ),
    stop_words=(
        "de",
        "la",
        "en",
        "el",
        "y",
        "a",
        "que",
        "del",
        "los",
        "se",
        "por",
        "un",
        "con",
        "una",
        "las",
        "su",
    ),
)
# huggingface/fineweb-2 configs/kor_Hang.yml
_KOREAN = Language(
    repetition=replace(
        _LOOSE_REPETITION,
        duplicate_lines=0.374,
        top_ngrams=((2, 0.282), (3, 0.228), (4, 0.185)),
        duplicate_ngrams=((5, 0.201), (6, 0.184), (7, 0.168), (8, 0.154), (9, 0.14), (10, 0.127)),
    ),
    quality=GopherQuality(
        min_words=int(50 / MORPHEMES_PER_EOJEOL + 0.5),
        min_mean_word=1,
        max_mean_word=6,
        min_alphabetic_words=0.791,
    ),
    fineweb=replace(
        _LOOSE_FINEWEB,
        min_punctuated_lines=0.062,
        max_newlines_per_word=0.196 * MORPHEMES_PER_EOJEOL * NEWLINES_PER_BLOCK,
    ),
    stop_words=(
        "의",
        "다",
        "이",
        "는",
        "에",
        "을",
        "한",
        "년",
        "하",
        "은",
        "를",
        "했",
        "고",
        "에서",
        "가",
        "있",
        "으로",
        "인",
        "월",
        "로",
        "되",
    ),
    stop_word_ends=True,
)
# huggingface/fineweb-2 configs/cmn_Hani.yml
_CHINESE = Language(
    repetition=replace(
        _LOOSE_REPETITION,
        duplicate_lines=0.287,
        top_ngrams=_in_characters(((2, 0.256), (3, 0.201), (4, 0.171))),
        duplicate_ngrams=_in_characters(
            ((5, 0.198), (6, 0.182), (7, 0.167), (8, 0.154), (9, 0.14), (10, 0.127))
        ),
    ),
    quality=GopherQuality(
        min_words=int(50 * CHARACTERS_PER_MORPHEME),
        max_words=int(100_000 * CHARACTERS_PER_MORPHEME),
        min_mean_word=None,
        max_mean_word=None,
        min_alphabetic_words=0.735,
    ),
    fineweb=replace(
        _LOOSE_FINEWEB,
        min_punctuated_lines=0.106,
        max_newlines_per_word=0.178 / CHARACTERS_PER_MORPHEME * NEWLINES_PER_BLOCK,
    ),
    stop_words=(
        "的",
        "年",
        "在",
        "月",
        "是",
        "和",
        "日",
        "了",
        "於",
        "·",
        "為",
        "有",
        "被",
        "人",
        "中",
        "为",
        "他",
        "與",
        "後",
        "也",
        "而",
        "由",
    ),
    split_characters=True,
)
# huggingface/fineweb-2 configs/jpn_Jpan.yml
_JAPANESE = Language(
    repetition=replace(
        _LOOSE_REPETITION,
        duplicate_lines=0.375,
        top_ngrams=_in_characters(((2, 0.121), (3, 0.129), (4, 0.145))),
        duplicate_ngrams=_in_characters(
            ((5, 0.307), (6, 0.283), (7, 0.264), (8, 0.248), (9, 0.234), (10, 0.223))
        ),
    ),
    quality=replace(_CHINESE.quality, min_alphabetic_words=0.759),
    fineweb=replace(
        _LOOSE_FINEWEB,
        min_punctuated_lines=0.167,
        max_newlines_per_word=0.162 / CHARACTERS_PER_MORPHEME * NEWLINES_PER_BLOCK,
    ),
    stop_words=(
        "の",
        "に",
        "を",
        "は",
        "た",
        "て",
        "が",
        "と",
        "で",
        "年",
        "し",
        "・",
        "月",
        "れ",
        "さ",
    ),
    split_characters=True,
)
# A language without thresholds of its own: Gopher's and FineWeb's, without stop words and mean word lengths.
_OTHER = Language(
    repetition=_LOOSE_REPETITION,
    quality=GopherQuality(min_mean_word=None, max_mean_word=None, min_stop_words=None),
    fineweb=_LOOSE_FINEWEB,
    stop_words=(),
)
# Manuals and books. Code fences, closing brackets and table rules repeat by nature: counted as lines, a third
# of the handed deep-learning textbook fails Gopher's (a chapter on calculus at 0.40), so only the share of
# the text counts. Its pages show one program in three frameworks: at most 0.38 of a page in repeated lines,
# 0.30 in repeated 5-grams, 0.26 in 10-grams. Beyond lie machine-written listings (schemas of data sets).
# The commonest n-gram is left out: in a page of a few sentences it is a link's long address, met once.
_DOCUMENT_REPETITION = GopherRepetition(
    duplicate_paragraphs=None,
    duplicate_paragraph_characters=0.4,
    duplicate_lines=None,
    duplicate_line_characters=0.4,
    top_ngrams=(),
    duplicate_ngrams=((5, 0.35), (6, 0.34), (7, 0.33), (8, 0.32), (9, 0.31), (10, 0.3)),
)
LANGUAGES = {"en": _ENGLISH, "es": _SPANISH, "ko": _KOREAN, "zh": _CHINESE, "ja": _JAPANESE}


def language_rules(language: str | None) -> Language:
    """What holds for a language, by its ISO 639-1 code; for an unknown one, what needs no knowledge of it."""
    return LANGUAGES.get(language or "", _OTHER)


def _document_repetition(rules: Language) -> GopherRepetition:
    """Gopher's set for every kind but web, in the language's units."""
    if not rules.split_characters:
        return _DOCUMENT_REPETITION
    in_characters = _in_characters(_DOCUMENT_REPETITION.duplicate_ngrams)
    return replace(_DOCUMENT_REPETITION, duplicate_ngrams=in_characters)


def thresholds(*, kind: Kind, rule_set: str, language: str | None) -> Thresholds:
    """The thresholds of one rule set for (kind, language); UsageError where there is no such rule set."""
    rules = language_rules(language)
    table: dict[str, Thresholds] = {
        "gopher_repetition": rules.repetition if kind is Kind.WEB else _document_repetition(rules),
        "gopher_quality": rules.quality,
        "c4": C4(),
        "fineweb": rules.fineweb,
        "document": Document(min_words=30) if rules.split_characters else Document(),
        "short": Short(),
        "spam": Spam(),
        "code": Code(),
    }
    if rule_set not in table:
        known = ", ".join(sorted(table))
        raise UsageError(f"recipe: quality.{kind.value}: no rule set '{rule_set}'; known are {known}")
    return table[rule_set]
