"""Every limit against an oracle in plain Python, and dates against the calendar of Python."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.intake.checks.limits import broken_limits
from pipelines.intake.dates import instants, pattern_of
from schemas.contract import Column
from schemas.errors import UsageError
from tests.intake.checks.checking import col

ARROW = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "string": pa.string()}


def broken(values: list[Any], column: Column) -> dict[str, list[int]]:
    kind = (
        pa.list_(pa.string())
        if column.logical_type == "array"
        else ARROW.get(column.logical_type, pa.string())
    )
    told = {one.rule: one.positions.tolist() for one in broken_limits(pa.array(values, kind), column)}
    return {rule: places for rule, places in told.items() if places}


def expected(values: list[Any], rules: dict[str, Any]) -> dict[str, list[int]]:
    told = {
        rule: [i for i, value in enumerate(values) if value is not None and not fits(value)]
        for rule, fits in rules.items()
    }
    return {rule: places for rule, places in told.items() if places}


TEXTS = st.lists(st.none() | st.text(st.sampled_from("ab가😀é\n "), max_size=6), max_size=12)


@settings(deadline=None, max_examples=150)
@given(TEXTS, st.integers(0, 5), st.integers(0, 5))
def test_texts(values: list[str | None], least: int, most: int) -> None:
    column = col("t", pattern="a.*|[^a]", min_length=least, max_length=most, enum=("a", "가", "ab😀"))
    rules = {
        "pattern": lambda text: re.fullmatch("a.*|[^a]", text) is not None,
        "minLength": lambda text: len(text) >= least,
        "maxLength": lambda text: len(text) <= most,
        "enum": lambda text: text in ("a", "가", "ab😀"),
    }
    assert broken(values, column) == expected(values, rules)


INTEGERS = st.none() | st.integers(-9, 9) | st.integers(-(1 << 63), (1 << 63) - 1)


@settings(deadline=None, max_examples=150)
@given(st.lists(INTEGERS, max_size=12), st.integers(-9, 9), st.integers(1, 4))
def test_integers(values: list[int | None], bound: int, step: int) -> None:
    column = col(
        "n", "integer", minimum=bound, maximum=5, exclusive_minimum=-3.5, exclusive_maximum=bound + 4,
        multiple_of=step, enum=(1, 2.0, True, "3", 1 << 62), date_format="i8",
    )  # fmt: skip
    rules = {
        "minimum": lambda n: n >= bound,
        "maximum": lambda n: n <= 5,
        "exclusiveMinimum": lambda n: n > -3.5,
        "exclusiveMaximum": lambda n: n < bound + 4,
        "multipleOf": lambda n: n % step == 0,
        "enum": lambda n: n in (1, 2, 1 << 62),
        "format": lambda n: -128 <= n <= 127,
    }
    assert broken(values, column) == expected(values, rules)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.none() | st.decimals(-999, 999, places=3), max_size=12),
    st.sampled_from(["0.01", "0.1", "0.25", "3"]),
)
def test_numbers(values: list[Decimal | None], step: str) -> None:
    column = col("x", "number", multiple_of=float(step), minimum=-0.5, exclusive_maximum=10)
    rules = {
        "multipleOf": lambda x: x % Decimal(step) == 0,
        "minimum": lambda x: x >= Decimal("-0.5"),
        "exclusiveMaximum": lambda x: x < 10,
    }
    floats = [None if value is None else float(value) for value in values]
    assert broken(floats, column) == expected(values, rules)


def test_what_is_no_number_lies_within_no_bound() -> None:
    assert broken([float("nan"), 1.0], col("x", "number", minimum=0)) == {"minimum": [0]}
    assert broken([float("nan"), 1.0], col("x", "number")) == {}


def test_lists_have_as_many_items_as_they_may() -> None:
    column = col("tags", "array", min_items=1, max_items=2)
    assert broken([[], ["a"], None, ["a", "b", "c"]], column) == {"minItems": [0], "maxItems": [3]}


def test_booleans_of_an_enumeration() -> None:
    assert broken([True, False, None], col("b", "boolean", enum=(True,))) == {"enum": [1]}


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("email", ["a.b@example.org"], ["a@b", "a b@example.org", "@example.org"]),
        ("uuid", ["01234567-89ab-cdef-0123-456789ABCDEF"], ["0123456789abcdef0123456789abcdef"]),
        ("uri", ["https://example.org/a?b", "urn:x"], ["example.org", "http: //x"]),
        ("hostname", ["example.org", "a-b.c"], ["-a.b", "a..b", "a_b"]),
        ("ipv4", ["192.0.2.1", "0.0.0.0"], ["192.0.2", "256.0.0.1", "1.2.3.4."]),
        (
            "ipv6",
            ["2001:db8::1", "::", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8"],
            ["1.2.3.4", "g::1", "1:2", "1::2::3"],
        ),
    ],
)
def test_formats_of_texts(form: str, good: list[str], bad: list[str]) -> None:
    column = col("t", date_format=form)
    assert broken(good, column) == {}
    assert broken(bad, column) == {"format": list(range(len(bad)))}


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "a{2000}", "(((a{100}){100}){100})", "("])
def test_a_pattern_that_re2_does_not_take_is_a_usage_error(pattern: str) -> None:
    with pytest.raises(UsageError, match="RE2"):
        broken(["a"], col("t", pattern=pattern))


def test_a_pattern_that_backtracks_for_ever_elsewhere_is_linear_here() -> None:
    assert broken(["a" * 30_000 + "!"], col("t", pattern="(a+)+b?")) == {"pattern": [0]}


FORMATS = {
    "yyyy-MM-dd": "%Y-%m-%d",
    "yy.MM.dd": "%y.%m.%d",
    "yyyy-MM-dd'T'HH:mm:ss": "%Y-%m-%dT%H:%M:%S",
    "dd/MM/yyyy HH:mm": "%d/%m/%Y %H:%M",
    "yyyyMMddHHmmss": "%Y%m%d%H%M%S",
    "yyyy-MM-dd hh:mm a": "%Y-%m-%d %I:%M %p",
    "yyyy-MM-dd'T'HH:mm:ssXXX": "%Y-%m-%dT%H:%M:%S%z",
    "yyyy'년' M'월' d'일'": "%Y년 %m월 %d일",
}


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(sorted(FORMATS)), st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)), st.data()
)
def test_dates_of_a_format(form: str, moment: datetime, data: Any) -> None:
    text = moment.strftime(FORMATS[form].replace("%z", "+09:00"))
    at = data.draw(st.integers(0, len(text) - 1))
    spoilt = text[:at] + data.draw(st.sampled_from("0123456789-:. T")) + text[at + 1 :]
    micros, exists = instants(pa.array([text, spoilt, None]), pattern_of("timestamp", form))
    assert exists[0]
    assert not exists[2]
    for i, one in enumerate((text, spoilt)):
        try:
            parsed = datetime.strptime(one, FORMATS[form])
        except ValueError:
            assert not exists[i] or "  " in one
            continue
        if exists[i]:  # Python's parser takes one digit where two are asked for
            if form.startswith("yy.") and parsed.year < 2000:
                parsed = parsed.replace(year=parsed.year + 100)  # yy is 2000 to 2099 to the JDK
            naive = parsed.replace(tzinfo=None) - (parsed.utcoffset() or datetime.min - datetime.min)
            assert micros[i] == round((naive - datetime(1970, 1, 1)).total_seconds() * 1e6)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32))
def test_days_exist_where_the_calendar_has_them(year: int, month: int, day: int) -> None:
    text = f"{year:04}-{month:02}-{day:02}"
    try:
        date(year, month, day)
        there = True
    except ValueError:
        there = False
    _, exists = instants(pa.array([text]), pattern_of("date", None))
    assert bool(exists[0]) == there


def test_dates_without_a_format_are_iso_8601() -> None:
    def exist(kind: str, texts: list[str]) -> list[bool]:
        return instants(pa.array(texts), pattern_of(kind, None))[1].tolist()

    days = ["2024-02-29", "2023-02-29", "2024-2-9", "2024-02-29T00:00", "20240229", " 2024-02-29"]
    assert exist("date", days) == [True, False, False, False, False, False]
    stamps = [
        "2024-02-29",
        "2024-02-29T23:59",
        "2024-02-29 23:59:59.123456Z",
        "2024-02-29T24:00",
        "2024-02-29T12:00+0930",
    ]
    assert exist("timestamp", stamps) == [True, True, True, False, True]
    assert exist("time", ["23:59", "23:60", "00:00:00.5"]) == [True, False, True]
    micros, _ = instants(
        pa.array(["2024-01-01T09:00+09:00", "2024-01-01T00:00Z"]), pattern_of("timestamp", None)
    )
    assert micros[0] == micros[1]
    local, _ = instants(pa.array(["2024-01-01T09:00+09:00"]), pattern_of("timestamp", None), local=True)
    assert local[0] - micros[0] == 9 * 3600 * 1_000_000


def test_ranges_of_dates_go_by_the_day_and_not_by_the_letters() -> None:
    column = col("d", "date", minimum="2024-01-31", exclusive_maximum="2024-03-01", date_format="dd.MM.yyyy")
    assert broken(["30.01.2024", "31.01.2024", "29.02.2024", "01.03.2024", "30.02.2024"], column) == {
        "minimum": [0],
        "exclusiveMaximum": [3],
        "format": [4],
    }
    with pytest.raises(UsageError, match="no date that exists"):
        broken(["01.01.2024"], col("d", "date", minimum="2024-02-30"))


@pytest.mark.parametrize("form", ["yyyy-MMM-dd", "EEEE", "yyyy-MM-dd'T", "yyyy[-MM", "yyyy yyyy", "DDD"])
def test_a_date_format_that_is_not_read_is_a_usage_error(form: str) -> None:
    with pytest.raises(UsageError, match="date format"):
        pattern_of("date", form)


def test_half_days_and_short_years_and_optional_parts() -> None:
    twelve, _ = instants(pa.array(["12:30 AM", "12:30 pm", "01:05 PM"]), pattern_of("time", "hh:mm a"))
    assert (twelve // 60_000_000).tolist() == [30, 750, 785]
    short, exists = instants(pa.array(["00.02.29", "01.02.29", "99.12.31"]), pattern_of("date", "yy.MM.dd"))
    assert exists.tolist() == [True, False, True]
    assert np.datetime64(int(short[2]), "us") == np.datetime64("2099-12-31")
    both, exists = instants(
        pa.array(["2024-05", "2024-05-07", "2024-05-"]), pattern_of("date", "yyyy-MM[-dd]")
    )
    assert exists.tolist() == [True, True, False]
    assert both[1] - both[0] == 6 * 86_400_000_000
