"""SipHash-2-4 with 128 bits (Aumasson and Bernstein 2012; 128 bits as in the authors' reference code).

Keyed, so that nobody without the key can test a guessed value against a digest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from pipelines.kernels import njit

U64s = NDArray[np.uint64]
KEY_BYTES = 16
_V0, _V1 = uint64(0x736F6D6570736575), uint64(0x646F72616E646F6D)
_V2, _V3 = uint64(0x6C7967656E657261), uint64(0x7465646279746573)


@njit(nogil=True, cache=True, inline="always")
def _turn(value: Any, bits: int) -> Any:
    return (value << uint64(bits)) | (value >> uint64(64 - bits))


@njit(nogil=True, cache=True, inline="always")
def _round(v0: Any, v1: Any, v2: Any, v3: Any) -> Any:
    v0 += v1
    v1 = _turn(v1, 13) ^ v0
    v0 = _turn(v0, 32)
    v2 += v3
    v3 = _turn(v3, 16) ^ v2
    v0 += v3
    v3 = _turn(v3, 21) ^ v0
    v2 += v1
    v1 = _turn(v1, 17) ^ v2
    v2 = _turn(v2, 32)
    return v0, v1, v2, v3


@njit(nogil=True, cache=True)
def _digests(data: Any, offsets: Any, k0: Any, k1: Any, high: U64s, low: U64s) -> None:
    for i in range(len(offsets) - 1):
        start, end = offsets[i], offsets[i + 1]
        v0, v1, v2, v3 = _V0 ^ k0, _V1 ^ k1 ^ uint64(0xEE), _V2 ^ k0, _V3 ^ k1
        p = start
        while p + 8 <= end:
            word = uint64(0)
            for j in range(8):
                word |= uint64(data[p + j]) << uint64(8 * j)
            v3 ^= word
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0 ^= word
            p += 8
        word = uint64(end - start) << uint64(56)
        for j in range(end - p):
            word |= uint64(data[p + j]) << uint64(8 * j)
        v3 ^= word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
        v2 ^= uint64(0xEE)
        for _ in range(4):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        high[i] = v0 ^ v1 ^ v2 ^ v3
        v1 ^= uint64(0xDD)
        for _ in range(4):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        low[i] = v0 ^ v1 ^ v2 ^ v3


def siphash_128(data: NDArray[np.uint8], offsets: Any, key: bytes) -> tuple[U64s, U64s]:
    """The digests of the strings data[offsets[i]:offsets[i + 1]]: the first and the last 64 bits of each.

    `key` has 16 bytes. The digest's bytes are both numbers, little-endian, one after the other.
    """
    k0, k1 = np.frombuffer(key, "<u8")
    count = len(offsets) - 1
    high, low = np.empty(count, np.uint64), np.empty(count, np.uint64)
    _digests(data, offsets, k0, k1, high, low)
    return high, low
