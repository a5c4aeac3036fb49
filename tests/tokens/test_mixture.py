from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.tokens.mixture import shares
from pipelines.tokens.order_index import Source
from schemas.curriculum import Portion, TrainingStage, most_times
from schemas.errors import UsageError


def source(partner: str = "a", language: str = "ko", epoch: int = 0) -> Source:
    return Source(epoch, partner, language, 1, 1, 0, 1)


ALL = [source(p, language, epoch) for p in "ab" for language in ("en", "ko") for epoch in (0, 1)]
CUT = TrainingStage("s", 8).cut


def counts(
    *stages: TrainingStage,
    sequences: list[int] | None = None,
    limits: dict[str, float] | None = None,
    **options,
) -> list[list[int]]:
    numbers = sequences or [100] * len(ALL)
    cuts = {stage.cut: numbers for stage in stages}
    found = shares(
        stages, ALL, cuts, limits=limits or {"a": 4, "b": 4}, upsampling=options.get("upsampling", {})
    )
    return [[share.count for share in stage] for stage in found]


def stage(*portions: Portion, name: str = "s", **options) -> TrainingStage:
    return TrainingStage(**{"name": name, "sequence_length": 8, "mixture": portions, **options})


def test_without_a_mixture_all_is_seen_and_upsampling_counts():
    assert counts(stage()) == [[100] * 8]
    assert counts(stage(), upsampling={"b": 1.5}) == [[100] * 4 + [150] * 4]


def test_the_first_portion_that_fits_counts_and_what_none_fits_is_not_seen():
    got = counts(stage(Portion(partner="a", language="ko", times=3), Portion(language="ko", times=0.5)))
    assert got == [[0, 0, 300, 300, 0, 0, 50, 50]]
    assert counts(stage(Portion(epoch=1, partner="b", times=1))) == [[0, 0, 0, 0, 0, 100, 0, 100]]


def test_a_tenth_is_a_tenth():
    # 0.29 x 100 is 28.999... in floating point
    assert counts(stage(Portion(times=0.29))) == [[29] * 8]


@given(st.lists(st.integers(1, 50), min_size=8, max_size=8), st.integers(1, 1000))
@settings(deadline=None)
def test_numbers_asked_for_are_met_to_the_one_and_in_proportion(sequences, asked):
    total = sum(sequences)
    try:
        (got,) = counts(stage(Portion(sequences=asked)), sequences=sequences)
    except UsageError:
        assert any(asked * n > 4 * n * total - total for n in sequences)
        return
    assert sum(got) == asked
    assert all(abs(Fraction(asked * n, total) - count) < 1 for n, count in zip(sequences, got, strict=True))
    assert all(count <= 4 * n for n, count in zip(sequences, got, strict=True))


@pytest.mark.parametrize(
    ("portions", "message"),
    [
        ((Portion(partner="c", times=1),), r"stage s, mixture\[0\]: fits no document .* selects partner c"),
        (
            (Portion(times=1), Portion(epoch=1, times=1)),
            r"mixture\[1\]: earlier portions take all .* epoch 1",
        ),
        ((Portion(times=0),), "stage s: sees nothing"),
        (
            (Portion(partner="a", language="ko", epoch=0, sequences=401),),
            r"\[0\]: asks for 401 sequences of partner a, language ko, epoch 0, which has 100 .* 400 are",
        ),
    ],
)
def test_a_mixture_that_cannot_be_names_its_portion(portions, message):
    with pytest.raises(UsageError, match=message):
        counts(stage(*portions))


def test_the_contracts_limit_holds_over_the_whole_curriculum():
    one, two = stage(Portion(times=2)), stage(Portion(times=2.5), name="t")
    with pytest.raises(UsageError, match=r"is seen 4.5 times in all, its contract allows 4"):
        counts(one, two)
    assert counts(one, stage(Portion(times=2), name="t")) == [[200] * 8] * 2
    with pytest.raises(UsageError, match=r"partner b, language en, epoch 0 is seen 1.5 times"):
        counts(stage(Portion(times=1.5)), limits={"a": 2, "b": 1})
    with pytest.raises(UsageError, match=r"is seen 1.5 times"):  # no contract, no more than once
        counts(stage(Portion(times=1.5)), limits={"a": 2})


def test_the_contracts_limit_holds_for_documents_of_every_length():
    limits = {"a": 1, "b": 1}
    short, long = (
        stage(Portion(times=1), name=name, **lengths)
        for name, lengths in (("short", {"max_tokens": 99}), ("long", {"min_tokens": 100}))
    )
    assert counts(short, long, limits=limits) == [[100] * 8] * 2  # no document is in both
    with pytest.raises(UsageError, match=r"is seen 2 times in all, its contract allows 1"):
        counts(short, stage(Portion(times=1), name="t", min_tokens=99), limits=limits)
    with pytest.raises(UsageError, match=r"is seen 2 times in all, its contract allows 1"):
        counts(long, stage(Portion(times=1), name="all"), limits=limits)
    assert most_times((short, long), "a", 1) == 1
    assert most_times((short, stage(Portion(times=1), name="t", min_tokens=99)), "a", 1) == 2
    assert most_times((long, stage(name="all")), "a", 2.5) == 3.5


def test_a_source_without_documents_of_the_length_is_as_if_it_were_not_there():
    some = [0, 5, 0, 7, 0, 0, 0, 1]
    assert counts(stage(Portion(sequences=13), min_tokens=9), sequences=some) == [some]
    assert counts(stage(min_tokens=9), sequences=some) == [some]
    with pytest.raises(UsageError, match=r"mixture\[0\]: fits no document .* with at least 9 tokens"):
        counts(stage(Portion(partner="b", language="en", times=1), min_tokens=9), sequences=some)


def test_stages_that_cut_otherwise_may_meet_the_same_token():
    half, other = stage(Portion(times=0.5)), stage(Portion(times=0.5), name="t", packing="concat")
    with pytest.raises(UsageError, match="may be seen 2 times, as stages cut it into sequences in 2 ways"):
        counts(half, other, limits={"a": 1, "b": 1})
    assert counts(half, other, limits={"a": 2, "b": 2})
    assert counts(half, stage(Portion(times=0.5), name="t"), limits={"a": 1, "b": 1})


@given(st.data())
@settings(deadline=None)
def test_no_sequence_is_seen_more_often_than_the_limit_rounded_up(data):
    portion = st.builds(
        Portion,
        st.sampled_from([None, "a", "b"]),
        st.just(None),
        st.just(None),
        st.sampled_from([0.0, 0.3, 1.0, 1.7]),
    )
    stages = [
        stage(*data.draw(st.lists(portion, max_size=2)), name=str(n))
        for n in range(data.draw(st.integers(1, 4)))
    ]
    limits = {"a": data.draw(st.sampled_from([1.0, 1.5, 3.0])), "b": 2.0}
    cuts = {CUT: list(range(1, 9))}
    try:
        found = shares(stages, ALL, cuts, limits=limits, upsampling={})
    except UsageError:
        return
    for number, one in enumerate(ALL):
        seen = [0] * cuts[CUT][number]
        for shared in found:
            for k in range(shared[number].count):
                seen[(shared[number].first + k) % len(seen)] += 1
        assert max(seen) <= ceil(limits[one.partner])
        assert max(seen) - min(seen) <= 1
        assert sum(seen) <= limits[one.partner] * len(seen)


PORTIONS = st.builds(
    Portion,
    st.sampled_from([None, "a", "b"]),
    st.sampled_from([None, "ko", "ja"]),
    st.sampled_from([None, 0, 1]),
    st.sampled_from([0.0, 0.25, 1.0, 1.7]),
)


@given(st.lists(st.lists(PORTIONS, min_size=1, max_size=3), max_size=3))
@settings(deadline=None)
def test_what_a_build_is_told_before_it_is_built_is_what_the_loader_finds(mixtures):
    everyone = Portion(times=0.5)  # so that no portion fits nothing, and no stage sees nothing
    stages = [stage(*mixture, everyone, name=str(n)) for n, mixture in enumerate(mixtures)]
    named = [
        source(p, language, epoch) for p in "ab" for language in ("ko", "ja", "en") for epoch in (0, 1, 2)
    ]
    sequences = {CUT: [10_000] * len(named)}
    try:
        found = shares(stages, named, sequences, limits={"a": 9, "b": 9}, upsampling={})
    except UsageError:  # earlier portions take all that one fits: other tests say so
        return
    for partner in "ab":
        seen = [
            sum(shared[number].count for shared in found) / 10_000
            for number, one in enumerate(named)
            if one.partner == partner
        ]
        assert not stages or max(seen) == pytest.approx(most_times(stages, partner, 1))
    assert most_times((), "a", 1.5) == 1.5
    assert most_times([stage()], "a", 1.5) == 1.5
