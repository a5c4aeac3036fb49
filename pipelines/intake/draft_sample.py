"""The files of a folder that no contract describes yet: their format, and a bounded sample of their rows.

Of every file at most SAMPLE_BYTES uncompressed bytes and SAMPLE_ROWS rows are read, from its beginning.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.intake.draft_writing import (
    ENCODINGS,
    MAX_NAME,
    delimiter_of,
    encoding_of,
    is_garbled,
    looks_like_names,
    records,
)
from pipelines.intake.readers import read_split
from pipelines.intake.readers.streams import StreamBroken, open_file, pieces
from pipelines.intake.splits import Split
from schemas.contract import Column, DataSet, Delivery, Format, Kind, Markup, Role
from schemas.drop import DROP_JSON, PART
from schemas.errors import InputUnreadable

SAMPLE_BYTES = 16 << 20
SAMPLE_ROWS = 20_000
ENDINGS = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSONL,
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".parquet": Format.PARQUET,
    ".arrow": Format.ARROW,
    ".feather": Format.ARROW,
    ".warc": Format.WARC,
}
COMPRESSIONS = (".gz", ".zst")
_BROKEN = (pa.ArrowException, OSError, ValueError)
WARC_SET = DataSet(
    name="pages",
    kind=Kind.WEB,
    files=("*",),
    format=Format.WARC,
    encoding="utf-8",
    delimiter="",
    markup=Markup.HTML,
    join="\n",
    delivery=Delivery.APPEND,
    languages=("ko", "ja", "zh", "en"),  # whose legacy encodings are tried
    columns=(Column("html", Role.TEXT, "string", required=True, path=("html",)),),
)


@dataclass(frozen=True)
class FileSample:
    """The beginning of one file. `rows` hold what each row has; values are as the format gives them."""

    path: str
    format: Format
    encoding: str  # "" where the format says its own
    delimiter: str
    rows: list[dict[str, Any]]
    names: tuple[str, ...]  # of its columns, in the order of their first appearance
    types: dict[str, str]  # physical types that the file itself says (Parquet, Arrow)
    faults: int  # rows of the sample that cannot be read
    whole: bool  # the sample is all of the file
    total: int  # rows of the file; an estimate by bytes where it was not read to its end


@dataclass(frozen=True)
class Unread:
    """A file that no data set is drafted for, and why."""

    path: str
    why: str
    korean: str


def files_of(drop: Path) -> list[str]:
    """Regular files of a folder, POSIX, sorted; no links, nothing hidden, no drop.json, no .part.

    Raises InputUnreadable where it is no directory or holds no file.
    """
    if not drop.is_dir():
        raise InputUnreadable(f"{drop.name}: no directory: name the folder with the data")
    found = []
    for folder, directories, names in os.walk(drop, followlinks=False):
        directories[:] = [name for name in directories if not name.startswith(".")]
        for name in names:
            path = Path(folder) / name
            if stat.S_ISREG(path.lstat().st_mode) and not name.startswith(".") and not name.endswith(PART):
                found.append(path.relative_to(drop).as_posix())
    found = sorted(path for path in found if path != DROP_JSON)
    if not found:
        raise InputUnreadable(f"{drop.name}: no file in it: put the data there first")
    return found


def format_of(path: str) -> Format | None:
    """The format by the file's ending, below its compression."""
    name = path.rsplit("/", 1)[-1].lower()
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    return ENDINGS.get(Path(name).suffix)


def sample_file(drop: Path, path: str, most: int = SAMPLE_BYTES) -> FileSample | Unread:
    """The sample of one file, of about `most` uncompressed bytes, or why there is none."""
    file_format = format_of(path)
    if file_format is None:
        known = ", ".join(ENDINGS)
        return Unread(path, f"its ending is none of {known} (.gz, .zst)", "지원하지 않는 확장자")
    if (drop / path).stat().st_size == 0:
        return Unread(path, "it is empty", "빈 파일")
    try:
        return _SAMPLERS[file_format](drop, path, most)
    except _BROKEN:
        return Unread(path, f"it cannot be read as {file_format}", f"{file_format} 형식으로 읽을 수 없음")


@dataclass(frozen=True)
class _Start:
    """The first bytes of a text file, cut behind a line end."""

    data: bytes
    whole: bool
    broken: bool  # the compressed stream ends in the middle
    scale: float  # bytes of the file for every byte of it that was read


def _start(drop: Path, path: str, most: int) -> _Start:
    size = (drop / path).stat().st_size
    parts: list[bytes] = []
    held, whole, broken = 0, True, False
    with open_file(drop / path) as file:
        try:
            for piece in pieces(file, path):
                parts.append(piece)
                held += len(piece)
                if held >= most:
                    whole = False
                    break
        except StreamBroken:
            broken = True
        read = max(1, min(size, file.tell()))
    data = b"".join(parts)
    if not whole:
        data = data[: data.rfind(b"\n") + 1]
    return _Start(data.removeprefix(b"\xef\xbb\xbf"), whole, broken, size / read)


def _jsonl(drop: Path, path: str, most: int) -> FileSample | Unread:
    start = _start(drop, path, most)
    if start.data.lstrip()[:1] == b"[" and b"\n{" in start.data[:4096]:
        return Unread(
            path, "one JSON array: write one object a line", "JSON 배열: 한 줄에 객체 하나로 적을 것"
        )
    lines = [line for line in start.data.split(b"\n") if line.strip()]
    cut = len(lines) > SAMPLE_ROWS
    encoding = encoding_of(lines[:SAMPLE_ROWS])
    if encoding is None:
        return _no_encoding(path)
    rows: list[dict[str, Any]] = []
    for line in lines[:SAMPLE_ROWS]:
        try:
            row = orjson.loads(line if encoding == "utf-8" else line.decode(encoding))
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    if not rows:
        return Unread(path, "no line of it is a JSON object", "JSON 객체인 줄이 없음")
    return FileSample(
        path,
        Format.JSONL,
        encoding,
        "",
        rows,
        _names(rows),
        {},
        faults=min(len(lines), SAMPLE_ROWS) - len(rows) + start.broken,
        whole=start.whole and not cut,
        total=len(lines) if start.whole else round(len(lines) * start.scale),
    )


def _names(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    """Fields that stand in a hundredth of the rows; rare ones are data that was made a key."""
    counts: dict[str, int] = {}
    for row in rows:
        for name in row:
            counts[name] = counts.get(name, 0) + 1
    least = max(1, len(rows) // 100)
    return tuple(n for n, count in counts.items() if count >= least and _is_name(n))


def _is_name(name: str) -> bool:
    return 0 < len(name.strip()) <= MAX_NAME and name == name.strip() and "TODO" not in name


def _no_encoding(path: str) -> Unread:
    return Unread(path, f"none of {', '.join(ENCODINGS)} fits its bytes", "문자 인코딩을 알 수 없음")


def _delimited(drop: Path, path: str, most: int) -> FileSample | Unread:
    start = _start(drop, path, most)
    lines = start.data.split(b"\n")
    encoding = encoding_of(lines)
    if encoding is None:
        return _no_encoding(path)
    text = start.data.decode(encoding, "surrogateescape")
    delimiter = delimiter_of(text)
    parsed = records(text, delimiter)
    header = next((fields for fields in parsed if fields and "".join(fields).strip()), None)
    names = tuple(name.strip() for name in header or ())
    if not names or not looks_like_names(names):
        return Unread(
            path,
            "its first row does not name columns: add a header",
            "첫 행이 열 이름이 아님: 머리글을 추가할 것",
        )
    rows, faults, count = [], 0, 0
    for fields in parsed:
        if fields == []:
            continue
        count += 1
        if count > SAMPLE_ROWS:
            break
        if fields is None or len(fields) != len(names) or is_garbled(fields):
            faults += 1
        else:
            rows.append({name: cell for name, cell in zip(names, fields, strict=True) if name})
    if not rows:
        return Unread(path, "no row under its header", "머리글 아래에 행이 없음")
    whole = start.whole and count <= SAMPLE_ROWS
    total = count if whole else round(start.data.count(b"\n") * start.scale)
    unique = tuple(dict.fromkeys(name for name in names if _is_name(name)))
    return FileSample(
        path, Format.CSV, encoding, delimiter, rows, unique, {}, faults + start.broken, whole, total
    )


def _parquet(drop: Path, path: str, most: int) -> FileSample | Unread:
    with open_file(drop / path) as file:
        parquet = pq.ParquetFile(file)
        rows: list[dict[str, Any]] = []
        held = 0
        facts = parquet.metadata
        size = sum(facts.row_group(n).total_byte_size for n in range(facts.num_row_groups))
        step = max(1, min(1024, most // (size // max(1, facts.num_rows) + 1)))
        for batch in parquet.iter_batches(batch_size=step, use_threads=False):
            rows += _plain(batch)
            held += batch.nbytes
            if len(rows) >= SAMPLE_ROWS or held >= most:
                break
        return _table(path, Format.PARQUET, parquet.schema_arrow, rows, facts.num_rows)


def _arrow(drop: Path, path: str, most: int) -> FileSample | Unread:
    """Record batches until the sample is full; the others are not looked at, so their rows are estimated."""
    with pa.memory_map(str(drop / path)) as mapped:
        try:
            reader: Any = pa.ipc.open_file(mapped)
            count = reader.num_record_batches
            batches: Iterator[pa.RecordBatch] = map(reader.get_batch, range(count))
        except pa.ArrowInvalid:
            mapped.seek(0)
            reader, count = pa.ipc.open_stream(mapped), None
            batches = iter(reader)
        rows: list[dict[str, Any]] = []
        seen, read, left = 0, 0, most
        for batch in batches:
            seen, read = seen + batch.num_rows, read + 1
            average = batch.nbytes // max(1, batch.num_rows) + 1
            piece = batch.slice(0, max(1, min(SAMPLE_ROWS - len(rows), left // average)))
            rows += _plain(piece)
            left -= piece.nbytes
            if len(rows) >= SAMPLE_ROWS or left <= 0:
                break
        ended = read == count if count is not None else mapped.tell() >= mapped.size()
        share = read / count if count else mapped.tell() / mapped.size()
        return _table(path, Format.ARROW, reader.schema, rows, seen if ended else round(seen / share))


def _plain(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows as Python values; times no finer than Python's clock."""
    for index, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type):
            coarse = batch.column(index).cast(pa.timestamp("us", field.type.tz), safe=False)
            batch = batch.set_column(index, field.name, coarse)
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows


def _table(
    path: str, file_format: Format, schema: pa.Schema, rows: list[dict[str, Any]], total: int
) -> FileSample | Unread:
    if not rows:
        return Unread(path, "no row in it", "행이 없음")
    names = tuple(dict.fromkeys(name for name in schema.names if _is_name(name)))
    types = {field.name: str(field.type) for field in schema}
    kept = rows[:SAMPLE_ROWS]
    return FileSample(path, file_format, "", "", kept, names, types, 0, total == len(kept), total)


def _warc(drop: Path, path: str, most: int) -> FileSample | Unread:
    """Responses by the reader itself; its rows hold the page alone."""
    split = Split("draft", WARC_SET.name, path, "", 0, -1, 0, 0)
    texts: list[str] = []
    faults, held, whole = 0, 0, True
    for batch in read_split(drop, split, WARC_SET, max_row_bytes=SAMPLE_BYTES):
        texts += batch.documents["text"].to_pylist()
        faults += len(batch.quarantine)
        held += batch.bytes
        if held >= most or len(texts) >= SAMPLE_ROWS:
            whole = False
            break
    if not texts:
        return Unread(path, "no page in it", "읽을 수 있는 페이지가 없음")
    rows: list[dict[str, Any]] = [{"html": text} for text in texts]
    total = len(texts) + faults
    if not whole:  # WARC compresses by record, about 4 to 1 (handed drops: 3.5 to 4.5)
        total = max(total, round(total * (drop / path).stat().st_size * 4 / held))
    return FileSample(path, Format.WARC, "", "", rows, ("html",), {}, faults, whole, total)


_SAMPLERS: dict[Format, Callable[[Path, str, int], FileSample | Unread]] = {
    Format.JSONL: _jsonl,
    Format.CSV: _delimited,
    Format.PARQUET: _parquet,
    Format.ARROW: _arrow,
    Format.WARC: _warc,
}
