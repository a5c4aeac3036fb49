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
    """Copy source[offsets[i]:offsets[i + 1]] to target[places[i]:], for every list i."""
    for number in range(len(offsets) - 1):
        begin, place = int(offsets[number]), int(places[number])
        for at in range(int(offsets[number + 1]) - begin):
            target[place + at] = source[begin + at]
