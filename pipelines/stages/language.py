"""Tell each document's language. Reads doc_id, row, text, language. Writes language, language_score.

Scripts decide where they can: nothing but Korean is written in Hangul, nothing but Japanese in kana. Where
Hangul, kana and Han make up a quarter of the letters, they name the language, and the score is the share of
letters in its scripts. (A Hangul syllable holds two to three sounds: a quarter of the letters is about half
of the words. Korean documentation full of English identifiers has 0.2 to 0.7, and lid.176 calls it ko as
well.)

All else is asked of fastText lid.176 (`lid_model`), on the start and the middle of the text. Where the
answer is not sure, it is asked again about the prose alone: code, link targets, formulas and identifiers
look like any language. The wanted languages' probabilities count together (a page half translated is wanted
in both halves), and half of `min_score` suffices for languages the contract or the row declares. Below
that: LANGUAGE_UNSURE.

Texts of fewer than `min_letters` letters (reviews, chat) say too little for a probability. They are dropped
on clear evidence only: three letters of a script no wanted language has, or a Latin text of twelve letters
and more that lid.176 places elsewhere with `min_score`. Otherwise the declared languages decide between
those the script allows; without them, a text that may be anything is LANGUAGE_UNSURE.

Kind code is language "code" with score 1. Kind parallel is told like a short text, so that two languages in
one document are no reason to drop it: the language is that of the majority of its letters, as above.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from unicodedata import category

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipelines.stages.lid_model import predict
from schemas.contract import DataSet, Kind
from schemas.documents import STAGED, Outcome, split_outcome, with_column
from schemas.reasons import Reason, Stage
from schemas.recipe import LanguageSettings

LANGUAGE_VERSION = 1  # 1: scripts, then lid.176 on a sample, then on its prose

_HANGUL, _KANA, _HAN, _LATIN, _OTHER, _NONE = range(6)
_SCRIPTS = 5
_RANGES = {
    _HANGUL: ((0x1100, 0x11FF), (0x3131, 0x318E), (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xFFA1, 0xFFDC)),
    _KANA: ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),
    _HAN: ((0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)),
    _LATIN: (
        *((0x41, 0x5A), (0x61, 0x7A), (0xAA, 0x24F), (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xA720, 0xA7FF)),
        *((0xFF21, 0xFF3A), (0xFF41, 0xFF5A)),
    ),
}
_NO_LETTERS = ((0x2B0, 0x2FF), (0x3164, 0x3164))  # modifier letters of emoticons; the Hangul filler
_EAST_ASIAN = frozenset({"ko", "ja", "zh", "code"})  # what is declared besides is in Latin letters
_SAME = {"yue": "zh", "wuu": "zh"}  # lid.176 tells Cantonese and Wu apart, the recipes do not
_FEW = 3  # letters; fewer are an emoticon's
_CLEAR = 12  # Latin letters, about two words: shorter ones lid.176 places anywhere
_UNDETERMINED = "und"  # ISO 639-2
_ASKED = 5  # languages asked of fastText; the sixth never weighs

_CODE = re.compile(
    r"(?ms)^[ \t>]*(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t>]*(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|`[^`\n]+`|\]\([^)\s]*\)|<[^<>\n]{1,200}>|https?://\S+|\$\$.{1,2000}?\$\$|\$[^$\n]+\$"
)
_WORD = re.compile(r"(?<![\w./\\@#$-])[^\W\d_]+(?:['’-][^\W\d_]+)*(?![\w/\\=(])")


class _Verdict(NamedTuple):
    language: str
    score: float
    reason: Reason | None


def language(batch: pa.RecordBatch, settings: LanguageSettings, data_set: DataSet) -> Outcome:
    """The documents with their language; unwanted ones (LANGUAGE_NOT_WANTED) and unsure ones are dropped."""
    if data_set.kind is Kind.CODE:
        verdicts = [_Verdict("code", 1.0, None)] * len(batch)
    else:
        verdicts = _verdicts(batch, settings, data_set)
    told = with_column(
        batch, batch.schema.field("language"), pa.array([v.language for v in verdicts], pa.string())
    )
    scores = pa.array([round(v.score, 3) for v in verdicts], pa.float32())
    told = with_column(told, STAGED.field("language_score"), scores)
    details = [f"{v.language} {v.score:.2f}" if v.reason else None for v in verdicts]
    reasons = [v.reason for v in verdicts]
    return split_outcome(told, stage=Stage.LANGUAGE, reasons=reasons, details=details)


def count_scripts(texts: pa.Array) -> npt.NDArray[np.int64]:
    """Letters of each text by script, shape (texts, 5): Hangul, kana, Han, Latin, other."""
    _, offsets_buffer, data_buffer = texts.buffers()
    if len(texts) == 0 or data_buffer is None:
        return np.zeros((len(texts), _SCRIPTS), np.int64)
    offsets = np.frombuffer(offsets_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    counts: npt.NDArray[np.int64] = _count(np.frombuffer(data_buffer, np.uint8), offsets, _SCRIPT_OF)
    return counts


def _verdicts(batch: pa.RecordBatch, settings: LanguageSettings, data_set: DataSet) -> list[_Verdict]:
    texts = batch["text"]
    counts = count_scripts(texts)
    letters = counts.sum(axis=1)
    east_asian = counts[:, : _HAN + 1].sum(axis=1)
    hangul, kana, han = counts[:, _HANGUL], counts[:, _KANA], counts[:, _HAN]
    korean = (hangul >= 0.2 * east_asian) & (hangul >= kana)
    japanese = ~korean & (kana >= 0.1 * east_asian)  # Japanese prose: 0.5; Chinese on Japanese matters: below
    own = han + np.where(korean, hangul, np.where(japanese, kana, 0))
    by_script = (east_asian > 0) & (4 * east_asian >= letters) & ((letters >= _FEW) | (hangul > 0))
    scores = own / np.maximum(letters, 1)
    names = np.where(korean, "ko", np.where(japanese, "ja", "zh")).tolist()
    verdicts = [_judged(name, score, settings) for name, score in zip(names, scores.tolist(), strict=True)]
    # The loop below meets the texts that scripts do not settle, and those in Han alone.
    rows = np.flatnonzero(~by_script | (hangul + kana == 0)).tolist()
    declared_by_row = batch["language"].take(pa.array(rows, pa.int64())).to_pylist()
    for row, text, row_says in zip(
        rows, texts.take(pa.array(rows, pa.int64())).to_pylist(), declared_by_row, strict=True
    ):
        declared = (row_says.lower().partition("-")[0],) if row_says else data_set.languages
        if by_script[row]:
            name = _written_in_han(declared, short=letters[row] < settings.min_letters)
            verdicts[row] = _judged(name, float(scores[row]), settings)
        elif letters[row] < settings.min_letters or data_set.kind is Kind.PARALLEL:
            verdicts[row] = _of_few_letters(text, counts[row], declared, settings)
        else:
            verdicts[row] = _of_many_letters(text, counts[row], declared, settings)
    return verdicts


def _judged(name: str, score: float, settings: LanguageSettings) -> _Verdict:
    return _Verdict(name, score, None if name in settings.wanted else Reason.LANGUAGE_NOT_WANTED)


def _written_in_han(declared: tuple[str, ...], *, short: bool) -> str:
    """Chinese, unless only Japanese is declared; a short text of a Korean data set may be in hanja."""
    if "zh" in declared:
        return "zh"
    if "ja" in declared:
        return "ja"
    return "ko" if short and "ko" in declared else "zh"


def _of_many_letters(
    text: str, counts: npt.NDArray[np.int64], declared: tuple[str, ...], settings: LanguageSettings
) -> _Verdict:
    sample = _sample(text, settings.sample_characters)
    best: dict[str, float] = {}
    foreign = None
    # Two looks, the second only where the first settles nothing or would drop the text.
    for look in (sample, _prose(sample)):
        guesses = _guesses(look, counts)
        name, score = next(iter(guesses.items()))
        wanted = {one: share for one, share in guesses.items() if one in settings.wanted}
        together = sum(wanted.values())
        if together >= settings.min_score:
            likeliest = next(iter(wanted))
            return _Verdict(likeliest, score if likeliest == name else together, None)
        if together > sum(best.values()):
            best = wanted
        if foreign is None and score >= settings.min_score:
            foreign = _Verdict(name, score, Reason.LANGUAGE_NOT_WANTED)
    if foreign is not None:
        return foreign
    expected = {one: share for one, share in best.items() if one in declared}
    if sum(expected.values()) >= settings.min_score / 2:
        return _Verdict(next(iter(expected)), sum(expected.values()), None)
    return _Verdict(name, score, Reason.LANGUAGE_UNSURE)


def _of_few_letters(
    text: str, counts: npt.NDArray[np.int64], declared: tuple[str, ...], settings: LanguageSettings
) -> _Verdict:
    hangul, latin, other, letters = (int(n) for n in (*counts[[_HANGUL, _LATIN, _OTHER]], counts.sum()))
    if "ko" in declared and hangul > 1 and 8 * hangul >= letters:
        return _judged("ko", hangul / letters, settings)
    sample = _sample(text, settings.sample_characters)
    name, score = next(iter(_guesses(sample, counts).items()))
    clear = other >= _FEW and 2 * other >= letters
    if not clear and latin >= _CLEAR and score >= settings.min_score:
        again = _guesses(_prose(sample), counts)
        clear = name in settings.wanted or again.get(name, 0.0) >= settings.min_score
    if clear:
        return _judged(name, score, settings)
    expected = [one for one in declared if one in settings.wanted]
    in_latin = [one for one in expected if one not in _EAST_ASIAN]
    if latin >= _FEW and len(in_latin) == 1:
        likely = in_latin[0]
    elif latin >= _FEW and name in settings.wanted:
        likely = name
    elif len(expected) == 1 == len(declared):
        likely = expected[0]
    else:
        return _Verdict(name, score, Reason.LANGUAGE_UNSURE)
    return _Verdict(likely, score if likely == name else 0.0, None)


def _sample(text: str, length: int) -> str:
    """The first `length` characters and as many from the middle; the whole text where that is less."""
    if len(text) <= 2 * length:
        return text
    middle = max(length, (len(text) - length) // 2)
    return f"{text[:length]}\n{text[middle : middle + length]}"


def _prose(text: str) -> str:
    """Only words of prose: no code, links, tags, formulas, identifiers or CAPITALS."""
    return " ".join(word for word in _WORD.findall(_CODE.sub(" ", text)) if word[1:] == word[1:].lower())


def _guesses(text: str, counts: npt.NDArray[np.int64]) -> dict[str, float]:
    """Languages whose script the text holds and their probabilities, the likeliest first; never empty."""
    scripts = {"ko": counts[_HANGUL], "ja": counts[_KANA] + counts[_HAN], "zh": counts[_HAN]}
    found: dict[str, float] = {}
    for label, score in predict(text.replace("\n", " "), _ASKED):
        name = _SAME.get(label, label)
        if scripts.get(name, 1) > 0:
            found[name] = found.get(name, 0.0) + score
    return dict(sorted(found.items(), key=lambda guess: -guess[1])) or {_UNDETERMINED: 0.0}


def _script_table() -> npt.NDArray[np.uint8]:
    """Script of each code point of the first plane; letters by the Unicode database."""
    table = np.array(
        [_OTHER if category(chr(point))[0] == "L" else _NONE for point in range(0x10000)], np.uint8
    )
    letters = table == _OTHER
    for script, ranges in _RANGES.items():
        for first, last in ranges:
            table[first : last + 1][letters[first : last + 1]] = script
    for first, last in _NO_LETTERS:
        table[first : last + 1] = _NONE
    return table


_SCRIPT_OF = _script_table()


@njit(cache=True, nogil=True)
def _count(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32], script_of: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    """Letters by script of each text of a UTF-8 buffer, shape (texts, 5)."""
    counts = np.zeros((len(offsets) - 1, _SCRIPTS + 1), np.int64)
    for row in range(len(offsets) - 1):
        at, end = int(offsets[row]), int(offsets[row + 1])
        while at < end:
            first = int(data[at])
            if first < 0x80:
                counts[row, script_of[first]] += 1
                at += 1
            elif first < 0xE0:
                counts[row, script_of[(first & 0x1F) << 6 | int(data[at + 1]) & 0x3F]] += 1
                at += 2
            elif first < 0xF0:
                low = (int(data[at + 1]) & 0x3F) << 6 | int(data[at + 2]) & 0x3F
                counts[row, script_of[(first & 0x0F) << 12 | low]] += 1
                at += 3
            else:
                # Beyond the first plane only the ideographs (U+20000 on) are letters that occur in prose.
                plane = (first & 0x07) << 2 | (int(data[at + 1]) & 0x3F) >> 4
                if plane in {2, 3}:
                    counts[row, _HAN] += 1
                at += 4
    return counts[:, :_SCRIPTS]
