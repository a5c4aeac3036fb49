"""What a contract's roles and policies say of values: forbidden, keyed, generalised, licensed, of an origin.

Of a raw delivery only FORBID acts here, and a column with the policy DROP is not read. Where the contract
says `deliveredAs: pseudonymised`, `malmoi prepare` has carried the policies out, and that is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.intake.checks.batch import Mask
from pipelines.intake.checks.cells import Cells
from pipelines.intake.checks.limits import DATES, Broken, matches, on_grid
from pipelines.intake.dates import instants, pattern_of
from schemas.contract import Column, DataSet, Limits, Policy, Role
from schemas.reasons import Refusal

KEYED = r"k1:[0-9a-f]{32}"  # what `malmoi prepare` writes for a value under the partner's key
_ORIGIN = r"people|mixed|machine(:.+)?"
_CLOCK_MICROS = {"hour": 3_600_000_000, "day": 86_400_000_000}


def is_forbidden(column: Column, *, pseudonymised: bool) -> bool:
    """Whether the column may have no value at all."""
    return column.policy is Policy.FORBID or (pseudonymised and column.policy is Policy.DROP)


def is_read(column: Column, *, pseudonymised: bool) -> bool:
    """Whether the column is looked at: DROP of a raw delivery is not, but where the build reads its role."""
    return pseudonymised or column.policy is not Policy.DROP or column.role is not Role.OTHER


def as_delivered(column: Column, *, pseudonymised: bool) -> Column:
    """The column as its values are to be: keyed values are text, generalised times are ISO 8601."""
    if not pseudonymised:
        return column
    if is_keyed(column):
        return replace(column, logical_type="string", limits=Limits(unique=column.limits.unique))
    if column.policy is Policy.GENERALISE and column.clock is not None:
        ranges = replace(column.limits, pattern=None, date_format=None, min_length=None, max_length=None)
        return replace(column, logical_type="timestamp", limits=replace(ranges, enum=()))
    return column


def is_keyed(column: Column) -> bool:
    """Whether the column's values are replaced by digests under the partner's key."""
    return column.policy is Policy.KEY or column.role is Role.SUBJECT


def broken_policies(
    cells: Cells, column: Column, data_set: DataSet, *, pseudonymised: bool
) -> Iterator[Broken]:
    """What breaks the column's policy or role; `column` is `as_delivered`."""
    values = cells.values
    text = pa.types.is_string(values.type)
    if pseudonymised and is_keyed(column):
        keyed = _fits(matches(values, KEYED, column.name)) if text else np.zeros(len(values), np.bool_)
        yield Broken("policy", Refusal.NOT_KEYED, np.flatnonzero(cells.given & ~keyed))
    if pseudonymised and column.policy is Policy.GENERALISE:
        yield Broken("policy", Refusal.NOT_GENERALISED, np.flatnonzero(_too_fine(values, column)))
    if column.role is Role.LICENCE and data_set.row_licences and text:
        listed = np.isin(values.fill_null("").to_numpy(zero_copy_only=False), list(data_set.row_licences))
        there = values.is_valid().to_numpy(zero_copy_only=False)
        yield Broken("rowLicences", Refusal.LICENCE_NOT_ALLOWED, np.flatnonzero(there & ~listed))
    if column.role is Role.CRAWL_DATE and text and column.logical_type == "string":
        there = pc.not_equal(values, "").fill_null(False).to_numpy(zero_copy_only=False)
        _, exists = instants(values, pattern_of("timestamp", None))
        yield Broken("crawl_date", Refusal.INVALID_DATE, np.flatnonzero(there & ~exists))
    if column.role is Role.ORIGIN and text:
        said = _fits(matches(values, _ORIGIN, column.name))
        there = values.is_valid().to_numpy(zero_copy_only=False)
        yield Broken("origin", Refusal.INVALID_VALUE, np.flatnonzero(there & ~said))


def _fits(mask: pa.Array) -> Mask:
    fits: Mask = mask.fill_null(False).to_numpy(zero_copy_only=False)
    return fits


def _too_fine(values: pa.Array, column: Column) -> Mask:
    """Values between the lines of the grid, or with a time below the clock's unit."""
    there: Mask = values.is_valid().to_numpy(zero_copy_only=False)
    if column.grid is not None:
        if pa.types.is_string(values.type):
            plain = matches(values, r"[+-]?[0-9]+(\.[0-9]+)?", column.name).fill_null(False)
            values = pc.if_else(plain, values, pa.scalar(None, pa.string())).cast(pa.float64())
        fits = on_grid(values.fill_null(0).to_numpy(), column.grid)
        return np.asarray(there & ~(fits & values.is_valid().to_numpy(zero_copy_only=False)))
    if column.clock is not None and column.logical_type in DATES:
        micros, exists = instants(values, pattern_of(column.logical_type, None), local=True)
        if column.clock == "month":
            days = micros // _CLOCK_MICROS["day"]
            months = (
                days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
            )
            cut = months * _CLOCK_MICROS["day"] == micros
        else:
            cut = micros % _CLOCK_MICROS[column.clock] == 0
        return np.asarray(there & exists & ~cut)
    return np.zeros(len(values), np.bool_)
