"""Tell each document's language. Reads doc_id, row, text, language. Writes language, language_score.

Scripts decide where they can: nothing but Korean is written in Hangul, nothing but Japanese in kana. Where
Hangul, kana and Han make up a quarter of the letters, they name the language, and the score is the share of
letters in its scripts. (A Hangul syllable holds two to three sounds: a quarter of the letters is about half
of the words. Korean documentation full of English identifiers has 0.2 to 0.7, and lid.176 calls it ko as
well.)

Programs and identifiers are written in Latin letters whatever the language around them. Where a text holds
some Hangul, kana or Han (0.5 % of its letters), its prose is counted again without code, link targets,
formulas and identifiers. Of the handed tutorials declared ko, ja or zh this names 0.99 as declared, lid.176
on the whole text 0.83.

All else is asked of fastText lid.176 (`lid_model`), on the start and the middle of the text. Where the
answer is not sure, it is asked again about the prose alone. The wanted languages' probabilities count
together (a page half translated is wanted in both halves), and half of `min_score` suffices for languages
the contract or the row declares. Below that: LANGUAGE_UNSURE.

Texts of fewer than `min_letters` letters (reviews, chat) say too little for a probability. They are dropped
on clear evidence only: three letters of a script no wanted language has, or a Latin text of twelve letters
and more that lid.176 places elsewhere with `min_score` (half of it where letters like ä or ç say so too).
Otherwise the declared languages decide between those the script allows; a text without letters is of the
one declared language, or LANGUAGE_UNSURE where there are several.

Kind code is language "code" with score 1. Kind parallel is told like a short text, so that two languages in
one document are no reason to drop it: the language is that of the majority of its letters, as above.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.kernels import njit
from pipelines.stages.lid_model import predict
from schemas.contract import DataSet, Kind
from schemas.documents import STAGED, Outcome, split_outcome, with_column
from schemas.reasons import Reason, Stage
from schemas.recipe import LanguageSettings

# 2: a few Latin letters that lid.176 is not sure of are English, no longer its first guess.
LANGUAGE_VERSION = 2  # 1: scripts, then lid.176 on a sample, then on its prose

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
_MARKED = re.compile(r"[^\W\d_a-zA-ZªºáéíóúüñÁÉÍÓÚÜÑ\u0250-\u1DFF\u1F00-\uFFFF]")  # Latin, not en or es
_UNDETERMINED = "und"  # ISO 639-2
_ASKED = 5  # languages asked of fastText; the sixth never weighs

# Possessive, and no part runs over the beginning of another: linear in the text whatever it holds.
_CODE = re.compile(
    r"(?ms)^[ \t>]*(?P<fence>`{3,}+|~{3,}+)[^\n]*+\n.*?(?:^[ \t>]*(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|`[^`\n]+`|\]\([^()\[\]\s]*\)|<[^<>\n]{1,200}>|https?://\S+|\$\$.{1,2000}?\$\$|\$[^$\n]+\$"
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


class _ByScript(NamedTuple):
    """What the scripts say of each text."""

    names: list[str]
    scores: list[float]  # share of the letters in the language's scripts
    settled: npt.NDArray[np.bool_]


def _by_script(counts: npt.NDArray[np.int64]) -> _ByScript:
    letters = counts.sum(axis=1)
    east_asian = counts[:, : _HAN + 1].sum(axis=1)
    hangul, kana, han = counts[:, _HANGUL], counts[:, _KANA], counts[:, _HAN]
    korean = (hangul >= 0.2 * east_asian) & (hangul >= kana)  # old mixed script is four fifths Han
    japanese = ~korean & (kana >= 0.1 * east_asian)  # prose has half, Chinese quoting Japanese less
    own = han + np.where(korean, hangul, np.where(japanese, kana, 0))
    enough = (letters >= _FEW) | (hangul > 0)
    return _ByScript(
        np.where(korean, "ko", np.where(japanese, "ja", "zh")).tolist(),
        (own / np.maximum(letters, 1)).tolist(),
        (east_asian > 0) & (4 * east_asian >= letters) & enough,
    )


def _verdicts(batch: pa.RecordBatch, settings: LanguageSettings, data_set: DataSet) -> list[_Verdict]:
    texts = batch["text"]
    counts = count_scripts(texts)
    letters = counts.sum(axis=1)
    few = letters < (np.inf if data_set.kind is Kind.PARALLEL else settings.min_letters)
    told = _by_script(counts)
    verdicts = [_judged(name, score, settings) for name, score in zip(told.names, told.scores, strict=True)]
    mixed = ~told.settled & ~few & (200 * counts[:, : _HAN + 1].sum(axis=1) >= np.maximum(letters, 1))
    prose = {int(row): _prose(texts[row].as_py()) for row in np.flatnonzero(mixed)}
    told_of_prose = _by_script(count_scripts(pa.array(prose.values(), pa.string())))
    for row, name, score, settled in zip(prose, *told_of_prose, strict=True):
        verdicts[row] = _judged(name, score, settings)
        told.settled[row] = settled
    # What the scripts do not settle, and what is in Han alone.
    rows = np.flatnonzero(~told.settled | (counts[:, _HANGUL] + counts[:, _KANA] == 0)).tolist()
    picked = pa.array(rows, pa.int64())
    languages, rest = batch["language"].take(picked).to_pylist(), texts.take(picked).to_pylist()
    for row, text, own in zip(rows, rest, languages, strict=True):
        declared = (own.lower().partition("-")[0],) if own else data_set.languages
        if told.settled[row]:
            name = "ja" if "ja" in declared and "zh" not in declared else "zh"
            verdicts[row] = _judged(name, verdicts[row].score, settings)
        elif few[row]:
            verdicts[row] = _of_few_letters(text, counts[row], declared, settings)
        else:
            verdicts[row] = _of_many_letters((text, prose.get(row)), counts[row], declared, settings)
    return verdicts


def _judged(name: str, score: float, settings: LanguageSettings) -> _Verdict:
    return _Verdict(name, score, None if name in settings.wanted else Reason.LANGUAGE_NOT_WANTED)


def _of_many_letters(
    text_and_prose: tuple[str, str | None],
    counts: npt.NDArray[np.int64],
    declared: tuple[str, ...],
    settings: LanguageSettings,
) -> _Verdict:
    text, prose = text_and_prose
    length = settings.sample_characters
    sample = _sample(text, length)
    looks = (sample, _prose(sample)) if prose is None else (_sample(prose, length), sample)
    best: dict[str, float] = {}
    foreign = None
    # The second look counts only where the first settles nothing or would drop the text.
    for look in looks:
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
    hangul, _, han, latin, other = counts.tolist()
    letters = int(counts.sum())
    if "ko" in declared and hangul > 1 and 8 * hangul >= letters:
        return _judged("ko", hangul / letters, settings)
    sample = _sample(text, settings.sample_characters)
    guesses = _guesses(sample, counts)
    name, score = next(iter(guesses.items()))
    marked = _MARKED.search(sample) is not None
    clear = other >= _FEW and 2 * other >= letters
    if not clear and (marked or latin >= _CLEAR) and score >= settings.min_score / (2 if marked else 1):
        again = _guesses(_prose(sample), counts)
        clear = name in settings.wanted or again.get(name, 0.0) >= settings.min_score / 2
    if clear:
        return _judged(name, score, settings)
    expected = [one for one in declared if one in settings.wanted]
    in_latin = [one for one in expected if one not in _EAST_ASIAN]
    likely = name
    if 2 * latin >= letters > 0 and in_latin:
        likely = max(in_latin, key=lambda one: guesses.get(one, 0.0))
    elif 2 * han >= letters > 0:
        likely = next((one for one in expected if one in _EAST_ASIAN), "zh")
    elif len(expected) == 1 == len(declared) and not (latin >= _FEW and name in settings.wanted):
        likely = expected[0]
    elif latin < _FEW or name not in settings.wanted:
        return _Verdict(name, score, Reason.LANGUAGE_UNSURE)
    elif score < settings.min_score and "en" in settings.wanted:
        # A word or two that the model is not sure of ("it sucks", Spanish 0.3): English in most places.
        likely = "en"
    return _judged(likely, guesses.get(likely, 0.0), settings)


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
    # str.isalpha: of a category of letters (L*) in the Unicode database.
    letters = np.fromiter(map(str.isalpha, map(chr, range(0x10000))), np.bool_, 0x10000)
    table = np.where(letters, np.uint8(_OTHER), np.uint8(_NONE))
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
