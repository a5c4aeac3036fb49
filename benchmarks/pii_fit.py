"""Logistic regression over hashed signs, by AdaGrad with dropped signs, and its weights in whole numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.kernels import njit
from pipelines.stages.pii.hash_kernels import Ints
from pipelines.stages.pii.person_text_kernels import Points

SCALE = 16.0  # a weight of 1 is this many steps


class Examples(NamedTuple):
    """Candidates with their signs: (n, most signs) places, how many, whether a name, and how much it counts."""

    signs: np.ndarray
    sizes: np.ndarray
    names: np.ndarray
    weights: np.ndarray


def joined(parts: list[Examples]) -> Examples:
    """One after the other."""
    return Examples(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@njit(cache=True)
def _pass(
    signs: Points,
    sizes: Points,
    names: npt.NDArray[np.bool_],
    amounts: npt.NDArray[np.float32],
    order: Ints,
    w: npt.NDArray[np.float64],
    g: npt.NDArray[np.float64],
    rate: float,
    decay: float,
    drop: float,
    seed: int,
) -> float:
    loss = 0.0
    np.random.seed(seed)
    on = np.ones(signs.shape[1], np.bool_)
    for at in order:
        total = 0.0
        for k in range(sizes[at]):
            on[k] = np.random.random() >= drop
            if on[k]:
                total += w[signs[at, k]]
        total /= 1.0 - drop
        y = 1.0 if names[at] else 0.0
        p = 1.0 / (1.0 + np.exp(-total))
        d = (p - y) * amounts[at]
        loss += -np.log(max(1e-9, p if names[at] else 1 - p)) * amounts[at]
        if abs(d) < 1e-3:
            continue
        for k in range(sizes[at]):
            if not on[k]:
                continue
            f = signs[at, k]
            s = d + decay * w[f]
            g[f] += s * s
            w[f] -= rate * s / np.sqrt(g[f] + 1e-1)
    return loss


def fit(
    data: Examples,
    *,
    bits: int,
    epochs: int = 8,
    seed: int = 1,
    rate: float = 0.12,
    decay: float = 2e-3,
    drop: float = 0.3,
) -> np.ndarray:
    """float64 (2**bits,) weights by AdaGrad; the same data and seed give the same bytes."""
    w, g = np.zeros(1 << bits), np.zeros(1 << bits)
    draw = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = draw.permutation(len(data.sizes))
        _pass(*data, order, w, g, rate, decay, drop, seed * 1000 + epoch)
    return w


def quantised(w: np.ndarray) -> np.ndarray:
    """int8, SCALE steps a unit."""
    return np.clip(np.round(w * SCALE), -127, 127).astype(np.int8)
