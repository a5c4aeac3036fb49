"""Write rows in the formats of the example drops, the same bytes each time.

Rows are dicts in the order of their columns, or `bytes`: a line that is written as it stands.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import html
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

Row = Mapping[str, Any] | bytes
FIRST_VERSION = "1.0.0"  # of the contracts that the drops are made under
LATER_VERSIONS = {"snu_kaist": "1.1.0"}


def json_lines(rows: Sequence[Row], *, crlf_every: int = 0, blank_every: int = 0) -> bytes:
    """JSON lines; some of them ended by CRLF or followed by an empty line, as partners deliver them."""
    out = io.BytesIO()
    for number, row in enumerate(rows, start=1):
        compact = (
            row
            if isinstance(row, bytes)
            else json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
        )
        out.write(compact)
        out.write(b"\r\n" if crlf_every and number % crlf_every == 0 else b"\n")
        if blank_every and number % blank_every == 0:
            out.write(b"\n")
    return out.getvalue()


def csv_lines(rows: Sequence[Row], *, columns: Sequence[str], delimiter: str, encoding: str) -> bytes:
    """CSV with a header and CRLF; `utf-8-sig` puts the byte order mark in front."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        if isinstance(row, bytes):
            out.write(row.decode() + "\r\n")
        else:
            writer.writerow([row[column] for column in columns])
    return out.getvalue().encode(encoding)


def page(title: str, paragraphs: Sequence[str], *, language: str, charset: str = "utf-8") -> str:
    """A small HTML page: navigation, an article, a footer."""
    body = "\n".join(f"<p>{html.escape(text, quote=False)}</p>" for text in paragraphs)
    home = {"ko": "처음으로", "es": "Inicio", "ja": "ホーム", "zh": "首页"}.get(language, "Home")
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head><meta charset="{charset}">'
        f"<title>{html.escape(title)}</title></head>\n<body>\n"
        f'<nav><ul><li><a href="/">{home}</a></li></ul></nav>\n'
        f"<article>\n<h1>{html.escape(title)}</h1>\n{body}\n</article>\n"
        f'<footer><a href="/">{home}</a> 2026</footer>\n</body>\n</html>\n'
    )


def warc(rows: Sequence[Row], *, date: str) -> bytes:
    """A WARC of responses, each record a gzip member of its own, after a warcinfo record."""
    info = b"software: malmoi examples\r\nformat: WARC File Format 1.0\r\n"
    members = [_record("warcinfo", 0, date, None, "application/warc-fields", info)]
    for number, row in enumerate(rows, start=1):
        if isinstance(row, bytes):
            raise TypeError("a WARC takes no raw lines")
        payload = row["html"].encode(row["charset"])
        head = (
            f"HTTP/1.1 {row['status']}\r\nContent-Type: text/html; charset={row['charset']}\r\n"
            f"Content-Length: {len(payload)}\r\n\r\n"
        )
        block = head.encode() + payload
        members.append(
            _record("response", number, date, row["url"], "application/http; msgtype=response", block)
        )
    return b"".join(gzip.compress(member, mtime=0) for member in members)


def _record(kind: str, number: int, date: str, url: str | None, content_type: str, block: bytes) -> bytes:
    lines = ["WARC/1.0", f"WARC-Type: {kind}", f"WARC-Date: {date}"]
    lines.append(f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012d}>")
    if url is not None:
        lines.append(f"WARC-Target-URI: {url}")
    lines += [f"Content-Type: {content_type}", f"Content-Length: {len(block)}", "", ""]
    return "\r\n".join(lines).encode() + block + b"\r\n\r\n"


def table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """The rows as an Arrow table."""
    return pa.Table.from_pylist([dict(row) for row in rows if not isinstance(row, bytes)], schema=schema)


def parquet(rows: Sequence[Row], schema: pa.Schema, *, row_group: int) -> bytes:
    """Parquet in several row groups."""
    out = io.BytesIO()
    pq.write_table(table(rows, schema), out, row_group_size=row_group, compression="zstd")
    return out.getvalue()


def arrow_file(rows: Sequence[Row], schema: pa.Schema, *, batch: int) -> bytes:
    """The Arrow IPC file format in several batches."""
    out = io.BytesIO()
    with pa.ipc.new_file(out, schema) as writer:
        writer.write_table(table(rows, schema), max_chunksize=batch)
    return out.getvalue()


def compress(data: bytes, name: str) -> bytes:
    """Gzip or zstd by the ending of the file's name; WARC and plain files as they are."""
    if name.endswith(".warc.gz"):
        return data
    if name.endswith(".gz"):
        return gzip.compress(data, mtime=0)
    if name.endswith(".zst"):
        return zstandard.ZstdCompressor(level=10, write_checksum=True).compress(data)
    return data


def write(path: Path, data: bytes) -> None:
    """Write a file of the drops, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(compress(data, path.name))


def write_drop_json(drop: Path, *, partner: str, period: tuple[str, str], rows: Mapping[str, int]) -> None:
    """drop.json as `malmoi prepare` writes it: rows by file; bytes and digests of what lies there."""
    files = []
    for name, count in sorted(rows.items()):
        data = (drop / name).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        files.append({"path": name, "bytes": len(data), "rows": count, "sha256": digest})
    content = {
        "version": 1,
        "partner": partner,
        "contract": {"version": LATER_VERSIONS.get(partner, FIRST_VERSION)},
        "period": {"first": period[0], "last": period[1]},
        "files": files,
    }
    text = json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False)
    (drop / "drop.json").write_text(text + "\n", encoding="utf-8")
