"""The law of loudness: limits by kind and stage, exceptions by drop, stage and reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.lineage.loss import Balance, check_losses, check_matches
from schemas.contract import Kind
from schemas.errors import LossExceeded
from schemas.reasons import Reason, Stage
from schemas.recipe import LossException, Recipe

RECIPE = Recipe(
    name="r",
    contracts=".",
    partners=("p",),
    purposes=(),
    date="2026-11-24",
    max_loss={Kind.WEB: {Stage.QUALITY: 0.5}},
    max_quarantined=0.1,
)
BALANCE = Balance(
    partner="p",
    data_set="d",
    kind=Kind.WEB,
    rows=100,
    quarantined=10,
    documents=90,
    dropped={"quality/too_few_words": 45, "dedup/exact_duplicate": 40},
)


def test_a_loss_at_the_limit_is_allowed():
    check_losses([BALANCE], RECIPE, stages=tuple(Stage))


def test_one_document_more_is_not_and_the_numbers_are_told():
    dropped = {"quality/too_few_words": 40, "quality/spam": 6}
    with pytest.raises(LossExceeded, match="p/d: quality dropped 46 of 90 documents"):
        check_losses([replace(BALANCE, dropped=dropped)], RECIPE, stages=tuple(Stage))


def test_a_limit_of_another_kind_or_stage_does_not_count():
    check_losses(
        [replace(BALANCE, kind=Kind.CODE, dropped={"quality/spam": 90})], RECIPE, stages=tuple(Stage)
    )
    check_losses([replace(BALANCE, dropped={"quality/spam": 90})], RECIPE, stages=(Stage.DEDUP,))


def test_an_exception_for_a_stage_replaces_the_limit():
    exception = LossException("p", "d", Stage.QUALITY, 0.9, "known")
    recipe = replace(RECIPE, exceptions=(exception,))
    check_losses([replace(BALANCE, dropped={"quality/spam": 81})], recipe, stages=tuple(Stage))
    with pytest.raises(LossExceeded, match="exception allows 90"):
        check_losses([replace(BALANCE, dropped={"quality/spam": 82})], recipe, stages=tuple(Stage))


def test_an_exception_for_a_reason_takes_only_that_reason_out():
    exception = LossException("p", "d", Stage.QUALITY, 0.5, "known", Reason.SPAM)
    recipe = replace(RECIPE, exceptions=(exception,))
    dropped = {"quality/spam": 45, "quality/too_few_words": 45}
    check_losses([replace(BALANCE, dropped=dropped)], recipe, stages=tuple(Stage))
    with pytest.raises(LossExceeded, match="46 of 90 documents as spam"):
        check_losses([replace(BALANCE, dropped={"quality/spam": 46})], recipe, stages=tuple(Stage))
    with pytest.raises(LossExceeded, match="too_few_words 46"):
        check_losses([replace(BALANCE, dropped={"quality/too_few_words": 46})], recipe, stages=tuple(Stage))


def test_an_exception_of_another_drop_does_not_help():
    exception = LossException("p", "other", Stage.QUALITY, 1.0, "known")
    with pytest.raises(LossExceeded):
        check_losses(
            [replace(BALANCE, dropped={"quality/spam": 46})],
            replace(RECIPE, exceptions=(exception,)),
            stages=tuple(Stage),
        )


def test_too_many_refused_rows_and_an_empty_drop_are_told_together():
    with pytest.raises(LossExceeded) as caught:
        check_losses(
            [
                replace(BALANCE, quarantined=11),
                replace(BALANCE, data_set="e", rows=0, documents=0, dropped={}),
            ],
            RECIPE,
            stages=tuple(Stage),
        )
    assert "p/d: 11 of 100 rows refused" in str(caught.value)
    assert "p/e: no row arrived" in str(caught.value)


def test_a_stage_that_must_match_is_held_to_it():
    recipe = replace(RECIPE, must_match=(Stage.DEDUP,))
    check_matches({Stage.DEDUP: 1}, recipe)
    with pytest.raises(LossExceeded, match="dedup: matched nothing"):
        check_matches({Stage.QUALITY: 5}, recipe)
