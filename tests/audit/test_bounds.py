from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.audit.bounds import lower_bound, upper_bound

counts = st.integers(1, 300).flatmap(lambda drawn: st.tuples(st.integers(0, drawn), st.just(drawn)))


def _at_most(hits: int, drawn: int, share: float) -> float:
    return sum(comb(drawn, k) * share**k * (1 - share) ** (drawn - k) for k in range(hits + 1))


@given(counts)
def test_at_the_upper_bound_so_few_hits_have_just_the_risk(count):
    hits, drawn = count
    bound = upper_bound(hits, drawn)
    if hits == drawn:
        assert bound == 1.0
    else:
        assert _at_most(hits, drawn, bound) == pytest.approx(0.05, abs=1e-6)


@given(counts)
def test_at_the_lower_bound_so_many_hits_have_just_the_risk(count):
    hits, drawn = count
    bound = lower_bound(hits, drawn)
    assert hits == 0 or 1 - _at_most(hits - 1, drawn, bound) == pytest.approx(0.05, abs=1e-6)
    assert bound <= hits / drawn <= upper_bound(hits, drawn)


def test_without_a_hit_the_bound_is_the_root_of_the_risk():
    for drawn in (1, 20, 59, 299, 2_000):
        assert upper_bound(0, drawn) == pytest.approx(1 - 0.05 ** (1 / drawn), rel=1e-9)


def test_nothing_read_bounds_nothing():
    assert (lower_bound(0, 0), upper_bound(0, 0)) == (0.0, 1.0)
