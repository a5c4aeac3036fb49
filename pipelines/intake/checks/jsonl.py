"""JSON lines to checked batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from pipelines.intake.checks.batch import CheckedBatch, Lost
from pipelines.intake.checks.cells import Cells, cells_of
from pipelines.intake.checks.checker import Checker, Parsed
from pipelines.intake.checks.lines import Block, Cutter, LongLine
from pipelines.intake.checks.nested import NestedCells, nested_cells
from pipelines.intake.checks.sinks import lost_only
from pipelines.intake.readers.jsonl import BOM, parse_line
from pipelines.intake.readers.rows import ABSENT
from pipelines.intake.readers.streams import StreamBroken, pieces
from pipelines.intake.splits import codec
from schemas.contract import DataSet
from schemas.reasons import Refusal


def check_jsonl(
    file: BinaryIO, path: str, data_set: DataSet, checker: Checker, *, max_row_bytes: int
) -> Iterator[CheckedBatch]:
    """Batches of the lines of an open file; the path tells its compression."""
    lines = _Lines(checker, data_set, max_row_bytes)
    cutter = Cutter(max_row_bytes)
    nothing = True  # not one byte but a byte order mark so far
    broken: StreamBroken | None = None
    source = cutter.cut(pieces(file, path))
    while True:
        try:
            block = next(source, None)
        except StreamBroken as error:
            broken = error
            break
        if block is None:
            break
        nothing = False
        yield lines.check(block)
    for block in cutter.whole_lines() if broken else cutter.last_line():
        nothing = nothing and isinstance(block, Block) and block.data == BOM
        yield lines.check(block)
    if broken is not None:
        yield lost_only(checker, broken.refusal, cutter.offset)
    elif nothing:
        yield lost_only(checker, Refusal.EMPTY_FILE, 0)


class _Lines:
    """Parses blocks of lines; knows the number of the next row."""

    def __init__(self, checker: Checker, data_set: DataSet, limit: int) -> None:
        self._checker = checker
        self._limit = limit
        encoding = codec(data_set.encoding)
        self._encoding = None if encoding == "utf-8" else encoding
        self._row = 0
        self._told: set[str] = set()

    def check(self, block: Block | LongLine) -> CheckedBatch:
        """The rows of a block."""
        nothing = np.empty(0, np.int64)
        if isinstance(block, LongLine):
            lost = [] if block.blank else [Lost(self._row, block.line, block.offset, Refusal.ROW_TOO_LONG)]
            self._row += len(lost)
            return self._checker.check(Parsed(nothing, nothing, nothing, {}, lost, 0))
        return self._carefully(block)

    def _carefully(self, block: Block) -> CheckedBatch:
        """Line by line, as the build's reader does it."""
        lines = block.data.split(b"\n")
        last = lines.pop()
        if last:
            lines.append(last)
        records: list[dict[str, Any]] = []
        places: list[tuple[int, int, int]] = []  # row, line, offset
        lost: list[Lost] = []
        offset = block.offset
        for number, line in enumerate(lines, block.line):
            at, offset = offset, offset + len(line) + 1
            text = line[len(BOM) :] if at == 0 and line.startswith(BOM) else line
            ends = bool(last) and number == block.line + len(lines) - 1
            parsed = parse_line(text, limit=self._limit, encoding=self._encoding, last=ends)
            if parsed is None:
                continue
            if isinstance(parsed, Refusal):
                lost.append(Lost(self._row, number, at, parsed))
            else:
                records.append(parsed)
                places.append((self._row, number, at))
            self._row += 1
        columns: dict[str, Cells | NestedCells] = {}
        for name in self._checker.names:
            values = [record.get(name, ABSENT) for record in records]
            if all(value is ABSENT for value in values):
                continue
            if name in self._checker.plain:
                columns[name] = cells_of(values, self._checker.plain[name])
            else:
                columns[name] = nested_cells(values, self._checker.nested[name])
        unnamed = set().union(*records) - self._checker.named - self._told
        self._told |= unnamed
        where = np.array(places, np.int64).reshape(-1, 3)
        parsed_rows = Parsed(where[:, 0], where[:, 1], where[:, 2], columns, lost, len(block.data))
        return self._checker.check(parsed_rows, unnamed=tuple(unnamed))
