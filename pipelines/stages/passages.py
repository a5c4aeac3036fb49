"""The tokens of a text, for finding passages that other documents have too.

Reads text, spans. A token is a word between white space; of scripts that write none (Han, Kana) each
character is one, with the marks that change it. So no cut between tokens lies inside a character. A span of
personal data stands as its class, as in `pipelines.stages.fingerprint`: it is inside one token, whatever its
value.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.kernels import njit
from pipelines.stages.fingerprint_kernels import (
    Bytes,
    Spans,
    Texts,
    Words,
    code_point,
    is_space,
    mix,
    width_of,
)


class Tokens(NamedTuple):
    """The tokens of a batch end to end; row i's are offsets[i] to offsets[i + 1]."""

    offsets: NDArray[np.int64]
    starts: NDArray[np.int32]  # bytes in the row's text
    ends: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    begins_paragraph: NDArray[np.bool_]  # a line end stands before it, or nothing


def passage_tokens(batch: pa.RecordBatch) -> Tokens:
    """The tokens of each row's text."""
    text, lists = batch["text"], batch["spans"]
    if len(batch) == 0:
        nothing = np.empty(0, np.int32)
        return Tokens(np.zeros(1, np.int64), nothing, nothing, np.empty(0, np.uint64), np.empty(0, np.bool_))
    offsets = np.frombuffer(text.buffers()[1], np.int32)[text.offset : text.offset + len(text) + 1]
    data = np.frombuffer(text.buffers()[2] if text.buffers()[2] is not None else b"", np.uint8)
    found = lists.values
    labels = pc.dictionary_encode(found.field("label"))
    named = np.array([_label(label) for label in labels.dictionary.to_pylist()], np.uint64)
    spans = Spans(
        offsets=lists.offsets.to_numpy(),
        starts=found.field("start").to_numpy(),
        ends=found.field("end").to_numpy(),
        labels=labels.indices.to_numpy(),
    )
    texts = Texts(data, offsets)
    counted = np.zeros(len(batch) + 1, np.int64)
    nothing = np.empty(0, np.int32)
    _tokens(texts, spans, named, counted, nothing, nothing, np.empty(0, np.uint64), np.empty(0, np.bool_))
    np.cumsum(counted, out=counted)
    count = int(counted[-1])
    tokens = Tokens(
        counted,
        np.empty(count, np.int32),
        np.empty(count, np.int32),
        np.empty(count, np.uint64),
        np.zeros(count, np.bool_),
    )
    _tokens(texts, spans, named, counted, *tokens[1:])
    return tokens


def _label(label: str) -> int:
    return int.from_bytes(hashlib.blake2b(label.encode(), digest_size=8).digest(), "little")


@njit(cache=True, nogil=True, inline="always")
def _alone(value: int) -> bool:
    """Han, Hiragana, Katakana: written without spaces."""
    return (
        0x3041 <= value <= 0x30FF
        or 0x3400 <= value <= 0x9FFF
        or 0xF900 <= value <= 0xFAFF
        or value >= 0x20000
    )


@njit(cache=True, nogil=True, inline="always")
def _joins(value: int) -> bool:
    """Marks and selectors that belong to the character before them."""
    return (
        0x3099 <= value <= 0x309C
        or value == 0x30FC
        or 0x0300 <= value <= 0x036F
        or value == 0x200D
        or 0xFE00 <= value <= 0xFE0F
        or value >= 0xE0100
    )


@njit(cache=True, nogil=True)
def _tokens(
    texts: Texts,
    spans: Spans,
    named: Words,
    offsets: NDArray[np.int64],
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    hashes: Words,
    begins: NDArray[np.bool_],
) -> None:
    """Count the tokens of row i to offsets[i + 1] where there is no room for them; write them otherwise."""
    counting = len(starts) == 0
    data: Bytes = texts.data
    for row in range(len(texts.offsets) - 1):
        first, stop = texts.offsets[row], texts.offsets[row + 1]
        span, last_span = spans.offsets[row], spans.offsets[row + 1]
        at = 0 if counting else offsets[row]
        count = 0
        i, position = first, 0
        inside = False  # a token
        single = False  # the token is a character that stands alone
        line = True
        value = np.uint64(0)
        while i < stop:
            size = min(width_of(data[i]), stop - i)
            starts_span = span < last_span and position == spans.starts[span]
            point = int(code_point(data, i, size))
            if not starts_span and is_space(data, i, size):
                inside = False
                line = line or data[i] == 10
                i += size
                position += 1
                continue
            alone = not starts_span and _alone(point)
            joined = not starts_span and _joins(point)
            if not inside or ((alone or single) and not joined):
                if not counting:
                    starts[at + count] = i - first
                    begins[at + count] = line
                count += 1
                value = np.uint64(0)
                inside, line, single = True, False, alone
            if starts_span:
                value = mix(value + named[spans.labels[span]])
                for _ in range(spans.ends[span] - position):
                    i += width_of(data[i]) if i < stop else 0
                position = spans.ends[span]
                span += 1
            else:
                value = mix(value + np.uint64(point) + np.uint64(1))
                i += size
                position += 1
            if not counting:
                ends[at + count - 1] = min(i, stop) - first
                hashes[at + count - 1] = value
        if counting:
            offsets[row + 1] = count
