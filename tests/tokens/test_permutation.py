from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.tokens.permutation import Permutation
from schemas.errors import UsageError


@given(st.integers(1, 3000), st.integers(0, 2**63))
@settings(deadline=None, max_examples=60)
def test_every_number_comes_once_and_the_way_back_leads_home(size, seed):
    permutation = Permutation(size, ("test", seed))
    places = permutation(np.arange(size))
    assert sorted(places.tolist()) == list(range(size))
    assert permutation.inverse(places).tolist() == list(range(size))


@given(st.integers(1, 1 << 62), st.lists(st.integers(0, (1 << 62) - 1), min_size=1, max_size=20))
@settings(deadline=None)
def test_large_domains_go_there_and_back(size, numbers):
    positions = np.array([number % size for number in numbers], np.int64)
    permutation = Permutation(size, ("test", 1))
    places = permutation(positions)
    assert ((places >= 0) & (places < size)).all()
    assert permutation.inverse(places).tolist() == positions.tolist()


def test_a_part_of_the_positions_goes_where_it_goes_among_all():
    permutation = Permutation(1000, ("test", 3))
    assert permutation(np.arange(300, 400)).tolist() == permutation(np.arange(1000))[300:400].tolist()


def test_another_seed_is_another_order_and_neither_is_near_the_natural_one():
    size = 10_000
    one, two = (Permutation(size, ("test", seed))(np.arange(size)) for seed in (0, 1))
    assert (one == two).mean() < 0.01
    for places in (one, two):
        assert (places == np.arange(size)).mean() < 0.01
        # neighbours come apart: the mean step of a random order is a third of its length
        assert abs(np.abs(np.diff(places)).mean() / size - 1 / 3) < 0.02
        # and each tenth of the positions is spread over all tenths (chi-square, 81 degrees of freedom)
        table = np.histogram2d(np.arange(size), places, bins=10)[0]
        assert ((table - 100) ** 2 / 100).sum() < 140


def test_the_order_is_the_one_it_always_was():
    # resumed trainings depend on it: a change is a new ORDER_VERSION
    assert Permutation(10, ("malmoi order", 1, 0, 0))(np.arange(10)).tolist() == [
        4,
        0,
        1,
        9,
        3,
        6,
        2,
        5,
        7,
        8,
    ]


@pytest.mark.parametrize("size", [0, -1, (1 << 62) + 1])
def test_a_size_that_cannot_be_is_refused(size):
    with pytest.raises(UsageError, match=r"1 to 2\^62"):
        Permutation(size, ("test",))
