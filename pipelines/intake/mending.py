"""Refused rows handed back in their data set's own shape, so that they can be mended and handed in again."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import uuid
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

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
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")  # a line feed would end a field of a record's head
_TYPES = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}


def export(directory: Path, contract: Contract, target: Path) -> dict[str, int]:
    """Write the refused rows of a receipt's directory into `target`; rows by file.

    Each file has its name in the drop, so that the contract's globs fit, and its format, encoding and
    compression; a page of a WARC file is a response record of its own, in UTF-8. What could not be
    parsed, and answers of a server that were no pages (404), cannot be written: they are left out.
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
            # In a .gz file each record is a member of its own, as crawlers write them.
            path.write_bytes(b"".join(_packed(path, _record(row)) for row in rows))
    return True


def _packed(path: Path, content: bytes) -> bytes:
    if path.suffix == ".gz":
        return gzip.compress(content, mtime=0)
    if path.suffix == ".zst":
        return zstandard.compress(content)
    return content


def _record(row: dict[str, Any]) -> bytes:
    """A page as a WARC 1.1 response record (ISO 28500:2017).

    What was at fault (an address) is held nowhere, nor what the server's head said: the one is to be added.
    """
    page = (row.get("html") or "").encode()
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(
        page
    )
    stated = {"WARC-Target-URI": row.get("url"), "WARC-Date": row.get("date")}
    told = {name: _CONTROLS.sub(_percent, value) for name, value in stated.items() if value is not None}
    number = uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256(repr(told).encode() + page).hexdigest())
    fields = {
        "WARC-Type": "response",
        "WARC-Record-ID": f"<urn:uuid:{number}>",
        **told,
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(http) + len(page)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return b"WARC/1.1\r\n%s\r\n%s%s\r\n\r\n" % (lines.encode(), http, page)


def _percent(character: re.Match[str]) -> str:
    return quote(character[0])


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
