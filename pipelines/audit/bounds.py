"""Clopper-Pearson: exact bounds on a share, from a count in a simple random sample.

C. J. Clopper, E. S. Pearson, Biometrika 26 (1934). The upper bound is the share at which as few hits as were
seen, or fewer, have a chance of `risk`; nothing is assumed but that every document was as likely to be drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, lgamma, log, log1p

_STEPS = 60  # halvings: past the precision of a float


def upper_bound(hits: int, drawn: int, *, risk: float = 0.05) -> float:
    """The one-sided upper bound on the share, at confidence 1 - risk; 1.0 where nothing was drawn."""
    if hits >= drawn:
        return 1.0
    return _root(lambda share: _at_most(hits, drawn, share) > risk)


def lower_bound(hits: int, drawn: int, *, risk: float = 0.05) -> float:
    """The one-sided lower bound on the share, at confidence 1 - risk."""
    if hits == 0:
        return 0.0
    return _root(lambda share: 1.0 - _at_most(hits - 1, drawn, share) < risk)


def _root(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return high


def _at_most(hits: int, drawn: int, share: float) -> float:
    """The chance of `hits` or fewer of `drawn`, where each has the chance `share`."""
    if share <= 0.0 or hits >= drawn:
        return 1.0
    if share >= 1.0:
        return 0.0
    whole = lgamma(drawn + 1)
    return sum(
        exp(whole - lgamma(k + 1) - lgamma(drawn - k + 1) + k * log(share) + (drawn - k) * log1p(-share))
        for k in range(hits + 1)
    )
