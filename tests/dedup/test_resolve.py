"""Dominance, held against a brute-force oracle on random corpora."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.parts import Parts, divide
from pipelines.dedup.ranked import SplitRank
from pipelines.dedup.resolve import DUPLICATES, Settled, dropped_without, resolve
from schemas.errors import BuildInconsistent, UsageError
from schemas.recipe import DedupSettings
from tests.dedup.corpora import (
    Content,
    Document,
    Split,
    bands,
    corpora,
    oracle,
    prepared,
    ranks_of,
    resolved,
    rounded,
    rows_of,
    write_staged,
)

HALF = DedupSettings(threshold=0.5)
COUNTED = ("repeated_keys", "exact_duplicates", "near_duplicates", "edges", "capped_buckets", "unlisted")
THRESHOLDS = st.sampled_from([0.3, 0.5, 2 / 3, 0.8, 1.0])


@contextmanager
def scratch() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


def run(*numbers: int) -> frozenset[int]:
    return frozenset(range(*numbers))


@settings(deadline=None, max_examples=150)
@given(corpora(), THRESHOLDS)
def test_the_dropped_are_those_of_the_brute_force_oracle_with_all_their_edges(
    splits: list[Split], threshold: float
) -> None:
    with scratch() as directory:
        found, facts = resolved(directory, splits, DedupSettings(threshold=threshold))
    assert rounded(found) == rounded(oracle(splits, threshold))
    reasons = [verdict.reason for verdict in found.values()]
    assert facts.repeated_keys == reasons.count("repeated_key")
    assert facts.exact_duplicates == reasons.count("exact_duplicate")
    assert facts.near_duplicates == reasons.count("near_duplicate")
    assert facts.edges == sum(len(verdict.edges) for verdict in found.values())


@settings(deadline=None, max_examples=60)
@given(corpora(), st.data())
def test_numbering_of_splits_partitions_and_batches_decide_nothing(
    splits: list[Split], data: st.DataObject
) -> None:
    with scratch() as directory:
        expected, facts = resolved(directory / "a", splits, HALF, partitions=1)
        again = resolved(
            directory / "b",
            data.draw(st.permutations(splits)),
            HALF,
            partitions=data.draw(st.integers(1, 9)),
            rows_per_batch=data.draw(st.integers(1, 30)),
            backwards=True,
            part_documents=data.draw(st.integers(1, 30)),
        )
    assert again == (expected, facts)


@settings(deadline=None, max_examples=60)
@given(corpora(unique_ids=True), st.data())
def test_how_documents_are_spread_over_files_decides_nothing(
    splits: list[Split], data: st.DataObject
) -> None:
    documents = [document for split in splits for document in split.documents]
    shuffled = data.draw(st.permutations(documents))
    cut = data.draw(st.integers(0, len(documents)))
    arrangements = [
        [Split("all", 0, tuple(documents))],
        [Split("x", 0, tuple(shuffled[:cut])), Split("y", 0, tuple(shuffled[cut:]))],
    ]
    results = []
    for number, arrangement in enumerate(arrangements):
        with scratch() as directory:
            found, _ = resolved(directory / str(number), arrangement, HALF)
        where = {split.name: split.documents for split in arrangement}
        results.append({where[name][row].number: verdict for (name, row), verdict in found.items()})
    assert results[0] == results[1]


@settings(deadline=None, max_examples=60)
@given(corpora(), corpora(), THRESHOLDS)
def test_what_ranks_later_changes_no_earlier_decision(
    earlier: list[Split], later: list[Split], threshold: float
) -> None:
    base = [Split(f"base-{split.name}", split.priority, split.documents) for split in earlier]
    more = [Split(f"more-{split.name}", split.priority + 10, split.documents) for split in later]
    options = DedupSettings(threshold=threshold, max_kept_per_bucket=2)
    with scratch() as directory:
        alone, _ = resolved(directory / "alone", base, options)
        together, _ = resolved(directory / "together", base + more, options)
    assert {where: v for where, v in together.items() if where[0].startswith("base-")} == alone


def test_a_chain_keeps_its_ends_since_they_resemble_nothing_kept(tmp_path: Path) -> None:
    links = [Document(n, Content(run(4 * n, 4 * n + 16), bands(b0=1)), 1 - n / 10) for n in range(5)]
    found, _ = resolved(tmp_path, [Split("chain", 0, tuple(links))], DedupSettings(threshold=0.6))
    assert sorted(position for _, position in found) == [1, 3]
    assert found["chain", 3].duplicate_of == links[2].doc_id
    assert found["chain", 1].similarity == pytest.approx(12 / 20)


def test_the_closest_kept_document_explains_and_all_others_are_recorded(tmp_path: Path) -> None:
    far = Document(1, Content(run(0, 16), bands(b0=1)), 0.9)
    near = Document(2, Content(run(8, 24), bands(b5=1)), 0.8)
    lost = Document(3, Content(run(6, 22), bands(b0=1, b5=1)), 0.7)
    found, facts = resolved(tmp_path, [Split("star", 0, (lost, near, far))], DedupSettings(threshold=0.4))
    assert rounded(found)["star", 0] == (
        "near_duplicate",
        near.doc_id,
        round(14 / 18, 6),
        ((far.doc_id, round(10 / 22, 6)), (near.doc_id, round(14 / 18, 6))),
    )
    assert facts.comparisons == 2


def test_of_equally_close_kept_documents_the_earlier_one_explains(tmp_path: Path) -> None:
    first = Document(1, Content(run(0, 8), bands(b9=1)), 0.9)
    second = Document(2, Content(run(4, 12), bands(b0=1)), 0.8)
    lost = Document(3, Content(run(2, 10), bands(b0=1, b9=1)), 0.7)
    found, _ = resolved(tmp_path, [Split("tie", 0, (second, lost, first))], HALF)
    assert found["tie", 1].duplicate_of == first.doc_id


def test_the_partner_of_higher_priority_keeps_its_copy_whatever_the_quality(tmp_path: Path) -> None:
    text = Content(run(0, 9), bands(b0=1))
    splits = [Split("late", 1, (Document(1, text, 1.0),)), Split("early", 0, (Document(2, text, 0.0),))]
    found, _ = resolved(tmp_path, splits, HALF)
    assert list(found) == [("late", 0)]
    assert found["late", 0].duplicate_of == Document(2, text).doc_id


def test_a_copy_of_a_near_duplicate_names_the_kept_document_and_their_true_similarity(tmp_path: Path) -> None:
    kept = Document(1, Content(run(0, 10), bands(b0=1)), 0.9)
    text = Content(run(1, 11), bands(b0=1))
    splits = [Split("copies", 0, (kept, Document(2, text, 0.8), Document(3, text, 0.7)))]
    found, facts = resolved(tmp_path, splits, HALF)
    assert found["copies", 2] == found["copies", 1]
    assert found["copies", 2].duplicate_of == kept.doc_id
    assert found["copies", 2].similarity == pytest.approx(9 / 11)
    assert (facts.near_duplicates, facts.exact_duplicates) == (2, 0)


def test_a_repeated_key_goes_first_and_takes_no_other_document_with_it(tmp_path: Path) -> None:
    """The second row of document 1 would be the twin of document 2, but is not there to be one."""
    twin = Content(run(0, 9), bands(b0=1))
    splits = [
        Split("rows", 0, (Document(1, Content(run(50, 60), bands()), 0.9), Document(1, twin, 0.8))),
        Split("other", 1, (Document(2, twin, 0.5),)),
    ]
    found, _ = resolved(tmp_path, splits, HALF)
    assert found == {("rows", 1): ("repeated_key", splits[0].documents[0].doc_id, 1.0, ())}


def test_equal_rows_of_one_id_are_told_apart_by_the_name_of_their_file(tmp_path: Path) -> None:
    row = Document(1, Content(run(0, 9), bands()), 0.5)
    found, _ = resolved(tmp_path, [Split("b", 0, (row,)), Split("a", 0, (row, row))], HALF)
    assert sorted(found) == [("a", 1), ("b", 0)]


def test_a_bucket_shows_its_first_kept_documents_only_and_says_so(tmp_path: Path) -> None:
    strangers = [Document(n, Content(run(20 * n, 20 * n + 9), bands(b3=1)), 1 - n / 10) for n in range(4)]
    copies = [Document(10 + n, Content(run(20 * n, 20 * n + 8), bands(b3=1)), 0.1) for n in range(4)]
    splits = [Split("bucket", 0, (*strangers, *copies))]
    capped, facts = resolved(tmp_path / "capped", splits, DedupSettings(threshold=0.5, max_kept_per_bucket=2))
    assert sorted(position for _, position in capped) == [4, 5]
    assert (facts.capped_buckets, facts.unlisted) == (1, 4)
    free, facts = resolved(tmp_path / "free", splits, HALF)
    assert sorted(position for _, position in free) == [4, 5, 6, 7]
    assert (facts.capped_buckets, facts.unlisted) == (0, 0)


def test_a_similarity_of_exactly_the_threshold_is_enough(tmp_path: Path) -> None:
    kept = Document(1, Content(run(0, 10), bands(b0=1)), 0.9)
    just = Document(2, Content(run(0, 8), bands(b0=1)), 0.8)
    below = Document(3, Content(run(0, 7) | {11, 12, 13}, bands(b0=1)), 0.7)
    found, _ = resolved(tmp_path, [Split("edge", 0, (kept, just, below))], DedupSettings(threshold=0.8))
    assert list(found) == [("edge", 1)]


def test_a_build_of_one_unique_document_and_empty_splits_drops_nothing(tmp_path: Path) -> None:
    splits = [Split("one", 0, (Document(1, Content(run(0, 9), bands(b0=1))),)), Split("none", 0, ())]
    found, facts = resolved(tmp_path, splits, HALF)
    assert found == {}
    assert facts.documents == 0
    assert resolved(tmp_path / "nothing", [], HALF)[0] == {}
    with pa.OSFile(str(tmp_path / "1.arrow")) as source:
        assert pa.ipc.open_file(source).schema.equals(DUPLICATES)


def test_a_thousand_copies_of_one_text_cost_no_comparison(tmp_path: Path) -> None:
    text = Content(run(0, 50), bands(b0=1))
    splits = [Split("copies", 0, tuple(Document(n, text) for n in range(1000)))]
    found, facts = resolved(tmp_path, splits, HALF, rows_per_batch=300)
    assert len(found) == 999
    assert (facts.exact_duplicates, facts.comparisons) == (999, 0)
    assert len({verdict.duplicate_of for verdict in found.values()}) == 1


@settings(deadline=None, max_examples=60)
@given(corpora(), THRESHOLDS, st.data())
def test_what_would_be_dropped_without_a_split_is_what_is_dropped_where_it_never_came(
    splits: list[Split], threshold: float, data: st.DataObject
) -> None:
    gone = data.draw(st.sets(st.sampled_from(range(len(splits)))))
    left = [split for number, split in enumerate(splits) if number not in gone]
    options = DedupSettings(threshold=threshold)
    with scratch() as directory:
        parts, sketches = prepared(directory, splits)
        found = dropped_without(parts, sketches, ranks=ranks_of(splits), settings=options, without=gone)
    dropped = {(splits[number].name, row) for number, out in found.items() for row in out.dropped.tolist()}
    assert dropped == set(oracle(left, threshold))


def settled_from(directory: Path, splits: list[Split]) -> dict[int, Settled]:
    """What the files of a resolution say of its splits."""
    found = {}
    for number in range(len(splits)):
        rows = rows_of(directory / f"{number}.arrow")
        found[number] = Settled(
            np.array([row["position"] for row in rows], np.int32),
            np.array([row["reason"] == "repeated_key" for row in rows], np.bool_),
        )
    return found


@settings(deadline=None, max_examples=150)
@given(st.lists(corpora(), min_size=2, max_size=4), THRESHOLDS, st.integers(1, 3), st.data())
def test_epoch_by_epoch_on_what_is_settled_decides_as_all_epochs_at_once(
    epochs: list[list[Split]], threshold: float, cap: int, data: st.DataObject
) -> None:
    """Every decision, edge and count of a history, and who would be out without some of its splits."""
    options = DedupSettings(threshold=threshold, max_kept_per_bucket=cap)
    splits = [
        Split(f"{epoch}-{split.name}", epoch * 10 + split.priority, split.documents)
        for epoch, drawn in enumerate(epochs)
        for split in drawn
    ]
    gone = data.draw(st.sets(st.sampled_from(range(len(splits)))))
    ends = np.cumsum([len(drawn) for drawn in epochs]).tolist()
    known: dict[int, Settled] = {}
    known_without: dict[int, Settled] = {}
    counts: Counter[str] = Counter()
    files: dict[int, list] = {}
    with scratch() as home:
        for end in ends:
            here, directory = splits[:end], home / f"{end}"
            parts, sketches = prepared(directory, here, settled=known.keys())
            given_ = {"ranks": ranks_of(here), "settings": options}
            facts = resolve(parts, sketches, directory=directory, settled=known, **given_)
            for name in (
                "repeated_keys",
                "exact_duplicates",
                "near_duplicates",
                "edges",
                "capped_buckets",
                "unlisted",
            ):
                counts[name] += getattr(facts, name)
            for number in range(len(known), end):
                files[number] = rows_of(directory / f"{number}.arrow")
                (home / f"{number}.arrow").write_bytes((directory / f"{number}.arrow").read_bytes())
            without = {number: known_without[number] for number in known if number not in gone}
            known_without = dropped_without(
                parts, sketches, without={n for n in gone if n < end}, settled=without, **given_
            )
            known = settled_from(home, here)
        parts, sketches = prepared(home / "whole", splits)
        whole = resolve(parts, sketches, ranks=ranks_of(splits), settings=options, directory=home / "whole")
        assert {n: rows_of(home / "whole" / f"{n}.arrow") for n in range(len(splits))} == files
        expected = dropped_without(parts, sketches, ranks=ranks_of(splits), settings=options, without=gone)
    assert counts == {name: getattr(whole, name) for name in counts}
    assert {n: s.dropped.tolist() for n, s in known_without.items()} == {
        n: s.dropped.tolist() for n, s in expected.items()
    }


def test_partners_may_rank_by_language(tmp_path: Path) -> None:
    rank = SplitRank("a", 3, {"ko": 1, "en": 5})
    languages = pa.array(["ko", None, "en", "ja", "ko"])
    assert rank.priorities(languages).tolist() == [1, 3, 5, 3, 1]
    assert SplitRank("a", 3).priorities(languages).tolist() == [3] * 5
    assert rank.priorities(pa.nulls(2, pa.string())).tolist() == [3, 3]


def test_two_splits_of_one_name_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="same name"):
        resolve(
            divide([], directory=tmp_path),
            [(0, tmp_path / "a"), (1, tmp_path / "b")],
            ranks=[SplitRank("same", 0), SplitRank("same", 0)],
            settings=HALF,
            directory=tmp_path,
        )


def test_a_bucket_whose_document_has_no_sketch_stops_the_build(tmp_path: Path) -> None:
    text = Content(run(0, 9), bands(b0=1))
    resolved(tmp_path, [Split("a", 0, (Document(1, text), Document(2, text)))], HALF, partitions=1)
    resolved(tmp_path / "other", [Split("a", 0, (Document(1, text),))], HALF)
    with pytest.raises(BuildInconsistent, match="2 documents in shared buckets and 0 in sketches"):
        resolve(
            Parts(tmp_path),
            [(0, tmp_path / "other" / "0.sketches")],
            ranks=[SplitRank("a", 0)],
            settings=HALF,
            directory=tmp_path,
        )


def test_the_file_of_a_split_is_sorted_by_position(tmp_path: Path) -> None:
    text = Content(run(0, 9), bands(b0=1))
    documents = tuple(Document(n, text) for n in range(40))
    write_staged(tmp_path / "unused", documents)
    resolved(tmp_path, [Split("a", 0, documents)], HALF)
    positions = [row["position"] for row in rows_of(tmp_path / "0.arrow")]
    assert positions == sorted(positions)
    assert len(positions) == 39
