"""Columns of 16-byte ids as NumPy sees them: bytes, or two numbers a row that sort as the bytes do."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.identity import DIGEST_SIZE


def id_bytes(column: pa.Array | pa.ChunkedArray) -> NDArray[np.uint8]:
    """A binary(16) column without nulls as (rows, 16); not copied, but for more than one chunk."""
    if not len(column):
        return np.empty((0, DIGEST_SIZE), np.uint8)
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    raw = np.frombuffer(whole.buffers()[1], np.uint8, DIGEST_SIZE * len(whole), DIGEST_SIZE * whole.offset)
    return raw.reshape(-1, DIGEST_SIZE)


def words_of(ids: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Ids (rows, 16) as big-endian numbers (rows, 2), the weightier first; not copied if they lie close."""
    return np.ascontiguousarray(ids).view(">u8")


def in_order(words: NDArray[np.uint64], *, strictly: bool = False) -> bool:
    """Whether no id (of `words_of`) is below the one before, or, strictly, each is above it."""
    high, low = words.T
    rest = low[:-1] < low[1:] if strictly else low[:-1] <= low[1:]
    return bool(((high[:-1] < high[1:]) | ((high[:-1] == high[1:]) & rest)).all())


def span_of(ids: NDArray[np.uint8], wanted: bytes) -> tuple[int, int]:
    """Where one id stands among sorted ones (rows, 16): its first row, and the one behind its last."""
    texts = np.ascontiguousarray(ids).view(f"S{DIGEST_SIZE}").ravel()
    first, last = (int(np.searchsorted(texts, np.bytes_(wanted), side)) for side in ("left", "right"))
    return first, last
