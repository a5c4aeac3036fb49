"""The quarantine of a drop: every refused row, with what was wrong and its data, personal data masked.

faults.parquet holds every fault of every row (`schemas.admission.FAULTS`), no value. quarantine.jsonl holds
one line a refused row: file, row, line, offset, key (keyed digest), faults [{field, rule, reason}], expires
(day), data (the columns the contract names and does not drop or forbid; null where the row could not be
parsed). It is kept until `expires`, so that the rows can be mended and handed in again
(`pipelines.intake.mending`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.admission import fault_groups
from schemas.contract import Contract, DataSet, Policy, Role
from schemas.errors import UsageError

FAULTS_FILE, QUARANTINE_FILE = "faults.parquet", "quarantine.jsonl"
_HELD_BYTES = 1 << 20  # of refused rows that are masked together
_LEAST = 10  # a number below it is no identifier: a share, a measure, whatever the digits of its fraction
_ORDER = ("file", "row", "line", "offset", "field", "rule", "reason")
_SPOOLED = pa.schema([("row", pa.int64()), ("key", pa.binary()), ("data", pa.binary())])
_WRITTEN = 1 << 16  # lines of the quarantine that are made at once


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

    def changed(self, texts: pa.Array) -> dict[int, str]:
        """By row, the texts of a column that are others when masked; most are not, and cost nothing."""


class Spool:
    """The data of refused rows, put aside while a drop streams by: an Arrow stream for each file of the drop.

    Columns: the row's number, the digest of its key and its data, both as JSON.
    """

    def __init__(self, directory: Path, *, mask: Masker, secret: bytes) -> None:
        self._directory = directory
        self._mask = mask
        self._secret = secret[:64]
        self._paths: dict[str, Path] = {}
        self._writer: pa.RecordBatchStreamWriter | None = None  # of the file that is being read
        self._held: list[pa.RecordBatch] = []  # of one file and one schema, not written yet
        self._of: tuple[str, DataSet] | None = None  # the file's path and data set

    def add(self, path: str, data_set: DataSet, refused: pa.RecordBatch) -> None:
        """The refused rows of a piece of a file, but those that could not be parsed."""
        if not len(refused):
            return
        if self._of != (path, data_set):
            self._close()
        if self._held and self._held[0].schema != refused.schema:
            self._write()
        self._of = (path, data_set)
        self._held.append(refused)
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
            name: self._masked_values(data_set, name, taken[name])
            for name in _named(data_set)
            if name in there
        }
        names = [column.path[0] for column in data_set.of_role(Role.KEY) if column.path[0] in there]
        keys = self._keys([taken[name].to_pylist() for name in names], len(taken))
        if self._writer is None:
            target = self._paths.setdefault(path, self._directory / f"spool-{len(self._paths)}")
            self._writer = pa.ipc.new_stream(target, _SPOOLED)
        data = [b"{"]
        for name, values in columns.items():
            data += [b"," if len(data) > 1 else b"", orjson.dumps(name) + b":", values]
        told = [taken["row"], pa.array(keys, pa.binary()), _joined(*data, b"}")]
        self._writer.write_batch(pa.record_batch(told, schema=_SPOOLED))

    def _close(self) -> None:
        """End the stream of a file."""
        self._write()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def rows(self, path: str) -> Iterator[pa.RecordBatch]:
        """Row number, key (JSON) and data (JSON) of the rows of one file, ascending."""
        self._close()
        if path in self._paths:
            with pa.ipc.open_stream(self._paths[path]) as stream:
                yield from stream

    def _keys(self, columns: Sequence[list[Any]], count: int) -> list[bytes]:
        """Digests of the rows' keys that only who has the secret can make, as JSON; null without a key."""
        if not columns:
            return [b"null"] * count
        texts = [[None if value is None else str(value) for value in values] for values in columns]
        begun = hashlib.blake2b(key=self._secret, digest_size=16)
        told = []
        for parts, row in zip(
            zip(*map(_json_each, texts), strict=True), zip(*texts, strict=True), strict=True
        ):
            digest = begun.copy()
            digest.update(b"[%s]" % b",".join(parts))
            told.append(b'"%s"' % digest.hexdigest().encode() if any(row) else b"null")
        return told

    def _masked_values(self, data_set: DataSet, name: str, values: pa.Array) -> pa.Array:
        """The values of a column as JSON, masked."""
        if pa.types.is_string(values.type):
            return _json_texts(values, self._mask.changed(values))
        if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
            looked = pc.or_(pc.greater_equal(values, _LEAST), pc.less_equal(values, -_LEAST))
            texts = pc.if_else(looked, pc.cast(values, pa.string()), pa.scalar(None, pa.string()))
            told: list[Any] = values.to_pylist()
            for row, masked in self._mask.changed(texts).items():
                told[row] = masked
            return pa.array(_json_each(told), pa.binary())
        found = (self._masked(_only_named(data_set, name, value)) for value in values.to_pylist())
        return pa.array([orjson.dumps(value, default=str) for value in found], pa.binary())

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


def _json_texts(texts: pa.Array, changed: Mapping[int, str]) -> pa.Array:
    """The JSON of each text, or of what `changed` has in its place; Python writes only what JSON escapes."""
    told = _joined(b'"', texts.cast(pa.binary()), b'"').fill_null(b"null")
    awkward = (
        pc.match_substring_regex(texts, r'["\\\x00-\x1f]').fill_null(False).to_numpy(zero_copy_only=False)
    )
    awkward[list(changed)] = True
    rows = np.flatnonzero(awkward).tolist()
    written = [changed[row] if row in changed else texts[row].as_py() for row in rows]
    return pc.replace_with_mask(told, pa.array(awkward), pa.array(_json_each(written), pa.binary()))


def _json_each(values: Sequence[str | int | float | None]) -> list[bytes]:
    """The JSON of each of some values, made at once: a line each, and no JSON string holds a line feed."""
    if not values:
        return []
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
    tail = b'],"expires":%s,"data":' % orjson.dumps(expires)
    with path.open("wb") as target:
        for batch in _by_file(faults):
            for lines in _lines(batch, spool, tail):
                target.write(_bytes_of(lines))


def _lines(faults: pa.Table, spool: Spool | None, tail: bytes) -> Iterator[pa.Array]:
    """The lines of the refused rows of one file, some at a time."""
    name = faults["file"][0].as_py()
    head = orjson.dumps({"file": name})[:-1] + b',"row":'
    first = first_of_rows(faults)
    places = [faults[column].combine_chunks().take(pa.array(first)) for column in ("row", "line", "offset")]
    told = _told(faults, first)
    rows = places[0].to_numpy()

    def made(begin: int, end: int, keys: pa.Array | bytes, data: pa.Array | bytes) -> pa.Array:
        row, line, offset = (place.slice(begin, end - begin) for place in places)
        where = (head, row, b',"line":', line, b',"offset":', offset, b',"key":', keys)
        return _joined(*where, b',"faults":[', told.slice(begin, end - begin), tail, data, b"}\n")

    done = 0
    for batch in spool.rows(name) if spool is not None else ():
        at = np.searchsorted(rows, batch["row"].to_numpy())
        last = int(at[-1]) + 1
        index = np.full(last - done, -1, np.int64)
        index[at - done] = np.arange(len(at))
        chosen = pa.array(index, mask=index < 0)
        yield made(done, last, *(batch[column].take(chosen).fill_null(b"null") for column in ("key", "data")))
        done = last
    for begin in range(done, len(first), _WRITTEN):
        yield made(begin, min(begin + _WRITTEN, len(first)), b"null", b"null")


def _joined(*parts: pa.Array | bytes) -> pa.Array:
    """Bytes put together row by row; numbers in their decimal digits, a bytes literal in every row."""
    return pc.binary_join_element_wise(
        *(
            pa.scalar(part, pa.binary())
            if isinstance(part, bytes)
            else pc.cast(pc.cast(part, pa.string()), pa.binary())
            if pa.types.is_integer(part.type)
            else part
            for part in parts
        ),
        pa.scalar(b"", pa.binary()),
    )


def _bytes_of(lines: pa.Array) -> memoryview:
    """All values, one behind the other."""
    _, offsets, data = lines.buffers()
    ends = np.frombuffer(offsets, np.int32)
    return memoryview(data)[ends[lines.offset] : ends[lines.offset + len(lines)]]


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


def _told(faults: pa.Table, first: NDArray[np.int64]) -> pa.Array:
    """The faults of each refused row of a file as JSON, with commas between; `first` of each row."""
    groups, which = fault_groups(faults)
    said = [orjson.dumps(dict(zip(("field", "rule", "reason"), one, strict=True))) for one in groups]
    each = pa.array(said, pa.binary()).take(pa.array(which))
    bounds = pa.array(np.append(first, len(faults)), pa.int64())
    return pc.binary_join(pa.LargeListArray.from_arrays(bounds, each), pa.scalar(b",", pa.binary()))


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
