"""What becomes of a column that is not text before it leaves the partner: pure functions on Arrow arrays.

keyed: BLAKE2b under the partner's secret, `k1:` and 32 hexadecimal digits. Partner and purpose are part of
what is keyed, so that one person never has the same digest at two partners, whatever their secrets are.
on_grid: a number rounded down to a step, by decimal arithmetic. on_clock: a time cut to its hour, day or
month, as ISO 8601. forbidden: the rows that have a value where there may be none.

Null stays null, and what cannot be generalised becomes null: the caller compares the nulls.
"""

from __future__ import annotations

import decimal
import hashlib
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.intake.dates import instants, pattern_of
from schemas.contract import Column, Role

SECRET_BYTES = 32
_PERSON = b"malmoi column 1"
_STEPS = {64: 1 << 53, 32: 1 << 24, 16: 1 << 11}  # whole numbers that a float of so many bits tells apart
_EXACT = decimal.Context(prec=100)  # digits: steps of 1e-9 at magnitudes of 1e24, and room
_ISO_UNITS = {"hour": "h", "day": "D", "month": "M"}


def purpose_of(column: Column, data_set: str) -> str:
    """What a column is keyed for: equal values agree inside a purpose and nowhere else.

    Subjects share one over the partner's data sets; keys share another with the seeds that name them;
    every other column has its own.
    """
    if column.role is Role.SUBJECT:
        return "subject"
    if column.role in {Role.KEY, Role.SEED}:
        return "key"
    return f"column {data_set}.{column.name}"


def secret_id(secret: bytes) -> str:
    """The name of a secret, 16 hexadecimal digits: tells two apart and says nothing of either."""
    return hashlib.blake2b(secret, digest_size=32, person=b"malmoi secret 1").hexdigest()[:16]


def keyed(values: pa.Array, *, secret: bytes, partner: str, purpose: str) -> pa.Array:
    """Strings `k1:...` in the place of values; null and the empty text are null.

    A number and the text it is written as have one digest; texts are compared in NFC.
    """
    start = hashlib.blake2b(key=secret, digest_size=16, person=_PERSON)
    for part in (partner, purpose):
        encoded = part.encode()
        start.update(len(encoded).to_bytes(8, "little") + encoded)

    def digest(value: Any) -> str | None:
        text = unicodedata.normalize("NFC", str(value))
        if not text:
            return None
        own = start.copy()
        own.update(text.encode())
        return f"k1:{own.hexdigest()}"

    return _each_distinct(values, digest, pa.string())


def on_grid(values: pa.Array, step: float) -> pa.Array:
    """Numbers, or texts that are numbers, rounded down to a multiple of `step`; of the type they had.

    Null where there is no number, or one so large that its type has no digits left for the step.
    """
    width = Decimal(repr(step))
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        places = max(0, -int(width.normalize().as_tuple().exponent))
        return _each_distinct(values, lambda text: _text_floor(text, width, places), pa.string())
    if pa.types.is_integer(kind):
        return _each_distinct(values, lambda n: int(_floor(Decimal(n), width)), kind)
    if pa.types.is_floating(kind):
        # By the digits a float is written with: 37.56 is on the grid of 0.01, whatever bits stand for it.
        most = width * _STEPS[kind.bit_width]
        texts = values.cast(pa.string())
        return _each_distinct(texts, lambda text: _float_floor(text, width, most), pa.float64()).cast(kind)
    if pa.types.is_decimal(kind):
        floors = _each_distinct(values, lambda number: _floor(number, width), pa.decimal256(76, kind.scale))
        return floors.cast(kind)
    return pa.nulls(len(values), kind)


def on_clock(values: pa.Array, clock: str, *, logical_type: str, date_format: str | None = None) -> pa.Array:
    """Times cut to their hour, day or month on the clock they were read from; clock: hour, day, month.

    Texts are read as ISO 8601 or by an ODCS format and become ISO 8601: 2026-10-03T21:00:00+09:00,
    2026-10-03, 2026-10-01; null where there is no such time. Arrow's dates and timestamps keep their type.
    """
    kind = values.type
    if pa.types.is_timestamp(kind):
        return pc.floor_temporal(values, unit=clock)
    if pa.types.is_date(kind):
        return pc.floor_temporal(values.cast(pa.timestamp("ms")), unit=clock).cast(kind)
    if not pa.types.is_string(kind):
        return pa.nulls(len(values), kind)
    pattern = pattern_of(logical_type, date_format)
    micros, exist = instants(values, pattern, local=True)
    cut = micros.astype("datetime64[us]").astype(f"datetime64[{_ISO_UNITS[clock]}]")
    exist = exist & (cut.astype("datetime64[Y]").astype(np.int64) + 1970 >= 0)
    cut = np.where(exist, cut, np.zeros(1, cut.dtype))
    day = cut if clock == "hour" else cut.astype("datetime64[D]")
    texts = pa.array(
        np.datetime_as_string(day, unit="s" if clock == "hour" else "D").astype(object), pa.string()
    )
    if clock == "hour" and "(?P<offset>" in pattern.regex:
        offsets = pc.struct_field(pc.extract_regex(values, rf"\A(?:{pattern.regex})\z"), "offset")
        texts = pc.binary_join_element_wise(texts, offsets.fill_null(""), "")
    return pc.if_else(pa.array(exist), texts, pa.scalar(None, pa.string()))


def forbidden(values: pa.Array) -> NDArray[np.int64]:
    """The positions that have a value; the empty text is none."""
    given = values.is_valid()
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        given = pc.and_(given, pc.not_equal(values, "").fill_null(False))
    return np.flatnonzero(given.to_numpy(zero_copy_only=False))


def _each_distinct(values: pa.Array, change: Callable[[Any], Any], kind: pa.DataType) -> pa.Array:
    """`change` of every value that is not null, computed once for each distinct one."""
    distinct = values.dictionary_encode()
    changed = [None if value is None else change(value) for value in distinct.dictionary.to_pylist()]
    return pa.array(changed, kind).take(distinct.indices)


def _floor(number: Decimal, width: Decimal) -> Decimal:
    steps = _EXACT.divide(number, width).to_integral_value(decimal.ROUND_FLOOR, _EXACT)
    return _EXACT.multiply(steps, width)


def _text_floor(text: str, width: Decimal, places: int) -> str | None:
    number = _number(text)
    if number is None or abs(number) >= width * _STEPS[64]:
        return None
    return f"{_floor(number, width):.{places}f}"


def _float_floor(text: str, width: Decimal, most: Decimal) -> float | None:
    number = _number(text)
    return None if number is None or abs(number) >= most else float(_floor(number, width))


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except decimal.InvalidOperation:
        return None
    return number if number.is_finite() else None
