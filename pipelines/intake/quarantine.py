"""The quarantine of a drop: every refused row, with what was wrong and its data, personal data masked.

faults.parquet holds every fault of every row (`schemas.admission.FAULTS`), no value. quarantine.jsonl holds
one line a refused row: file, row, line, offset, key (keyed digest), faults [{field, rule, reason}], expires
(day), data (the columns the contract names and does not drop or forbid; null where the row could not be
parsed). It is kept until `expires`, so that the rows can be mended and handed in again
(`pipelines.intake.mending`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.contract import Contract, DataSet, Policy, Role
from schemas.errors import UsageError

FAULTS_FILE, QUARANTINE_FILE = "faults.parquet", "quarantine.jsonl"
_HELD_BYTES = 1 << 20  # of refused rows that are masked together
_LEAST = 10  # a number below it is no identifier: a share, a measure, whatever the digits of its fraction
_ORDER = ("file", "row", "line", "offset", "field", "rule", "reason")


def sorted_faults(faults: pa.Table) -> pa.Table:
    """By file, row, place, field and rule; the same fault told twice is one."""
    ranks = [_ranks(faults[name]) for name in _ORDER]
    order = np.lexsort(ranks[::-1])
    first = np.ones(len(order), np.bool_)
    if len(order):
        first[1:] = np.any([rank[order[1:]] != rank[order[:-1]] for rank in ranks], axis=0)
    return faults.take(pa.array(order[first])).combine_chunks()


def _ranks(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Numbers in the order of a column's values, null first."""
    if not pa.types.is_string(column.type):
        return np.asarray(column.to_numpy(), np.int64)
    words = column.combine_chunks().dictionary_encode()
    ranks = np.empty(len(words.dictionary) + 1, np.int64)
    ranks[pc.sort_indices(words.dictionary).to_numpy()] = np.arange(len(words.dictionary))
    ranks[-1] = -1
    ranked: NDArray[np.int64] = ranks[words.indices.fill_null(len(words.dictionary)).to_numpy()]
    return ranked


def faults_bytes(faults: pa.Table) -> bytes:
    """All faults, as the Parquet file whose digest is in the receipt."""
    from pyarrow.parquet import write_table

    target = pa.BufferOutputStream()
    write_table(faults, target, compression="zstd", store_schema=False)
    return bytes(target.getvalue())


class Masker(Protocol):
    """Puts a placeholder in the place of personal data."""

    def text(self, text: str) -> str:
        """One text, masked."""

    def texts(self, texts: pa.Array) -> list[str | None]:
        """A column of texts, masked; most of them hold nothing and cost nothing."""


class Spool:
    """The data of refused rows, put aside while a drop streams by: one file for each file of the drop.

    A line is the row's number, the digest of its key and its data as JSON, with tabs between.
    """

    def __init__(self, directory: Path, *, mask: Masker, secret: bytes) -> None:
        self._directory = directory
        self._mask = mask
        self._secret = secret[:64]
        self._paths: dict[str, Path] = {}
        self._held: list[pa.RecordBatch] = []  # of one file and one schema, not written yet
        self._of: tuple[str, DataSet] | None = None  # the file's path and data set

    def add(self, path: str, data_set: DataSet, table: pa.RecordBatch, refused: NDArray[np.bool_]) -> None:
        """The refused rows of a piece of a file; what could not be parsed is not in `table`."""
        places = np.flatnonzero(refused)
        if not len(places):
            return
        if self._held and (self._of != (path, data_set) or self._held[0].schema != table.schema):
            self._write()
        self._of = (path, data_set)
        self._held.append(table.take(pa.array(places)))
        if sum(rows.nbytes for rows in self._held) > _HELD_BYTES:
            self._write()

    def _write(self) -> None:
        """Mask and write what is held, together: to read the detectors' patterns takes milliseconds."""
        if self._of is None or not self._held:
            return
        path, data_set = self._of
        (taken,) = pa.Table.from_batches(self._held).combine_chunks().to_batches()
        self._held = []
        there = set(taken.schema.names)
        columns = {
            name: self._masked_column(data_set, name, taken[name])
            for name in _named(data_set)
            if name in there
        }
        names = [column.path[0] for column in data_set.of_role(Role.KEY) if column.path[0] in there]
        keys = self._keys([taken[name].to_pylist() for name in names], len(taken))
        line = b"%%d\t%%s\t{%s}\n" % b",".join(
            orjson.dumps(name).replace(b"%", b"%%") + b":%s" for name in columns
        )
        target = self._paths.setdefault(path, self._directory / f"spool-{len(self._paths)}")
        with target.open("ab") as file:
            rows = taken["row"].to_pylist()
            file.writelines(map(line.__mod__, zip(rows, keys, *columns.values(), strict=True)))

    def rows(self, path: str) -> Iterator[tuple[int, bytes, bytes]]:
        """Row number, key (JSON) and data (JSON) of one file, ascending."""
        self._write()
        if path in self._paths:
            with self._paths[path].open("rb") as file:
                for line in file:
                    number, key, data = line[:-1].split(b"\t", 2)
                    yield int(number), key, data

    def _keys(self, columns: Sequence[list[Any]], count: int) -> Iterator[bytes]:
        """Digests of the rows' keys that only who has the secret can make, as JSON; null without a key."""
        texts = [[None if value is None else str(value) for value in values] for values in columns]
        keyless = [not any(row) for row in zip(*texts, strict=True)] if texts else [True] * count
        literals = zip(*map(_json_each, texts), strict=True) if texts else repeat((), count)
        begun = hashlib.blake2b(key=self._secret, digest_size=16)
        for parts, missing in zip(literals, keyless, strict=True):
            digest = begun.copy()
            digest.update(b"[%s]" % b",".join(parts))
            yield b"null" if missing else b'"%s"' % digest.hexdigest().encode()

    def _masked_column(self, data_set: DataSet, name: str, values: pa.Array) -> list[bytes]:
        """The values as JSON, masked."""
        if pa.types.is_string(values.type):
            return _json_each(self._mask.texts(values))
        if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
            looked = pc.or_(pc.greater_equal(values, _LEAST), pc.less_equal(values, -_LEAST))
            texts = pc.if_else(looked, pc.cast(values, pa.string()), pa.scalar(None, pa.string()))
            shown, said = texts.to_pylist(), self._mask.texts(texts)
            rows = zip(values.to_pylist(), shown, said, strict=True)
            return _json_each([value if text == masked else masked for value, text, masked in rows])
        found = (self._masked(_only_named(data_set, name, value)) for value in values.to_pylist())
        return [orjson.dumps(value, default=str) for value in found]

    def _masked(self, value: Any) -> Any:
        """Every text and number inside a value, names of fields too."""
        if isinstance(value, str):
            return self._mask.text(value)
        if isinstance(value, list):
            return [self._masked(item) for item in value]
        if isinstance(value, dict):
            return {self._mask.text(name): self._masked(item) for name, item in value.items()}
        if isinstance(value, int | float) and not isinstance(value, bool):
            masked = self._mask.text(repr(value))
            return value if masked == repr(value) else masked
        return value


def _json_each(values: Sequence[str | int | float | None]) -> list[bytes]:
    """The JSON of each of some values, made at once: a line each, and no JSON string holds a line feed."""
    return orjson.dumps(values, option=orjson.OPT_INDENT_2)[4:-2].split(b",\n  ")


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
    path: Path, contract: Contract, faults: pa.Table, spool: Spool | None, *, today: str
) -> None:
    """One line a refused row, in the order of `faults` (sorted); without data where none was put aside."""
    expires = (date.fromisoformat(today) + timedelta(days=contract.quarantine_days)).isoformat()
    tail = b'"expires":%s' % orjson.dumps(expires)
    with path.open("wb") as target:
        for batch in _by_file(faults):
            target.writelines(_lines(batch, spool, tail))


def _lines(faults: pa.Table, spool: Spool | None, tail: bytes) -> Iterator[bytes]:
    """The lines of the refused rows of one file."""
    name = faults["file"][0].as_py()
    head = orjson.dumps({"file": name})[:-1]
    data = spool.rows(name) if spool is not None else iter(())
    number, key, values = next(data, _NO_ROW)
    for row, line, offset, told in _told(faults):
        while 0 <= number < row:
            number, key, values = next(data, _NO_ROW)
        known = (key, told, tail, values) if number == row else (b"null", told, tail, b"null")
        place = (head, row, line, offset)
        yield b'%s,"row":%d,"line":%d,"offset":%d,"key":%s,"faults":[%s],%s,"data":%s}\n' % (*place, *known)


_NO_ROW = (-2, b"null", b"null")


def first_of_rows(faults: pa.Table) -> NDArray[np.int64]:
    """Where the faults of each refused row begin; `faults` is sorted."""
    starts = np.ones(len(faults), np.bool_)
    names = faults["file"].combine_chunks().dictionary_encode().indices.to_numpy()
    places = [names, *(faults[name].to_numpy() for name in ("row", "line", "offset"))]
    starts[1:] = np.any([place[1:] != place[:-1] for place in places], axis=0)
    return np.flatnonzero(starts)


def _by_file(faults: pa.Table) -> Iterator[pa.Table]:
    """The faults of each file."""
    ends = pc.run_end_encode(faults["file"].combine_chunks()).run_ends.to_pylist() if len(faults) else []
    for start, end in zip([0, *ends], ends, strict=False):
        yield faults.slice(start, end - start)


def _told(faults: pa.Table) -> Iterator[tuple[int, int, int, bytes]]:
    """Row, line, offset and the faults as JSON, for each refused row of a file."""
    first = first_of_rows(faults)
    said: dict[tuple[str | None, str, str], bytes] = {}  # few are said of many rows
    each = []
    for one in zip(*(faults[name].to_pylist() for name in ("field", "rule", "reason")), strict=True):
        if one not in said:
            said[one] = orjson.dumps(dict(zip(("field", "rule", "reason"), one, strict=True)))
        each.append(said[one])
    places = (faults[name].to_numpy()[first].tolist() for name in ("row", "line", "offset"))
    bounds = [*first.tolist(), len(each)]
    told = (b",".join(each[start:end]) for start, end in pairwise(bounds))
    yield from zip(*places, told, strict=True)


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
