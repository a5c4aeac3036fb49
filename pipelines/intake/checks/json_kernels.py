"""Compiled reading of JSON lines: where each field of each line lies, and of what kind it is.

As strict as orjson (RFC 8259 with valid UTF-8, paired surrogates, no NaN), and stricter in places: a line
with anything unusual (keys with escapes, numbers of more than 18 digits or large exponents, nesting past 60
levels) is *odd*, and the caller looks at it with orjson. No line that orjson refuses is ever taken for a row.

Every buffer ends in LF, which no JSON text on one line holds: all loops stop there.
numba's cache notices an edit of this file, not of the files of the functions it calls; `field_kernels` calls
one of these: after editing `code_unit` here remove its __pycache__/*.nbi.
"""

# ruff: noqa: PLR0911, PLR0912, PLR0915, PLR1714, SIM109, SIM110  (compiled loops: a set or a call costs time)

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint8
from numpy.typing import NDArray

from pipelines.kernels import njit

Bytes = NDArray[np.uint8]

# Kinds of fields. The odd kind never leaves this module.
ODD, NULL, FALSE, TRUE, INTEGER, FLOAT, TEXT, ESCAPED, ARRAY, OBJECT = range(10)
ABSENT = 0
MAX_UNNAMED = 256  # names of columns out of the contract that are told of one block
_MAX_KEYS = 64  # keys of a line whose place is guessed from the line before
_UNSEEN = -2
_MAX_DEPTH = 60
_MAX_DIGITS = 18  # of an integer: within 64 bits
_MAX_NUMBER = 40  # characters of a number

_QUOTE, _BACKSLASH, _SPACE = uint8(0x22), uint8(0x5C), uint8(0x20)
_80, _90, _A0, _C0, _E0, _F0 = (uint8(first << 4) for first in (8, 9, 10, 12, 14, 15))
_8F, _9F, _C1, _ED, _F4 = uint8(0x8F), uint8(0x9F), uint8(0xC1), uint8(0xED), uint8(0xF4)
_STRIDE = 64  # bytes of a text that are looked at at once
_HEX = np.full(256, 255, np.uint8)
for _digit, _character in enumerate("0123456789abcdef"):
    _HEX[ord(_character)] = _HEX[ord(_character.upper())] = _digit
ESCAPES = np.zeros(256, np.uint8)
for _letter, _meaning in zip('"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True):
    ESCAPES[ord(_letter)] = ord(_meaning)


@njit(nogil=True, cache=True, inline="always")
def _breaks(c: Any, one: Any, two: Any, three: Any) -> Any:
    """Whether a byte cannot follow the three before it in UTF-8 (Unicode 15, table 3-7).

    Free of branches and all in bytes, so that the compiler makes vector instructions of the loop around it.
    """
    follows = (one >= _C0) | (two >= _E0) | (three >= _F0)
    fault = (follows != ((c & _C0) == _80)) | (c > _F4) | (c == _C0) | (c == _C1)
    fault |= ((one == _E0) & (c < _A0)) | ((one == _ED) & (c > _9F))
    return fault | ((one == _F0) & (c < _90)) | ((one == _F4) & (c > _8F))


@njit(nogil=True, cache=True)
def _runs(here: Bytes, one: Bytes, two: Bytes, three: Bytes) -> bool:
    bad = uint8(0)
    for i in range(len(here)):
        bad |= uint8(_breaks(here[i], one[i], two[i], three[i]))
    return bool(bad == 0)


@njit(nogil=True, cache=True)
def is_utf8(data: Bytes) -> bool:
    """Whether a buffer that ends in LF is valid UTF-8."""
    zero = uint8(0)
    for i in range(min(3, len(data))):
        one = data[i - 1] if i > 0 else zero
        two = data[i - 2] if i > 1 else zero
        if _breaks(data[i], one, two, zero):
            return False
    return len(data) <= 3 or _runs(data[3:], data[2:-1], data[1:-2], data[:-3])


@njit(nogil=True, cache=True, inline="always")
def code_unit(data: Bytes, p: int) -> int:
    """The UTF-16 unit of four hexadecimal digits at p; -1 where they are none."""
    value = 0
    for i in range(4):
        digit = _HEX[data[p + i]]
        if digit == 255:
            return -1
        value = value * 16 + digit
    return value


@njit(nogil=True, cache=True)
def _text(data: Bytes, p: int) -> tuple[int, bool]:
    """(closing quote, whether there are escapes) of the string that begins at p; (-1, _) where it is none.

    Bytes beyond ASCII are taken as they are: the caller knows whether they are UTF-8.
    """
    escaped = False
    last = len(data) - _STRIDE
    while True:
        while p <= last:
            part = data[p : p + _STRIDE]
            special = uint8(0)
            for i in range(_STRIDE):
                special |= uint8((part[i] == _QUOTE) | (part[i] == _BACKSLASH) | (part[i] < _SPACE))
            if special:
                break
            p += _STRIDE
        c = data[p]
        while (c != _QUOTE) & (c != _BACKSLASH) & (c >= _SPACE):
            p += 1
            c = data[p]
        if c == _QUOTE:
            return p, escaped
        if c < _SPACE:
            return -1, escaped
        escaped = True
        if data[p + 1] != 0x75:  # u
            if ESCAPES[data[p + 1]] == 0:
                return -1, escaped
            p += 2
            continue
        unit = code_unit(data, p + 2)
        if unit < 0 or 0xDC00 <= unit <= 0xDFFF:
            return -1, escaped
        p += 6
        if 0xD800 <= unit <= 0xDBFF:
            if data[p] != 0x5C or data[p + 1] != 0x75:
                return -1, escaped
            low = code_unit(data, p + 2)
            if low < 0xDC00 or low > 0xDFFF:
                return -1, escaped
            p += 6


@njit(nogil=True, cache=True)
def _number(data: Bytes, p: int) -> tuple[int, int]:
    """(end, INTEGER or FLOAT) of the number at p; ODD where it is none, or an unusual one."""
    start = p
    if data[p] == 0x2D:
        p += 1
    first = p
    while 0x30 <= data[p] <= 0x39:
        p += 1
    digits = p - first
    zero = data[first] == 0x30
    if digits == 0 or digits > _MAX_DIGITS or (zero and digits > 1):
        return p, ODD
    if zero and first > start and data[p] != 0x2E:  # -0 is no integer that comes back as it went
        return p, ODD
    kind = INTEGER
    if data[p] == 0x2E:
        kind = FLOAT
        p += 1
        first = p
        while 0x30 <= data[p] <= 0x39:
            p += 1
        if p == first:
            return p, ODD
    if data[p] == 0x65 or data[p] == 0x45:
        kind = FLOAT
        p += 1
        if data[p] == 0x2B or data[p] == 0x2D:
            p += 1
        first = p
        while 0x30 <= data[p] <= 0x39:
            p += 1
        if p == first or p - first > 2:
            return p, ODD
    if p - start > _MAX_NUMBER:
        return p, ODD
    return p, kind


@njit(nogil=True, cache=True, inline="always")
def _white(data: Bytes, p: int) -> int:
    while data[p] == 0x20 or data[p] == 0x09 or data[p] == 0x0D:
        p += 1
    return p


@njit(nogil=True, cache=True)
def _scalar(data: Bytes, p: int) -> tuple[int, int]:
    """(end, kind) of the value at p that is no list and no object; a text ends behind its quote."""
    c = data[p]
    if c == 0x22:
        end, escaped = _text(data, p + 1)
        if end < 0:
            return p, ODD
        return end + 1, ESCAPED if escaped else TEXT
    if c == 0x2D or 0x30 <= c <= 0x39:
        return _number(data, p)
    if c == 0x6E and data[p + 1] == 0x75 and data[p + 2] == 0x6C and data[p + 3] == 0x6C:
        return p + 4, NULL
    if c == 0x74 and data[p + 1] == 0x72 and data[p + 2] == 0x75 and data[p + 3] == 0x65:
        return p + 4, TRUE
    if (
        c == 0x66
        and data[p + 1] == 0x61
        and data[p + 2] == 0x6C
        and data[p + 3] == 0x73
        and data[p + 4] == 0x65
    ):
        return p + 5, FALSE
    return p, ODD


@njit(nogil=True, cache=True)
def _container(data: Bytes, p: int) -> int:
    """The place behind the list or object at p; -1 where it is none, or a very deep one."""
    objects = np.uint64(0)  # one bit a level, the innermost last
    depth = 0
    opens = True  # a bracket was just opened: it may close at once
    while True:
        c = data[p]
        if c == 0x7B or c == 0x5B:
            if depth == _MAX_DEPTH:
                return -1
            objects = (objects << np.uint64(1)) | np.uint64(c == 0x7B)
            depth += 1
            opens = True
            p = _white(data, p + 1)
        else:
            p, kind = _scalar(data, p)
            if kind == ODD:
                return -1
            opens = False
            p = _white(data, p)
        # Behind a value or an opening bracket: close what closes.
        while True:
            inside_object = objects & np.uint64(1)
            closing = 0x7D if inside_object else 0x5D
            if data[p] == closing:
                depth -= 1
                objects >>= np.uint64(1)
                if depth == 0:
                    return p + 1
                opens = False
                p = _white(data, p + 1)
                continue
            break
        if not opens:
            if data[p] != 0x2C:
                return -1
            p = _white(data, p + 1)
        opens = False
        if inside_object:
            if data[p] != 0x22:
                return -1
            end, _ = _text(data, p + 1)
            if end < 0:
                return -1
            p = _white(data, end + 1)
            if data[p] != 0x3A:
                return -1
            p = _white(data, p + 1)


@njit(nogil=True, cache=True, inline="always")
def _same(data: Bytes, begin: int, end: int, other: Bytes, at: int, until: int) -> bool:
    if end - begin != until - at:
        return False
    for i in range(end - begin):
        if data[begin + i] != other[at + i]:
            return False
    return True


@njit(nogil=True, cache=True)
def scan_lines(
    data: Bytes,
    limit: int,
    names: Bytes,
    name_ends: Any,
    kinds: Any,
    begins: Any,
    ends: Any,
    rows: Any,
    odd: Any,
    unnamed: Any,
) -> tuple[int, int, int, int]:
    """Read all lines of a buffer.

    `kinds`, `begins`, `ends` (columns x rows; kinds 0 before) get the fields of the contract's columns, whose
    names lie end to end in `names`; `rows` (n x 2) the number of each row's line and its first byte; `odd`
    (n x 3) number, first and last byte of the lines to be looked at otherwise; `unnamed` (MAX_UNNAMED x 2)
    where names of other columns stand. Returns how many rows, odd lines, unnamed columns, lines there are.
    """
    known_begin = np.zeros(_MAX_KEYS, np.int64)
    known_end = np.zeros(_MAX_KEYS, np.int64)
    known_slot = np.full(_MAX_KEYS, _UNSEEN, np.int64)
    columns = len(name_ends) - 1
    row = odds = others = line = 0
    whole = is_utf8(data)
    p, size = 0, len(data)
    while p < size:
        start = p
        p = _white(data, p)
        if data[p] == 0x0A:
            p += 1
            line += 1
            continue
        fine = data[p] == 0x7B
        position, before = 0, others
        if fine:
            p = _white(data, p + 1)
            if data[p] == 0x7D:
                p += 1
            else:
                while True:
                    if data[p] != 0x22:
                        fine = False
                        break
                    key = p + 1
                    slot = _UNSEEN
                    if position < _MAX_KEYS:  # the name that stood here in the line before, most of the time
                        length = known_end[position] - known_begin[position]
                        end = min(key + length, size - 1)
                        if data[end] == 0x22 and _same(
                            data, key, end, data, known_begin[position], known_end[position]
                        ):
                            slot = known_slot[position]
                    if slot == _UNSEEN:
                        end, escaped = _text(data, key)
                        if end < 0 or escaped:
                            fine = False
                            break
                        slot = -1
                        for column in range(columns):
                            if _same(data, key, end, names, name_ends[column], name_ends[column + 1]):
                                slot = column
                                break
                        if slot < 0:
                            told = False
                            for other in range(others):
                                if _same(data, key, end, data, unnamed[other, 0], unnamed[other, 1]):
                                    told = True
                                    break
                            if not told and others < len(unnamed):
                                unnamed[others, 0], unnamed[others, 1] = key, end
                                others += 1
                        if position < _MAX_KEYS:
                            known_begin[position], known_end[position] = key, end
                            known_slot[position] = slot
                    position += 1
                    p = _white(data, end + 1)
                    if data[p] != 0x3A:
                        fine = False
                        break
                    p = _white(data, p + 1)
                    begin = p
                    if data[p] == 0x7B or data[p] == 0x5B:
                        kind = OBJECT if data[p] == 0x7B else ARRAY
                        p = _container(data, p)
                        if p < 0:
                            p, fine = begin, False
                            break
                    else:
                        p, kind = _scalar(data, p)
                        if kind == ODD:
                            fine = False
                            break
                    if slot >= 0:
                        quote = 1 if kind == TEXT or kind == ESCAPED else 0
                        kinds[slot, row] = kind
                        begins[slot, row] = begin + quote
                        ends[slot, row] = p - quote
                    p = _white(data, p)
                    if data[p] == 0x2C:
                        p = _white(data, p + 1)
                        continue
                    fine = data[p] == 0x7D
                    p += 1 if fine else 0
                    break
            p = _white(data, p)
            fine = fine and data[p] == 0x0A and p - start <= limit
            fine = fine and (whole or is_utf8(data[start : p + 1]))
        if fine:
            rows[row, 0], rows[row, 1] = line, start
            row += 1
        else:
            while data[p] != 0x0A:
                p += 1
            odd[odds, 0], odd[odds, 1], odd[odds, 2] = line, start, p
            odds += 1
            others = before  # what its names are, orjson says
            known_slot[:] = _UNSEEN
            for column in range(columns):
                kinds[column, row] = ABSENT
        p += 1
        line += 1
    return row, odds, others, line
