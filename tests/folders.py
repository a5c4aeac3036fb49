"""Contracts with column policies and partners' folders under them, for tests of `malmoi prepare`."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
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


KEY = column("id", required=True, role="key")
TEXT = column("text", required=True, role="text")
KEYED = re.compile("k1:[0-9a-f]{32}")
PHONE, MAIL, RRN = "010-0000-4821", "ha.neul@mail.example", "900101-1234568"


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


def contents(drop: Path) -> dict[str, bytes]:
    return {
        path.relative_to(drop).as_posix(): path.read_bytes() for path in drop.rglob("*") if path.is_file()
    }


def trips(form: str = "jsonl", **ours: Any) -> dict[str, Any]:
    """A data set with a column of each policy."""
    columns = [
        KEY,
        column("driver", role="subject"),
        column("plate", policy="key"),
        column("phone", policy="drop"),
        column("badge", policy="forbid"),
        column("lat", "number", policy="generalise", grid=0.01),
        column("at", "timestamp", policy="generalise", clock="hour"),
        column("stars", "integer", policy="keep"),
        TEXT,
    ]
    return data_set("trips", columns, form=form, **ours)


def trip(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "id": f"t{number}",
        "driver": f"canary-driver-{number % 3}",
        "plate": f"canary-plate-{number}",
        "phone": f"canary-phone-{number}",
        "lat": 37.123456 + number,
        "at": f"2026-10-03T21:{number % 60:02d}:17+09:00",
        "stars": number % 6,
        "text": f"오늘은 {number}번째 손님을 모셨습니다.",
        "unnamed": f"canary-unnamed-{number}",
    }
    return {name: value for name, value in {**row, **changes}.items() if value is not Ellipsis}
