"""Shards in memory, mapped when a piece of them is first wanted.

Python's own mmap keeps a file descriptor for each mapping, and a build has more shards than a process may
have files open (1,024 on many machines); so mmap(2) is called here, and the descriptor closed. Linux lets a
process have 65,530 mappings: past `most`, the oldest are let go.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.tokens.finished import FinishedBuild
from pipelines.tokens.order_index import OrderIndex
from pipelines.tokens.withdrawn import Withdrawn
from schemas.errors import BuildInconsistent

_PROT_READ, _MAP_SHARED = 1, 1
_FAILED = 2 ** (8 * ctypes.sizeof(ctypes.c_void_p)) - 1
_MOST = 32_768


class MappedShards:
    """The shards of a build. `tokens[i]` is the address of shard i's tokens, 0 while it is not mapped.

    `masked` are the token ranges of withdrawn documents in the shards mapped so far: (ranges, 3) of shard,
    begin, end; sorted. It grows as shards come in; the memory needed is that of the list.
    """

    def __init__(
        self, build: FinishedBuild, index: OrderIndex, withdrawn: Withdrawn | None, *, most: int = _MOST
    ) -> None:
        self.tokens = np.zeros(len(build.shards), np.uint64)
        self.masked = np.empty((0, 3), np.int64)
        self._build, self._index, self._withdrawn, self._most = build, index, withdrawn, most
        self._mapped: OrderedDict[int, tuple[int, int]] = OrderedDict()  # address and size, oldest first
        self._looked_at: set[int] = set()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.mmap.restype = ctypes.c_void_p
        self._libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        self._libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self.lock = threading.Lock()  # held from `want` until the tokens are read

    def want(self, shards: NDArray[np.uint32]) -> None:
        """Map the shards that are not mapped yet; the ones named here are all mapped afterwards.

        Raises BuildInconsistent where one has gone or shrunk since the start.
        """
        missing = np.unique(shards[self.tokens[shards] == 0]).tolist()
        if not missing:
            return
        for number in missing:
            self._map(number)
        if len(self._mapped) > self._most:
            wanted = set(np.unique(shards).tolist())
            for number in [one for one in self._mapped if one not in wanted]:
                if len(self._mapped) <= self._most:
                    break
                self._unmap(number)

    def documents(self, shard: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """List offsets (rows + 1) and ids (rows, 16) of a mapped shard; views of it."""
        rows = self._build.shards[shard].rows
        _, offsets_at, ids_at, _ = self._index.shards[shard].tolist()
        address, _ = self._mapped[shard]
        offsets = self._view(address + offsets_at, np.dtype("<i4"), rows + 1)
        return offsets, self._view(address + ids_at, np.dtype("u1"), 16 * rows).reshape(-1, 16)

    def close(self) -> None:
        """Let all mappings go."""
        for number in list(self._mapped):
            self._unmap(number)

    def __del__(self) -> None:
        self.close()

    def _view(self, address: int, dtype: np.dtype[Any], count: int) -> Any:
        raw: Any = (ctypes.c_char * (count * dtype.itemsize)).from_address(address)
        view: NDArray[Any] = np.frombuffer(raw, dtype)
        view.flags.writeable = False
        return view

    def _map(self, number: int) -> None:
        shard = self._build.shards[number]
        try:
            handle = os.open(self._build.place(number), os.O_RDONLY)
        except OSError as error:
            raise BuildInconsistent(
                f"{shard.path}: the shard cannot be read (errno {error.errno}): fetch it again"
            ) from None
        try:
            if os.fstat(handle).st_size != shard.bytes:
                raise BuildInconsistent(f"{shard.path}: the shard's size has changed: fetch it again")
            address = self._libc.mmap(None, shard.bytes, _PROT_READ, _MAP_SHARED, handle, 0)
        finally:
            os.close(handle)
        if address is None or address == _FAILED:
            raise BuildInconsistent(
                f"{shard.path}: the shard cannot be mapped (errno {ctypes.get_errno()}): "
                "raise vm.max_map_count or the limit of the address space"
            )
        self._mapped[number] = (address, shard.bytes)
        self.tokens[number] = address + int(self._index.shards[number, 0])
        if self._withdrawn is not None and number not in self._looked_at:
            self._looked_at.add(number)
            self._mask(number, self._withdrawn)

    def _unmap(self, number: int) -> None:
        address, size = self._mapped.pop(number)
        self.tokens[number] = 0
        self._libc.munmap(address, size)

    def _mask(self, number: int, withdrawn: Withdrawn) -> None:
        offsets, ids = self.documents(number)
        rows = np.flatnonzero(withdrawn.among(ids))
        if len(rows):
            ranges = np.column_stack([np.full(len(rows), number), offsets[rows], offsets[rows + 1]])
            at = int(np.searchsorted(self.masked[:, 0], number))
            self.masked = np.concatenate([self.masked[:at], ranges.astype(np.int64), self.masked[at:]])
