"""Refused rows handed back in their data set's own shape, so that they can be mended and handed in again."""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from pipelines.intake.drops import DropFile, discover
from pipelines.intake.quarantine import read_quarantine
from pipelines.intake.splits import codec
from schemas.contract import Contract, DataSet, Format
from schemas.errors import UsageError

Rows = Sequence[dict[str, Any]]
_TYPES = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}


def export(directory: Path, contract: Contract, target: Path) -> dict[str, int]:
    """Write the refused rows of a receipt's directory into `target`; rows by file.

    Each file has its name in the drop, so that the contract's globs fit, and its format, encoding and
    compression. What could not be parsed, and pages of a WARC file, cannot be written: they are left out.
    UsageError where `target` is not empty, or nothing can be written.
    """
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{target}: is not empty: name a new directory")
    by_file: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in read_quarantine(directory):
        if line["data"] is not None:
            by_file[line["file"]].append(line["data"])
    for path in by_file:
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    owners = {file.path: file for file in discover(target, contract).files} if by_file else {}
    counts = {}
    for path, rows in sorted(by_file.items()):
        if _write(target / path, owners.get(path), contract, rows):
            counts[path] = len(rows)
        else:
            (target / path).unlink()
    if not counts:
        raise UsageError(f"{directory}: holds no row that could be parsed: mend the files themselves")
    return counts


def _write(path: Path, file: DropFile | None, contract: Contract, rows: Rows) -> bool:
    if file is None:
        return False
    data_set = contract.data_set(file.data_set)
    match data_set.format:
        case Format.JSONL:
            lines = [orjson.dumps(row).decode() + "\n" for row in rows]
            path.write_bytes(_packed(path, "".join(lines).encode(codec(data_set.encoding))))
        case Format.CSV:
            path.write_bytes(_packed(path, _delimited(data_set, rows).encode(codec(data_set.encoding))))
        case Format.PARQUET:
            pq.write_table(_table(data_set, rows), path)
        case Format.ARROW:
            table = _table(data_set, rows)
            with pa.ipc.new_file(str(path), table.schema) as writer:
                writer.write_table(table)
        case Format.WARC:
            return False
    return True


def _packed(path: Path, content: bytes) -> bytes:
    if path.suffix == ".gz":
        return gzip.compress(content, mtime=0)
    if path.suffix == ".zst":
        return zstandard.compress(content)
    return content


def _delimited(data_set: DataSet, rows: Rows) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    target = io.StringIO()
    writer = csv.writer(target, delimiter=data_set.delimiter, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(["" if row.get(name) is None else row[name] for name in names])
    return target.getvalue()


def _table(data_set: DataSet, rows: Rows) -> pa.Table:
    """Columns of the contract's types; lists and objects as they come."""
    flat = {column.path[0]: column.logical_type for column in data_set.columns if len(column.path) == 1}
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        kind = flat.get(name)
        if kind in ("array", "object", None):
            columns[name] = pa.array(values)
        else:
            wanted = _TYPES.get(kind, pa.string())
            # A masked number is a text now: it is for a person to mend.
            fits = all(
                value is None or pa.types.is_string(wanted) is isinstance(value, str) for value in values
            )
            columns[name] = pa.array(values, wanted) if fits else pa.array([_literal(v) for v in values])
    return pa.table(columns)


def _literal(value: Any) -> str | None:
    return None if value is None else str(value)
