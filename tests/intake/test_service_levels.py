"""Service levels: shares with their certainty, volume, lateness; and what a contract must state."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.intake.service_levels import Previous, language_shares, lateness, share_bounds, volume
from pipelines.intake.standing import standing
from schemas.contract import Expected, ServiceLevel, Severity
from schemas.drop import Period
from tests.agreements import ALL_RIGHTS, contract_of
from tests.intake.test_quality_rules import data_set


@given(part=st.integers(0, 500), more=st.integers(0, 500), rest=st.integers(0, 10_000))
def test_the_interval_holds_the_share_and_closes_when_all_is_sampled(part, more, rest):
    sampled = part + more
    low, high = share_bounds(part, sampled, sampled + rest)
    assert 0 <= low <= high <= 1
    if sampled:
        assert low - 1e-12 <= part / sampled <= high + 1e-12
    if sampled and rest == 0:
        assert low == high


def test_the_interval_misses_one_time_in_a_hundred():
    """Hypergeometric draws, as admission draws them; the standard error of the rate is 0.001."""
    drawn = np.random.default_rng(7).hypergeometric(2_000, 18_000, 1_000, size=10_000)
    bounds = [share_bounds(int(part), 1_000, 20_000) for part in drawn]
    missed = sum(not low <= 0.1 <= high for low, high in bounds) / len(bounds)
    assert math.isclose(missed, 0.01, abs_tol=0.005)


def test_a_share_is_refused_only_where_the_sample_is_sure_of_it():
    expecting = replace(data_set(), languages_expected=(("ko", Expected(0.5, 1.0)),))

    def severities(korean: int, sampled: int, rows: int) -> list[Severity]:
        return [
            told.severity for told in language_shares(expecting, {"ko": korean}, sampled=sampled, rows=rows)
        ]

    assert severities(50, 100, 10_000) == []
    assert severities(45, 100, 10_000) == [Severity.WARNING]
    assert severities(45, 100, 100) == [Severity.ERROR]
    assert severities(20, 100, 10_000) == [Severity.ERROR]
    assert severities(0, 0, 0) == []


@pytest.mark.parametrize(
    ("expected", "fitting", "broken"),
    [
        (Expected(5, 10), [5, 10], [4, 11]),
        (Expected(5, None), [5, 10**9], [4]),
        (Expected(None, 10), [0, 10], [11]),
    ],
)
def test_volume_is_inclusive_at_both_ends(expected, fitting, broken):
    expecting = replace(data_set(), rows_expected=expected)
    assert not any(list(volume(expecting, rows)) for rows in fitting)
    assert all([told.severity for told in volume(expecting, rows)] == [Severity.ERROR] for rows in broken)


@pytest.mark.parametrize(("today", "late"), [("2026-11-09", False), ("2026-11-10", True)])
def test_a_drop_is_late_from_the_first_day_that_is_not_allowed(today, late):
    contract = replace(contract_of(data_set()), service=ServiceLevel(every_days=7, late_days=1))
    told = list(lateness(contract, Previous("2026-11-01", None), today=today, period=None))
    assert [finding.code for finding in told] == (["late"] if late else [])
    assert list(lateness(contract, None, today=today, period=None)) == []


def test_days_between_two_drops_are_told():
    contract = replace(contract_of(data_set()), service=ServiceLevel(every_days=70, late_days=1))
    before = Previous("2026-11-01", Period("2026-10-01", "2026-10-31"))
    for first, codes in (("2026-11-01", []), ("2026-11-02", ["period_gap"]), ("2026-10-15", [])):
        period = Period(first, "2026-11-30")
        told = lateness(contract, before, today="2026-11-02", period=period)
        assert [finding.code for finding in told] == codes


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"licence": ""}, "licence"),
        ({"legal_basis": None}, "legal_basis"),
        ({"source": ()}, "source"),
        ({"unique_identifiers": ()}, "unique_identifiers"),
        ({"retention": None}, "retention"),
        ({"territory": ()}, "territory"),
        ({"purposes": ()}, "purpose"),
        ({"starts": "2027-01-01"}, "not_started"),
        ({"expires": "2026-11-23"}, "expired"),
    ],
)
def test_a_right_that_is_not_stated_or_over_refuses(change, code):
    contract = contract_of(data_set(), rights=replace(ALL_RIGHTS, **change))
    errors = {told.code for told in standing(contract, "2026-11-24") if told.severity is Severity.ERROR}
    assert errors == {code, "unapproved"}


def test_an_end_that_is_near_is_warned_of():
    contract = contract_of(data_set(), rights=replace(ALL_RIGHTS, expires="2026-11-30"))
    told = [finding for finding in standing(contract, "2026-11-24") if finding.code == "expires_soon"]
    assert [finding.severity for finding in told] == [Severity.WARNING]
    assert "6 days" in told[0].message
