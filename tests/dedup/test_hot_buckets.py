"""Crowded buckets: what they cost grows with their size times what they show, and nothing else decides."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.dominance import Dominance, dominate
from tests.dedup.corpora import jaccard


class Crowd(NamedTuple):
    """Documents by rank, as `dominate` takes them; `values` holds their shingles end to end."""

    values: np.ndarray
    lengths: np.ndarray
    buckets: list[list[int]]


def crowd(sets: Sequence[Sequence[int]], buckets: list[list[int]]) -> Crowd:
    values = np.array([value for one in sets for value in sorted(set(one))], np.uint64)
    return Crowd(values, np.array([len(set(one)) for one in sets], np.int64), buckets)


def decided(crowd: Crowd, threshold: float, cap: int) -> Dominance:
    starts = np.cumsum(crowd.lengths) - crowd.lengths
    return dominate(
        addresses=np.uint64(crowd.values.ctypes.data) + starts.astype(np.uint64) * np.uint64(8),
        lengths=crowd.lengths,
        documents=np.repeat(np.arange(len(crowd.lengths)), [len(b) for b in crowd.buckets]).astype(np.int32),
        buckets=np.array([number for own in crowd.buckets for number in own], np.int32),
        threshold=threshold,
        max_kept_per_bucket=cap,
    )


def brute_force(sets: Sequence[frozenset[int]], buckets: list[list[int]], threshold: float, cap: int):
    """(winner, edges) as DESIGN.md section 4 words it, with Python's sets."""
    shown: dict[int, list[int]] = {}
    winners, edges = [], set()
    for document, own in enumerate(sets):
        met = {kept for bucket in buckets[document] for kept in shown.get(bucket, [])}
        alike = {kept: jaccard(own, sets[kept]) for kept in met if jaccard(own, sets[kept]) >= threshold}
        edges |= {(document, kept) for kept in alike}
        winners.append(min(alike, key=lambda kept: (-alike[kept], kept)) if alike else -1)
        if not alike:
            for bucket in buckets[document]:
                if len(shown.setdefault(bucket, [])) < cap:
                    shown[bucket].append(document)
    return winners, edges


# Few low bits, so that many shingles fall on one bit of the bitmap; some sets too long for one.
SHINGLES = st.builds(lambda high, low: high << 8 | low, st.integers(0, 40), st.integers(0, 6))
SETS = st.one_of(
    st.frozensets(SHINGLES, max_size=30),
    st.integers(250, 262).map(lambda length: frozenset(range(length))),
)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_bitmaps_and_caps_decide_as_brute_force_over_sets(data: st.DataObject) -> None:
    base = data.draw(st.lists(SETS, min_size=1, max_size=4))
    sets = []
    for _ in range(data.draw(st.integers(1, 25))):
        chosen = data.draw(st.sampled_from(base))
        sets.append(chosen ^ data.draw(st.frozensets(SHINGLES, max_size=3)))
    numbers = st.lists(st.integers(0, 3), unique=True, max_size=3)
    buckets = [data.draw(numbers) for _ in sets]
    threshold, cap = data.draw(st.sampled_from([0.1, 0.5, 0.8, 1.0])), data.draw(st.integers(1, 5))
    found = decided(crowd([sorted(one) for one in sets], buckets), threshold, cap)
    winners, edges = brute_force(sets, buckets, threshold, cap)
    assert found.winner.tolist() == winners
    assert {*zip(found.edge_document.tolist(), found.edge_kept.tolist(), strict=True)} == edges


def strangers(count: int) -> Crowd:
    """Short texts that share two buckets and 6 shingles of 20, so that none is a duplicate."""
    own = np.arange(count * 14).reshape(count, 14) * 977 + 1000
    sets = np.concatenate([np.broadcast_to(np.arange(6), (count, 6)), own], axis=1).astype(np.uint64)
    return Crowd(sets.reshape(-1), np.full(count, 20), [[0, 1]] * count)


def near_copies(count: int) -> Crowd:
    """One sentence of 40 shingles and copies with two of them changed."""
    sets = np.tile(np.arange(40), (count, 1))
    sets[1:, 38:] = 1000 + np.arange(2 * (count - 1)).reshape(-1, 2)
    return Crowd(sets.astype(np.uint64).reshape(-1), np.full(count, 40), [[0, 1, 2]] * count)


def test_strangers_in_a_bucket_are_compared_with_as_many_as_it_shows_and_no_more() -> None:
    cap, count = 100, 4000
    found = decided(strangers(count), 0.8, cap)
    assert (found.winner == -1).all()
    assert found.comparisons == cap * (cap - 1) // 2 + (count - cap) * cap  # once, though two buckets meet
    assert (found.capped_buckets, found.unlisted) == (2, 2 * (count - cap))


def test_near_copies_of_one_sentence_are_compared_with_it_alone() -> None:
    count = 20_000
    found = decided(near_copies(count), 0.8, 1000)
    assert found.comparisons == count - 1
    assert (found.winner[1:] == 0).all()
    assert len(found.edge_document) == count - 1


@pytest.mark.parametrize("made", [strangers, near_copies])
def test_twice_the_documents_of_a_hot_bucket_cost_about_twice_the_time(made) -> None:
    """Quadratic growth would be fourfold; the least of three runs, in processor time."""
    decided(made(100), 0.8, 50)  # compiles

    def seconds(count: int) -> float:
        crowd, times = made(count), []
        for _ in range(3):
            begun = time.process_time()
            decided(crowd, 0.8, 200)
            times.append(time.process_time() - begun)
        return min(times)

    assert seconds(80_000) < 3 * seconds(40_000) + 0.02
