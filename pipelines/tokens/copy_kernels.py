"""Compiled copying of token lists to their places in a shard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.kernels import njit


@njit(cache=True, nogil=True)
def put_lists(
    source: NDArray[np.int32],
    offsets: NDArray[np.int32],
    places: NDArray[np.int64],
    target: NDArray[np.int32],
) -> None:
    """Copy source[offsets[i]:offsets[i + 1]] to target[places[i]:], for every list i.

    Counted without signs: an index that could be negative would be looked at, and the loop not vectorised.
    """
    for number in range(len(offsets) - 1):
        begin, end = np.uint64(offsets[number]), np.uint64(offsets[number + 1])
        place = np.uint64(places[number])
        for at in range(np.uint64(end - begin)):
            target[place + at] = source[begin + at]
