"""Compiled loops that copy the pieces of sequences out of mapped shards."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from pipelines.kernels import njit

NO_LOSS = -100  # the label that cross entropy leaves out, in torch and in what follows it


def _pointer(_typing: Any, _address: Any) -> Any:
    """A pointer to 32-bit numbers at an address; numba has no such cast of its own."""
    pointer_to: Any = types.CPointer
    signature = pointer_to(types.int32)(types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return signature, generate


_at: Any = intrinsic(_pointer)


@njit(cache=True, nogil=True)
def _piece(pieces: Any, p: Any) -> Any:
    return np.int64(pieces[p, 0]), np.int64(pieces[p, 1]), np.int64(pieces[p, 2])


@njit(cache=True, nogil=True)
def fill_rows(pieces: Any, starts: Any, addresses: Any, padding: Any, rows: Any) -> None:
    """The tokens of each sequence into its row; `padding` in what is left of it."""
    length = rows.shape[1]
    for i in range(len(starts) - 1):
        row, at = rows[i], 0
        for p in range(starts[i], starts[i + 1]):
            shard, begin, size = _piece(pieces, p)
            tokens = _at(addresses[shard] + np.uint64(4) * np.uint64(begin))
            for k in range(size):
                row[at + k] = tokens[k]
            at += size
        for k in range(at, length):
            row[k] = padding


@njit(cache=True, nogil=True)
def fill_batch(
    pieces: Any,
    starts: Any,
    addresses: Any,
    masked: Any,
    padding: Any,
    rows: Any,
    labels: Any,
    positions: Any,
    ends: Any,
) -> Any:
    """Tokens, labels, positions and the borders of documents of each sequence.

    `ends` gets the cumulative lengths over the whole batch, from 0; returns their number and the longest.
    """
    length = rows.shape[1]
    n, longest = 1, 0
    ends[0] = 0
    for i in range(len(starts) - 1):
        row, label, position, at = rows[i], labels[i], positions[i], 0
        for p in range(starts[i], starts[i + 1]):
            shard, begin, size = _piece(pieces, p)
            tokens = _at(addresses[shard] + np.uint64(4) * np.uint64(begin))
            for k in range(size):
                row[at + k] = tokens[k]
            if len(masked) and _is_masked(masked, shard, begin):
                for k in range(size):
                    label[at + k] = NO_LOSS
            else:
                for k in range(size):
                    label[at + k] = tokens[k]
                label[at] = NO_LOSS
            for k in range(size):
                position[at + k] = k
            at += size
            ends[n] = i * length + at
            n += 1
            longest = max(longest, size)
        if at < length:
            for k in range(at, length):
                row[k] = padding
                label[k] = NO_LOSS
                position[k] = k - at
            ends[n] = (i + 1) * length
            n += 1
            longest = max(longest, length - at)
    return n, longest


@njit(cache=True, nogil=True)
def _is_masked(masked: Any, shard: Any, begin: Any) -> Any:
    """Whether a token lies in one of the sorted ranges (shard, begin, end)."""
    low, high = 0, len(masked)
    while low < high:
        middle = (low + high) // 2
        if masked[middle, 0] < shard or (masked[middle, 0] == shard and masked[middle, 1] <= begin):
            low = middle + 1
        else:
            high = middle
    return low > 0 and masked[low - 1, 0] == shard and begin < masked[low - 1, 2]
