from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.intake.column_policy import forbidden, keyed, on_clock, on_grid, purpose_of, secret_id
from schemas.contract import Column, Policy, Role

SECRET = bytes(range(32))
STEPS = st.sampled_from([0.01, 0.1, 0.25, 1.0, 5.0, 0.001, 1e-05, 30.0, 0.0125])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def digests(values: list[object], **changes: object) -> list[str | None]:
    given = {"secret": SECRET, "partner": "p", "purpose": "subject", **changes}
    return keyed(pa.array(values), **given).to_pylist()


def column(role: Role, name: str = "c") -> Column:
    return Column(
        name=name, role=role, logical_type="string", required=False, path=(name,), policy=Policy.KEY
    )


@given(st.lists(st.one_of(st.none(), TEXTS)))
def test_keying_keeps_nulls_and_equality_and_nothing_else(values: list[str | None]) -> None:
    found = keyed(pa.array(values, pa.string()), secret=SECRET, partner="p", purpose="x").to_pylist()
    for value, digest in zip(values, found, strict=True):
        assert (digest is None) == (value in {None, ""})
        assert digest is None or re.fullmatch("k1:[0-9a-f]{32}", digest)
    by_value = dict(zip(values, found, strict=True))
    assert [by_value[value] for value in values] == found


@given(st.lists(TEXTS.filter(bool), unique=True, min_size=1))
def test_the_same_people_at_two_partners_share_no_digest_under_the_same_secret(people: list[str]) -> None:
    assert not set(digests(people)) & set(digests(people, partner="q"))
    assert not set(digests(people)) & set(digests(people, purpose="key"))
    assert not set(digests(people)) & set(digests(people, secret=bytes(32)))
    assert digests(people) == digests(people)


def test_partner_and_purpose_cannot_be_shifted_into_each_other() -> None:
    assert digests(["x"], partner="ab", purpose="c") != digests(["x"], partner="a", purpose="bc")


def test_a_number_and_its_text_and_composed_and_decomposed_hangul_are_one() -> None:
    assert digests([17]) == digests(["17"])
    assert digests(["\u1112\u1161\u11ab"]) == digests(["한"])


def test_subjects_share_a_purpose_and_keys_another_with_their_seeds() -> None:
    assert purpose_of(column(Role.SUBJECT), "a") == purpose_of(column(Role.SUBJECT, "d"), "b")
    assert purpose_of(column(Role.KEY), "a") == purpose_of(column(Role.SEED), "b")
    names = [
        purpose_of(column(role, name), "a") for role in (Role.SUBJECT, Role.KEY, Role.OTHER) for name in "cd"
    ]
    assert len(set(names)) == 4


def test_a_secret_is_named_by_digits_that_are_not_its_own() -> None:
    assert re.fullmatch("[0-9a-f]{16}", secret_id(SECRET))
    assert secret_id(SECRET) not in SECRET.hex()
    assert secret_id(SECRET) != secret_id(bytes(32))


@given(st.lists(st.floats(-1e6, 1e6)), STEPS)
def test_a_grid_rounds_down_once_and_keeps_the_order(values: list[float], step: float) -> None:
    found = on_grid(pa.array(values, pa.float64()), step)
    assert on_grid(found, step) == found
    cells = found.to_pylist()
    width = Fraction(repr(step))
    for value, cell in zip(values, cells, strict=True):
        exact = Fraction(repr(value)) // width * width
        assert cell == float(exact)
        assert 0 <= Fraction(repr(value)) - exact < width
    pairs = sorted(zip(values, cells, strict=True))
    assert [cell for _, cell in pairs] == sorted(cells)


@given(st.lists(st.decimals(-1000, 1000, places=6)), STEPS)
def test_texts_lie_on_the_grid_that_numbers_lie_on(values: list[Decimal], step: float) -> None:
    texts = on_grid(pa.array(list(map(str, values)), pa.string()), step)
    assert on_grid(texts, step) == texts
    numbers = on_grid(pa.array(list(map(float, values)), pa.float64()), step)
    assert list(map(float, texts.to_pylist())) == numbers.to_pylist()


@pytest.mark.parametrize(
    ("value", "step", "cell"),
    [
        (37.56, 0.01, 37.56),
        (37.5665, 0.01, 37.56),
        (-37.5665, 0.01, -37.57),
        (0.3, 0.1, 0.3),
        (127.2, 0.05, 127.2),
        (-0.0, 0.1, 0.0),
        ("37.5", 0.01, "37.50"),
        (" 37.5665 ", 0.01, "37.56"),
        ("1e2", 5.0, "100"),
        ("-3", 5.0, "-5"),
        (17, 5.0, 15),
        (-17, 5.0, -20),
        (Decimal("37.5665"), 0.01, Decimal("37.5600")),
        ("서울", 0.01, None),
        ("nan", 0.01, None),
        ("", 0.01, None),
        (math.inf, 0.01, None),
        (1e300, 0.01, None),
        (True, 1.0, None),
    ],
)
def test_a_value_on_its_grid(value: object, step: float, cell: object) -> None:
    assert on_grid(pa.array([value, None]), step).to_pylist() == [cell, None]


def test_short_floats_are_read_by_the_digits_they_are_written_with() -> None:
    found = on_grid(pa.array([37.56, 37.5699], pa.float32()), 0.01)
    assert found == pa.array([37.56, 37.56], pa.float32())


TIMES = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2199, 12, 31))
CLOCKS = st.sampled_from(["hour", "day", "month"])


def cut(moment: datetime.datetime, clock: str) -> datetime.datetime:
    moment = moment.replace(minute=0, second=0, microsecond=0)
    if clock == "hour":
        return moment
    return moment.replace(hour=0, day=moment.day if clock == "day" else 1)


@given(st.lists(TIMES), CLOCKS)
def test_a_clock_cuts_once_and_keeps_the_order(moments: list[datetime.datetime], clock: str) -> None:
    texts = pa.array([moment.isoformat() for moment in moments], pa.string())
    found = on_clock(texts, clock, logical_type="timestamp")
    assert on_clock(found, clock, logical_type="timestamp") == found
    wanted = [cut(moment, clock) for moment in moments]
    assert [datetime.datetime.fromisoformat(text) for text in found.to_pylist()] == wanted
    stamps = on_clock(pa.array(moments, pa.timestamp("us")), clock, logical_type="timestamp")
    assert stamps.to_pylist() == wanted
    days = on_clock(pa.array([m.date() for m in moments], pa.date32()), clock, logical_type="date")
    assert days.to_pylist() == [m.date().replace(day=1) if clock == "month" else m.date() for m in moments]


@pytest.mark.parametrize(
    ("text", "clock", "date_format", "cell"),
    [
        ("2026-10-03T21:15:30+09:00", "hour", None, "2026-10-03T21:00:00+09:00"),
        ("2026-10-03T21:15Z", "hour", None, "2026-10-03T21:00:00Z"),
        ("2026-10-03 21:15:30.123456", "hour", None, "2026-10-03T21:00:00"),
        ("2026-10-03T00:30:00+09:00", "day", None, "2026-10-03"),
        ("2026-10-03", "month", None, "2026-10-01"),
        ("26.10.03", "month", "yy.MM.dd", "2026-10-01"),
        ("26.10.03", "day", "yy.MM.dd", "2026-10-03"),
        ("2026/10/3 9:05 PM", "hour", "yyyy/MM/d h:mm a", "2026-10-03T21:00:00"),
        ("20261003211530", "hour", "yyyyMMddHHmmss", "2026-10-03T21:00:00"),
        ("2026-02-30", "day", None, None),
        ("어제", "day", None, None),
        ("", "day", None, None),
    ],
)
def test_a_time_on_its_clock(text: str, clock: str, date_format: str | None, cell: str | None) -> None:
    found = on_clock(pa.array([text, None]), clock, logical_type="timestamp", date_format=date_format)
    assert found.to_pylist() == [cell, None]


def test_a_forbidden_column_tells_which_rows_have_a_value() -> None:
    assert forbidden(pa.array(["x", None, "", "y"])).tolist() == [0, 3]
    assert forbidden(pa.array([None, 0.0, 1.0])).tolist() == [1, 2]
    assert forbidden(pa.nulls(3)).tolist() == []
