"""JSON lines to rows: plain files by byte range, .gz and .zst as streams.

A line of white space is no row. Lines are kept apart by LF; a CR before it is white space to JSON.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import orjson

from pipelines.intake.readers.collector import Collector
from pipelines.intake.readers.rows import ABSENT, Assembler, ReadBatch
from pipelines.intake.readers.streams import StreamBroken, open_file, pieces
from pipelines.intake.splits import Split, codec
from schemas.contract import DataSet
from schemas.reasons import Refusal

BOM = codecs.BOM_UTF8
_RUN = 256  # lines that are parsed at once; a bad one sends its run to be looked at line by line


def read_jsonl(
    drop: Path,
    split: Split,
    data_set: DataSet,
    *,
    max_row_bytes: int,
    batch_rows: int,
    batch_bytes: int,
) -> Iterator[ReadBatch]:
    """Batches of the lines of a split; a line longer than `max_row_bytes` is skipped, not held."""
    assembler = Assembler(split, data_set)
    collector = Collector(assembler, _pluck, batch_rows=batch_rows, batch_bytes=batch_bytes)
    lines = _Lines(collector, split, max_row_bytes, codec(data_set.encoding))
    with open_file(drop / split.path) as file:
        try:
            for piece in pieces(file, split.path, start=split.start, stop=split.stop):
                yield from lines.feed(piece)
        except StreamBroken as broken:
            collector.refuse(-1, lines.offset, broken.refusal)
        else:
            lines.end()
        if lines.nothing and not collector.refused and split.start == 0:
            collector.refuse(-1, 0, Refusal.EMPTY_FILE)
    if collector.waiting:
        yield collector.take()


def _pluck(records: list[dict[str, Any]], name: str) -> list[Any]:
    return [record.get(name, ABSENT) for record in records]


class _Lines:
    """Cuts pieces into lines and parses them; holds at most one unfinished line."""

    def __init__(self, collector: Collector[ReadBatch], split: Split, limit: int, encoding: str) -> None:
        self.offset = split.start  # of the first byte that is not in a finished line
        self.nothing = True  # not one byte but a byte order mark so far
        self._row = split.first_row
        self._collector = collector
        self._limit = limit
        self._encoding = None if encoding == "utf-8" else encoding
        self._tail: list[bytes] = []  # the unfinished line
        self._held = 0  # its bytes, those let go included
        self._blank = True  # whether the part let go was white space only

    def feed(self, piece: bytes) -> Iterator[ReadBatch]:
        """Take a piece in; hand on the batches that are full."""
        self._collector.size += len(piece)
        head, newline, rest = piece.partition(b"\n")
        self._append(head)
        if not newline:
            return
        first = b"".join(self._tail)
        length, let_go = self._held, not self._blank or self._held > len(first)
        self._tail, self._held, blank, self._blank = [], 0, self._blank, True
        if let_go:
            self._skip(length, blank)
        else:
            self._parse(first)
        if self._collector.full:
            yield self._collector.take()
        lines = rest.split(b"\n")
        last = lines.pop()
        at = 0
        while at < len(lines):
            run = lines[at : at + min(_RUN, self._collector.room)]
            at += len(run)
            if not self._parse_run(run):
                for line in run:
                    self._parse(line)
                    if self._collector.full:
                        yield self._collector.take()
            if self._collector.full:
                yield self._collector.take()
        self._append(last)

    def end(self) -> None:
        """The file ends: what is left is a last line without its line end."""
        if not self._held:
            return
        line = b"".join(self._tail)
        if self._held > len(line):
            self._skip(self._held, self._blank)
        else:
            self._parse(line, last=True)

    def _parse_run(self, lines: list[bytes]) -> bool:
        """Many lines at once; False, and nothing done, where one of them is not a plain row."""
        lengths = list(map(len, lines))
        if self._encoding is not None or max(lengths) > self._limit:
            return False
        try:
            records = list(map(orjson.loads, lines))
        except ValueError:
            return False
        if set(map(type, records)) != {dict}:
            return False
        ends = list(accumulate(lengths, lambda place, length: place + length + 1, initial=self.offset))
        self._collector.extend(self._row, ends[:-1], records, ends[-1] - self.offset)
        self._row += len(records)
        self.offset = ends[-1]
        self.nothing = False
        return True

    def _append(self, part: bytes) -> None:
        """Add to the unfinished line; one that grew past the limit is let go, and only counted."""
        self._held += len(part)
        limit = self._limit + (len(BOM) if self.offset == 0 else 0) + 1  # a CR may follow
        if self._held <= limit:
            self._tail.append(part)
            return
        for held in (*self._tail, part):
            self._blank = self._blank and not held.strip()
        self._tail = []

    def _skip(self, length: int, blank: bool) -> None:
        self.nothing = False
        if not blank:
            self._collector.refuse(self._row, self.offset, Refusal.ROW_TOO_LONG)
            self._row += 1
        self.offset += length + 1

    def _parse(self, line: bytes, *, last: bool = False) -> None:
        """One line to a row or a quarantine entry; the last has no line end behind it."""
        offset, length = self.offset, len(line)
        self.offset += length + 1
        if offset == 0 and line.startswith(BOM):
            line = line[len(BOM) :]
        if line or not last:
            self.nothing = False
        parsed = parse_line(line, limit=self._limit, encoding=self._encoding, last=last)
        if parsed is None:
            return
        if isinstance(parsed, Refusal):
            self._collector.refuse(self._row, offset, parsed)
        else:
            self._collector.add(self._row, offset, parsed, length)
        self._row += 1


def parse_line(
    line: bytes, *, limit: int, encoding: str | None, last: bool = False
) -> dict[str, Any] | Refusal | None:
    """The object of a line, why it is none, or None for a blank line.

    The line has no LF and no byte order mark; `encoding` None is UTF-8; `last`: it has no line end.
    """
    if len(line) > limit and len(line.rstrip(b"\r")) > limit:
        return Refusal.ROW_TOO_LONG if line.strip() else None
    try:
        record = orjson.loads(line if encoding is None else line.decode(encoding))
    except ValueError:
        if not line.strip():
            return None
        refusal = _fault(line, encoding or "utf-8")
        return Refusal.TRUNCATED if last and refusal is not Refusal.NOT_AN_OBJECT else refusal
    return record if type(record) is dict else Refusal.NOT_AN_OBJECT


def _fault(line: bytes, encoding: str) -> Refusal:
    """Why a line is no row: its bytes are no text, escapes are lone surrogates, or it is no JSON."""
    try:
        value = json.loads(line.decode(encoding))
    except UnicodeDecodeError:
        return Refusal.INVALID_ENCODING
    except (ValueError, RecursionError):
        return Refusal.INVALID_JSON
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return Refusal.INVALID_ENCODING
    except RecursionError:
        return Refusal.INVALID_JSON
    return Refusal.INVALID_JSON  # what json takes and the standard does not: NaN, Infinity
