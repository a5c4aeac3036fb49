"""Hash tables of words, compiled: what the searches for names and for players look words up in.

Linear probing; an empty place holds key 0, and there is always one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.kernels import njit

# Scalars of compiled code: numba infers their types, and NumPy's stubs cannot follow its arithmetic.
Integer: TypeAlias = Any
Ints = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def mixed(h: Integer) -> Integer:
    """A hash with its bits spread; not negative."""
    h = h * np.int64(0x2545F4914F6CDD1D)
    h ^= (h >> np.int64(29)) & np.int64(0x7FFFFFFFF)
    h = h * np.int64(0x369DEA0F31A53F85)
    return (h >> np.int64(8)) & np.int64(0xFFFFFFFFFFFFFF)


@njit(cache=True, nogil=True)
def looked_up(keys: Ints, values: npt.NDArray[Any], h: Integer) -> Integer:
    """The value of a key, 0 if it is none."""
    mask = np.int64(len(keys) - 1)
    at = mixed(h) & mask
    while keys[at] != 0:
        if keys[at] == h:
            return np.int64(values[at])
        at = (at + np.int64(1)) & mask
    return np.int64(0)


def hash_table(entries: Mapping[int, int], bits: int) -> tuple[Ints, npt.NDArray[np.int32]]:
    """Keys and values in 2**bits places."""
    keys, values = np.zeros(1 << bits, np.int64), np.zeros(1 << bits, np.int32)
    for key, value in entries.items():
        at = int(mixed(key)) & (len(keys) - 1)
        while keys[at]:
            at = (at + 1) & (len(keys) - 1)
        keys[at], values[at] = key, value
    return keys, values
