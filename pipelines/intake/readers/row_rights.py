"""What a row says about its own rights and its place among the partner's versions; never its text.

Writes ROW_RIGHTS, one row a document. Judged when a build selects, so nothing of it is in a text's identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from pipelines.intake.dates import instants, pattern_of
from schemas.contract import DataSet, Kind, Role
from schemas.documents import ROW_RIGHTS
from schemas.identity import document_ids

READ = (Role.URL, Role.CRAWL_DATE, Role.LICENCE, Role.ORIGIN, Role.SEED, Role.TOMBSTONE)
SEEDS_APART = "\x1f"  # ASCII unit separator: between the keys of a list of seeds
NOT_TRUE = frozenset({"", "0", "false", "f", "no", "n"})
_ORIGINS = frozenset({"people", "machine", "mixed"})
_MAX_LICENCE = 200  # characters; longer ones are none that a contract lists


def row_rights(
    data_set: DataSet,
    *,
    partner: str,
    rows: Sequence[int],
    keys: Sequence[Sequence[str]],
    versions: Sequence[str] | None,
    values: Mapping[Role, Sequence[Sequence[str]]],
) -> pa.RecordBatch:
    """ROW_RIGHTS of the rows. `keys` and each of `values` hold one list of texts per column of the role.

    Where no column is the url, a web page's key is looked at: crawls are keyed by it.
    """
    count = len(rows)
    urls = values[Role.URL] or (keys if data_set.kind is Kind.WEB else ())
    digests = _digests(partner, keys)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(rows, pa.int64()),
            pa.nulls(count, pa.binary(16)) if digests is None else pa.array(digests, pa.binary(16)),
            pa.nulls(count, pa.string()) if versions is None else pa.array(versions, pa.string()),
            pa.array(_tombstones(values[Role.TOMBSTONE], count), pa.bool_()),
            pa.array([host_of(_first(parts)) for parts in _rows(urls, count)], pa.string()),
            _crawled(data_set, values[Role.CRAWL_DATE], count),
            pa.array([_licences(parts) for parts in _rows(values[Role.LICENCE], count)], pa.string()),
            pa.array([_origin(_first(parts)) for parts in _rows(values[Role.ORIGIN], count)], pa.string()),
            pa.array(
                [_seeds(partner, parts) for parts in _rows(values[Role.SEED], count)],
                ROW_RIGHTS.field("seeds").type,
            ),
        ],
        schema=ROW_RIGHTS,
    )


def host_of(url: str) -> str | None:
    """The host of an absolute URL as opt-outs name it, lower case and in IDNA; None where there is none."""
    try:
        host = (urlsplit(url.strip().replace("\\", "/")).hostname or "").rstrip(".")
        if not host.isascii():
            host = host.encode("idna").decode("ascii").lower()
    except ValueError:  # UnicodeError is one
        return None
    return host or None


def _crawled(data_set: DataSet, columns: Sequence[Sequence[str]], count: int) -> pa.StringArray:
    """The day (UTC) of each row's crawl date: of several columns the first that can be read; "" without."""
    if not columns:
        return pa.nulls(count, pa.string())
    days = np.full(count, "", dtype=object)
    for column, texts in reversed(list(zip(data_set.of_role(Role.CRAWL_DATE), columns, strict=True))):
        kind = column.logical_type if column.logical_type in ("date", "timestamp") else "timestamp"
        # A time that was cut to the hour, and one of a table format, is written as ISO 8601 has it.
        for pattern in (pattern_of("timestamp", None), pattern_of(kind, column.limits.date_format)):
            micros, valid = instants(pa.array(texts, pa.string()), pattern)
            days[valid] = np.datetime_as_string(micros[valid].astype("datetime64[us]"), unit="D")
    return pa.array(days, pa.string())


def _digests(partner: str, keys: Sequence[Sequence[str]]) -> list[bytes] | None:
    """Digests of the keys without data set and version: what seeds, versions and snapshots are matched by."""
    return document_ids(partner=partner, data_set="", keys=zip(*keys, strict=True)) if keys else None


def _rows(columns: Sequence[Sequence[str]], count: int) -> Any:
    return zip(*columns, strict=True) if columns else ((),) * count


def _first(parts: Sequence[str]) -> str:
    return next(filter(None, parts), "")


def _tombstones(columns: Sequence[Sequence[str]], count: int) -> list[bool]:
    """True for everything that is not plainly false: what a partner may have taken back is not used."""
    return [any(map(takes_back, parts)) for parts in _rows(columns, count)]


def takes_back(value: str) -> bool:
    """Whether a tombstone column's text says that the row takes its key back."""
    return value.strip().lower() not in NOT_TRUE


def _licences(parts: Sequence[str]) -> str | None:
    """The row's licences, one a line; "" where the column has none, None where there is no column."""
    if not parts:
        return None
    named = "\n".join(" ".join(part.split()) for part in parts if part.strip())
    return named if len(named) <= _MAX_LICENCE else "too long for a licence"


def _origin(value: str) -> str:
    """people, machine or mixed; "" where nothing is said. A word that is none of them counts as machine."""
    word = value.strip().lower()
    return word if word in _ORIGINS or not word else "machine"


def _seeds(partner: str, parts: Sequence[str]) -> list[bytes]:
    keys = [key for part in parts for key in part.split(SEEDS_APART) if key]
    return document_ids(partner=partner, data_set="", keys=[(key,) for key in keys])
