"""Passages that documents of earlier rank have: paragraphs, and runs of tokens, found by hash alone.

Reads the tokens of a split's kept documents. Writes key, position, start, end; then split, position, start,
end of what goes. A paragraph goes where it has stood in so many kept documents of earlier rank; a run of so
many tokens where it has stood in one. What comes later decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.dedup.candidates import mixed, partition_starts
from pipelines.dedup.ranked import SplitRank
from schemas.recipe import PassageSettings

PASSAGES = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),  # its lowest bit: 0 paragraph, 1 run of tokens
        pa.field("position", pa.int32(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),  # bytes in the text
        pa.field("end", pa.int32(), nullable=False),
    ]
)
REPEATS = pa.schema([pa.field("split", pa.int32(), nullable=False), *list(PASSAGES)[1:]])
PASSAGES_VERSION = 1  # bump when other passages go
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so it has an inverse mod 2^64
_INVERSE = np.uint64(pow(int(_BASE), -1, 1 << 64))


class TokenColumns(Protocol):
    """The tokens of a batch, as `pipelines.stages.passages.Tokens` has them."""

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Row i's tokens are offsets[i] to offsets[i + 1]."""

    @property
    def starts(self) -> NDArray[np.int32]:
        """Where each begins, in bytes of its row's text."""

    @property
    def ends(self) -> NDArray[np.int32]:
        """The byte behind each."""

    @property
    def hashes(self) -> NDArray[np.uint64]:
        """What each says."""

    @property
    def begins_paragraph(self) -> NDArray[np.bool_]:
        """Whether a line end stands before it, or nothing."""


class Ranks(NamedTuple):
    """What ranks documents, in the order of a split's positions that were asked for."""

    doc_id: NDArray[np.uint64]  # (documents, 2)
    language: pa.Array
    quality: NDArray[np.float32]


class Found(NamedTuple):
    """Passages of a batch: their keys, rows, and bytes in the rows' texts."""

    keys: NDArray[np.uint64]
    rows: NDArray[np.int64]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]


def passages_of(tokens: TokenColumns, settings: PassageSettings) -> Found:
    """Every passage of a batch that is long enough."""
    rows = np.repeat(np.arange(len(tokens.offsets) - 1), np.diff(tokens.offsets))
    count = len(rows)
    parts = []
    if settings.paragraph_documents:
        first = np.flatnonzero(tokens.begins_paragraph)
        last = np.append(first[1:], count)[: len(first)]
        long = tokens.ends[last - 1] - tokens.starts[first] >= settings.min_paragraph_bytes
        parts.append(_keyed(tokens, rows, first[long], last[long], level=0))
    if settings.run_tokens:
        first = np.arange(max(0, count - settings.run_tokens + 1))
        first = first[rows[first] == rows[first + settings.run_tokens - 1]]
        parts.append(_keyed(tokens, rows, first, first + settings.run_tokens, level=1))
    nothing = Found(np.empty(0, np.uint64), rows[:0], tokens.starts[:0], tokens.ends[:0])
    return Found(*(np.concatenate(columns) for columns in zip(nothing, *parts, strict=True)))


def _keyed(
    tokens: TokenColumns,
    rows: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    *,
    level: int,
) -> Found:
    """Hash tokens first to last (exclusive): a polynomial mod 2^64 from sums over all tokens before."""
    powers, inverse = np.full(len(rows) + 1, _BASE), np.full(len(rows) + 1, _INVERSE)
    powers[0] = inverse[0] = 1
    sums = np.zeros(len(rows) + 1, np.uint64)
    np.cumsum(mixed(tokens.hashes, 0) * np.cumprod(powers)[:-1], out=sums[1:])
    polynomial = (sums[last] - sums[first]) * np.cumprod(inverse)[first]
    keys = mixed(polynomial + (last - first).astype(np.uint64), level)
    keys = keys & ~np.uint64(1) | np.uint64(level)
    return Found(keys, rows[first], tokens.starts[first], tokens.ends[last - 1])


def write_passages(
    batches: Iterator[tuple[NDArray[np.int64], TokenColumns]],
    settings: PassageSettings,
    *,
    partitions: int,
    path: Path,
) -> None:
    """Write PASSAGES of a split: an Arrow IPC file of `partitions` batches, each sorted by (key, position).

    `batches` are (positions of the rows in the split's staged file, their tokens). Memory: the split's keys.
    """
    parts = []
    for positions, tokens in batches:
        found = passages_of(tokens, settings)
        parts.append((found.keys, positions[found.rows], found.starts, found.ends))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.empty(0)] * 4
    order = np.lexsort((columns[2], columns[1], columns[0]))
    columns = [column[order] for column in columns]
    keys = columns[0].astype(np.uint64)
    bounds = np.searchsorted(keys, np.array(partition_starts(partitions), np.uint64)).tolist()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, PASSAGES) as writer:
        for start, end in pairwise([*bounds, len(keys)]):
            arrays = [
                pa.array(c[start:end].astype(f.type.to_pandas_dtype()))
                for c, f in zip(columns, PASSAGES, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=PASSAGES))


def find_repeats(
    files: Sequence[tuple[int, Path]],
    *,
    partition: int,
    ranks: Sequence[SplitRank],
    rank_columns: Callable[[int, NDArray[np.int32]], Ranks],
    settings: PassageSettings,
    path: Path,
) -> int:
    """Write REPEATS of a partition, sorted by (split, position, start): passages that go; returns how many.

    `rank_columns` gives what ranks some documents of a split: of those alone that hold a passage that stands
    twice. Memory: the partition's passages.
    """
    rows = _repeated(files, partition)
    documents, of_row = np.unique(
        rows["split"].astype(np.int64) << 32 | rows["position"], return_inverse=True
    )
    rank = _ranked(documents, ranks, rank_columns)[of_row]
    order = np.lexsort((rows["start"], rank, rows["key"]))
    rows, rank = rows[order], rank[order]
    new_key = np.ones(len(rows), np.bool_)
    new_key[1:] = rows["key"][1:] != rows["key"][:-1]
    new_document = new_key.copy()
    new_document[1:] |= rank[1:] != rank[:-1]
    # How many documents of earlier rank have the passage: distinct ones since its key began.
    seen = np.cumsum(new_document)
    before = seen - np.maximum.accumulate(np.where(new_key, seen, 0))
    allowed = np.where(rows["key"] & np.uint64(1), 1, settings.paragraph_documents)
    gone = rows[before >= allowed]
    gone = gone[np.lexsort((gone["start"], gone["position"], gone["split"]))]
    columns = [pa.array(np.ascontiguousarray(gone[name])) for name in REPEATS.names]
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, REPEATS) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=REPEATS))
    return len(gone)


_ROW = np.dtype(
    [("key", np.uint64), ("split", np.int32), ("position", np.int32), ("start", np.int32), ("end", np.int32)]
)


def _repeated(files: Sequence[tuple[int, Path]], partition: int) -> np.ndarray:
    """The rows whose key stands twice or more, of all splits' files: first the keys alone are looked at."""
    batches = []
    for split, file in sorted(files):
        with pa.memory_map(str(file)) as source:
            batches.append((split, pa.ipc.open_file(source).get_batch(partition)))
    keys = np.sort(
        np.concatenate([np.empty(0, np.uint64), *(batch["key"].to_numpy() for _, batch in batches)])
    )
    twice = np.unique(keys[1:][keys[1:] == keys[:-1]])
    parts = [np.empty(0, _ROW)]
    for split, batch in batches:
        own = batch["key"].to_numpy()
        at = np.minimum(np.searchsorted(twice, own), max(0, len(twice) - 1))
        chosen = np.flatnonzero(twice[at] == own) if len(twice) else np.empty(0, np.int64)
        part = np.empty(len(chosen), _ROW)
        part["split"] = split
        for name in PASSAGES.names:
            part[name] = batch[name].to_numpy()[chosen]
        parts.append(part)
    return np.concatenate(parts)


def _ranked(
    documents: NDArray[np.int64],
    ranks: Sequence[SplitRank],
    rank_columns: Callable[[int, NDArray[np.int32]], Ranks],
) -> NDArray[np.int64]:
    """The place in rank order of each (split << 32 | position)."""
    splits = (documents >> 32).astype(np.int32)
    keys: list[tuple[np.ndarray, ...]] = [tuple(np.empty(0, np.int64) for _ in range(4))]
    for split in np.unique(splits).tolist():
        found = rank_columns(split, (documents[splits == split] & 0xFFFFFFFF).astype(np.int32))
        worse = np.where(np.isnan(found.quality), np.inf, -found.quality)
        priority = ranks[split].priorities(found.language)
        keys.append((priority, worse, found.doc_id[:, 0], found.doc_id[:, 1]))
    priority, worse, high, low = (np.concatenate(column[1:] or column) for column in zip(*keys, strict=True))
    place = np.empty(len(documents), np.int64)
    place[np.lexsort((low, high, worse, priority))] = np.arange(len(documents))
    return place


def cut(text: bytes, repeats: Sequence[tuple[int, int]]) -> bytes:
    """The text without those stretches of bytes, which begin and end between tokens."""
    return b"".join(text[start:end] for start, end in left_of(text, repeats))


def left_of(text: bytes, repeats: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The stretches of a text that stay when `cut` takes others out, in order.

    White space behind a stretch goes too where white space or nothing stands before it; ends are stripped.
    """
    kept: list[tuple[int, int]] = []
    at = 0
    for start, end in sorted(repeats):
        if start > at:
            kept.append((at, start))
        at = max(at, end)
        if not kept or text[kept[-1][1] - 1 : kept[-1][1]].isspace():
            at += len(text[at:]) - len(text[at:].lstrip())
    kept.append((at, max(at, len(text))))
    while kept and not text[slice(*kept[0])].lstrip():
        del kept[0]
    while kept and not text[slice(*kept[-1])].rstrip():
        del kept[-1]
    if kept:
        start, end = kept[0]
        kept[0] = end - len(text[start:end].lstrip()), end
        start, end = kept[-1]
        kept[-1] = start, start + len(text[start:end].rstrip())
    return kept
