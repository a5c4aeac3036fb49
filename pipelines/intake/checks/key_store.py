"""Sets of 128-bit digests: a table in memory that spills into sorted files, and sorted files mapped.

A keys file is an Arrow IPC file with the columns high and low (uint64), ascending and without repeats.
"""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow as pa
from numba import uint64
from numpy.typing import NDArray

from pipelines.intake.checks.batch import Mask
from pipelines.intake.checks.siphash import U64s
from pipelines.kernels import njit

KEYS = pa.schema(
    [pa.field("high", pa.uint64(), nullable=False), pa.field("low", pa.uint64(), nullable=False)]
)
_FIRST_SLOTS = 1 << 12
_MOST_SLOTS = 1 << 24  # 256 MiB; half of them are taken before the table spills
_FILE_BATCH = 1 << 20  # digests of a record batch


@njit(nogil=True, cache=True)
def _claim(
    table_high: U64s, table_low: U64s, high: U64s, low: U64s, look: Mask, insert: Mask, seen: Mask
) -> int:
    """Mark what the table holds, take in what it does not; (0, 0) is an empty slot. Returns the new ones."""
    mask = uint64(len(table_high) - 1)
    new = 0
    for i in range(len(high)):
        if not look[i]:
            continue
        slot = high[i] & mask
        while True:
            if table_high[slot] == uint64(0) and table_low[slot] == uint64(0):
                if insert[i] and not seen[i]:
                    table_high[slot], table_low[slot] = high[i], low[i]
                    new += 1
                break
            if table_high[slot] == high[i] and table_low[slot] == low[i]:
                seen[i] = True
                break
            slot = (slot + uint64(1)) & mask
    return new


@njit(nogil=True, cache=True)
def _find(run_high: U64s, run_low: U64s, high: U64s, low: U64s, order: Any, found: Mask) -> None:
    """Mark which of the digests, taken in ascending order, a sorted run holds."""
    start, count = 0, len(run_high)
    for i in order:
        first, last = start, count
        while first < last:
            middle = (first + last) >> 1
            smaller = run_high[middle] < high[i] or (run_high[middle] == high[i] and run_low[middle] < low[i])
            if smaller:
                first = middle + 1
            else:
                last = middle
        start = first
        if first < count and run_high[first] == high[i] and run_low[first] == low[i]:
            found[i] = True


def ascending(high: U64s, low: U64s, wanted: Mask) -> NDArray[np.int64]:
    """The positions of the wanted digests, in the digests' order."""
    order = np.flatnonzero(wanted)
    return np.asarray(order[np.lexsort((low[order], high[order]))])


class SortedKeys:
    """A keys file, mapped: what is not asked for is not read."""

    def __init__(self, path: Path) -> None:
        self._mapped = pa.memory_map(str(path))
        reader = pa.ipc.open_file(self._mapped)
        batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        self.runs = [(batch["high"].to_numpy(), batch["low"].to_numpy()) for batch in batches if len(batch)]
        self._firsts = np.array([run[0][0] for run in self.runs], np.uint64)

    def find(self, high: U64s, low: U64s, order: NDArray[np.int64], found: Mask) -> None:
        """Mark in `found` what is in the file; `order` has the digests to look for, ascending."""
        if not self.runs or not len(order):
            return
        sorted_high = high[order]
        # A digest may lie in the last batch that begins below its high half, or, where equal, one before.
        cuts = np.searchsorted(sorted_high, self._firsts, side="left")
        ends = np.append(np.searchsorted(sorted_high, self._firsts[1:], side="right"), len(order))
        for (run_high, run_low), begin, end in zip(self.runs, cuts.tolist(), ends.tolist(), strict=True):
            if begin < end:
                _find(run_high, run_low, high, low, order[begin:end], found)

    def between(self, least: int, most: int) -> Iterator[tuple[U64s, U64s]]:
        """The digests whose high half lies in [least, most]."""
        for high, low in self.runs:
            begin = int(np.searchsorted(high, np.uint64(least), side="left"))
            end = int(np.searchsorted(high, np.uint64(most), side="right"))
            if begin < end:
                yield high[begin:end], low[begin:end]


class KeyStore:
    """A growing set of digests; `slots` bounds what is held in memory, the rest lies sorted in a folder."""

    def __init__(self, slots: int = _MOST_SLOTS) -> None:
        self._most = slots
        self._high = np.zeros(min(_FIRST_SLOTS, slots), np.uint64)
        self._low = np.zeros(len(self._high), np.uint64)
        self._taken = 0
        self._folder: Path | None = None
        self._spilled: list[SortedKeys] = []

    def claim(self, high: U64s, low: U64s, look: Mask, insert: Mask, seen: Mask) -> None:
        """Mark in `seen` the digests (of those in `look`) that came before, in order; take in the others.

        What `insert` leaves out, or `seen` already marks, is looked for and not taken in.
        """
        step = max(1, self._most // 4)
        for start in range(0, len(high), step):
            part = slice(start, start + step)
            self._make_room(len(high[part]))
            if self._spilled:
                order = ascending(high[part], low[part], look[part] & ~seen[part])
                for run in self._spilled:
                    run.find(high[part], low[part], order, seen[part])
            self._taken += _claim(
                self._high, self._low, high[part], low[part], look[part], insert[part], seen[part]
            )

    def _make_room(self, more: int) -> None:
        """Keep half of the slots free: with twice the table, or, where it is at its largest, on disk."""
        while 2 * (self._taken + more) > len(self._high):
            if len(self._high) < self._most:
                high, low = self._sorted()
                self._high, self._low = (
                    np.zeros(2 * len(self._high), np.uint64),
                    np.zeros(2 * len(self._low), np.uint64),
                )
                all_of_them, none = np.ones(len(high), np.bool_), np.zeros(len(high), np.bool_)
                _claim(self._high, self._low, high, low, all_of_them, all_of_them, none)
            elif self._taken:
                self._spill()
            else:
                return

    def _sorted(self) -> tuple[U64s, U64s]:
        taken = np.flatnonzero((self._high != 0) | (self._low != 0))
        high, low = self._high[taken], self._low[taken]
        order = np.argsort(high)
        if np.any(high[order[1:]] == high[order[:-1]]):  # of 10^9 digests, once in 40 times
            order = np.lexsort((low, high))
        return high[order], low[order]

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = Path(mkdtemp(prefix="malmoi-keys-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / f"{len(self._spilled)}.arrow"
        _write(path, [self._sorted()])
        self._spilled.append(SortedKeys(path))
        self._high[:] = 0
        self._low[:] = 0
        self._taken = 0

    def write(self, path: Path) -> int:
        """Write all of them as a keys file, in one step; returns how many there are."""
        part = path.with_name(f"{path.name}.part")
        count = _write(part, self._merged())
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
        return count

    def _merged(self) -> Iterator[tuple[U64s, U64s]]:
        """All digests, ascending, in parts of about a table."""
        memory = self._sorted()
        if not self._spilled:
            yield memory
            return
        parts = 2 * (len(self._spilled) + 1)
        width = (1 << 64) // parts + 1
        for part in range(parts):
            least, most = part * width, min((part + 1) * width, 1 << 64) - 1
            begin = int(np.searchsorted(memory[0], np.uint64(least), side="left"))
            end = int(np.searchsorted(memory[0], np.uint64(most), side="right"))
            found: list[tuple[U64s, U64s]] = [(memory[0][begin:end], memory[1][begin:end])]
            for run in self._spilled:
                found.extend(run.between(least, most))
            high, low = (np.concatenate([pair[half] for pair in found]) for half in (0, 1))
            order = np.lexsort((low, high))
            yield high[order], low[order]


def _write(path: Path, parts: Sequence[tuple[U64s, U64s]] | Iterator[tuple[U64s, U64s]]) -> int:
    count = 0
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, KEYS) as writer:
        for high, low in parts:
            for start in range(0, len(high), _FILE_BATCH):
                end = start + _FILE_BATCH
                writer.write_batch(
                    pa.RecordBatch.from_arrays(
                        [pa.array(high[start:end]), pa.array(low[start:end])], schema=KEYS
                    )
                )
            count += len(high)
    return count
