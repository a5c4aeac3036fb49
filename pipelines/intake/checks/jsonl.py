"""JSON lines to checked batches: blocks read and digested by one thread, parsed and checked by others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.intake.checks.batch import CheckedBatch, Lost
from pipelines.intake.checks.cells import Cells, cells_of
from pipelines.intake.checks.checker import Checker, Parsed
from pipelines.intake.checks.fields import Fields, Names, merged, read_fields
from pipelines.intake.checks.lines import Block, Cutter, LongLine
from pipelines.intake.checks.nested import NestedCells, nested_cells
from pipelines.intake.checks.nested_fast import nested_from_json
from pipelines.intake.checks.sinks import lost_only
from pipelines.intake.readers.jsonl import BOM, parse_line
from pipelines.intake.readers.rows import ABSENT
from pipelines.intake.readers.streams import StreamBroken, pieces
from pipelines.intake.splits import codec
from schemas.contract import DataSet
from schemas.reasons import Refusal

_THREADS = 2
_MOST = 1 << 30  # bytes of a block that is read by compiled code
# Encodings whose characters keep no state from one line to the next: a block is decoded at once.
_STATELESS = frozenset({"cp949", "cp932", "gb18030", "cp1252"})


def check_jsonl(
    file: BinaryIO, path: str, data_set: DataSet, checker: Checker, *, max_row_bytes: int
) -> Iterator[CheckedBatch]:
    """Batches of the lines of an open file; the path tells its compression."""
    lines = LineChecker(checker, data_set, max_row_bytes)
    row = 0
    told: set[str] = set()
    for batch in _in_order(_blocks(file, path, checker, max_row_bytes), lines.check):
        new = set(batch.unnamed) - told
        told |= new
        yield _numbered(replace(batch, unnamed=tuple(sorted(new))), row)
        row += batch.rows


def _blocks(
    file: BinaryIO, path: str, checker: Checker, limit: int
) -> Iterator[Block | LongLine | CheckedBatch]:
    """The file's blocks, and at the end what is to be said of the file as a whole."""
    cutter = Cutter(limit)
    nothing = True  # not one byte but a byte order mark so far
    broken: StreamBroken | None = None
    source = cutter.cut(pieces(file, path))
    while broken is None:
        try:
            block = next(source, None)
        except StreamBroken as error:
            broken = error
            break
        if block is None:
            break
        nothing = False
        yield block
    for block in cutter.whole_lines() if broken else cutter.last_line():
        nothing = nothing and isinstance(block, Block) and block.data == BOM
        yield block
    if broken is not None:
        yield lost_only(checker, broken.refusal, cutter.offset)
    elif nothing:
        yield lost_only(checker, Refusal.EMPTY_FILE, 0)


def _in_order(
    blocks: Iterator[Block | LongLine | CheckedBatch],
    check: Callable[[Block | LongLine], CheckedBatch],
) -> Iterator[CheckedBatch]:
    """Check blocks in some threads; holds one block more than there are threads."""
    waiting: deque[Future[CheckedBatch] | CheckedBatch] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for block in blocks:
            waiting.append(block if isinstance(block, CheckedBatch) else pool.submit(check, block))
            if len(waiting) > _THREADS:
                yield _done(waiting.popleft())
        while waiting:
            yield _done(waiting.popleft())


def _done(batch: Future[CheckedBatch] | CheckedBatch) -> CheckedBatch:
    return batch if isinstance(batch, CheckedBatch) else batch.result()


def _numbered(batch: CheckedBatch, first: int) -> CheckedBatch:
    """The batch with its rows counted from `first` on; -1 stays."""
    if first == 0:
        return batch
    rows = batch.faults["row"].to_numpy()
    shifted = pa.array(np.where(rows < 0, rows, rows + first))
    return replace(
        batch,
        table=batch.table.set_column(0, "row", pc.add(batch.table["row"], first)),
        faults=batch.faults.set_column(1, batch.faults.schema.field(1), shifted),
    )


class LineChecker:
    """Parses and checks blocks of lines, each by itself: rows are counted from the block's start."""

    def __init__(self, checker: Checker, data_set: DataSet, limit: int) -> None:
        self._checker = checker
        self._limit = limit
        encoding = codec(data_set.encoding)
        self._encoding = None if encoding == "utf-8" else encoding
        self._names = Names(checker.names)

    def check(self, block: Block | LongLine) -> CheckedBatch:
        """The rows of a block."""
        if isinstance(block, LongLine):
            nothing = np.empty(0, np.int64)
            lost = [] if block.blank else [Lost(0, block.line, block.offset, Refusal.ROW_TOO_LONG)]
            return self._checker.check(Parsed(nothing, nothing, nothing, {}, lost, 0))
        text = self._as_utf8(block)
        return self.carefully(block) if text is None else self._quickly(block, text)

    def _as_utf8(self, block: Block) -> bytes | None:
        """The block in UTF-8, its byte order mark blanked out; None where it is to be read line by line."""
        data = block.data
        if block.offset == 0 and data.startswith(BOM):
            data = b" " * len(BOM) + data[len(BOM) :]
        if not data.endswith(b"\n") or len(data) > _MOST:
            return None  # the file's last line, alone in its block; or one whose places need 64 bits
        if self._encoding is None:
            return data
        longest = max(map(len, data.split(b"\n")))
        if self._encoding not in _STATELESS or longest > self._limit:
            return None
        try:
            text = data.decode(self._encoding).encode()
        except UnicodeDecodeError:
            return None
        return text if text.count(b"\n") == data.count(b"\n") else None

    def _quickly(self, block: Block, text: bytes) -> CheckedBatch:
        """All fields by compiled code; lines that it finds odd, one by one."""
        fields = read_fields(text, self._names, limit=self._limit if self._encoding is None else len(text))
        starts = fields.starts
        line_starts: NDArray[np.int64] | None = None
        if self._encoding is not None:
            ends = np.flatnonzero(np.frombuffer(block.data, np.uint8) == ord("\n"))
            line_starts = np.concatenate([[0], ends + 1])
            starts = line_starts[fields.lines]
        marked = block.offset == 0 and block.data.startswith(BOM)
        records: list[dict[str, Any]] = []
        places: list[tuple[int, int]] = []  # line and first byte of the odd lines that are rows all the same
        refused: list[tuple[int, int, Refusal]] = []
        for line, begin, end in fields.odd.tolist():
            raw, start = text[begin:end], begin
            if line_starts is not None:
                start = int(line_starts[line])
                raw = block.data[start : int(line_starts[line + 1]) - 1]
            if line == 0 and marked:
                raw = raw[len(BOM) :]  # blanks, or the mark itself
            parsed = parse_line(raw, limit=self._limit, encoding=self._encoding)
            if isinstance(parsed, Refusal):
                refused.append((line, start, parsed))
            elif parsed is not None:
                records.append(parsed)
                places.append((line, start))
        odd = np.array(places, np.int64).reshape(-1, 2)
        lines = np.concatenate([fields.lines, odd[:, 0]])
        offsets = np.concatenate([starts, odd[:, 1]])
        order = np.argsort(lines, kind="stable")
        lost_lines = np.array([line for line, _, _ in refused], np.int64)
        # A row's number is how many rows, parsed or not, are on earlier lines.
        rows = np.arange(len(lines)) + np.searchsorted(lost_lines, lines[order])
        lost_rows = np.arange(len(lost_lines)) + np.searchsorted(lines[order], lost_lines)
        lost = [
            Lost(row, block.line + line, block.offset + start, refusal)
            for row, (line, start, refusal) in zip(lost_rows.tolist(), refused, strict=True)
        ]
        parsed_rows = Parsed(
            rows=rows,
            lines=lines[order] + block.line,
            offsets=offsets[order] + block.offset,
            columns=self._columns(fields, records, order),
            lost=lost,
            size=len(block.data),
        )
        unnamed = fields.unnamed.union(*records) - self._checker.named
        return self._checker.check(parsed_rows, unnamed=tuple(unnamed))

    def _columns(
        self, fields: Fields, records: list[dict[str, Any]], order: NDArray[np.int64]
    ) -> dict[str, Cells | NestedCells]:
        """The columns of plain rows and odd ones, in the order of the lines."""
        columns: dict[str, Cells | NestedCells] = {}
        for name in self._checker.names:
            odd = [record.get(name, ABSENT) for record in records]
            if not fields.kinds_of(name).any() and all(value is ABSENT for value in odd):
                continue
            column = self._checker.plain.get(name)
            if column is not None and column.logical_type not in ("array", "object"):
                cells = fields.cells(name, column.logical_type)
                columns[name] = merged(cells, cells_of(odd, column), order) if odd else cells
                continue
            if column is None and not odd:
                inside = nested_from_json(*fields.lists(name), self._checker.nested[name])
                if inside is not None:
                    columns[name] = inside
                    continue
            values = fields.values(name) + odd
            if odd:
                values = [values[i] for i in order.tolist()]
            if column is not None:
                columns[name] = cells_of(values, column)
            else:
                columns[name] = nested_cells(values, self._checker.nested[name])
        return columns

    def carefully(self, block: Block) -> CheckedBatch:
        """Line by line, as the build's reader does it."""
        lines = block.data.split(b"\n")
        last = lines.pop()
        if last:
            lines.append(last)
        records: list[dict[str, Any]] = []
        places: list[tuple[int, int, int]] = []  # row, line, offset
        lost: list[Lost] = []
        offset, row = block.offset, 0
        for number, line in enumerate(lines, block.line):
            at, offset = offset, offset + len(line) + 1
            text = line[len(BOM) :] if at == 0 and line.startswith(BOM) else line
            ends = bool(last) and number == block.line + len(lines) - 1
            parsed = parse_line(text, limit=self._limit, encoding=self._encoding, last=ends)
            if parsed is None:
                continue
            if isinstance(parsed, Refusal):
                lost.append(Lost(row, number, at, parsed))
            else:
                records.append(parsed)
                places.append((row, number, at))
            row += 1
        columns: dict[str, Cells | NestedCells] = {}
        for name in self._checker.names:
            values = [record.get(name, ABSENT) for record in records]
            if all(value is ABSENT for value in values):
                continue
            if name in self._checker.plain:
                columns[name] = cells_of(values, self._checker.plain[name])
            else:
                columns[name] = nested_cells(values, self._checker.nested[name])
        where = np.array(places, np.int64).reshape(-1, 3)
        rows = Parsed(where[:, 0], where[:, 1], where[:, 2], columns, lost, len(block.data))
        return self._checker.check(rows, unnamed=tuple(set().union(*records) - self._checker.named))
