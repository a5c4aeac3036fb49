"""One spelling for what looks the same. Reads doc_id, row, text, language, turns. Writes text, turns.

In one pass over the bytes, in this order, each step relying on the ones before it:

1. Line ends (CRLF, CR, VT, FF, NEL, U+2028, U+2029) become LF, so that what follows has one kind of line.
2. What cannot be seen goes: C0 and C1 controls but tab, zero-width spaces, byte order marks, soft hyphens,
bidi
   controls, tags. ZWJ and ZWNJ stay between emoji, and between letters of Arabic and Indic scripts, which
   need them; tags stay in emoji flags. Before white space, for they hide between two spaces.
3. White space: NBSP, U+2000-200A, U+3000, the Hangul filler of game chats and their like become a space; a
run
   inside a line becomes one space (one tab if it holds a tab); indentation stays (lists, code inside pages);
   line ends lose theirs.
4. Blank lines beyond `max_blank_lines` go, and those at both ends; indentation of the first line too, but not
of
   Markdown and code, where it means something.
5. NFC, last: removals bring letters and marks together. NFC, not NFKC: ㅋㅋ and ㅠㅠ are compatibility jamo,
which
   NFKC would turn into conjoining ones; NFD Korean (file names of macOS) becomes syllables. It makes no white
   space and no control character, so that twice is the same as once.

Data sets of kind code keep their spaces inside lines and their blank lines.
"""

from __future__ import annotations

from typing import NamedTuple
from unicodedata import is_normalized

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels import njit
from pipelines.stages.turns import Marks, Places, composed, marks_of, no_marks, with_marks
from schemas.contract import DataSet, Kind, Markup
from schemas.documents import Outcome, split_outcome, with_column
from schemas.reasons import Reason, Stage
from schemas.recipe import NormaliseSettings

NORMALISE_VERSION = 1  # 1: line ends, invisible characters, white space, blank lines, NFC

_NO_LIMIT = np.iinfo(np.int64).max
_LF, _TAB, _CR, _SPACE = 0x0A, 0x09, 0x0D, 0x20
_CONTENT, _BREAK, _WHITE, _UNSEEN, _JOINER, _TAG = range(6)
_BLACK_FLAG = 0x1F3F4  # begins the emoji flags spelt with tags (UTS #51)
_FIRST_TAG, _LAST_TAG = 0xE0020, 0xE007F


def _classes(members: dict[int, list[range | int]]) -> npt.NDArray[np.uint8]:
    """A table from code points of the first plane to classes; what is not named is content."""
    table = np.full(0x10000, _CONTENT, np.uint8)
    for kind, points in members.items():
        for point in points:
            table[list(point) if isinstance(point, range) else point] = kind
    return table


_IN_CODE = _classes(
    {
        _UNSEEN: [
            *(range(0x20), range(0x7F, 0xA0)),  # C0 and C1; the ones below are taken out again
            *(0xAD, 0x61C, 0x180E, 0xFEFF, range(0xFFF9, 0xFFFC)),
            *(0x200B, 0x200E, 0x200F, range(0x202A, 0x202F), range(0x2060, 0x2070)),
        ],
        _BREAK: [range(_LF, _CR + 1), 0x85],
        _WHITE: [_TAB, _SPACE],
        _JOINER: [0x200C, 0x200D],
    }
)
_IN_TEXT = _IN_CODE.copy()
_IN_TEXT[[0x2028, 0x2029]] = _BREAK
# NBSP, Ogham, U+2000-200A, narrow NBSP, mathematical, blank Braille, ideographic; Hangul fillers, full and
# half width
_IN_TEXT[[0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x2800, 0x3000, 0x3164, 0xFFA0]] = _WHITE


def normalise(batch: pa.RecordBatch, settings: NormaliseSettings, data_set: DataSet) -> Outcome:
    """The documents in one spelling; what is empty then is dropped (NO_TEXT)."""
    code = data_set.kind is Kind.CODE
    rules = Rules(
        max_blank_lines=_NO_LIMIT if code else settings.max_blank_lines,
        code=code,
        keep_indent=code or data_set.markup is Markup.MARKDOWN,
    )
    texts, places = _spelled(batch["text"], marks_of(batch), rules)
    empty = pc.equal(pc.binary_length(texts), 0).to_pylist()
    reasons = [Reason.NO_TEXT if nothing else None for nothing in empty]
    spelled = with_marks(with_column(batch, batch.schema.field("text"), texts), places)
    return split_outcome(spelled, stage=Stage.NORMALISE, reasons=reasons)


class Rules(NamedTuple):
    """What differs by data set."""

    max_blank_lines: int
    code: bool  # spaces inside lines stay
    keep_indent: bool  # of the first line


def one_spelling(texts: pa.Array, *, max_blank_lines: int, code: bool, keep_indent: bool) -> pa.Array:
    """All steps of the module's text; `keep_indent`: the first line keeps its indentation."""
    return _spelled(texts, no_marks(len(texts)), Rules(max_blank_lines, code, keep_indent))[0]


def _spelled(texts: pa.Array, marks: Marks, rules: Rules) -> tuple[pa.Array, Places]:
    """All steps, and where the marked bytes went.

    Texts that NFC changes go through all steps again: reordered marks may part a joiner from its letter.
    """
    texts, places = _tidied(texts, marks, rules)
    strings = texts.to_pylist()
    rows = [row for row, text in enumerate(strings) if not is_normalized("NFC", text)]
    if not rows:
        return texts, places
    tidied = Marks(places, marks.offsets)
    found = [composed(strings[row], tidied.of(row)) for row in rows]
    again = Marks(
        np.concatenate([moved for _, moved in found]),
        np.cumsum([0, *(len(moved) for _, moved in found)], dtype=np.int64),
    )
    spelled, moved = _spelled(pa.array([text for text, _ in found], pa.string()), again, rules)
    for number, row in enumerate(rows):
        places[marks.offsets[row] : marks.offsets[row + 1]] = Marks(moved, again.offsets).of(number)
    mask = np.zeros(len(texts), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), spelled), places


def _tidied(texts: pa.Array, marks: Marks, rules: Rules) -> tuple[pa.Array, Places]:
    """Steps 1 to 4."""
    _, offsets_buffer, data_buffer = texts.buffers()
    if len(texts) == 0 or data_buffer is None:
        return texts, marks.places
    offsets = np.frombuffer(offsets_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer, np.uint8)
    classes = _IN_CODE if rules.code else _IN_TEXT
    places = marks.places.copy()
    ends, out = _tidy(data, offsets, classes, (*rules,), places, marks.offsets)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(out)), places


@njit(cache=True, nogil=True)
def _code_point(data: npt.NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """Code point and its length in bytes; (0, 0) at the end. The bytes are valid UTF-8."""
    if at >= end:
        return 0, 0
    first = int(data[at])
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | int(data[at + 1]) & 0x3F, 2
    low = (int(data[at + 1]) & 0x3F) << 6 | int(data[at + 2]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | low, 3
    return (first & 0x07) << 18 | low << 6 | int(data[at + 3]) & 0x3F, 4


@njit(cache=True, nogil=True)
def _joins(point: int) -> bool:
    """Emoji parts, variation selector 16 and letters of scripts whose shapes joiners decide."""
    return (
        0x2190 <= point <= 0x21FF
        or 0x2300 <= point <= 0x27BF
        or 0x2900 <= point <= 0x297F
        or 0x2B00 <= point <= 0x2BFF
        or point == 0xFE0F
        or 0x1F000 <= point <= 0x1FAFF
        or 0x0620 <= point <= 0x08FF
        or 0x0900 <= point <= 0x0DFF
    )


@njit(cache=True, nogil=True)
def _class_of(point: int, before: int, after: int, classes: npt.NDArray[np.uint8]) -> int:
    """What a code point is between the one written before it and the one that follows."""
    kind = int(classes[point]) if point < len(classes) else _CONTENT
    if kind == _JOINER:
        return _CONTENT if _joins(before) and _joins(after) else _UNSEEN
    if 0xE0000 <= point <= _LAST_TAG:
        flag = before == _BLACK_FLAG or _FIRST_TAG <= before <= _LAST_TAG
        return _CONTENT if flag and point >= _FIRST_TAG else _UNSEEN
    return kind


@njit(cache=True, nogil=True)
def _hold_back(places: Places, first: int, mark: int, end: int) -> None:
    """What was written behind `end` is taken back: marks stand there instead."""
    while mark > first and places[mark - 1] > end:
        mark -= 1
        places[mark] = end


@njit(cache=True, nogil=True)
def _tidy(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
    classes: npt.NDArray[np.uint8],
    rules: tuple[int, bool, bool],
    places: Places,
    marked: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Offsets and bytes of the tidied texts. Rules: most blank lines, keep runs, keep first indentation.

    Row i's places[marked[i]] to places[marked[i + 1]] become where those bytes went; they ascend.
    """
    max_blank_lines, keep_runs, keep_indent = rules
    ends = np.zeros(len(offsets), np.int32)
    out = np.empty(offsets[-1] - offsets[0], np.uint8)  # nothing grows
    to = 0
    for row in range(len(offsets) - 1):
        at, end = int(offsets[row]), int(offsets[row + 1])
        start = line = to  # of the document and of its line in `out`
        content = to  # behind the line's last visible character
        breaks = 0  # line breaks written since the last visible character
        before = 0  # the code point written last
        first, mark, last = marked[row], marked[row], marked[row + 1]
        wanted = offsets[row] + places[mark] if mark < last else end + 1  # the next byte that is followed
        point, length = _code_point(data, at, end)
        while length > 0:
            after, next_length = _code_point(data, at + length, end)
            while at >= wanted:
                places[mark] = to - start
                mark += 1
                wanted = offsets[row] + places[mark] if mark < last else end + 1
            kind = _class_of(point, before, after, classes)
            if kind == _CONTENT:
                if content == start and not keep_indent:
                    to = start
                    _hold_back(places, first, mark, 0)
                for k in range(length):
                    out[to + k] = data[at + k]
                to += length
                content = to
                breaks = 0
            elif kind == _WHITE:
                if to == content or keep_runs or content == line:
                    out[to] = _TAB if point == _TAB else _SPACE
                    to += 1
                elif point == _TAB:
                    out[to - 1] = _TAB
            elif kind == _BREAK and not (point == _CR and after == _LF):
                to = content
                _hold_back(places, first, mark, to - start)
                if content > start and breaks <= max_blank_lines:
                    out[to] = _LF
                    to += 1
                    breaks += 1
                line = content = to
            if kind != _UNSEEN:
                before = point
            at += length
            point, length = after, next_length
        to = content - breaks  # without what was written behind the last visible character
        places[mark:last] = to - start
        _hold_back(places, first, mark, to - start)
        ends[row + 1] = to
    return ends, out[:to].copy()
