"""CSV to rows, streamed: any encoding that keeps ASCII bytes apart, quotes after RFC 4180.

The first row names the columns and is no row. A quote that is never closed costs its own line only:
it is refused, and reading goes on with the next one.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Generic

import numpy as np

from pipelines.intake.readers.collector import B, Collector, Sink
from pipelines.intake.readers.rows import ABSENT
from pipelines.intake.readers.streams import StreamBroken, pieces
from pipelines.intake.splits import codec
from schemas.contract import DataSet, Role
from schemas.reasons import Refusal

if TYPE_CHECKING:
    import _csv

_RUN = 256  # rows that are handed on at once


def read_delimited(
    file: BinaryIO,
    path: str,
    data_set: DataSet,
    *,
    sink: Sink[B],
    max_row_bytes: int,
    batch_rows: int,
    batch_bytes: int,
) -> Iterator[B]:
    """Batches of the rows of an open CSV file; the path tells its compression."""
    rows = _Rows(sink, data_set, max_row_bytes)
    rows.collector = Collector(sink, rows.pluck, batch_rows=batch_rows, batch_bytes=batch_bytes)
    source = pieces(file, path)
    broken: StreamBroken | None = None
    while True:
        try:
            while (piece := next(source, None)) is not None:
                rows.collector.size += len(piece)
                yield from rows.feed(piece)
        except StreamBroken as error:
            broken = error
        break
    if broken is None:
        yield from rows.end()
    else:
        yield from rows.whole_rows()
        rows.collector.refuse(-1, rows.offset, broken.refusal)
    if rows.nothing and not rows.collector.refused:
        rows.collector.refuse(-1, 0, Refusal.EMPTY_FILE)
    if rows.collector.waiting:
        yield rows.collector.take()


class _Rows(Generic[B]):
    """Parses blocks of whole lines; holds the block's unfinished row and no more."""

    collector: Collector[B]

    def __init__(self, sink: Sink[B], data_set: DataSet, limit: int) -> None:
        csv.field_size_limit(max(csv.field_size_limit(), limit))  # the process-wide default is 128 KiB
        self.offset = 0  # of the first byte that was not parsed
        self.nothing = True
        self._encoding = codec(data_set.encoding)
        self._delimiter = data_set.delimiter
        self._limit = limit
        self._text_names = {column.path[0] for column in data_set.of_role(Role.TEXT)}
        self._sink = sink
        self._positions: dict[str, int] = {}
        self._width = 0  # fields a row has; 0 until the header was read
        self._row = 0
        self._line = 1  # of the first byte that was not parsed
        self._buffer = bytearray()
        self._next = 0  # buffer length at which parsing is tried again
        self._wasted = 0  # bytes that were parsed again behind an open quote
        self._skipping = False  # inside a line that is longer than the limit
        self._given_up = False

    def pluck(self, records: list[list[str]], name: str) -> list[Any]:
        """One column; an empty field is null, but for the text."""
        position = self._positions.get(name)
        if position is None:
            return [ABSENT] * len(records)
        if name in self._text_names:
            return [record[position] for record in records]
        return [record[position] or None for record in records]

    def feed(self, piece: bytes) -> Iterator[B]:
        """Take a piece in; hand on the batches that are full."""
        self._buffer += piece
        if self.nothing:
            if len(self._buffer) < 3 and codecs.BOM_UTF8.startswith(self._buffer):
                return
            if self._buffer.startswith(codecs.BOM_UTF8):
                del self._buffer[:3]
                self.offset = 3
            self.nothing = not self._buffer
        if len(self._buffer) >= self._next:
            yield from self._parse(final=False)
            # An unfinished row is parsed again when it has doubled: linear in all.
            self._next = 2 * len(self._buffer)

    def end(self) -> Iterator[B]:
        """The file ends: what is left is its last row."""
        yield from self._parse(final=True)

    def whole_rows(self) -> Iterator[B]:
        """The stream broke: hand on the rows that are whole before the break."""
        yield from self._parse(final=False)

    def _parse(self, *, final: bool) -> Iterator[B]:
        while self._buffer and not self._given_up:
            if self._skipping and not self._skip():
                return
            end = len(self._buffer) if final else self._buffer.rfind(b"\n") + 1
            if end == 0:
                if len(self._buffer) > self._limit + 2:
                    self._too_long()
                    continue
                return
            done = yield from self._block(bytes(self._buffer[:end]), final=final)
            self._line += self._buffer.count(b"\n", 0, done)
            del self._buffer[:done]
            self.offset += done
            if not final and len(self._buffer) <= self._limit + 2:
                return
        if self._given_up:
            self.offset += len(self._buffer)
            self._buffer.clear()

    def _too_long(self) -> None:
        self.collector.refuse(self._row, self.offset, Refusal.ROW_TOO_LONG, line=self._line)
        self._row += 1
        self._skipping = True

    def _skip(self) -> bool:
        """Let go of a line that is too long; True when its end was seen."""
        end = self._buffer.find(b"\n") + 1
        gone = end or len(self._buffer)
        del self._buffer[:gone]
        self.offset += gone
        self._skipping = end == 0
        self._line += end > 0
        return end > 0

    def _block(self, block: bytes, *, final: bool) -> Generator[B, None, int]:
        """Parse whole lines; returns how many bytes belong to rows that are done."""
        try:
            text, clean = block.decode(self._encoding), True
        except UnicodeDecodeError:
            text, clean = block.decode(self._encoding, "surrogateescape"), False
        if clean and self._width:
            reader, rows, lines = self._reader(text), [], []
            try:
                if self._sink.places:
                    for fields in reader:
                        rows.append(fields)
                        lines.append(reader.line_num)  # of the row's last line
                else:
                    rows = list(reader)
            except csv.Error:
                rows = []
            widths = set(map(len, rows))
            if widths <= {self._width, 0} and rows and len(block) <= self._limit:
                yield from self._admit(rows, lines, block)
                return len(block)
        return (yield from self._careful(block, text, clean=clean, final=final))

    def _reader(self, text: str) -> _csv.Reader:
        return self._over(io.StringIO(text, newline="\n"))

    def _over(self, stream: io.StringIO) -> _csv.Reader:
        # Strict: a stray quote that happens to meet another one lines later is an error, not one long field.
        return csv.reader(stream, delimiter=self._delimiter, strict=True)

    def _admit(self, rows: list[list[str]], ends: list[int], block: bytes) -> Iterator[B]:
        """Rows of the right width, blank ones left out; `ends` is each one's last line in the block."""
        offsets, lines = [-1] * len(rows), ends
        if ends:
            starts = np.concatenate(([0], np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1))
            firsts = np.array([0, *ends[:-1]])
            offsets = (starts[firsts] + self.offset).tolist()
            lines = (firsts + self._line).tolist()
        if not all(rows):
            kept = [i for i, row in enumerate(rows) if row]
            rows, offsets = [rows[i] for i in kept], [offsets[i] for i in kept]
            lines = [lines[i] for i in kept] if lines else lines
        share = len(block) // max(1, len(rows))
        at = 0
        while at < len(rows):
            end = at + min(_RUN, self.collector.room)
            run = rows[at:end]
            self.collector.extend(self._row, offsets[at:end], run, share * len(run), lines[at:end])
            at += len(run)
            self._row += len(run)
            if self.collector.full:
                yield self.collector.take()

    def _careful(self, block: bytes, text: str, *, clean: bool, final: bool) -> Generator[B, None, int]:
        """Row by row, with the place of each; the way of blocks in which something is wrong."""
        stream = io.StringIO(text, newline="\n")
        reader = self._over(stream)
        at = place = 0  # where the row starts, in characters and in bytes
        row_line = self._line
        while at < len(text) and not self._given_up:
            fault: Refusal | None = None
            unfinished = False
            fields: list[str] = []
            try:
                fields = next(reader)
            except csv.Error as error:
                unfinished = str(error) == "unexpected end of data"
                if unfinished and not final and len(self._buffer) - place <= self._limit + 2:
                    return place
                fault = Refusal.BROKEN_QUOTES
            end = stream.tell()
            after = len(block) if end == len(text) else _behind(block, place, text.count("\n", at, end))
            if unfinished and len(self._buffer) - place > self._limit + 2:
                fault = Refusal.ROW_TOO_LONG
            if after - place > self._limit and len(block[place:after].rstrip(b"\r\n")) > self._limit:
                fault = Refusal.ROW_TOO_LONG
            if fault is not None:
                # Only the first line is given up: what follows may be whole rows.
                self._wasted += after - place
                line = text.find("\n", at, end) + 1 or end
                after = len(block) if line == len(text) else _behind(block, place, 1)
                if line != end:
                    stream.seek(line)
                reader, end = self._over(stream), line
            elif not clean and not text[at:end].isascii() and _escaped(text[at:end]):
                fault = Refusal.INVALID_ENCODING
            yield from self._settle(fields, fault, self.offset + place, row_line, after - place)
            row_line += text.count("\n", at, end)
            at, place = end, after
            if self._wasted > 4 * self._limit + 2 * (self.offset + place):
                self.collector.refuse(-1, self.offset + place, Refusal.UNREADABLE, line=row_line)
                self._given_up = True
        return place if not self._given_up else len(block)

    def _settle(
        self, fields: list[str], fault: Refusal | None, offset: int, line: int, size: int
    ) -> Iterator[B]:
        """One row to the batch, to quarantine, or, where it is the first, to the columns' places."""
        if not fault and not fields:
            return  # a blank line
        if self._width == 0:
            if fault:
                self.collector.refuse(-1, offset, fault, line=line)
                self._given_up = True
                return
            if not "".join(fields).strip():
                return
            self._width = len(fields)
            for position, name in reversed(list(enumerate(fields))):
                self._positions[name.strip()] = position
            self._sink.found(self._positions)
            return
        if not fault and len(fields) != self._width:
            if len(fields) == 1 and not fields[0].strip():
                return
            fault = Refusal.WRONG_FIELD_COUNT
        if fault:
            self.collector.refuse(self._row, offset, fault, line=line)
        else:
            self.collector.add(self._row, offset if self._sink.places else -1, fields, size, line)
        self._row += 1
        if self.collector.full:
            yield self.collector.take()


def _behind(block: bytes, place: int, lines: int) -> int:
    """The byte behind so many line ends from a place on."""
    for _ in range(lines):
        place = block.index(b"\n", place) + 1
    return place


def _escaped(text: str) -> bool:
    """Whether a text holds bytes that could not be decoded."""
    return any("\udc80" <= character <= "\udcff" for character in text)
