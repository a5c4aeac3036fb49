"""The quarantine of a drop: every refused row, with what was wrong and its data, personal data masked.

faults.parquet holds every fault of every row (`schemas.admission.FAULTS`), no value. quarantine.jsonl holds
one line a refused row: file, row, line, offset, key (keyed digest), faults [{field, rule, reason}], expires
(day), data (the columns the contract names and does not drop or forbid; null where the row could not be
parsed). It is kept until `expires`, so that the rows can be mended and handed in again
(`pipelines.intake.mending`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from schemas.contract import Contract, DataSet, Policy, Role
from schemas.errors import UsageError

FAULTS_FILE, QUARANTINE_FILE = "faults.parquet", "quarantine.jsonl"
Mask = Callable[[str], str]
_ORDER = ("file", "row", "line", "offset", "field", "rule", "reason")


def sorted_faults(faults: pa.Table) -> pa.Table:
    """By file, row, place, field and rule; the same fault told twice is one."""
    whole = faults.group_by(faults.column_names, use_threads=False).aggregate([])
    by = [(name, "ascending", "at_start") for name in _ORDER]
    return whole.take(pc.sort_indices(whole, sort_keys=by)).combine_chunks()


def faults_bytes(faults: pa.Table) -> bytes:
    """All faults, as the Parquet file whose digest is in the receipt."""
    target = pa.BufferOutputStream()
    pq.write_table(faults, target, compression="zstd", store_schema=False)
    return bytes(target.getvalue())


class Spool:
    """The data of refused rows, put aside while a drop streams by: one file of JSON lines for each file."""

    def __init__(self, directory: Path, *, mask: Mask) -> None:
        self._directory = directory
        self._mask = mask
        self._paths: dict[str, list[Path]] = {}

    def add(self, path: str, data_set: DataSet, table: pa.RecordBatch, rows: NDArray[np.int64]) -> None:
        """Rows of a file, by number and ascending; those that `table` does not hold could not be parsed."""
        numbers = table["row"].to_numpy()
        places = np.flatnonzero(np.isin(numbers, rows))
        if not len(places):
            return
        names = [name for name in _named(data_set) if name in table.schema.names]
        kept = table.select(names).take(pa.array(places)).to_pylist() if names else [{}] * len(places)
        target = self._directory / f"spool-{sum(map(len, self._paths.values()))}.jsonl"
        self._paths.setdefault(path, []).append(target)
        with target.open("wb") as file:
            for number, values in zip(numbers[places].tolist(), kept, strict=True):
                data = {name: self._masked(_only_named(data_set, name, values[name])) for name in names}
                keys = [values.get(column.path[0]) for column in data_set.of_role(Role.KEY)]
                file.write(orjson.dumps([number, keys, data], default=str) + b"\n")

    def rows(self, path: str) -> dict[int, tuple[list[Any], dict[str, Any]]]:
        """Key values and data by row number, of one file."""
        found: dict[int, tuple[list[Any], dict[str, Any]]] = {}
        for part in self._paths.get(path, ()):
            with part.open("rb") as file:
                for line in file:
                    number, keys, data = orjson.loads(line)
                    found[number] = (keys, data)
        return found

    def _masked(self, value: Any) -> Any:
        """Every text and number in a value with its personal data masked, names of fields too."""
        if isinstance(value, str):
            return self._mask(value)
        if isinstance(value, list):
            return [self._masked(item) for item in value]
        if isinstance(value, dict):
            return {self._mask(name): self._masked(item) for name, item in value.items()}
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value if self._mask(repr(value)) == repr(value) else self._mask(repr(value))
        return value


def _named(data_set: DataSet) -> list[str]:
    """Top-level columns whose values may be held."""
    gone = (Policy.DROP, Policy.FORBID)
    return list(dict.fromkeys(column.path[0] for column in data_set.columns if column.policy not in gone))


def _only_named(data_set: DataSet, name: str, value: Any) -> Any:
    """A value without the fields inside it that the contract does not name, drops or forbids."""
    gone = (Policy.DROP, Policy.FORBID)
    paths = [c.path[1:] for c in data_set.columns if c.path[0] == name and c.policy not in gone]
    return value if () in paths else _pruned(value, paths)


def _pruned(value: Any, paths: Sequence[tuple[str, ...]]) -> Any:
    if isinstance(value, list):
        return [_pruned(item, paths) for item in value]
    if not isinstance(value, dict):
        return value if () in paths else None
    kept = {}
    for name, item in value.items():
        inside = [path[1:] for path in paths if path and path[0] == name]
        if inside:
            kept[name] = _pruned(item, inside)
    return kept


def write_quarantine(
    path: Path, contract: Contract, faults: pa.Table, spool: Spool, *, today: str, secret: bytes
) -> None:
    """One line a refused row, in the order of `faults` (sorted). With quarantineDays 0 no data is kept."""
    expires = (date.fromisoformat(today) + timedelta(days=contract.quarantine_days)).isoformat()
    with path.open("wb") as target:
        for name, entries in groupby(_entries(faults), key=lambda entry: entry["file"]):
            data = spool.rows(name) if contract.quarantine_days else {}
            for row, told in groupby(
                entries, key=lambda entry: (entry["row"], entry["line"], entry["offset"])
            ):
                keys, values = data.get(row[0], ([], None))
                line = {
                    "file": name,
                    "row": row[0],
                    "line": row[1],
                    "offset": row[2],
                    "key": _key(keys, secret),
                    "faults": [{part: one[part] for part in ("field", "rule", "reason")} for one in told],
                    "expires": expires,
                    "data": values,
                }
                target.write(orjson.dumps(line) + b"\n")


def _entries(faults: pa.Table) -> Iterator[Mapping[str, Any]]:
    for batch in faults.to_batches(max_chunksize=4096):
        yield from batch.to_pylist()


def _key(values: Sequence[Any], secret: bytes) -> str | None:
    """A digest of the row's key that only who has the registry's secret can make again."""
    if not values or all(value in (None, "") for value in values):
        return None
    literal = orjson.dumps([None if value is None else str(value) for value in values])
    return hashlib.blake2b(literal, key=secret[:64], digest_size=16).hexdigest()


def read_quarantine(directory: Path) -> Iterator[dict[str, Any]]:
    """The lines of a drop's quarantine. UsageError where it is gone or was never there."""
    path = directory / QUARANTINE_FILE
    if not path.is_file():
        raise UsageError(f"{path}: no quarantine here: name the directory of a receipt; it may have expired")
    with path.open("rb") as file:
        for line in file:
            yield orjson.loads(line)


def clean(registry: Path, *, on: str) -> list[Path]:
    """Remove every quarantine whose last day lies before a day; the faults, which hold no data, stay."""
    removed = []
    for path in sorted((registry / "drops").glob(f"*/*/{QUARANTINE_FILE}")):
        with path.open("rb") as file:
            first = file.readline()
        if first and orjson.loads(first)["expires"] < on:
            path.unlink()
            removed.append(path)
    return removed
