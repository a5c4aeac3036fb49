"""Compiled copying of the fields that `json_kernels` found into Arrow's string buffers.

numba's cache notices an edit of this file, not of the files of the functions it calls: after editing
`code_unit` in json_kernels.py remove __pycache__/*.nbi, or the old code runs on.
"""

from __future__ import annotations

from typing import Any

from numba import uint8

from pipelines.intake.checks.json_kernels import ESCAPED, ESCAPES, Bytes, code_unit
from pipelines.kernels import njit


@njit(nogil=True, cache=True)
def count_lines(data: Bytes) -> int:
    """How many LF there are."""
    count = 0
    for i in range(len(data)):
        count += data[i] == 0x0A
    return count


@njit(nogil=True, cache=True)
def gather(
    data: Bytes, kinds: Any, begins: Any, ends: Any, wanted: int, out: Bytes, offsets: Any, valid: Bytes
) -> int:
    """Copy the fields whose kind is in the bit set `wanted` to `out`, escapes resolved; returns the nulls.

    `offsets` (rows + 1) and the bits of `valid` are those of an Arrow string array.
    """
    place = nulls = 0
    for i in range(len(kinds)):
        offsets[i] = place
        kind = kinds[i]
        if not (wanted >> kind) & 1:
            nulls += 1
            continue
        valid[i >> 3] |= uint8(1 << (i & 7))
        p, end = begins[i], ends[i]
        if kind != ESCAPED:
            out[place : place + end - p] = data[p:end]
            place += end - p
            continue
        while p < end:
            c = data[p]
            if c != 0x5C:
                out[place] = c
                place += 1
                p += 1
            elif data[p + 1] != 0x75:
                out[place] = ESCAPES[data[p + 1]]
                place += 1
                p += 2
            else:
                point = code_unit(data, p + 2)
                p += 6
                if 0xD800 <= point <= 0xDBFF:
                    point = 0x10000 + ((point - 0xD800) << 10) + (code_unit(data, p + 2) - 0xDC00)
                    p += 6
                if point < 0x80:
                    out[place] = point
                    place += 1
                elif point < 0x800:
                    out[place] = 0xC0 | (point >> 6)
                    out[place + 1] = 0x80 | (point & 0x3F)
                    place += 2
                elif point < 0x10000:
                    out[place] = 0xE0 | (point >> 12)
                    out[place + 1] = 0x80 | ((point >> 6) & 0x3F)
                    out[place + 2] = 0x80 | (point & 0x3F)
                    place += 3
                else:
                    out[place] = 0xF0 | (point >> 18)
                    out[place + 1] = 0x80 | ((point >> 12) & 0x3F)
                    out[place + 2] = 0x80 | ((point >> 6) & 0x3F)
                    out[place + 3] = 0x80 | (point & 0x3F)
                    place += 4
    offsets[len(kinds)] = place
    return nulls
