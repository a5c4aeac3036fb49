"""ODCS's limits on the values of one column, vectorised over an Arrow array of its logical type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.intake.checks.batch import Mask, Positions
from pipelines.intake.dates import DatePattern, instant, instants, pattern_of
from schemas.contract import Column
from schemas.errors import UsageError
from schemas.reasons import Refusal

DATES = ("date", "timestamp", "time")
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # of a host name (RFC 1123)
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"({_OCTET}\.){{3}}{_OCTET}"


def _ipv6() -> Iterator[str]:
    """The ways to write an address (RFC 4291, 2.2): in full, zeros left out as ::, with an IPv4 end."""
    group = "[0-9A-Fa-f]{1,4}"
    yield f"({group}:){{7}}{group}"
    yield f"({group}:){{6}}{_IPV4}"
    for groups, end in ((7, ""), (5, f":{_IPV4}")):
        yield f"({group}:){{1,{groups}}}:{end[1:]}"
        yield f":(:{group}){{1,{groups}}}{end}"
        for behind in range(1, groups):
            yield f"({group}:){{1,{groups - behind}}}(:{group}){{1,{behind}}}{end}"
    yield "::"
    yield f"::{_IPV4}"


# What ODCS lets a string's format be, as far as it says what the value looks like.
_FORMATS = {
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "uuid": r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "uri": r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+",
    "hostname": rf"{_LABEL}(\.{_LABEL})*",
    "ipv4": _IPV4,
    "ipv6": "|".join(_ipv6()),
}
_BITS = {f"{sign}{bits}": (sign, bits) for sign in "iu" for bits in (8, 16, 32, 64)}
_ROUNDING = 1e-9  # of a quotient: 0.3 is a multiple of 0.1


class Broken(NamedTuple):
    """The rows at the positions break a rule."""

    rule: str
    refusal: Refusal
    positions: Positions


def broken_limits(values: pa.Array, column: Column) -> Iterator[Broken]:
    """Every limit of the column that a value breaks; nulls break none.

    Raises UsageError for a pattern that RE2 does not take.
    """
    limits = column.limits
    if limits.enum:
        yield _broken("enum", Refusal.NOT_IN_ENUM, values, _listed(values, limits.enum))
    if column.logical_type in DATES:
        yield from _date_limits(values, column)
    elif pa.types.is_string(values.type):
        yield from _text_limits(values, column)
    elif pa.types.is_list(values.type):
        yield from _list_limits(values, column)
    elif not pa.types.is_boolean(values.type):
        yield from _number_limits(values, column)


def _broken(rule: str, refusal: Refusal, values: pa.Array, fits: pa.Array) -> Broken:
    wrong = pc.and_(pc.invert(fits.fill_null(False)), values.is_valid())
    return Broken(rule, refusal, positions_of(wrong))


def positions_of(mask: pa.Array) -> Positions:
    """Where an Arrow mask is true."""
    return np.asarray(pc.indices_nonzero(mask).to_numpy(), np.int64)


def _listed(values: pa.Array, enum: tuple[str | int | float | bool, ...]) -> pa.Array:
    """Whether each value is one of the enumeration's; its entries of other types are nobody's."""
    fitting: list[str | int | float | bool] = []
    for entry in enum:
        number = isinstance(entry, int | float) and not isinstance(entry, bool)
        if pa.types.is_string(values.type):
            fitting += [entry] if isinstance(entry, str) else []
        elif pa.types.is_boolean(values.type):
            fitting += [entry] if isinstance(entry, bool) else []
        elif number and pa.types.is_floating(values.type):
            fitting.append(float(entry))
        elif number and float(entry).is_integer():
            fitting.append(int(entry))
    return pc.is_in(values, pa.array(fitting, values.type))


def _text_limits(values: pa.Array, column: Column) -> Iterator[Broken]:
    limits = column.limits
    if limits.pattern is not None:
        fits = matches(values, limits.pattern, column.name)
        yield _broken("pattern", Refusal.PATTERN_MISMATCH, values, fits)
    if limits.date_format in _FORMATS:
        fits = matches(values, _FORMATS[limits.date_format], column.name)
        yield _broken("format", Refusal.PATTERN_MISMATCH, values, fits)
    least, most = limits.min_length, limits.max_length
    if least is None and most is None:
        return
    # A code point has one to four bytes: only texts whose bytes leave it open are counted.
    size = pc.binary_length(values)
    short = pc.less(size, 4 * least if least is not None and least > 1 else (least or 0))
    long = pc.greater(size, most if most is not None else np.iinfo(np.int32).max)
    near = positions_of(pc.or_(short, long).fill_null(False))
    count = pc.utf8_length(values.take(pa.array(near))).to_numpy()
    if least is not None:
        yield Broken("minLength", Refusal.WRONG_LENGTH, near[count < least])
    if most is not None:
        yield Broken("maxLength", Refusal.WRONG_LENGTH, near[count > most])


def matches(values: pa.Array, pattern: str, name: str) -> pa.Array:
    """Whether each whole value matches an RE2 expression."""
    try:
        return pc.match_substring_regex(values, rf"\A(?:{pattern})\z")
    except pa.ArrowInvalid:
        raise UsageError(
            f"column {name}: its pattern is none that RE2 takes: leave out look-around and back references, "
            "and repeat counts above 1,000 (https://github.com/google/re2/wiki/Syntax)"
        ) from None


def _list_limits(values: pa.Array, column: Column) -> Iterator[Broken]:
    count = pc.list_value_length(values).fill_null(-1).to_numpy()
    if (least := column.limits.min_items) is not None:
        yield Broken("minItems", Refusal.WRONG_LENGTH, np.flatnonzero((count >= 0) & (count < least)))
    if (most := column.limits.max_items) is not None:
        yield Broken("maxItems", Refusal.WRONG_LENGTH, np.flatnonzero(count > most))


def _number_limits(values: pa.Array, column: Column) -> Iterator[Broken]:
    limits = column.limits
    there = values.is_valid().to_numpy(zero_copy_only=False)
    numbers = values.fill_null(0).to_numpy()
    bounds = (limits.minimum, limits.maximum, limits.exclusive_minimum, limits.exclusive_maximum)
    least, most, above, below = (bound if isinstance(bound, int | float) else None for bound in bounds)
    yield from _bounds(numbers, there, least, most, above, below)
    if limits.multiple_of is not None:
        off = ~on_grid(numbers, limits.multiple_of) & there
        yield Broken("multipleOf", Refusal.INVALID_VALUE, np.flatnonzero(off))
    if limits.date_format in _BITS and pa.types.is_integer(values.type):
        sign, bits = _BITS[limits.date_format]
        least = 0 if sign == "u" else -(1 << (bits - 1))
        most = (1 << bits) - 1 if sign == "u" else (1 << (bits - 1)) - 1
        most = min(most, np.iinfo(np.int64).max)
        outside = ((numbers < least) | (numbers > most)) & there
        yield Broken("format", Refusal.OUT_OF_RANGE, np.flatnonzero(outside))


def _bounds(
    numbers: NDArray[np.int64] | NDArray[np.float64],
    there: Mask,
    least: float | None,
    most: float | None,
    above: float | None,
    below: float | None,
) -> Iterator[Broken]:
    """What is no number (NaN) lies within no bound."""
    tests = (
        ("minimum", least, np.greater_equal),
        ("maximum", most, np.less_equal),
        ("exclusiveMinimum", above, np.greater),
        ("exclusiveMaximum", below, np.less),
    )
    for rule, bound, fits in tests:
        if bound is not None:
            yield Broken(rule, Refusal.OUT_OF_RANGE, np.flatnonzero(~fits(numbers, bound) & there))


def on_grid(numbers: NDArray[np.int64] | NDArray[np.float64], step: float) -> Mask:
    """Whether each number is a multiple of the step, rounding of binary fractions aside."""
    if np.issubdtype(numbers.dtype, np.integer) and step == int(step):
        return np.asarray(numbers % int(step) == 0)
    quotient = numbers / step
    nearest = np.rint(quotient)
    return np.asarray(np.abs(quotient - nearest) <= _ROUNDING * np.maximum(1.0, np.abs(quotient)))


def _date_limits(values: pa.Array, column: Column) -> Iterator[Broken]:
    limits = column.limits
    pattern = pattern_of(column.logical_type, limits.date_format)
    micros, exists = instants(values, pattern)
    there = values.is_valid().to_numpy(zero_copy_only=False)
    yield Broken("format", Refusal.INVALID_DATE, np.flatnonzero(there & ~exists))
    bounds = (limits.minimum, limits.maximum, limits.exclusive_minimum, limits.exclusive_maximum)
    yield from _bounds(micros, there & exists, *(_bound(bound, pattern, column) for bound in bounds))


def _bound(bound: float | int | str | None, pattern: DatePattern, column: Column) -> int | None:
    """A bound of a date column: written as its values are, or in ISO 8601."""
    if bound is None:
        return None
    for form in (pattern, pattern_of("timestamp", None), pattern_of("time", None)):
        if (micros := instant(str(bound), form)) is not None:
            return micros
    raise UsageError(
        f"column {column.name}: a bound of its range is no date that exists: write it as yyyy-MM-dd"
    )
