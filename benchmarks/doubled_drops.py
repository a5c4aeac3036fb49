"""The drops twice: every file as it is, and a copy "_b" of it whose rows are other rows.

In the copy keys end in "-b" and the words of each line of text change places (Chinese and Japanese in runs of up
to three characters; of HTML only what stands between tags), so languages, lengths and letters stay what they
were and no copy is a near duplicate of its original. Texts of fewer than eight words also get their row number.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from pipelines.intake.drops import discover
from schemas.contract import Contract, DataSet, Format, Markup, Role

_WORD = re.compile(r"[぀-ヿ一-鿿]{1,3}|[^\s぀-ヿ一-鿿]+")
_BETWEEN_TAGS = re.compile(r"(?<=>)[^<]+(?=<)")
_FEW_WORDS = 8
Alter = Callable[[str, int], str]


def write_doubled(drops: Path, contracts: Iterable[Contract], target: Path) -> int:
    """Fill `target` with both; returns the bytes of all files."""
    shutil.copytree(drops, target, copy_function=shutil.copyfile)
    for contract in contracts:
        sets = {data_set.name: data_set for data_set in contract.data_sets}
        for file in discover(drops / contract.partner, contract).files:
            path = target / contract.partner / file.path
            stem, ending = path.name.split(".", 1)
            _WRITERS[sets[file.data_set].format](
                path, path.with_name(f"{stem}_b.{ending}"), sets[file.data_set]
            )
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


def other_words(text: str, row: int) -> str:
    """The words of each line in another order, the spaces between them where they were."""
    order = random.Random(row)
    lines = [_shuffled(line, order) for line in text.split("\n")]
    if len(text.split()) < _FEW_WORDS:
        lines[-1] += f" {row}"
    return "\n".join(lines)


def other_page(page: str, row: int) -> str:
    """An HTML page with other words between its tags; of the same length."""
    order = random.Random(row)
    return _BETWEEN_TAGS.sub(lambda match: _shuffled(match.group(), order), page)


def _shuffled(line: str, order: random.Random) -> str:
    words = _WORD.findall(line)
    order.shuffle(words)
    remaining = iter(words)
    return _WORD.sub(lambda _: next(remaining), line)


def _alter_of(data_set: DataSet) -> Alter:
    return other_page if data_set.markup is Markup.HTML else other_words


def _other_row(row: dict[str, Any], number: int, data_set: DataSet) -> dict[str, Any]:
    """A row with other keys and other words."""
    alter = _alter_of(data_set)
    changed = dict(row)
    for column in data_set.of_role(Role.KEY):
        if isinstance(changed.get(column.path[0]), str):
            changed[column.path[0]] += "-b"
    for column in data_set.of_role(Role.TEXT):
        head, *rest = column.path
        changed[head] = _at(changed.get(head), rest, lambda text: alter(text, number))
    return changed


def _at(value: Any, path: list[str], change: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_at(item, path, change) for item in value]
    if path and isinstance(value, dict):
        return {**value, path[0]: _at(value.get(path[0]), path[1:], change)}
    return change(value) if isinstance(value, str) else value


def _jsonl(source: Path, target: Path, data_set: DataSet) -> None:
    lines = []
    for number, line in enumerate(_unpacked(source).split(b"\n")):
        try:
            row = json.loads(line)
        except ValueError:
            lines.append(line)  # an empty line, or one that is broken in the original too
            continue
        lines.append(json.dumps(_other_row(row, number, data_set), ensure_ascii=False).encode())
    _pack(target, b"\n".join(lines))


def _csv(source: Path, target: Path, data_set: DataSet) -> None:
    encoding = "utf-8-sig" if data_set.encoding == "utf-8" else data_set.encoding
    text = _unpacked(source).decode(encoding)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=data_set.delimiter)
    output = io.StringIO(newline="")
    writer = csv.DictWriter(output, reader.fieldnames or (), delimiter=data_set.delimiter)
    writer.writeheader()
    writer.writerows(_other_row(row, number, data_set) for number, row in enumerate(reader))
    _pack(target, output.getvalue().encode(encoding))


def _parquet(source: Path, target: Path, data_set: DataSet) -> None:
    file = pq.ParquetFile(source)
    with pq.ParquetWriter(target, file.schema_arrow) as writer:
        for batch in _other_batches(file.iter_batches(), data_set):
            writer.write_batch(batch)


def _arrow(source: Path, target: Path, data_set: DataSet) -> None:
    reader = pa.ipc.open_file(source)
    batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
    with pa.ipc.new_file(target, reader.schema) as writer:
        for batch in _other_batches(batches, data_set):
            writer.write_batch(batch)


def _other_batches(batches: Iterable[pa.RecordBatch], data_set: DataSet) -> Iterator[pa.RecordBatch]:
    number = 0
    for batch in batches:
        rows = [_other_row(row, number + at, data_set) for at, row in enumerate(batch.to_pylist())]
        number += len(rows)
        yield pa.RecordBatch.from_pylist(rows, schema=batch.schema)


def _warc(source: Path, target: Path, data_set: DataSet) -> None:
    """Records are told by their Content-Length; the altered body is as long as it was."""
    content, at, records = _unpacked(source), 0, []
    alter = _alter_of(data_set)
    while (start := content.find(b"WARC/1.", at)) >= 0:
        body = content.index(b"\r\n\r\n", start) + 4
        head = content[start:body]
        length = int(re.search(rb"(?i)\r\nContent-Length: *(\d+)", head).group(1))  # type: ignore[union-attr]
        at = body + length
        payload = content[body:at]
        if b"WARC-Type: response" in head:
            head = re.sub(rb"(WARC-Target-URI: [^\r\n]+)", rb"\1-b", head)
            http, _, page = payload.partition(b"\r\n\r\n")
            payload = http + b"\r\n\r\n" + _other_bytes(page, alter, len(records))
        records.append(gzip.compress(head + payload + b"\r\n\r\n"))
    target.write_bytes(b"".join(records))


def _other_bytes(page: bytes, alter: Alter, number: int) -> bytes:
    """Pages in EUC-KR are altered byte by byte: no byte of their characters is a space or a bracket."""
    for encoding in ("utf-8", "latin-1"):
        try:
            return alter(page.decode(encoding), number).encode(encoding)
        except UnicodeDecodeError:
            continue
    return page


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(content)
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)).read()
    return content


def _pack(path: Path, content: bytes) -> None:
    if path.suffix == ".gz":
        content = gzip.compress(content, compresslevel=6)
    elif path.suffix == ".zst":
        content = zstandard.ZstdCompressor().compress(content)
    path.write_bytes(content)


_WRITERS = {
    Format.JSONL: _jsonl,
    Format.CSV: _csv,
    Format.PARQUET: _parquet,
    Format.ARROW: _arrow,
    Format.WARC: _warc,
}
