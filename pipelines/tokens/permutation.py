"""A keyed permutation of [0, size): the global shuffle, computed where it is asked for and never stored.

A balanced Feistel network over the smallest even number of bits that holds `size` (Luby and Rackoff, "How to
construct pseudorandom permutations from pseudorandom functions", SIAM J. Comput. 17(2), 1988), walked on
until the result lies in the domain: cycle walking (Black and Rogaway, "Ciphers with arbitrary finite
domains", CT-RSA 2002). Fewer than four walks are expected, as the domain is more than a quarter of the
network's. The round function is the finalizer of splitmix64 (Steele, Lea and Flood, "Fast splittable
pseudorandom number generators", OOPSLA 2014, with Stafford's constants), keyed by BLAKE2b. A shuffle, not a
cipher.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.kernels import njit
from schemas.errors import UsageError
from schemas.identity import canonical_json

_ROUNDS = 8
_LARGEST = 1 << 62


@dataclass(frozen=True)
class Permutation:
    """A bijection of [0, size), a function of the key and nothing else; its state is these two."""

    size: int
    key: tuple[int | str, ...]

    def __post_init__(self) -> None:
        if not 0 < self.size <= _LARGEST:
            raise UsageError(f"a permutation of {self.size} numbers: ask for 1 to 2^62")

    def __call__(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where each position goes; shape and dtype of the argument. Positions lie in [0, size)."""
        found: NDArray[np.int64] = _walk(positions, self.size, self._half, self._keys, True)
        return found

    def inverse(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which position went to each place: undoes the permutation."""
        found: NDArray[np.int64] = _walk(places, self.size, self._half, self._keys[::-1].copy(), False)
        return found

    @cached_property
    def _half(self) -> int:
        return max(1, (int(self.size - 1).bit_length() + 1) // 2)

    @cached_property
    def _keys(self) -> NDArray[np.uint64]:
        digest = hashlib.blake2b(canonical_json(list(self.key)), digest_size=8 * _ROUNDS).digest()
        return np.frombuffer(digest, dtype="<u8").astype(np.uint64)


@njit(cache=True, nogil=True)
def _mixed(value: Any) -> Any:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True)
def _walk(positions: Any, size: Any, half: Any, keys: Any, forwards: Any) -> Any:
    bits = np.uint64(half)
    shift = np.uint64(64 - half)  # the round function's weightiest bits are used
    mask = (np.uint64(1) << bits) - np.uint64(1)
    places = np.empty(len(positions), np.int64)
    for i in range(len(positions)):
        value = np.uint64(positions[i])
        while True:
            left, right = value >> bits, value & mask
            if forwards:
                for key in keys:
                    left, right = right, left ^ (_mixed(right ^ key) >> shift)
            else:
                for key in keys:
                    left, right = right ^ (_mixed(left ^ key) >> shift), left
            value = (left << bits) | right
            if value < np.uint64(size):
                break
        places[i] = np.int64(value)
    return places
