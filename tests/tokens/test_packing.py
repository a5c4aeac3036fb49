from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.tokens.loader import open_loader
from pipelines.tokens.packing import _new_tree, best_fit, packing_of
from tests.tokens.trained_on import Document, write_build


def by_hand(lengths: list[int], length: int) -> list[list[int]]:
    """Best-fit decreasing as its definition says it, in quadratic time."""
    rooms: list[int] = []
    got_last: list[int] = []
    bins: list[list[int]] = []
    for clock, piece in enumerate(sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))):
        fitting = [b for b, room in enumerate(rooms) if room >= lengths[piece] and room > 0]
        if fitting:
            chosen = min(fitting, key=lambda b: (rooms[b], -got_last[b]))
        else:
            rooms.append(length)
            bins.append([])
            got_last.append(0)
            chosen = len(bins) - 1
        rooms[chosen] -= lengths[piece]
        got_last[chosen] = clock
        bins[chosen].append(piece)
    return [sorted(found) for found in bins]


@given(st.integers(1, 70), st.data())
@settings(deadline=None, max_examples=200)
def test_best_fit_is_what_its_definition_says(length, data):
    lengths = data.draw(st.lists(st.integers(1, length), max_size=60))
    pieces = np.array([(0, 1000 * i, n) for i, n in enumerate(lengths)], np.uint32).reshape(-1, 3)
    tree = _new_tree(length)
    packed, starts = best_fit(pieces, length, tree)
    found = [(packed[a:b, 1] // 1000).tolist() for a, b in pairwise(starts)]
    assert found == by_hand(lengths, length)
    assert not tree.any()


def test_documents_that_fit_are_whole_and_longer_ones_give_whole_sequences_first(tmp_path):
    sizes = [5, 31, 8, 20, 3, 100, 1, 8, 9]
    by_id = write_build(tmp_path / "b", [[[Document(n) for n in sizes]]])
    loader = open_loader(tmp_path / "b", sequence_length=8, batch=1)
    pieces = {doc: [] for doc in by_id}
    for step in range(len(loader)):
        for row in loader.documents(step).to_pylist():
            pieces[row["doc_id"]].append((row["offset"], row["tokens"]))
    for doc, tokens in by_id.items():
        expected = [(at, min(8, len(tokens) - at)) for at in range(0, len(tokens), 8)]
        assert sorted(pieces[doc]) == expected


def test_many_windows_pack_a_source_well_and_lose_nothing(tmp_path):
    random = np.random.default_rng(0)
    sizes = np.clip(random.lognormal(3, 1, 30_000).astype(int), 1, 300)
    write_build(tmp_path / "b", [[[Document(int(n)) for n in sizes[i::3]] for i in range(3)]])
    loader = open_loader(tmp_path / "b", sequence_length=128, batch=1)
    (stage,) = loader.order.stages
    (count,) = stage.packing.counts
    assert sizes.sum() > 3 * 1024 * 128  # several windows
    assert sizes.sum() / (count * 128) > 0.995
    found = stage.packing.pieces(np.zeros(count, np.int64), np.arange(count))
    assert found.pieces[:, 2].sum() == sizes.sum()
    filled = np.add.reduceat(found.pieces[:, 2], found.starts[:-1])
    assert filled.max() <= 128
    again = packing_of(loader.index, "best_fit", 128).pieces(np.array([0, 0]), np.array([5, 900]))
    assert (
        again.pieces[: again.starts[1]].tolist() == found.pieces[found.starts[5] : found.starts[6]].tolist()
    )
    assert (
        again.pieces[again.starts[1] :].tolist()
        == found.pieces[found.starts[900] : found.starts[901]].tolist()
    )
