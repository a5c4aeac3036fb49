"""Deduplication of texts in memory, from fingerprint to verdict, as `malmoi dedup` does it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.texts import Explanation, Met, Text, Verdict, deduplicate, explain_duplicate
from pipelines.stages.fingerprint import fingerprint, shingle_sets
from schemas.errors import UsageError
from schemas.recipe import DedupSettings, FingerprintSettings
from tests.dedup.handed_pairs import handed_pairs, handed_texts
from tests.stages.test_fingerprint import DATA_SET, batch_of

SETTINGS = FingerprintSettings()
SENTENCES = [
    "말모이는 우리말을 모아 엮은 첫 사전의 이름이다.",
    "사람들은 저마다 고장의 낱말을 적어 보냈다.",
    "원고는 기차역 창고에서 다시 찾아냈다.",
    "A corpus is gathered from many hands, and every hand is named.",
    "오늘 서울은 맑고 바람이 조금 불겠다.",
    "길이 막히면 다음 나들목에서 나가십시오.",
    "이 표는 지난달에 모은 낱말의 수를 고장마다 보여 준다.",
]


def add_fingerprints(batch: pa.RecordBatch) -> pa.RecordBatch:
    return fingerprint(batch, SETTINGS, DATA_SET).kept


def verdicts(texts: Sequence[Text], threshold: float = 0.8) -> list[Verdict]:
    options = DedupSettings(threshold=threshold)
    return deduplicate(
        texts, options, fingerprint=add_fingerprints, shingles=partial(shingle_sets, settings=SETTINGS)
    )


def grams(text: str) -> frozenset[str]:
    text = " ".join(text.split())
    return frozenset(text[i : i + 5] for i in range(len(text) - 4)) or frozenset({text})


def expected(texts: Sequence[Text], threshold: float) -> list[Verdict]:
    """Brute force over all pairs that share a band or a text; letters, not hashes, are compared.

    Exact duplicates collapse first: a later copy of a text shares the fate of the first one.
    """
    bands = add_fingerprints(batch_of([text.text for text in texts]))["bands"].to_pylist()
    ranked = sorted(range(len(texts)), key=lambda row: (texts[row].epoch, -texts[row].quality, texts[row].id))
    kept: list[int] = []
    found = [Verdict(kept=True)] * len(texts)
    first: dict[str, int] = {}
    for row in ranked:
        leader = first.setdefault(" ".join(texts[row].text.split()), row)
        if leader != row:
            found[row] = Verdict(False, texts[leader].id, 1.0) if found[leader].kept else found[leader]
            continue
        best, winner = -1.0, -1
        for other in kept:
            a, b = grams(texts[row].text), grams(texts[other].text)
            similarity = len(a & b) / len(a | b)
            met = any(x == y for x, y in zip(bands[row], bands[other], strict=True))
            if met and similarity >= threshold and similarity > best:
                best, winner = similarity, other
        if winner < 0:
            kept.append(row)
        else:
            found[row] = Verdict(False, texts[winner].id, pytest.approx(best, abs=1e-6))
    return found


@st.composite
def edited_texts(draw: st.DrawFn) -> list[Text]:
    """Runs of the same sentences, some with a few letters changed or one left out."""
    rows = []
    for number in range(draw(st.integers(0, 14))):
        letters = list(" ".join(SENTENCES[draw(st.integers(0, 2)) : draw(st.integers(4, 7))]))
        for _ in range(draw(st.integers(0, 3))):
            letters[draw(st.integers(0, len(letters) - 1))] = draw(st.sampled_from("가나다 "))
        quality = draw(st.sampled_from([0.0, 0.5]))
        rows.append(Text(f"{number:02}", "".join(letters), draw(st.integers(0, 1)), "", quality))
    return draw(st.permutations(rows))


@settings(deadline=None, max_examples=60)
@given(edited_texts(), st.sampled_from([0.5, 0.8]))
def test_verdicts_are_those_of_comparing_every_pair_letter_by_letter(
    texts: list[Text], threshold: float
) -> None:
    assert verdicts(texts, threshold) == expected(texts, threshold)


def test_the_handed_revisions_keep_nearly_no_pair_of_high_similarity_and_lose_nothing_without_a_twin(
    handed: Path,
) -> None:
    texts = handed_texts(handed)
    found = dict(zip(texts, verdicts([Text(name, text) for name, text in texts.items()]), strict=True))
    pairs = handed_pairs(handed)
    similarity = {frozenset((pair.a, pair.b)): pair.jaccard for pair in pairs}
    for name, verdict in found.items():
        if not verdict.kept:
            assert found[verdict.duplicate_of].kept
            assert verdict.duplicate_of < name
            truth = similarity[frozenset((name, verdict.duplicate_of))]
            assert verdict.similarity == pytest.approx(truth, abs=1e-6)
            assert truth >= 0.8 - 1e-6
    high = [pair for pair in pairs if pair.jaccard >= 0.85]
    assert sum(found[pair.a].kept and found[pair.b].kept for pair in high) <= 0.02 * len(high)


def explained(texts: Sequence[Text], name: str) -> Explanation:
    shingles = partial(shingle_sets, settings=SETTINGS)
    return explain_duplicate(texts, DedupSettings(), name, fingerprint=add_fingerprints, shingles=shingles)


@settings(deadline=None, max_examples=30)
@given(edited_texts())
def test_an_explanation_names_every_kept_text_alike_and_the_bands_that_are_equal(texts: list[Text]) -> None:
    found = dict(zip((text.id for text in texts), verdicts(texts), strict=True))
    letters = {text.id: text.text for text in texts}
    bands = dict(zip(letters, add_fingerprints(batch_of(list(letters.values())))["bands"], strict=True))
    for name, verdict in found.items():
        told = explained(texts, name)
        assert told.verdict == verdict
        assert set(told.stands_for) == {other for other in found if found[other].duplicate_of == name}
        if verdict.kept:
            assert told.edges == ()
            continue
        assert verdict.duplicate_of in {edge.id for edge in told.edges}
        for edge in told.edges:
            equal = [a == b for a, b in zip(bands[name].as_py(), bands[edge.id].as_py(), strict=True)]
            assert edge.bands == tuple(np.flatnonzero(equal).tolist())
            assert found[edge.id].kept
            a, b = grams(letters[name]), grams(letters[edge.id])
            assert edge.similarity == pytest.approx(len(a & b) / len(a | b), abs=1e-6)
            assert edge.equal_text == (letters[name].split() == letters[edge.id].split())


def test_an_equal_text_meets_in_every_band() -> None:
    texts = [Text("a", SENTENCES[0]), Text("b", SENTENCES[0])]
    assert explained(texts, "b").edges == (Met("a", 1.0, tuple(range(14)), True),)
    assert explained(texts, "a").stands_for == ("b",)
    with pytest.raises(UsageError, match="no row has the id c"):
        explained(texts, "c")


@pytest.mark.parametrize("text", ["", " \n", "좋다", SENTENCES[0]])
def test_all_equal_or_all_empty_texts_are_one_text(text: str) -> None:
    found = verdicts([Text(f"{number:04}", text) for number in range(1000)])
    assert found[0].kept
    assert {verdict.duplicate_of for verdict in found[1:]} == {"0000"}


def test_white_space_and_unicode_forms_make_no_other_text() -> None:
    texts = [
        Text("b", "  한글\n\t사전 "),
        Text("a", "\u1112\u1161\u11ab\u1100\u1173\u11af 사전"),
        Text("c", "다른 말"),
    ]
    assert verdicts(texts) == [Verdict(False, "a", 1.0), Verdict(True), Verdict(True)]


def test_rank_is_epoch_then_partner_then_quality_then_the_id_bytewise() -> None:
    same = SENTENCES[0]
    ladder = [
        Text("z", same, 0, "a", 0.1),
        Text("y", same, 1, "a", 0.9),
        Text("x", same, 1, "a", 0.8),
        Text("B", same, 1, "b", 1.0),
        Text("a", same, 1, "b", 1.0),
        Text("é", same, 1, "b", 1.0),
        Text("\uffff", same, 1, "b", 1.0),
        Text("😀", same, 1, "b", 1.0),
        Text("n", same, 1, "b", math.nan),
    ]
    for first in range(len(ladder)):
        rest = ladder[first:]
        found = verdicts(rest[::-1])
        assert found[-1] == Verdict(True)
        assert {verdict.duplicate_of for verdict in found[:-1]} <= {rest[0].id}


def test_more_texts_than_a_batch_are_all_judged() -> None:
    texts = [
        Text(f"{number:05}", f"{number % 4500}번째 글, 저마다 다르다: {number % 4500:b}")
        for number in range(9000)
    ]
    found = verdicts(texts, threshold=1.0)
    assert all(verdict.kept for verdict in found[:4500])
    assert [verdict.duplicate_of for verdict in found[4500:]] == [text.id for text in texts[:4500]]


def test_no_text_gives_no_verdict() -> None:
    assert verdicts([]) == []


def test_a_repeated_id_is_an_error_that_names_both_rows() -> None:
    with pytest.raises(UsageError, match=r"^rows 2 and 3 have the same id: "):
        verdicts([Text("a", "하나"), Text("b", "둘"), Text("b", "셋")])


@pytest.mark.parametrize("texts", [[Text("a", "하나 \ud800")], [Text("\ud800", "하나")]])
def test_half_a_surrogate_pair_is_an_error_that_holds_no_text(texts: list[Text]) -> None:
    with pytest.raises(UsageError, match=r"^row 1: half of a surrogate pair at character ") as caught:
        verdicts(texts)
    assert "하나" not in str(caught.value)
