"""Files cut into pieces that workers read on their own: bytes, row groups or record batches.

One pass over a file gives its digest and, for plain JSON lines, the line ends next to the wanted
places with the row number there. What cannot be cut (archives, CSV, WARC) is one split.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines.intake.drops import DropFile
from schemas.contract import DataSet, Format, Role
from schemas.errors import InputUnreadable

_PIECE = 1 << 20
_WHITE = np.zeros(256, np.bool_)
_WHITE[list(b" \t\n\r\x0b\x0c")] = True  # what bytes.strip takes for white space
# Uncompressed bytes per byte, to balance workers only: the handed drops measure gz 2.1-4.9 (text),
# 8-11 (HTML), zst 12.6.
_EXPANSION = {".gz": 4, ".zst": 10}
# Supersets that the wild takes the narrow names for (WHATWG Encoding Standard, section 4.2).
_SUPERSET = {
    "utf8": "utf-8",
    "utf-8-sig": "utf-8",
    "euc-kr": "cp949",
    "euckr": "cp949",
    "ks-c-5601-1987": "cp949",
    "ksc5601": "cp949",
    "uhc": "cp949",
    "ms949": "cp949",
    "windows-949": "cp949",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
}


@dataclass(frozen=True)
class Split:
    """A part of a file that one task reads. Literals only: it names the staged file it becomes."""

    partner: str
    data_set: str
    path: str  # POSIX, relative to the drop
    file_sha256: str
    start: int  # bytes of plain JSONL, row groups of Parquet, record batches of an Arrow file
    stop: int  # exclusive; -1: to the end
    first_row: int
    cost: int  # estimated uncompressed bytes


@dataclass(frozen=True)
class PlannedFile:
    """A file with its digest and its splits, in the file's order."""

    path: str
    data_set: str
    bytes: int  # as it lies on disk
    sha256: str
    splits: tuple[Split, ...]


def codec(encoding: str) -> str:
    """The Python codec for an encoding's name: EUC-KR is read as CP949, GBK as GB 18030."""
    name = encoding.strip().lower().replace("_", "-")
    return _SUPERSET.get(name, name)


def plan_file(
    drop: Path, file: DropFile, data_set: DataSet, *, partner: str, split_bytes: int
) -> PlannedFile:
    """Digest a file and cut it into splits of about `split_bytes`; a broken file is one split.

    Raises InputUnreadable where the file cannot be opened.
    """
    path = drop / file.path
    if path.is_symlink() or not path.is_file():
        raise InputUnreadable(f"{file.path}: is no regular file: put the file itself into the drop")
    by_lines = data_set.format is Format.JSONL and path.suffix not in _EXPANSION
    lines = _LineEnds(split_bytes)
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
            if by_lines:
                lines.feed(piece)
            size += len(piece)
    sha256 = digest.hexdigest()
    whole = Split(
        partner=partner,
        data_set=file.data_set,
        path=file.path,
        file_sha256=sha256,
        start=0,
        stop=-1,
        first_row=0,
        cost=size * _EXPANSION.get(path.suffix, 1),
    )
    if by_lines:
        cuts = [(at, row, at) for at, row in lines.cuts(size)]
    elif data_set.format is Format.PARQUET:
        cuts = _row_groups(path, data_set, split_bytes)
    elif data_set.format is Format.ARROW:
        cuts = _record_batches(path, size, split_bytes)
    else:
        cuts = []
    splits = tuple(
        replace(whole, start=start, stop=stop, first_row=row, cost=after - before)
        for (start, row, before), (stop, _, after) in pairwise(cuts)
    )
    return PlannedFile(file.path, file.data_set, size, sha256, splits or (whole,))


class _LineEnds:
    """Where lines of plain JSON lines end, and how many rows lie before; holds no text."""

    def __init__(self, split_bytes: int) -> None:
        self._step = split_bytes
        self._wanted = split_bytes
        self._read = 0
        self._rows = 0
        self._blank = True  # the unfinished line so far
        self._cuts: list[tuple[int, int]] = [(0, 0)]

    def feed(self, piece: bytes) -> None:
        data = np.frombuffer(piece, np.uint8)
        if self._read == 0 and piece.startswith(b"\xef\xbb\xbf"):
            data = data.copy()
            data[:3] = ord(" ")  # a byte order mark makes no row
        ends = np.flatnonzero(data == ord("\n"))
        if len(ends) == 0:
            self._blank = self._blank and bool(_WHITE[data].all())
            self._read += len(piece)
            return
        starts = np.concatenate(([0], ends[:-1] + 1))
        # A line is blank where all its bytes are white; only lines that begin white are looked at.
        rows = np.ones(len(ends), np.int64)
        for line in np.flatnonzero(_WHITE[data[starts]]):
            rows[line] = not _WHITE[data[starts[line] : ends[line]]].all()
        if not self._blank:
            rows[0] = 1
        before = self._rows + np.cumsum(rows)
        at = self._read + ends + 1
        while self._wanted <= at[-1]:
            line = int(np.searchsorted(at, self._wanted))
            self._cuts.append((int(at[line]), int(before[line])))
            self._wanted = int(at[line]) + self._step
        self._rows = int(before[-1])
        rest = data[ends[-1] + 1 :]
        self._blank = bool(_WHITE[rest].all())
        self._read += len(piece)

    def cuts(self, size: int) -> list[tuple[int, int]]:
        """(byte, rows before it), the ends of the file among them."""
        if self._cuts[-1][0] < size:
            self._cuts.append((size, -1))
        return self._cuts if size else []


def _row_groups(path: Path, data_set: DataSet, split_bytes: int) -> list[tuple[int, int, int]]:
    """(row group, first row, cost before it) at every cut; nothing for a file without a footer."""
    try:
        from pyarrow.parquet import read_metadata

        metadata = read_metadata(path)
        names = {c.path[0] for c in data_set.columns if c.role is not Role.OTHER}
        cuts, rows, cost = [(0, 0, 0)], 0, 0
        for group in range(metadata.num_row_groups):
            part = metadata.row_group(group)
            chunks = [part.column(i) for i in range(part.num_columns)]
            cost += sum(c.total_uncompressed_size for c in chunks if c.path_in_schema.split(".")[0] in names)
            rows += part.num_rows
            if cost - cuts[-1][2] >= split_bytes or group == metadata.num_row_groups - 1:
                cuts.append((group + 1, rows, cost))
    except (pa.ArrowException, OSError):
        return []
    return cuts


def _record_batches(path: Path, size: int, split_bytes: int) -> list[tuple[int, int, int]]:
    """(record batch, first row, cost before it) at every cut; nothing for a stream or a broken file."""
    try:
        with pa.memory_map(str(path)) as mapped:
            options = pa.ipc.IpcReadOptions(included_fields=[0])  # lengths are all that is asked for
            reader = pa.ipc.open_file(mapped, options=options)
            count = reader.num_record_batches
            cuts, rows = [(0, 0, 0)], 0
            first = pa.ipc.open_file(mapped).get_batch(0).nbytes if count else 0  # bodies may be compressed
            for index in range(count):
                rows += reader.get_batch(index).num_rows
                cost = max(size // count, first) * (index + 1)
                if cost - cuts[-1][2] >= split_bytes or index == count - 1:
                    cuts.append((index + 1, rows, cost))
    except (pa.ArrowException, OSError):
        return []
    return cuts
