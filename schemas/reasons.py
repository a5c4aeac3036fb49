"""Why a row is refused or a document dropped: closed sets, each with the report's wording."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """The stages that decide over documents, in the order of the data's way."""

    EXTRACT = "extract"
    NORMALISE = "normalise"
    LANGUAGE = "language"
    QUALITY = "quality"
    DECONTAMINATE = "decontaminate"
    FIND_PII = "find_pii"
    FINGERPRINT = "fingerprint"
    REPLACE_PII = "replace_pii"
    RIGHTS = "rights"  # of the row, and what a later drop took back; judged when a build selects
    DEDUP = "dedup"


class Refusal(StrEnum):
    """Why a row or a file went to quarantine."""

    EMPTY_FILE = "empty_file"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    INVALID_ENCODING = "invalid_encoding"
    INVALID_JSON = "invalid_json"
    NOT_AN_OBJECT = "not_an_object"
    ROW_TOO_LONG = "row_too_long"
    WRONG_FIELD_COUNT = "wrong_field_count"
    BROKEN_QUOTES = "broken_quotes"
    MISSING_COLUMN = "missing_column"
    MISSING_VALUE = "missing_value"
    WRONG_TYPE = "wrong_type"
    BROKEN_RECORD = "broken_record"
    ERROR_RESPONSE = "error_response"
    OUTSIDE_DROP = "outside_drop"
    # what admission checks beyond reading
    PATTERN_MISMATCH = "pattern_mismatch"
    NOT_IN_ENUM = "not_in_enum"
    OUT_OF_RANGE = "out_of_range"
    WRONG_LENGTH = "wrong_length"
    INVALID_DATE = "invalid_date"
    REPEATED_KEY = "repeated_key"
    NOT_UNIQUE = "not_unique"
    FORBIDDEN_COLUMN = "forbidden_column"
    NOT_KEYED = "not_keyed"
    NOT_GENERALISED = "not_generalised"
    UNIQUE_IDENTIFIER = "unique_identifier"
    LICENCE_NOT_ALLOWED = "licence_not_allowed"
    INVALID_VALUE = "invalid_value"
    SUPPRESSED = "suppressed"


class Reason(StrEnum):
    """Why a stage dropped a document."""

    NO_TEXT = "no_text"
    LANGUAGE_NOT_WANTED = "language_not_wanted"
    LANGUAGE_UNSURE = "language_unsure"
    # Gopher quality (Rae et al. 2021, table A1)
    TOO_FEW_WORDS = "too_few_words"
    TOO_MANY_WORDS = "too_many_words"
    MEAN_WORD_TOO_SHORT = "mean_word_too_short"
    MEAN_WORD_TOO_LONG = "mean_word_too_long"
    TOO_MANY_SYMBOLS = "too_many_symbols"
    TOO_MANY_BULLETS = "too_many_bullets"
    TOO_MANY_ELLIPSES = "too_many_ellipses"
    TOO_FEW_ALPHABETIC_WORDS = "too_few_alphabetic_words"
    TOO_FEW_STOP_WORDS = "too_few_stop_words"
    # Gopher repetition
    DUPLICATE_LINES = "duplicate_lines"
    DUPLICATE_PARAGRAPHS = "duplicate_paragraphs"
    DUPLICATE_LINE_CHARACTERS = "duplicate_line_characters"
    DUPLICATE_PARAGRAPH_CHARACTERS = "duplicate_paragraph_characters"
    TOP_NGRAM = "top_ngram"
    DUPLICATE_NGRAMS = "duplicate_ngrams"
    # C4 (Raffel et al. 2020)
    LOREM_IPSUM = "lorem_ipsum"
    CURLY_BRACKET = "curly_bracket"
    TOO_FEW_SENTENCES = "too_few_sentences"
    # FineWeb (Penedo et al. 2024)
    LINES_WITHOUT_PUNCTUATION = "lines_without_punctuation"
    SHORT_LINES = "short_lines"
    CHARACTER_DUPLICATES = "character_duplicates"
    TOO_MANY_LINES = "too_many_lines"
    # short posts, dialogue, code, tables
    TOO_SHORT = "too_short"
    TOO_FEW_LETTERS = "too_few_letters"
    REPEATED_CHARACTERS = "repeated_characters"
    SPAM = "spam"
    LONG_LINES = "long_lines"
    CONTAMINATED = "contaminated"
    TOO_MUCH_PERSONAL_DATA = "too_much_personal_data"
    FORBIDDEN_IDENTIFIER = "forbidden_identifier"
    # rights
    SUPERSEDED = "superseded"
    NOT_IN_SNAPSHOT = "not_in_snapshot"
    TAKEN_BACK = "taken_back"
    SUPPRESSED = "suppressed"
    CRAWLED_AFTER_OPT_OUT = "crawled_after_opt_out"
    OPTED_OUT = "opted_out"
    CRAWL_DATE = "crawl_date"
    LICENCE_NOT_ALLOWED = "licence_not_allowed"
    MACHINE_TERMS = "machine_terms"
    SEED_WITHDRAWN = "seed_withdrawn"
    REPEATED_KEY = "repeated_key"
    EXACT_DUPLICATE = "exact_duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    REPEATED_PASSAGES = "repeated_passages"


REFUSAL_WORDING: dict[Refusal, str] = {
    Refusal.EMPTY_FILE: "the file is empty",
    Refusal.TRUNCATED: "the file or its archive ends in the middle",
    Refusal.UNREADABLE: "the file is not of the format the contract names",
    Refusal.INVALID_ENCODING: "bytes that are not text in the contract's encoding",
    Refusal.INVALID_JSON: "a line that is not JSON",
    Refusal.NOT_AN_OBJECT: "a JSON line that is no object",
    Refusal.ROW_TOO_LONG: "a row longer than the limit",
    Refusal.WRONG_FIELD_COUNT: "a CSV row with too few or too many fields",
    Refusal.BROKEN_QUOTES: "a CSV row with a quote that is not closed, or stands in the wrong place",
    Refusal.MISSING_COLUMN: "a column of the contract is not in the file",
    Refusal.MISSING_VALUE: "a required field has no value",
    Refusal.WRONG_TYPE: "a field is not of its contract's type",
    Refusal.BROKEN_RECORD: "a WARC record that cannot be read",
    Refusal.ERROR_RESPONSE: "an HTTP response that is no success (404, 500, ...)",
    Refusal.OUTSIDE_DROP: "a link or path that leaves the drop",
    Refusal.PATTERN_MISMATCH: "a value that does not fit the contract's pattern",
    Refusal.NOT_IN_ENUM: "a value that the contract does not list",
    Refusal.OUT_OF_RANGE: "a value outside the contract's range",
    Refusal.WRONG_LENGTH: "a text or list shorter or longer than the contract allows",
    Refusal.INVALID_DATE: "a date or time that does not exist, or is not written as the contract says",
    Refusal.REPEATED_KEY: "a key that was delivered before",
    Refusal.NOT_UNIQUE: "a value that stands twice in a column of unique values",
    Refusal.FORBIDDEN_COLUMN: "a value in a column that the contract forbids",
    Refusal.NOT_KEYED: "a value in clear where the contract wants a keyed digest",
    Refusal.NOT_GENERALISED: "a value finer than the contract's grid or clock",
    Refusal.UNIQUE_IDENTIFIER: "a unique identifier (PIPA Art. 24) that the contract says is absent",
    Refusal.LICENCE_NOT_ALLOWED: "a licence that the contract does not list for rows",
    Refusal.INVALID_VALUE: "a value that breaks a rule of the contract for single rows",
    Refusal.SUPPRESSED: "its content was taken down, and is kept out",
}

REASON_WORDING: dict[Reason, str] = {
    Reason.NO_TEXT: "nothing is left of the text",
    Reason.LANGUAGE_NOT_WANTED: "written in a language the recipe does not ask for",
    Reason.LANGUAGE_UNSURE: "no language was recognised with the certainty asked for",
    Reason.TOO_FEW_WORDS: "fewer words than the rule set asks for",
    Reason.TOO_MANY_WORDS: "more words than the rule set allows",
    Reason.MEAN_WORD_TOO_SHORT: "mean word too short",
    Reason.MEAN_WORD_TOO_LONG: "mean word too long",
    Reason.TOO_MANY_SYMBOLS: "too many hash signs or ellipses for its words",
    Reason.TOO_MANY_BULLETS: "nearly all lines start with a bullet",
    Reason.TOO_MANY_ELLIPSES: "too many lines end in an ellipsis",
    Reason.TOO_FEW_ALPHABETIC_WORDS: "too few words with a letter",
    Reason.TOO_FEW_STOP_WORDS: "too few of the language's commonest words",
    Reason.DUPLICATE_LINES: "too many repeated lines",
    Reason.DUPLICATE_PARAGRAPHS: "too many repeated paragraphs",
    Reason.DUPLICATE_LINE_CHARACTERS: "too much of the text is repeated lines",
    Reason.DUPLICATE_PARAGRAPH_CHARACTERS: "too much of the text is repeated paragraphs",
    Reason.TOP_NGRAM: "one phrase makes up too much of the text",
    Reason.DUPLICATE_NGRAMS: "repeated phrases make up too much of the text",
    Reason.LOREM_IPSUM: "holds 'lorem ipsum'",
    Reason.CURLY_BRACKET: "holds a curly bracket",
    Reason.TOO_FEW_SENTENCES: "fewer sentences than the rule set asks for",
    Reason.LINES_WITHOUT_PUNCTUATION: "too few lines end in punctuation",
    Reason.SHORT_LINES: "too many short lines",
    Reason.CHARACTER_DUPLICATES: "too many characters in repeated lines",
    Reason.TOO_MANY_LINES: "too many line breaks for its words",
    Reason.TOO_SHORT: "shorter than the rule set asks for",
    Reason.TOO_FEW_LETTERS: "too few letters for its length",
    Reason.REPEATED_CHARACTERS: "one character makes up too much of the text",
    Reason.SPAM: "looks like advertising",
    Reason.LONG_LINES: "lines too long for code that people wrote",
    Reason.CONTAMINATED: "holds an item of an evaluation benchmark",
    Reason.TOO_MUCH_PERSONAL_DATA: "personal data makes up too much of the text",
    Reason.FORBIDDEN_IDENTIFIER: "holds a unique identifier that the contract says is absent",
    Reason.SUPERSEDED: "the partner delivered a newer version",
    Reason.NOT_IN_SNAPSHOT: "not in the partner's newest snapshot",
    Reason.TAKEN_BACK: "taken back by the partner",
    Reason.SUPPRESSED: "its content was taken down",
    Reason.CRAWLED_AFTER_OPT_OUT: "crawled when its host had opted out already",
    Reason.OPTED_OUT: "its host has opted out",
    Reason.CRAWL_DATE: "its crawl date is missing, cannot be read or lies behind the build's date",
    Reason.LICENCE_NOT_ALLOWED: "its licence is not one the contract lists",
    Reason.MACHINE_TERMS: "written by a machine whose terms do not allow training, or do not say",
    Reason.SEED_WITHDRAWN: "made from a document that may not be used",
    Reason.REPEATED_KEY: "the same key was delivered before",
    Reason.EXACT_DUPLICATE: "the same text as a kept document",
    Reason.NEAR_DUPLICATE: "nearly the same text as a kept document",
    Reason.REPEATED_PASSAGES: "made of nothing but passages of earlier documents",
}
