from __future__ import annotations

import json
from collections import Counter
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.tokens.loader import DOCUMENTS, Batch, Loader, open_loader
from schemas.curriculum import Portion, TrainingStage
from schemas.errors import UsageError
from tests.tokens.trained_on import END, Document, ids_of, write_build

PARTNERS, LANGUAGES = ("a", "b"), ("ko", "en", None)
# Stages of several lengths and both packings, by numbers of sequences, and by the length of documents.
CURRICULUM = (
    TrainingStage("general", 16, "best_fit", 24, (Portion(partner="a", times=1.5), Portion(times=1))),
    TrainingStage("reasoning", 16, "best_fit", None, (Portion(language="ko", times=0.5),)),
    TrainingStage("long", 48, "concat", 24, (Portion(epoch=1, times=1), Portion(partner="b", sequences=30))),
    TrainingStage("long documents", 32, "best_fit", 24, (Portion(times=1),), min_tokens=31),
    TrainingStage("middling", 16, "concat", 24, (Portion(times=1),), min_tokens=8, max_tokens=30),
)


def some_documents(seed: int, count: int) -> list[Document]:
    random = np.random.default_rng(seed)
    lengths = np.minimum(random.lognormal(2.3, 1.0, count).astype(int), 400)  # zero tokens too
    return [Document(int(n), PARTNERS[random.integers(2)], LANGUAGES[random.integers(3)]) for n in lengths]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> tuple[Path, dict[bytes, list[int]]]:
    path = tmp_path_factory.mktemp("loader") / "build"
    segments = [[some_documents(n, 150) for n in (1, 2, 3)], [some_documents(4, 200), []]]
    return path, write_build(path, segments)


def opened(home: tuple[Path, dict], **options) -> Loader:
    return open_loader(home[0], **options)


def same(one: Batch, other: Batch) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def joined(parts: list[Batch]) -> Batch:
    """The batch of all ranks out of theirs."""
    tokens, labels, positions = (np.concatenate([part[i] for part in parts]) for i in (2, 3, 4))
    ends, base = [0], 0
    for part in parts:
        ends += (part.cu_seqlens[1:] + base).tolist()
        base += part.tokens.size
    longest = max(part.max_seqlen for part in parts)
    return Batch(parts[0].step, parts[0].stage, tokens, labels, positions, np.array(ends, np.int32), longest)


def check(batch: Batch, by_id: dict[bytes, list[int]], masked: frozenset[bytes] = frozenset()) -> Counter:
    """Hold a batch against the documents themselves; returns how often each token came."""
    owner = {token: (doc, at) for doc, tokens in by_id.items() for at, token in enumerate(tokens)}
    length = batch.tokens.shape[1]
    tokens, labels, positions = (a.reshape(-1).tolist() for a in batch[2:5])
    ends = batch.cu_seqlens.tolist()
    assert ends[0] == 0
    assert ends[-1] == len(tokens)
    assert batch.max_seqlen == max(b - a for a, b in pairwise(ends))
    assert set(range(0, len(tokens) + 1, length)) <= set(ends)
    seen: Counter = Counter()
    for a, b in pairwise(ends):
        assert positions[a:b] == list(range(b - a))
        if tokens[a] == END:  # padding: the rest of the sequence
            assert b % length == 0
            assert tokens[a:b] == [END] * (b - a)
            assert labels[a:b] == [-100] * (b - a)
            continue
        doc, at = owner[tokens[a]]
        assert tokens[a:b] == by_id[doc][at : at + b - a]
        expected = [-100] * (b - a) if doc in masked else [-100, *tokens[a + 1 : b]]
        assert labels[a:b] == expected
        seen.update(tokens[a:b])
    return seen


@pytest.mark.parametrize("packing", ["best_fit", "concat"])
@pytest.mark.parametrize("length", [2, 16, 64, 1000])
def test_every_token_comes_once_and_no_piece_holds_two_documents(home, packing, length):
    loader = opened(home, sequence_length=length, packing=packing, batch=1)
    seen: Counter = Counter()
    for batch in loader:
        seen += check(batch, home[1])
    assert seen == Counter(token for tokens in home[1].values() for token in tokens)


@given(st.data())
@settings(deadline=None, max_examples=25)
def test_any_build_is_seen_whole(tmp_path_factory, data):
    document = st.builds(Document, st.integers(0, 40), st.sampled_from(PARTNERS), st.sampled_from(LANGUAGES))
    shard = st.lists(document, max_size=12)
    segments = data.draw(st.lists(st.lists(shard, min_size=1, max_size=3), min_size=1, max_size=2))
    path = tmp_path_factory.mktemp("any") / "build"
    by_id = write_build(path, [[[Document(3)]], *segments])
    seen: Counter = Counter()
    length, packing = data.draw(st.integers(2, 20)), data.draw(st.sampled_from(["best_fit", "concat"]))
    for batch in open_loader(
        path, sequence_length=length, packing=packing, batch=1, seed=data.draw(st.integers())
    ):
        seen += check(batch, by_id)
    assert seen == Counter(token for tokens in by_id.values() for token in tokens)


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_ranks_workers_and_stops_change_nothing(home, data):
    single = data.draw(st.sampled_from(["best_fit", "concat", None]))
    seed = data.draw(st.integers(0, 3))
    options = {"seed": seed, "batch": 24}
    options |= {"curriculum": CURRICULUM} if single is None else {"packing": single, "sequence_length": 16}
    whole = list(opened(home, **options))
    assert len(whole) > 4
    ranks = data.draw(st.sampled_from([1, 2, 3, 8]))
    state, got = None, []
    while len(got) < len(whole):
        parts = [opened(home, **options, rank=rank, ranks=ranks, resume=state) for rank in range(ranks)]
        assert {part.step for part in parts} == {len(got)}
        stop = data.draw(st.integers(1, len(whole)), label="steps until it stops")
        workers = data.draw(st.sampled_from([1, 2, 5]))
        for taken in range(stop):
            if len(got) == len(whole):
                break
            if workers == 1:
                batches = [next(iter(part)) for part in parts]
            else:  # as torch's DataLoader does: it takes batch i from worker i modulo workers
                turns = [part.part(taken % workers, workers) for part in parts]
                batches = [next(islice(turn, taken // workers, None)) for turn in turns]
            got.append(joined(batches))
        state = json.loads(json.dumps(parts[0].state(len(got))))
        ranks = data.draw(st.sampled_from([1, 2, 3, 8]))
    assert all(map(same, got, whole))


def test_a_global_batch_is_the_same_whatever_the_ranks_at_every_step(home):
    whole = opened(home, curriculum=CURRICULUM, batch=24, seed=5)
    for ranks in (2, 3, 8):
        parts = [
            opened(home, curriculum=CURRICULUM, batch=24, seed=5, rank=r, ranks=ranks) for r in range(ranks)
        ]
        for step in range(len(whole)):
            assert same(joined([part.batch(step) for part in parts]), whole.batch(step))


def test_the_curriculum_is_seen_in_its_order_at_its_lengths(home):
    loader = opened(home, curriculum=CURRICULUM, batch=12)
    stages = [(batch.stage, batch.tokens.shape) for batch in loader]
    assert list(dict.fromkeys(stages)) == [
        ("general", (24, 16)),
        ("reasoning", (12, 16)),
        ("long", (24, 48)),
        ("long documents", (24, 32)),
        ("middling", (24, 16)),
    ]
    seen = Counter()
    for row in loader.mixture():
        seen[row["stage"], row["partner"]] += row["sequences"]
    of_stage = {stage.name: stage for stage in loader.order.stages}
    for name, stage in of_stage.items():
        assert stage.sequences == sum(count for (one, _), count in seen.items() if one == name)
        assert stage.steps == stage.sequences // stage.batch
    assert all(
        row["epoch"] == 1 or row["partner"] == "b" for row in loader.mixture() if row["stage"] == "long"
    )


@given(st.data())
@settings(deadline=None, max_examples=25)
def test_a_stage_sees_the_documents_of_its_lengths_whole_and_no_others(home, data):
    least = data.draw(st.one_of(st.none(), st.integers(1, 60)))
    most = data.draw(st.one_of(st.none(), st.integers(least or 1, 120)))
    stage = TrainingStage(
        "x",
        data.draw(st.sampled_from([7, 16, 64])),
        data.draw(st.sampled_from(["best_fit", "concat"])),
        1,
        min_tokens=least,
        max_tokens=most,
    )
    wanted = {
        doc: tokens
        for doc, tokens in home[1].items()
        if (least or 1) <= len(tokens) and (most is None or len(tokens) <= most)
    }
    if not wanted:
        with pytest.raises(UsageError, match=r"stage x: no document of the build has at least"):
            opened(home, curriculum=(stage,))
        return
    loader = opened(home, curriculum=(stage,), seed=data.draw(st.integers(0, 9)))
    seen = np.concatenate([loader.rows(step).reshape(-1) for step in range(len(loader))])
    assert sorted(seen[seen != END].tolist()) == sorted(
        token for tokens in wanted.values() for token in tokens
    )
    check(loader.batch(len(loader) // 2), wanted)


def test_a_mixture_counts_the_documents_of_the_lengths_alone(home):
    def stage(*mixture: Portion, least: int | None = None) -> TrainingStage:
        return TrainingStage("long", 16, "concat", 1, mixture, min_tokens=least)

    tokens = sum(len(tokens) for tokens in home[1].values() if len(tokens) >= 50)
    (alike,) = {len(opened(home, curriculum=(stage(*m, least=50),))) for m in ((), (Portion(times=1),))}
    assert tokens // 16 <= alike < tokens // 16 + 13  # of each source, a last one that is not full
    with pytest.raises(UsageError, match=r"with at least 50 tokens, which has \d+ and may be seen"):
        opened(home, curriculum=(stage(Portion(sequences=1_000_000), least=50),))
    longest = max(map(len, home[1].values()))
    (row,) = opened(home, curriculum=(stage(least=longest),)).mixture()
    other = Portion(partner="b" if row["partner"] == "a" else "a", times=1)
    with pytest.raises(UsageError, match=rf"\[0\]: fits no document .* with at least {longest} tokens"):
        opened(home, curriculum=(stage(other, least=longest),))
    with pytest.raises(UsageError, match="stage long: no document of the build has at least 5,000 tokens"):
        opened(home, curriculum=(stage(least=5000),))


def test_a_state_of_other_lengths_is_refused(home):
    one, other = (
        (TrainingStage("x", 16, "concat", 2, (Portion(sequences=40),), min_tokens=least),) for least in (2, 3)
    )
    state = opened(home, curriculum=one).state(1)
    assert opened(home, curriculum=one, resume=state).step == 1
    with pytest.raises(UsageError, match="another order"):
        opened(home, curriculum=other, resume=state)


def test_laps_are_whole_before_a_sequence_comes_again(home):
    stage = TrainingStage("x", 16, "best_fit", 1, (Portion(times=2.5),))
    loader = opened(home, curriculum=(stage,))
    times = Counter(batch.tokens.tobytes() for batch in loader)
    assert set(times.values()) == {2, 3}
    half = TrainingStage("x", 16, "best_fit", 1, (Portion(times=0.5),))
    other = TrainingStage("y", 16, "best_fit", 1, (Portion(times=0.5),))
    seen = Counter(batch.tokens.tobytes() for batch in opened(home, curriculum=(half, other)))
    assert set(seen.values()) == {1}  # the second half goes on where the first stopped


def test_another_seed_gives_another_order_of_the_same_sequences(home):
    one, two = (
        [b.tokens.tobytes() for b in opened(home, sequence_length=16, batch=1, seed=s)] for s in (0, 1)
    )
    assert one != two
    assert sorted(one) == sorted(two)


def test_rows_and_documents_tell_of_the_same_batch(home):
    by_id, numbers = home[1], {doc: number for number, doc in enumerate(ids_of(650))}
    loader = opened(home, sequence_length=16, packing="concat", batch=8)
    for step in range(len(loader)):
        batch, table = loader.batch(step), loader.documents(step)
        assert np.array_equal(loader.rows(step), batch.tokens)
        out = np.empty_like(batch.tokens)
        assert loader.rows(step, out) is out
        assert np.array_equal(out, batch.tokens)
        assert table.schema.equals(DOCUMENTS)
        for row in table.to_pylist():
            begin, offset, size = row["position"], row["offset"], row["tokens"]
            found = batch.tokens[row["sequence"], begin : begin + size].tolist()
            assert found == by_id[row["doc_id"]][offset : offset + size]
            number = numbers[row["doc_id"]]
            place = (
                (f"0-train-{number // 150:05d}", number % 150)
                if number < 450
                else ("1-train-00000", number - 450)
            )
            assert (row["shard"], row["row"]) == place
    with pytest.raises(UsageError, match="the rows are int32"):
        loader.rows(0, np.empty((8, 15), np.int32))


def test_a_batch_belongs_to_who_asked_for_it(home):
    loader = opened(home, sequence_length=16, batch=8)
    first = loader.batch(0)
    kept = first.tokens.copy()
    loader.batch(1)
    loader.close()
    assert np.array_equal(first.tokens, kept)
    assert np.array_equal(loader.batch(0).tokens, kept)  # mapped again when it is wanted again


def test_few_mappings_are_enough(home):
    loader = opened(home, sequence_length=64, batch=4)
    loader._shards._most = 1
    for batch, other in zip(loader, opened(home, sequence_length=64, batch=4), strict=True):
        assert same(batch, other)
        assert np.count_nonzero(loader._shards.tokens) <= 4


def test_a_document_of_ten_million_tokens(tmp_path):
    size = 10_000_000
    by_id = write_build(tmp_path / "b", [[[Document(5), Document(size), Document(7)]]])
    (tokens,) = (tokens for tokens in by_id.values() if len(tokens) == size)
    whole = -(-(size + 12) // 4096)
    # best fit: the long document ends its window, so the one behind it begins another sequence
    for packing, sequences in (("best_fit", whole + 1), ("concat", whole)):
        loader = open_loader(tmp_path / "b", sequence_length=4096, packing=packing, batch=1)
        assert len(loader) == sequences
        total = sum(int(batch.tokens[batch.tokens != END].sum(dtype=np.int64)) for batch in loader)
        assert total == sum(map(sum, by_id.values()))
    assert tokens[-1] == 100 + 5 + size - 1
