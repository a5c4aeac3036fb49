"""The files of a folder that no contract describes yet: their format, and a bounded sample of their rows.

Of every file at most SAMPLE_BYTES uncompressed bytes and SAMPLE_ROWS rows are read, from its beginning.
"""

from __future__ import annotations

import csv
import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

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
_ENCODINGS = ("utf-8", "cp949", "cp932", "gb18030")  # EUC-KR is read as CP949, which holds it
_DECODED = 0.99  # share of the lines beyond ASCII that an encoding has to fit
_DELIMITERS = (",", "\t", ";", "|")
_LOOKED_AT = 200  # rows that tell a delimiter
_MAX_NAME = 64  # characters: what is longer is data, no column's name
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


def encoding_of(lines: list[bytes]) -> str | None:
    """The first encoding that decodes nearly all lines beyond ASCII; None where none does."""
    beyond = [line for line in lines if not line.isascii()]
    if not beyond:
        return "utf-8"
    for encoding in _ENCODINGS:
        fits = sum(_decodes(line, encoding) for line in beyond)
        if fits >= _DECODED * len(beyond) or (fits == len(beyond) - 1 and len(beyond) > 2):
            return encoding
    return None


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


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
    return 0 < len(name.strip()) <= _MAX_NAME and name == name.strip() and "TODO" not in name


def _no_encoding(path: str) -> Unread:
    return Unread(path, f"none of {', '.join(_ENCODINGS)} fits its bytes", "문자 인코딩을 알 수 없음")


def _delimited(drop: Path, path: str, most: int) -> FileSample | Unread:
    start = _start(drop, path, most)
    lines = start.data.split(b"\n")
    encoding = encoding_of(lines)
    if encoding is None:
        return _no_encoding(path)
    text = start.data.decode(encoding, "surrogateescape")
    delimiter = _delimiter(text)
    parsed = _records(text, delimiter)
    header = next((fields for fields in parsed if fields and "".join(fields).strip()), None)
    names = tuple(name.strip() for name in header or ())
    if not names or not _looks_like_names(names):
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
        if fields is None or len(fields) != len(names) or _garbled(fields):
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


def _records(text: str, delimiter: str) -> Iterator[list[str] | None]:
    """Rows by the rules of the reader; None for one that is broken, [] for a blank line."""
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)
    while True:
        try:
            yield next(reader)
        except csv.Error:
            yield None
        except StopIteration:
            return


def _delimiter(text: str) -> str:
    """The sign that cuts most of the first rows into as many fields as the header, and into the most."""
    head = text[: 1 << 20]

    def fit(delimiter: str) -> tuple[float, int]:
        rows = [row for row in islice(_records(head, delimiter), _LOOKED_AT) if row]
        width = len(rows[0]) if rows else 0
        return (sum(len(row) == width for row in rows) / max(1, len(rows)) if width > 1 else 0.0, width)

    return max(_DELIMITERS, key=fit)


def _looks_like_names(names: tuple[str, ...]) -> bool:
    """Whether a first row is a header: words with letters, none of them prose, a number or an address."""
    said = [name for name in names if name]
    return len(set(said)) == len(said) > 0 and all(
        re.search(r"[^\W\d_]", name) and "@" not in name and len(name) <= _MAX_NAME and len(name.split()) <= 5
        for name in said
    )


def _garbled(fields: list[str]) -> bool:
    return any("\udc80" <= letter <= "\udcff" for field in fields if not field.isascii() for letter in field)


def _parquet(drop: Path, path: str, most: int) -> FileSample | Unread:
    with open_file(drop / path) as file:
        parquet = pq.ParquetFile(file)
        rows: list[dict[str, Any]] = []
        held = 0
        for batch in parquet.iter_batches(batch_size=1024, use_threads=False):
            rows += _plain(batch)
            held += batch.nbytes
            if len(rows) >= SAMPLE_ROWS or held >= most:
                break
        return _table(path, Format.PARQUET, parquet.schema_arrow, rows, parquet.metadata.num_rows)


def _arrow(drop: Path, path: str, most: int) -> FileSample | Unread:
    with pa.memory_map(str(drop / path)) as mapped:
        try:
            reader: Any = pa.ipc.open_file(mapped)
            batches: Iterator[pa.RecordBatch] = (
                reader.get_batch(i) for i in range(reader.num_record_batches)
            )
        except pa.ArrowInvalid:
            mapped.seek(0)
            reader = pa.ipc.open_stream(mapped)
            batches = iter(reader)
        rows: list[dict[str, Any]] = []
        total, held = 0, 0
        for batch in batches:
            total += batch.num_rows
            if len(rows) < SAMPLE_ROWS and held < most:
                piece = batch.slice(0, SAMPLE_ROWS - len(rows))
                rows += _plain(piece)
                held += piece.nbytes
        return _table(path, Format.ARROW, reader.schema, rows, total)


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
