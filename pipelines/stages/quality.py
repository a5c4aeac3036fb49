"""Quality: drop what no rule set of (kind, language) lets through; rank the rest. Reads text, language.

Writes quality. No text is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stages.quality_rules import (
    C4,
    Code,
    Document,
    FineWeb,
    GopherQuality,
    GopherRepetition,
    Language,
    Short,
    Spam,
    Thresholds,
    language_rules,
    thresholds,
)
from pipelines.stages.spam import looks_like_advertising
from pipelines.stages.text_kernels import Units, measure
from pipelines.stages.word_kernels import Count
from schemas.contract import DataSet
from schemas.documents import Outcome, split_outcome, with_column
from schemas.reasons import Reason, Stage
from schemas.recipe import QualitySettings

# 2: characters in repeated lines of English pages as in FineWeb-2 (0.1; was FineWeb's 0.01).
QUALITY_VERSION = 2  # 1: first form.

Floats = npt.NDArray[np.float64]
_HALF_LENGTH = 50  # words at which the length factor of the score is one half
_SHORTEST_NGRAM = 5  # words; what the score calls repeated, where no rule set says it


class Check(NamedTuple):
    """One rule, applied to all texts of a language."""

    reason: Reason
    name: str  # of the measurement
    value: Floats  # one a text
    failing: npt.NDArray[np.bool_]


class Measured(NamedTuple):
    """Texts of one language and what was counted in them."""

    texts: pa.StringArray
    counts: npt.NDArray[np.int64]
    units: Units

    def of(self, column: Count) -> npt.NDArray[np.int64]:
        """One count, for every text."""
        return self.counts[:, column]

    def share(self, part: Count, whole: Count) -> Floats:
        """Part over whole, for every text; 0 where the whole is 0."""
        return _ratio(self.of(part), self.of(whole))

    def ngrams(self, column: int) -> Floats:
        """Share of the text's characters in one of the n-gram columns."""
        return _ratio(self.counts[:, Count.COLUMNS + column], self.of(Count.CHARACTERS))


def quality(batch: pa.RecordBatch, settings: QualitySettings, data_set: DataSet) -> Outcome:
    """Drop by the first rule that fails, in the order of the recipe's rule sets; add `quality` to the rest.

    Reads text and language (both as the language stage left them); details name the measurement that decided,
    never text. Raises UsageError for a rule set that does not exist.
    """
    names: tuple[str, ...] = getattr(settings, data_set.kind.value)
    texts = batch["text"]
    reasons: list[Reason | None] = [None] * len(batch)
    details: list[str | None] = [None] * len(batch)
    scores = np.zeros(len(batch), np.float32)
    codes = batch["language"].dictionary_encode()
    numbers = codes.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    for number in np.unique(numbers):
        language = codes.dictionary[int(number)].as_py() if number >= 0 else None
        rows = np.flatnonzero(numbers == number)
        some = texts if len(rows) == len(batch) else texts.take(pa.array(rows))
        sets = [thresholds(kind=data_set.kind, rule_set=name, language=language) for name in names]
        measured = measure_texts(some, sets=sets, language=language)
        scores[rows] = score(measured)
        for row, (reason, detail) in first_failures(measured, sets).items():
            reasons[rows[row]], details[rows[row]] = reason, detail
    scored = with_column(batch, pa.field("quality", pa.float32(), nullable=False), pa.array(scores))
    return split_outcome(scored, stage=Stage.QUALITY, reasons=reasons, details=details)


def measure_texts(texts: pa.StringArray, *, sets: list[Thresholds], language: str | None) -> Measured:
    """Count in texts of one language what the rule sets and the score need, in one call."""
    units = _units(language_rules(language), sets)
    return Measured(texts, measure(texts, units), units)


def first_failures(measured: Measured, sets: list[Thresholds]) -> dict[int, tuple[Reason, str]]:
    """The rule that each failing text fails first, with the measurement, by its position."""
    failures: dict[int, tuple[Reason, str]] = {}
    open_ = np.ones(len(measured.texts), np.bool_)
    for rules in sets:
        for check in _checks(measured, rules):
            for row in np.flatnonzero(open_ & check.failing):
                failures[int(row)] = (check.reason, f"{check.name}={check.value[row]:.4g}")
            open_ &= ~check.failing
    return failures


def score(measured: Measured) -> npt.NDArray[np.float32]:
    """0..1, rounded to 1/1000: which of two duplicates is the better text. For ranking only.

    fresh x letters x length: the share of the text outside repeated n-grams (the shortest n of at least five
    words that was counted); the share of letters among the characters that are no white space; w / (w + 50)
    for w words outside repeated n-grams, one half at 50. A plain product of our own, from no paper.
    """
    fresh = 1 - measured.ngrams(len(measured.units.top_ngrams))
    letters = measured.share(Count.LETTERS, Count.DENSE)
    words = measured.of(Count.WORDS) * fresh
    value = fresh * letters * (words / (words + _HALF_LENGTH))
    return np.asarray(np.round(value * 1000) / 1000, np.float32)


def _units(rules: Language, sets: list[Thresholds]) -> Units:
    """What has to be counted for the rule sets and the score."""
    top: tuple[int, ...] = ()
    duplicate: tuple[int, ...] = (_SHORTEST_NGRAM,)
    for repetition in sets:
        if isinstance(repetition, GopherRepetition):
            top = tuple(n for n, _ in repetition.top_ngrams)
            duplicate = tuple(n for n, _ in repetition.duplicate_ngrams) or duplicate
    return Units(
        split_characters=rules.split_characters,
        stop_words=rules.stop_words if any(isinstance(one, GopherQuality) for one in sets) else (),
        stop_word_ends=rules.stop_word_ends,
        top_ngrams=top,
        duplicate_ngrams=duplicate,
        characters=any(isinstance(one, Short | Document) for one in sets),
    )


def _checks(measured: Measured, rules: Thresholds) -> Iterator[Check]:
    """The checks of one rule set, in the order in which they decide."""
    match rules:
        case GopherRepetition():
            yield from _gopher_repetition(measured, rules)
        case GopherQuality():
            yield from _gopher_quality(measured, rules)
        case C4():
            yield from _c4(measured, rules)
        case FineWeb():
            yield from _fineweb(measured, rules)
        case Document():
            yield from _document(measured, rules)
        case Short():
            yield from _short(measured, rules)
        case Spam():
            cues = looks_like_advertising(measured.texts).to_numpy(zero_copy_only=False)
            yield _above(Reason.SPAM, "advertising", cues.astype(np.float64), 0)
        case Code():
            yield from _code(measured, rules)


def _gopher_repetition(measured: Measured, rules: GopherRepetition) -> Iterator[Check]:
    """GopherRepetitionFilter of datatrove, in its order."""
    yield _below(Reason.NO_TEXT, "characters", measured.of(Count.CHARACTERS), 1)
    characters = Count.CHARACTERS
    for reason, name, part, whole, limit in (
        (
            Reason.DUPLICATE_PARAGRAPHS,
            "duplicate_paragraphs",
            Count.REPEATED_PARAGRAPHS,
            Count.PARAGRAPHS,
            rules.duplicate_paragraphs,
        ),
        (
            Reason.DUPLICATE_PARAGRAPH_CHARACTERS,
            "duplicate_paragraph_characters",
            Count.REPEATED_PARAGRAPH_CHARACTERS,
            characters,
            rules.duplicate_paragraph_characters,
        ),
        (
            Reason.DUPLICATE_LINES,
            "duplicate_lines",
            Count.REPEATED_LINES,
            Count.LINES,
            rules.duplicate_lines,
        ),
        (
            Reason.DUPLICATE_LINE_CHARACTERS,
            "duplicate_line_characters",
            Count.REPEATED_LINE_CHARACTERS,
            characters,
            rules.duplicate_line_characters,
        ),
    ):
        yield _above(reason, name, measured.share(part, whole), limit)
    for column, (n, limit) in enumerate(rules.top_ngrams):
        yield _above(Reason.TOP_NGRAM, f"top_{n}_gram", measured.ngrams(column), limit)
    for column, (n, limit) in enumerate(rules.duplicate_ngrams, len(rules.top_ngrams)):
        yield _above(Reason.DUPLICATE_NGRAMS, f"duplicate_{n}_grams", measured.ngrams(column), limit)


def _gopher_quality(measured: Measured, rules: GopherQuality) -> Iterator[Check]:
    """GopherQualityFilter of datatrove, in its order."""
    words = measured.of(Count.PLAIN_WORDS)
    mean = measured.share(Count.PLAIN_WORD_CHARACTERS, Count.PLAIN_WORDS)
    yield _below(Reason.TOO_FEW_WORDS, "words", words, rules.min_words)
    yield _above(Reason.TOO_MANY_WORDS, "words", words, rules.max_words)
    yield _below(Reason.MEAN_WORD_TOO_SHORT, "mean_word_length", mean, rules.min_mean_word)
    yield _above(Reason.MEAN_WORD_TOO_LONG, "mean_word_length", mean, rules.max_mean_word)
    hashes = measured.share(Count.HASHES, Count.WORDS)
    yield _above(Reason.TOO_MANY_SYMBOLS, "hashes_per_word", hashes, rules.max_symbols)
    ellipses = measured.share(Count.ELLIPSES, Count.WORDS)
    yield _above(Reason.TOO_MANY_SYMBOLS, "ellipses_per_word", ellipses, rules.max_symbols)
    bullets = measured.share(Count.BULLET_LINES, Count.BREAK_LINES)
    yield _above(Reason.TOO_MANY_BULLETS, "bullet_lines", bullets, rules.max_bullets)
    endings = measured.share(Count.ELLIPSIS_LINES, Count.BREAK_LINES)
    yield _above(Reason.TOO_MANY_ELLIPSES, "ellipsis_lines", endings, rules.max_ellipses)
    alphabetic = measured.share(Count.ALPHABETIC_WORDS, Count.WORDS)
    yield _below(Reason.TOO_FEW_ALPHABETIC_WORDS, "alphabetic_words", alphabetic, rules.min_alphabetic_words)
    stop_words = measured.of(Count.STOP_WORDS)
    yield _below(Reason.TOO_FEW_STOP_WORDS, "stop_words", stop_words, rules.min_stop_words)


def _c4(measured: Measured, rules: C4) -> Iterator[Check]:
    """C4's rules on whole pages."""
    if rules.lorem_ipsum:
        # Not ignore_case: RE2 would fold ſ and K into s and k, which str.lower does not.
        pattern = "[Ll][Oo][Rr][Ee][Mm] [Ii][Pp][Ss][Uu][Mm]"
        found = pc.match_substring_regex(measured.texts, pattern).to_numpy(zero_copy_only=False)
        yield _above(Reason.LOREM_IPSUM, "lorem_ipsum", found.astype(np.float64), 0)
    if rules.curly_bracket:
        found = pc.match_substring(measured.texts, "{").to_numpy(zero_copy_only=False)
        yield _above(Reason.CURLY_BRACKET, "curly_bracket", found.astype(np.float64), 0)
    yield _below(Reason.TOO_FEW_SENTENCES, "sentences", measured.of(Count.SENTENCES), rules.min_sentences)


def _fineweb(measured: Measured, rules: FineWeb) -> Iterator[Check]:
    """FineWebQualityFilter of datatrove, in its order."""
    yield _below(Reason.NO_TEXT, "lines", measured.of(Count.TEXT_LINES), 1)
    punctuated = measured.share(Count.PUNCTUATED_LINES, Count.TEXT_LINES)
    yield _below(Reason.LINES_WITHOUT_PUNCTUATION, "punctuated_lines", punctuated, rules.min_punctuated_lines)
    short = measured.share(Count.SHORT_LINES, Count.TEXT_LINES)
    yield _above(Reason.SHORT_LINES, "short_lines", short, rules.max_short_lines)
    written = measured.of(Count.CHARACTERS) - measured.of(Count.NEWLINES)
    repeated = _ratio(measured.of(Count.REPEATED_TEXT_LINE_CHARACTERS), written)
    yield _above(
        Reason.CHARACTER_DUPLICATES, "duplicate_characters", repeated, rules.max_duplicate_characters
    )
    newlines = measured.share(Count.NEWLINES, Count.WORDS)
    yield _above(Reason.TOO_MANY_LINES, "newlines_per_word", newlines, rules.max_newlines_per_word)


def _document(measured: Measured, rules: Document) -> Iterator[Check]:
    yield _below(Reason.TOO_FEW_WORDS, "words", measured.of(Count.PLAIN_WORDS), rules.min_words)
    letters = measured.share(Count.ALPHABETIC_CHARACTERS, Count.DENSE)
    yield _below(Reason.TOO_FEW_LETTERS, "letters", letters, rules.min_letters)
    commonest = measured.share(Count.COMMONEST_CHARACTER, Count.DENSE)
    yield _above(Reason.REPEATED_CHARACTERS, "commonest_character", commonest, rules.max_commonest_character)


def _short(measured: Measured, rules: Short) -> Iterator[Check]:
    dense = measured.of(Count.DENSE)
    yield _below(Reason.TOO_SHORT, "characters", dense, rules.min_characters)
    yield _below(Reason.TOO_FEW_LETTERS, "letters", measured.of(Count.LETTERS), rules.min_letters)
    commonest = measured.share(Count.COMMONEST_CHARACTER, Count.DENSE)
    judged = np.where(dense >= rules.long_enough_to_judge, commonest, 0)
    yield _above(Reason.REPEATED_CHARACTERS, "commonest_character", judged, rules.max_commonest_character)


def _code(measured: Measured, rules: Code) -> Iterator[Check]:
    yield _below(Reason.NO_TEXT, "characters", measured.of(Count.DENSE), 1)
    yield _above(Reason.LONG_LINES, "longest_line", measured.of(Count.LONGEST_LINE), rules.max_line)
    mean = measured.share(Count.BREAK_LINE_CHARACTERS, Count.BREAK_LINES)
    yield _above(Reason.LONG_LINES, "mean_line_length", mean, rules.max_mean_line)
    alphanumeric = measured.share(Count.ALPHANUMERIC_CHARACTERS, Count.CHARACTERS)
    yield _below(Reason.TOO_FEW_LETTERS, "alphanumeric", alphanumeric, rules.min_alphanumeric)


def _ratio(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> Floats:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole != 0)


def _above(reason: Reason, name: str, value: npt.NDArray[np.generic], limit: float | None) -> Check:
    """Fails where the value is greater than the limit; never without a limit."""
    values = np.asarray(value, np.float64)
    return Check(reason, name, values, values > (np.inf if limit is None else limit))


def _below(reason: Reason, name: str, value: npt.NDArray[np.generic], limit: float | None) -> Check:
    """Fails where the value is less than the limit; never without a limit."""
    values = np.asarray(value, np.float64)
    return Check(reason, name, values, values < (-np.inf if limit is None else limit))
