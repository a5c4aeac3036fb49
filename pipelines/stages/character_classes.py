"""What each code point is to the quality rules: one byte of flags, looked up by the kernels.

Letters, spaces and digits are Python's (`str.isalpha`, `str.isspace`, `str.isalnum`), so they follow the
interpreter's Unicode version; the two punctuation sets are those of datatrove 0.10 (utils/text.py), written
as code points, and a test holds them to it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

ALPHABETIC = 1  # str.isalpha
SPACE = 2  # str.isspace: where str.split cuts
ALPHANUMERIC = 4  # str.isalnum
PUNCTUATION = 8  # datatrove's PUNCTUATION_SET: marks, controls, sentence ends
TERMINAL = 16  # datatrove's TERMINAL_PUNCTUATION: what may end a sentence
LINE_BREAK = 32  # where str.splitlines cuts
LETTER = 64  # alphabetic and no lone Hangul jamo: ㅋ and ㅠ are laughter and tears, not words
SINGLE = 128  # written without spaces between words: counted as a word of its own in zh and ja

# Four bytes of UTF-8 spell at most this many values: no lookup leaves the table, not even for bad bytes.
TABLE_SIZE = 0x200000
_UNICODE = 0x110000

_LINE_BREAKS = "A-D 1C-1E 85 2028-2029"
# Hangul Jamo, Compatibility Jamo, Extended-A, Extended-B, half-width jamo.
_JAMO = "1100-11FF 3130-318F A960-A97C D7B0-D7FB FFA0-FFDC"
# CJK marks, kana, bopomofo, Han with its extensions, full-width marks and half-width kana.
_SINGLE = (
    "3001-303F 3040-30FF 3100-312F 31A0-31BF 31F0-31FF 3400-4DBF 4E00-9FFF F900-FAFF FE30-FE4F"
    " FF01-FF0F FF1A-FF20 FF3B-FF40 FF5B-FF9F 1B000-1B16F 20000-323AF"
)
_TERMINAL = (
    "21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E "
    "1735-1736 17D4-17D6 17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E "
    "1C3B-1C3C 1C7E-1C7F 203C-203D 2047-2049 2E2E 2E3C 2E53-2E54 3002 A4FF A60E-A60F A6F3 A6F7 "
    "A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF0E FF1F FF61 "
    "10A56-10A57 10F55-10F59 10F86-10F89 11047-11048 110BE-110C1 11141-11143 111C5-111C6 111CD "
    "111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 "
    "1173C-1173E 11944 11946 11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F "
    "16AF5 16B37-16B38 16B44 16E98 1BC9F 1DA88"
)
_OTHER_PUNCTUATION = (
    "0-8 B-1F 22-2D 2F 3A-3E 40 5B-60 7B-9F AB B4 BB 2013-2014 2019 201C-201E 2026 2236 2501 25BA "
    "3001 3008-300D 3010-3011 FF05 FF08-FF09 FF0C FF11 FF1A-FF1B FF5E"
)


@cache
def character_classes() -> npt.NDArray[np.uint8]:
    """The flags of every code point: uint8[TABLE_SIZE], read-only; made once in about 40 ms."""
    characters = np.arange(_UNICODE, dtype=np.uint32).view("U1")
    flags = np.zeros(TABLE_SIZE, np.uint8)
    known = flags[:_UNICODE]
    alphabetic = np.strings.isalpha(characters)
    known[alphabetic] |= ALPHABETIC | LETTER
    known[np.strings.isspace(characters)] |= SPACE
    known[np.strings.isalnum(characters)] |= ALPHANUMERIC
    for ranges, flag in (
        (_OTHER_PUNCTUATION, PUNCTUATION),
        (_TERMINAL, PUNCTUATION | TERMINAL),
        (_LINE_BREAKS, LINE_BREAK),
        (_SINGLE, SINGLE),
    ):
        for first, last in _spans(ranges):
            known[first:last] |= flag
    for first, last in _spans(_JAMO):
        known[first:last] &= 0xFF ^ LETTER
    flags.setflags(write=False)
    return flags


def _spans(ranges: str) -> list[tuple[int, int]]:
    """Half-open spans of code points out of "A-D 1C": hexadecimal, ends included."""
    spans = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        spans.append((int(first, 16), int(last or first, 16) + 1))
    return spans
