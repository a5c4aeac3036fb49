"""WARC records to rows with the columns url, date and html.

Only `response` records are rows; those with an HTTP status of 2xx are documents. Records are framed
here, because a record whose length lies must not take its neighbours with it; HTTP heads, chunks and
content codings are fastwarc's work.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from fastwarc.warc import ArchiveIterator

from pipelines.intake.readers.charset import decode_page
from pipelines.intake.readers.collector import B, Collector, Sink
from pipelines.intake.readers.rows import ABSENT
from pipelines.intake.readers.streams import StreamBroken, next_member, pieces
from schemas.contract import DataSet
from schemas.reasons import Refusal

_MAX_HEAD = 64 << 10  # bytes of a record's own header
_TYPE = re.compile(rb"^WARC-Type:[ \t]*([a-z]+)", re.IGNORECASE | re.MULTILINE)
_LENGTH = re.compile(rb"^Content-Length:[ \t]*([0-9]{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_NEXT = re.compile(rb"\nWARC/[01]\.\d+\r\n")
_NEXT_BYTES = 16
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,16}[ ;\r]")
RECORD = "(record)"  # the bytes of a response with its head, to a sink that asks for them
_TEXT_TYPES = ("text/", "application/xhtml", "application/xml", "application/json")


def read_warc(
    file: BinaryIO,
    path: str,
    data_set: DataSet,
    *,
    sink: Sink[B],
    max_row_bytes: int,
    batch_rows: int,
    batch_bytes: int,
) -> Iterator[B]:
    """Batches of the responses of an open WARC file; a broken record is one entry, and reading goes on."""
    collector = Collector(sink, _pluck, batch_rows=batch_rows, batch_bytes=batch_bytes)
    sink.found(("url", "date", "html"))
    archive = _Archive(file, path, collector, data_set.languages, max_row_bytes)
    while archive.record():
        if collector.full:
            yield collector.take()
    if collector.waiting:
        yield collector.take()


def _pluck(records: list[dict[str, Any]], name: str) -> list[Any]:
    return [record.get(name, ABSENT) for record in records]


class _Archive:
    """Frames records in a window over the uncompressed bytes; holds one record at most."""

    def __init__(
        self, file: BinaryIO, path: str, collector: Collector[Any], languages: tuple[str, ...], limit: int
    ) -> None:
        self._file = file
        self._path = path
        self._collector = collector
        self._languages = languages
        self._limit = limit
        self._source: Iterator[bytes] | None = pieces(file, path)
        self._broken: StreamBroken | None = None
        self._data = bytearray()
        self._place = 0  # uncompressed byte at which the window starts
        self._row = 0

    def record(self) -> bool:
        """Deal with one record, or with one broken stretch; False at the end of the file."""
        while self._fill(2) and self._data[:2] == b"\r\n":
            self._drop(2)
        if not self._fill(1):
            return self._stream_end()
        head = self._head()
        length = _LENGTH.search(self._data, 0, head) if head else None
        if not head or not length:
            return self._resync()
        end = head + int(length[1])
        kind = _TYPE.search(self._data, 0, head)
        response = kind is not None and kind[1].lower() == b"response"
        if end - head > self._limit:
            return self._oversized(end, response=response)
        if not self._fill(end):
            return self._resync(whole_head=True)
        self._fill(end + 9)
        rest = bytes(self._data[end : end + 9])
        if not rest.startswith(b"\r\n\r\n") and rest.strip(b"\r\n") and b"WARC/" not in rest:
            return self._resync()
        if response:
            self._response(bytes(self._data[:end]), end - head)
            self._row += 1
        self._drop(end)
        return True

    def _head(self) -> int | None:
        """Where the header of the record at the window's start ends; None where there is no header."""
        size = 0
        while size < _MAX_HEAD:
            more = self._fill(size + 4096)
            if not self._data.startswith(b"WARC/"):
                return None
            end = self._data.find(b"\r\n\r\n", max(0, size - 3), _MAX_HEAD)
            if end >= 0:
                return end + 4
            if not more:
                return None
            size = len(self._data)
        return None

    def _response(self, record: bytes, length: int) -> None:
        """One response record to a row or a quarantine entry."""
        page: Any = None
        try:
            page = next(iter(ArchiveIterator(io.BytesIO(record), auto_decode="all", stream_detect=False)))
            status = page.http_headers.status_code if page.http_headers is not None else None
            kind = (page.http_content_type or "").lower()
            payload = None if status is None else self._payload(page, record)
        except (OSError, ValueError, StopIteration):
            status = payload = None
        if status is None:
            self._refuse(Refusal.BROKEN_RECORD)
        elif not 200 <= status < 300:
            self._refuse(Refusal.ERROR_RESPONSE)
        elif payload is None:
            self._refuse(Refusal.BROKEN_RECORD)
        elif len(payload) > self._limit:
            self._refuse(Refusal.ROW_TOO_LONG)
        elif kind and not kind.startswith(_TEXT_TYPES):
            self._refuse(Refusal.WRONG_TYPE, "html")
        else:
            html = decode_page(payload, declared=page.http_charset, languages=self._languages)
            if html is None:
                self._refuse(Refusal.INVALID_ENCODING, "html")
                return
            columns = {
                "url": page.headers.get("WARC-Target-URI"),
                "date": page.headers.get("WARC-Date"),
                "html": html,
            }
            if RECORD in self._collector.sink.names:
                columns[RECORD] = record
            self._collector.add(self._row, self._place, columns, length)

    def _payload(self, page: Any, record: bytes) -> bytes | None:
        """The decoded payload, cut behind the limit; None where its coding is broken."""
        try:
            return page.reader.read(self._limit + 1) or b""
        except (OSError, ValueError):
            # Crawlers that store the decoded page leave the coding's header behind.
            raw = next(iter(ArchiveIterator(io.BytesIO(record), stream_detect=False)))
            body: bytes = raw.reader.read(self._limit + 1) or b""
            coded = body.startswith(b"\x1f\x8b") or _CHUNK.match(body)
            return None if coded else body

    def _refuse(self, refusal: Refusal, field: str | None = None) -> None:
        self._collector.refuse(self._row, self._place, refusal, field)

    def _oversized(self, end: int, *, response: bool) -> bool:
        """Pass over a record that is longer than a row may be, holding a piece of it at a time."""
        start, passed = self._place, 0
        while passed < end:
            self._fill(_NEXT_BYTES + 1)
            found = _NEXT.search(self._data)
            step = found.start() + 1 if found else max(0, len(self._data) - _NEXT_BYTES)
            step = min(step, end - passed)
            if step == 0 and self._ended():
                self._drop(len(self._data))
                return self._stream_end(start, torn=True)
            self._drop(step)
            passed += step
            if found and passed < end:  # another record starts inside: the length lied
                self._collector.refuse(self._row, start, Refusal.BROKEN_RECORD)
                self._row += 1
                return True
        if response:
            self._collector.refuse(self._row, start, Refusal.ROW_TOO_LONG)
            self._row += 1
        return True

    def _resync(self, *, whole_head: bool = False) -> bool:
        """Go to the next record's first line; what lies before it is one broken record."""
        start, known = self._place, bool(self._row) or self._data.startswith(b"WARC/")
        while True:
            found = _NEXT.search(self._data)
            if found:
                self._drop(found.start() + 1)
                self._collector.refuse(self._row, start, Refusal.BROKEN_RECORD)
                self._row += 1
                return True
            if self._ended():
                break
            self._drop(max(0, len(self._data) - _NEXT_BYTES))
        self._drop(len(self._data))
        if self._broken is not None:
            return self._stream_end(start, torn=True)
        if whole_head or not known:
            self._collector.refuse(-1, start, Refusal.TRUNCATED if known else Refusal.UNREADABLE)
        else:
            self._collector.refuse(self._row, start, Refusal.BROKEN_RECORD)
        return False

    def _stream_end(self, start: int | None = None, *, torn: bool = False) -> bool:
        """The stream ended: for good, or in a broken gzip member with whole ones behind it."""
        broken, self._broken = self._broken, None
        if broken is None:
            if torn:
                self._collector.refuse(-1, self._place if start is None else start, Refusal.TRUNCATED)
            return False
        start = self._place if start is None else start
        resume = broken.resume
        while self._path.endswith(".gz") and (resume := next_member(self._file, resume)) >= 0:
            self._source = pieces(self._file, self._path, start=resume)
            self._broken = None
            if self._fill(5) and self._data.startswith(b"WARC/"):
                self._collector.refuse(self._row, start, Refusal.BROKEN_RECORD)
                self._row += 1
                return True
            self._drop(len(self._data))
            resume += 1
        self._broken = None
        self._source = None
        self._collector.refuse(-1, start, broken.refusal)
        return False

    def _ended(self) -> bool:
        """Whether no byte comes after the window; takes one piece more in where there is one."""
        return not self._fill(len(self._data) + 1)

    def _fill(self, size: int) -> bool:
        """Make the window hold at least `size` bytes; False where the stream ends before."""
        while len(self._data) < size and self._source is not None:
            try:
                piece = next(self._source, None)
            except StreamBroken as broken:
                self._broken, piece = broken, None
            if piece is None:
                self._source = None
            else:
                self._data += piece
                self._collector.size += len(piece)
        return len(self._data) >= size

    def _drop(self, size: int) -> None:
        del self._data[:size]
        self._place += size
