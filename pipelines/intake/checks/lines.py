"""JSON lines cut into blocks of whole lines; a line that is longer than a row may be is let go, and told."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from pipelines.intake.checks.field_kernels import count_lines
from pipelines.intake.readers.jsonl import BOM

BLOCK = 3 << 20  # bytes, about


@dataclass(frozen=True)
class Block:
    """Lines, each with its LF; only the file's last may have none."""

    data: bytes
    offset: int  # uncompressed byte at which it starts
    line: int  # number of its first line, from 1


@dataclass(frozen=True)
class LongLine:
    """A line that is longer than a row may be."""

    offset: int
    line: int
    blank: bool  # white space only


class Cutter:
    """Cuts pieces of a file into blocks; holds one block and one unfinished line at most."""

    def __init__(self, limit: int) -> None:
        self.offset = 0  # of the first byte that was not handed on
        self.line = 1
        self._limit = limit + len(BOM) + 1  # a CR may follow
        self._held: list[bytes] = []
        self._size = 0
        self._long: bool | None = None  # inside a line that is let go: whether it is blank so far
        self._gone = 0  # bytes of that line

    def cut(self, pieces: Iterable[bytes]) -> Iterator[Block | LongLine]:
        """The blocks of whole lines; raises what `pieces` raises. `whole_lines`, `last_line` have the end."""
        for whole in pieces:
            piece = whole
            if self._long is not None:
                piece = yield from self._let_go(piece)
            self._held.append(piece)
            self._size += len(piece)
            if b"\n" in piece and self._size >= BLOCK:
                yield from self.whole_lines()
            if self._size > self._limit and not (self._size < BLOCK + self._limit and self._has_lines()):
                yield from self.whole_lines()
                if self._size > self._limit:
                    self._long = not b"".join(self._held).strip()
                    self._gone, self._size, self._held = self._size, 0, []

    def whole_lines(self) -> Iterator[Block]:
        """The lines that are complete."""
        for at in reversed(range(len(self._held))):
            piece = self._held[at]
            cut = piece.rfind(b"\n") + 1
            if cut:
                data = b"".join([*self._held[:at], memoryview(piece)[:cut]])
                self._held = [piece[cut:], *self._held[at + 1 :]]
                self._size -= len(data)
                yield Block(data, self.offset, self.line)
                self.offset += len(data)
                self.line += count_lines(np.frombuffer(data, np.uint8))
                return

    def last_line(self) -> Iterator[Block | LongLine]:
        """The file ends: what is left is its last line."""
        yield from self.whole_lines()
        if self._long is not None:
            yield LongLine(self.offset, self.line, self._long)
        elif self._size:
            yield Block(b"".join(self._held), self.offset, self.line)

    def _has_lines(self) -> bool:
        return any(b"\n" in piece for piece in self._held)

    def _let_go(self, piece: bytes) -> Generator[LongLine, None, bytes]:
        """Drop what belongs to the long line; returns what is behind it."""
        assert self._long is not None  # noqa: S101
        end = piece.find(b"\n")
        gone = piece if end < 0 else piece[:end]
        self._long = self._long and not gone.strip()
        self._gone += len(gone)
        if end < 0:
            return b""
        yield LongLine(self.offset, self.line, self._long)
        self.offset += self._gone + 1
        self.line += 1
        self._long = None
        return piece[end + 1 :]
