"""Drop documents that hold a whole item of an evaluation benchmark.

Reads doc_id, text. Writes nothing; a dropped row's detail is the benchmark item's id.

A part of an item counts as contained where its letters and digits (casefolded, in order, nothing
else) occur in the document's: white space, punctuation and markup cannot hide it. Parts of fewer
letters than the setting asks for are not looked for: they are common speech.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa

from pipelines.kernels import njit
from schemas.contract import DataSet
from schemas.documents import Outcome, split_outcome
from schemas.reasons import Reason, Stage
from schemas.recipe import DecontaminateSettings

# 1: whole parts, letters and digits only, casefolded.
DECONTAMINATE_VERSION = 1
_BASE = np.uint64(1_099_511_628_211)  # odd multiplier of the rolling polynomial (FNV's prime), mod 2**64


@dataclass(frozen=True)
class BenchmarkIndex:
    """Benchmark parts by the rolling hash of their first letters.

    heads: sorted hashes of each part's first `window` letters; parts: letters of all parts end to
    end; offsets: where each begins (one more than parts); items: the item's id by part.
    """

    window: int
    heads: np.ndarray
    letters: np.ndarray
    offsets: np.ndarray
    items: tuple[str, ...]


def build_index(items: Iterable[tuple[str, str]], settings: DecontaminateSettings) -> BenchmarkIndex:
    """The index of (item id, text of one part); the same whatever the order of the items."""
    window = settings.min_letters
    table = letter_table()
    parts: dict[bytes, str] = {}
    for item, text in sorted(items):
        letters = _letters(np.frombuffer(text.encode("utf-32-le"), np.uint32), table)
        if len(letters) >= window:
            parts.setdefault(letters.tobytes(), item)
    ordered = sorted((int(_head(np.frombuffer(key, np.uint32), window)), key) for key in parts)
    ends = [np.frombuffer(key, np.uint32) for _, key in ordered]
    return BenchmarkIndex(
        window=window,
        heads=np.array([head for head, _ in ordered], np.uint64),
        letters=np.concatenate([np.empty(0, np.uint32), *ends]),
        offsets=np.cumsum([0, *map(len, ends)]),
        items=tuple(parts[key] for _, key in ordered),
    )


def decontaminate(
    batch: pa.RecordBatch, settings: DecontaminateSettings, data_set: DataSet, *, index: BenchmarkIndex
) -> Outcome:
    """Drop each document that contains a part of `index`; it names the first such part's item."""
    if not index.items or not len(batch):
        return split_outcome(batch, stage=Stage.DECONTAMINATE, reasons=[None] * len(batch))
    text = batch["text"]
    offsets = np.frombuffer(text.buffers()[1], np.int32)[text.offset : text.offset + len(text) + 1]
    found = _find(
        np.frombuffer(text.buffers()[2] or b"", np.uint8),
        offsets,
        letter_table(),
        index.heads,
        index.letters,
        index.offsets,
        index.window,
        _power(index.window),
        _filter_of(index.heads.tobytes()),
    )
    return split_outcome(
        batch,
        stage=Stage.DECONTAMINATE,
        reasons=[Reason.CONTAMINATED if part >= 0 else None for part in found.tolist()],
        details=[index.items[part] if part >= 0 else None for part in found.tolist()],
    )


@cache
def letter_table() -> np.ndarray:
    """By code point: its casefolded letter or digit, 0 for everything else.

    A letter whose casefold is several code points (ß) maps to the first, in items and documents alike.
    """
    table = np.zeros(0x110000, np.uint32)
    for code in range(0x33480):  # no letter or digit is assigned beyond CJK extension J
        if 0xD800 <= code < 0xE000:
            continue
        character = chr(code)
        if character.isalnum():
            table[code] = ord(character.casefold()[0])
    return table


@cache
def _filter_of(heads: bytes) -> np.ndarray:
    """One bit per 22-bit hash: tells most positions of a document that no head can start there."""
    bits = np.zeros(1 << 22, np.bool_)
    bits[(np.frombuffer(heads, np.uint64) >> np.uint64(42)).astype(np.int64)] = True
    return bits


def _power(window: int) -> np.uint64:
    return np.uint64(pow(int(_BASE), window, 1 << 64))


def _letters(codes: np.ndarray, table: np.ndarray) -> np.ndarray:
    letters: np.ndarray = table[codes]
    kept: np.ndarray = letters[letters != 0]
    return kept


@njit(cache=True, nogil=True)
def _head(letters: np.ndarray, window: int) -> np.uint64:
    value = np.uint64(0)
    for i in range(window):
        value = value * np.uint64(1_099_511_628_211) + np.uint64(letters[i])
    return value


@njit(cache=True, nogil=True)
def _find(  # noqa: PLR0912  # one pass: decode UTF-8, roll the hash, compare
    data: np.ndarray,
    offsets: np.ndarray,
    table: np.ndarray,
    heads: np.ndarray,
    parts: np.ndarray,
    part_offsets: np.ndarray,
    window: int,
    power: np.uint64,
    present: np.ndarray,
) -> np.ndarray:
    found = np.full(len(offsets) - 1, -1, np.int64)
    base = np.uint64(1_099_511_628_211)
    longest = 0
    for document in range(len(offsets) - 1):
        longest = max(longest, offsets[document + 1] - offsets[document])
    letters = np.empty(longest, np.uint32)
    for document in range(len(offsets) - 1):
        count = 0
        at = offsets[document]
        end = offsets[document + 1]
        while at < end:
            byte = np.uint32(data[at])
            if byte < 0x80:
                code = byte
                at += 1
            elif byte < 0xE0:
                code = (byte & 0x1F) << 6 | (np.uint32(data[at + 1]) & 0x3F)
                at += 2
            elif byte < 0xF0:
                code = (
                    (byte & 0x0F) << 12
                    | (np.uint32(data[at + 1]) & 0x3F) << 6
                    | np.uint32(data[at + 2]) & 0x3F
                )
                at += 3
            else:
                code = (
                    (byte & 0x07) << 18
                    | (np.uint32(data[at + 1]) & 0x3F) << 12
                    | (np.uint32(data[at + 2]) & 0x3F) << 6
                    | np.uint32(data[at + 3]) & 0x3F
                )
                at += 4
            letter = table[code]
            if letter:
                letters[count] = letter
                count += 1
        value = np.uint64(0)
        for i in range(count):
            value = value * base + np.uint64(letters[i])
            if i >= window:
                value -= np.uint64(letters[i - window]) * power
            if i < window - 1 or not present[np.int64(value >> np.uint64(42))]:
                continue
            candidate = np.searchsorted(heads, value)
            start = i - window + 1
            while candidate < len(heads) and heads[candidate] == value:
                first = part_offsets[candidate]
                length = part_offsets[candidate + 1] - first
                if start + length <= count:
                    same = True
                    for k in range(length):
                        if parts[first + k] != letters[start + k]:
                            same = False
                            break
                    if same:
                        found[document] = candidate
                        break
                candidate += 1
            if found[document] >= 0:
                break
    return found
