"""Contracts with column policies and partners' folders under them, for tests of `malmoi prepare`."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from pipelines.intake.subject_key import create_subject_key
from tests.admit.posts import Agreement

ENDINGS = {
    "jsonl": ".jsonl.gz",
    "csv": ".csv.gz",
    "parquet": ".parquet",
    "arrow": ".arrow",
    "warc": ".warc.gz",
}
Row = dict[str, Any]


def column(name: str, logical: str = "string", *, required: bool = False, **ours: Any) -> dict[str, Any]:
    """A column of ODCS; `ours` are its malmoi.* properties."""
    keyed = {"primaryKey": True} if ours.get("role") == "key" else {}
    custom = [{"property": f"malmoi.{key}", "value": value} for key, value in ours.items()]
    return {
        "name": name,
        "logicalType": logical,
        "physicalType": logical,
        "required": required,
        **keyed,
        "customProperties": custom,
    }


def data_set(
    name: str, columns: Sequence[dict[str, Any]], *, form: str = "jsonl", **ours: Any
) -> dict[str, Any]:
    """A data set of ODCS whose files are called after it."""
    said = {
        "kind": "short_post",
        "files": [f"{name}*"],
        "format": form,
        "delivery": "append",
        "languages": ["ko"],
        "origin": "people",
        "maxQuarantined": 0.5,
        **ours,
    }
    if form == "csv":
        said.setdefault("delimiter", ",")
    custom = [{"property": f"malmoi.{key}", "value": value} for key, value in said.items()]
    described = {"logicalType": "object", "description": "Rows.", "customProperties": custom}
    return {"name": name, **described, "properties": list(columns)}


def agreement(
    home: Path,
    *data_sets: dict[str, Any],
    partner: str = "gaon",
    delivered_as: str = "pseudonymised",
    **ours: Any,
) -> Path:
    """The file of a contract over the data sets; approved where the partner is gaon."""
    terms = Agreement(approved=partner == "gaon")
    terms.document |= {"schema": list(data_sets), "tenant": partner}
    del terms.document["slaProperties"]
    for name, value in {"deliveredAs": delivered_as, **ours}.items():
        terms.custom(f"malmoi.{name}", value)
    home.mkdir(parents=True, exist_ok=True)
    return terms.write(home)


def write_rows(
    path: Path, rows: Sequence[Row | bytes], *, encoding: str = "utf-8", delimiter: str = ","
) -> None:
    """Rows in the format and compression that the name's ending tells; of JSON lines, bytes as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if ".jsonl" in path.name:
        lines = [
            row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode() for row in rows
        ]
        _pack(path, b"".join(line + b"\n" for line in lines))
        return
    plain = [dict(row) for row in rows if not isinstance(row, bytes)]
    names = list(plain[0])
    if ".csv" in path.name:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, names, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(plain)
        _pack(path, text.getvalue().encode(encoding))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(plain), path, row_group_size=7)
    else:
        table = pa.Table.from_pylist(plain)
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=7)


def read_rows(path: Path, *, encoding: str = "utf-8", delimiter: str = ",") -> list[Row]:
    """The rows of a file, read without the readers of the pipeline."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".arrow":
        return pa.ipc.open_file(path).read_all().to_pylist()
    data = unpacked(path)
    if ".csv" in path.name:
        return list(csv.DictReader(io.StringIO(data.decode(encoding), newline=""), delimiter=delimiter))
    return [json.loads(line) for line in data.splitlines()]


def unpacked(path: Path) -> bytes:
    """The bytes behind the compression; of tables the values as text too."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(data).read()
    if path.suffix in {".parquet", ".arrow"}:
        return data + json.dumps(read_rows(path), default=str, ensure_ascii=False).encode()
    return data


def everything(drop: Path) -> bytes:
    """All bytes of a drop, unpacked."""
    return b"\0".join(unpacked(path) for path in sorted(drop.rglob("*")) if path.is_file())


def subject_key(home: Path) -> Path:
    """A file with a new subject key."""
    path = home / "subject.key"
    create_subject_key(path)
    return path


def _pack(path: Path, content: bytes) -> None:
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    elif path.suffix == ".zst":
        content = zstandard.ZstdCompressor().compress(content)
    path.write_bytes(content)
