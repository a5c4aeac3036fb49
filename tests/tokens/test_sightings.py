"""When a training saw a document: held against every step, looked through one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.tokens.loader import Loader, open_loader
from pipelines.tokens.sightings import Sighting, sightings
from pipelines.tokens.withdrawn import write_withdrawn
from schemas.curriculum import Portion, TrainingStage
from schemas.errors import UsageError
from tests.tokens.test_loader import CURRICULUM, PARTNERS, some_documents
from tests.tokens.trained_on import Document, ids_of, new_key, write_build

Seen = dict[bytes, list[Sighting]]


def places_of(by_id: dict[bytes, list[int]], segments: list[list[list[Document]]]) -> dict:
    """Shard number and tokens' begin and end of every document, from what was written."""
    ids, found, number, shard = ids_of(len(by_id)), {}, 0, 0
    for shards in segments:
        for documents in shards:
            begin = 0
            for document in documents:
                found[ids[number]] = (shard, begin, begin + document.tokens)
                begin += document.tokens
                number += 1
            shard += 1
    return found


def by_brute_force(loader: Loader, first: int, last: int) -> Seen:
    """Every step's table of documents, piece by piece."""
    seen: dict[bytes, Counter] = defaultdict(Counter)
    for step in range(first, last + 1):
        stage = loader.order.stage_of(step).name
        for row in loader.documents(step).to_pylist():
            seen[row["doc_id"]][step, stage, row["sequence"]] += row["tokens"]
    return {
        doc: sorted(Sighting(*place, tokens) for place, tokens in found.items())
        for doc, found in seen.items()
    }


def hold(loader: Loader, places: dict, first: int, last: int) -> int:
    expected = by_brute_force(loader, first, last)
    for doc_id, (shard, begin, end) in places.items():
        found = sightings(loader, shard, begin, end, first=first, last=last)
        assert found == expected.get(doc_id, [])
    return sum(map(len, expected.values()))


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> tuple[Path, dict]:
    segments = [[some_documents(n, 60) for n in (1, 2)], [some_documents(4, 80), []]]
    path = tmp_path_factory.mktemp("seen") / "build"
    limits = {"a": 8, "b": 8}  # two partners' few documents are asked for in many ways
    return path, places_of(write_build(path, segments, limits=limits), segments)


@pytest.mark.parametrize("packing", ["best_fit", "concat"])
@pytest.mark.parametrize("length", [5, 64])
def test_every_document_of_one_stage_is_told_as_it_was_seen(home, packing, length):
    path, places = home
    loader = open_loader(path, sequence_length=length, packing=packing, batch=7, seed=3)
    assert hold(loader, places, 0, len(loader) - 1) > len(places) // 2


def test_stages_laps_and_mixtures_are_told(home):
    path, places = home
    loader = open_loader(path, curriculum=CURRICULUM, batch=8, seed=11)
    assert len({stage.name for stage in loader.order.stages}) == 5
    assert hold(loader, places, 0, len(loader) - 1)
    middle = len(loader) // 2
    hold(loader, places, middle, middle)
    hold(loader, places, 1, len(loader) - 2)


def test_what_was_left_out_was_not_seen(home, tmp_path):
    path, places = home
    key = new_key(tmp_path)
    gone = sorted(places)[::9]
    write_withdrawn(tmp_path / "gone.json", gone, signer=key)
    loader = open_loader(
        path,
        sequence_length=32,
        batch=4,
        withdrawn=tmp_path / "gone.json",
        key=key.public,
        leave_out=True,
    )
    hold(loader, places, 0, len(loader) - 1)
    for doc_id in gone:
        assert sightings(loader, *places[doc_id], first=0, last=len(loader) - 1) == []


@given(st.data())
@settings(deadline=None, max_examples=20)
def test_any_build_and_order_is_told(tmp_path_factory, data):
    document = st.builds(
        Document, st.integers(0, 40), st.sampled_from(PARTNERS), st.sampled_from(("ko", None))
    )
    shard = st.lists(document, max_size=10)
    drawn = data.draw(st.lists(st.lists(shard, min_size=1, max_size=2), min_size=1, max_size=2))
    segments = [[[Document(3), Document(0), Document(30)]], *drawn]
    path = tmp_path_factory.mktemp("any") / "build"
    places = places_of(write_build(path, segments), segments)
    packings = st.sampled_from(["best_fit", "concat"])
    times = st.sampled_from([0.5, 1, 1.5, 2])
    lengths = st.sampled_from([4, 9])
    curriculum = tuple(
        TrainingStage(
            f"s{n}",
            data.draw(lengths),
            data.draw(packings),
            1,
            (Portion(times=data.draw(times)),),
            min_tokens=data.draw(st.sampled_from([None, 3, 12])),
            max_tokens=data.draw(st.sampled_from([None, 30])),
        )
        for n in range(data.draw(st.integers(1, 2)))
    )
    try:
        loader = open_loader(path, curriculum=curriculum, seed=data.draw(st.integers(0, 5)))
    except UsageError:  # more than the contracts allow: no order
        return
    first = data.draw(st.integers(0, len(loader) - 1))
    hold(loader, places, first, data.draw(st.integers(first, len(loader) - 1)))
