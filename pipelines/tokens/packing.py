"""Documents to sequences of one length: which pieces of which documents make up sequence i of a source.

A piece is (shard, begin, length): tokens of one document that follow each other in a shard. No piece mixes
documents, and no sequence mixes sources.

concat    The documents of a source one behind the other, cut every `length` tokens. Computed where it is
asked
          for, by two bisections; nothing is stored.
best_fit  Best-fit decreasing (Ding et al., "Fewer truncations improve language modeling", ICML 2024, arXiv
          2404.10830), a window of documents at a time: a window ends with the document that fills it to 1,024
          sequences or is its 65,536th. A document that fits is never cut. One that is longer than a sequence
          gives whole sequences from its start, and what is left of it is packed as if it were a document.
          What windows give is written once, in mapped files beside the index: 12 bytes a piece, 8 a
          sequence.

In both, each token of a source is in exactly one sequence; what a sequence lacks is padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray

from pipelines.kernels import njit
from pipelines.tokens.order_index import OrderIndex, mapped, new_directory
from schemas.identity import canonical_json

PACKING_VERSION = 1
_WINDOW_SEQUENCES = 1024
_WINDOW_DOCUMENTS = 1 << 16


class Pieces(NamedTuple):
    """The pieces of some sequences: those of sequence i are starts[i] to starts[i + 1] of `pieces`."""

    pieces: NDArray[np.uint32]  # (pieces, 3): shard, begin, length
    starts: NDArray[np.int64]


class Packing(Protocol):
    """Sequences of every source, by number."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of sequences of each source."""
        ...

    def pieces(self, sources: NDArray[np.int64], numbers: NDArray[np.int64]) -> Pieces:
        """The pieces of sequences: numbers[i] of sources[i]."""
        ...


def packing_of(index: OrderIndex, name: str, length: int) -> Packing:
    """The packing a stage names: best_fit (written at its first use) or concat."""
    return BestFit.open(index, length) if name == "best_fit" else Concat(index, length)


@dataclass(frozen=True)
class Concat:
    """Concatenate and cut."""

    index: OrderIndex
    length: int

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of sequences of each source: the last one may be short."""
        tokens = np.array([source.tokens for source in self.index.sources], np.int64)
        return -(-tokens // self.length)

    def pieces(self, sources: NDArray[np.int64], numbers: NDArray[np.int64]) -> Pieces:
        """The documents under each sequence's window over the stream of its source."""
        room = 16 * len(numbers) + self.length // 64
        while True:
            pieces = np.empty((room, 3), np.uint32)
            starts = _concat(
                self.index.documents, self.index.groups, self._spans, sources, numbers, self.length, pieces
            )
            if starts[-1] <= room:
                return Pieces(pieces[: starts[-1]], starts)
            room = int(starts[-1])

    @cached_property
    def _spans(self) -> NDArray[np.int64]:
        return np.array([(s.first_group, s.last_group) for s in self.index.sources], np.int64)


@dataclass(frozen=True)
class BestFit:
    """What `best_fit` gave, mapped."""

    firsts: NDArray[np.int64]  # of each source, its first sequence among all
    starts: NDArray[np.int64]  # of each sequence, its first piece
    table: NDArray[np.uint32]

    @classmethod
    def open(cls, index: OrderIndex, length: int) -> BestFit:
        """The packing of an index into sequences of a length; written where it is not there yet."""
        place = index.directory / f"best-fit-{PACKING_VERSION}-{length}"
        if not (place / "packing.json").is_file():
            with new_directory(place) as temporary:
                _write_best_fit(index, length, temporary)
        facts = orjson.loads((place / "packing.json").read_bytes())
        return cls(
            firsts=np.array(facts["firsts"], np.int64),
            starts=mapped(place / "starts.i64", np.dtype("<i8"), 1, facts["firsts"][-1] + 1)[:, 0],
            table=mapped(place / "pieces.u32", np.dtype("<u4"), 3, facts["pieces"]),
        )

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of sequences of each source."""
        return np.diff(self.firsts)

    def pieces(self, sources: NDArray[np.int64], numbers: NDArray[np.int64]) -> Pieces:
        """The pieces as they stand in the files."""
        wanted = self.firsts[sources] + numbers
        starts = np.zeros(len(wanted) + 1, np.int64)
        np.cumsum(self.starts[wanted + 1] - self.starts[wanted], out=starts[1:])
        return Pieces(_taken(self.table, self.starts, wanted, starts), starts)


def _write_best_fit(index: OrderIndex, length: int, directory: Any) -> None:
    packed, tree = 0, _new_tree(length)
    firsts = [0]
    with (directory / "pieces.u32").open("wb") as pieces, (directory / "starts.i64").open("wb") as starts:
        for source in index.sources:
            sequences, group, document = 0, source.first_group, 0
            while group < source.last_group:
                window, group, document = _window(
                    index.documents,
                    index.groups,
                    group,
                    source.last_group,
                    document,
                    length,
                    length * _WINDOW_SEQUENCES,
                    _WINDOW_DOCUMENTS,
                )
                table, ends = best_fit(window, length, tree)
                pieces.write(table.astype("<u4").tobytes())
                starts.write((packed + ends[:-1]).astype("<i8").tobytes())
                packed += len(table)
                sequences += len(ends) - 1
            firsts.append(firsts[-1] + sequences)
        starts.write(np.array([packed], "<i8").tobytes())
    facts = {"firsts": firsts, "pieces": packed}
    (directory / "packing.json").write_bytes(canonical_json(facts) + b"\n")


def _new_tree(length: int) -> NDArray[np.int32]:
    """Counts of open bins by remaining room, as a binary tree in an array; all zero."""
    return np.zeros(2 << int(length).bit_length(), np.int32)


@njit(cache=True, nogil=True)
def _taken(table: Any, starts: Any, wanted: Any, into: Any) -> Any:
    pieces = np.empty((into[-1], 3), np.uint32)
    for i in range(len(wanted)):
        first = starts[wanted[i]]
        for k in range(into[i + 1] - into[i]):
            for column in range(3):
                pieces[into[i] + k, column] = table[first + k, column]
    return pieces


@njit(cache=True, nogil=True)
def _length(documents: Any, groups: Any, group: Any, document: Any) -> Any:
    """Tokens of a group's document, the group's first being 0."""
    at = groups[group, 2] + document
    end = np.int64(documents[at + 1, 1]) if document + 1 < groups[group, 3] else groups[group, 4]
    return end - np.int64(documents[at, 1])


@njit(cache=True, nogil=True)
def _concat(
    documents: Any, groups: Any, spans: Any, sources: Any, numbers: Any, length: Any, pieces: Any
) -> Any:
    """Fill `pieces` as far as they have room; the starts returned say how much is needed."""
    starts = np.zeros(len(numbers) + 1, np.int64)
    n = 0
    for i in range(len(numbers)):
        position, last = numbers[i] * length, spans[sources[i], 1]
        low, high = spans[sources[i], 0], last
        while high - low > 1:  # the last group that begins at the position or before
            middle = (low + high) // 2
            if groups[middle, 5] <= position:
                low = middle
            else:
                high = middle
        group = low
        inside = position - groups[group, 5]
        first = groups[group, 2]
        low, high = 0, groups[group, 3]
        while high - low > 1:  # and in it the last document that does
            middle = (low + high) // 2
            if documents[first + middle, 1] <= inside:
                low = middle
            else:
                high = middle
        document, skip, missing = low, inside - np.int64(documents[first + low, 1]), length
        while missing > 0:
            if document == groups[group, 3]:
                group += 1
                document = 0
                if group == last:
                    break
            taken = min(_length(documents, groups, group, document) - skip, missing)
            if n < len(pieces):
                pieces[n, 0] = groups[group, 1]
                pieces[n, 1] = documents[groups[group, 2] + document, 0] + skip
                pieces[n, 2] = taken
            n += 1
            missing -= taken
            skip = 0
            document += 1
        starts[i + 1] = n
    return starts


@njit(cache=True, nogil=True)
def _window(
    documents: Any,
    groups: Any,
    group: Any,
    last_group: Any,
    document: Any,
    length: Any,
    most_tokens: Any,
    most_documents: Any,
) -> Any:
    """The pieces of the next window in the order of the source, and where the one after it begins."""
    g, d, tokens, taken, count = group, document, 0, 0, 0
    while g < last_group and tokens < most_tokens and taken < most_documents:
        size = _length(documents, groups, g, d)
        tokens += size
        taken += 1
        count += (size + length - 1) // length
        d += 1
        if d == groups[g, 3]:
            g, d = g + 1, 0
    pieces = np.empty((count, 3), np.uint32)
    n, g, d = 0, group, document
    for _ in range(taken):
        size = _length(documents, groups, g, d)
        begin = np.int64(documents[groups[g, 2] + d, 0])
        for cut in range(0, size, length):
            pieces[n, 0] = groups[g, 1]
            pieces[n, 1] = begin + cut
            pieces[n, 2] = min(length, size - cut)
            n += 1
        d += 1
        if d == groups[g, 3]:
            g, d = g + 1, 0
    return pieces, g, d


@njit(cache=True, nogil=True)
def best_fit(pieces: Any, length: Any, tree: Any) -> Any:
    """Pieces by sequence, and where each sequence's begin (one more at the end).

    The longest first, of equal ones the earlier; each into the fullest sequence that has room for it, of
    equal ones the one that got so last. In a sequence pieces stand in the order of the source. `tree` is
    all zero before and after.
    """
    count, leaves = len(pieces), len(tree) // 2
    by_length = np.zeros(length + 2, np.int64)
    for i in range(count):
        by_length[length - pieces[i, 2] + 1] += 1
    by_length = np.cumsum(by_length)
    order = np.empty(count, np.int64)
    for i in range(count):
        k = length - pieces[i, 2]
        order[by_length[k]] = i
        by_length[k] += 1
    heads = np.full(length + 1, -1, np.int64)  # of each room, the sequence that got it last
    below = np.empty(count, np.int64)  # the one before it
    room = np.empty(count, np.int64)
    sequence_of = np.empty(count, np.int64)
    sequences = 0
    for piece in order:
        size = np.int64(pieces[piece, 2])
        found = _smallest(tree, leaves, size)
        if found < 0:
            sequence = sequences
            sequences += 1
            left = length - size
        else:
            sequence = heads[found]
            heads[found] = below[sequence]
            _add(tree, leaves + found, -1)
            left = found - size
        sequence_of[piece] = sequence
        room[sequence] = left
        if left:
            below[sequence] = heads[left]
            heads[left] = sequence
            _add(tree, leaves + left, 1)
    for sequence in range(sequences):
        if room[sequence]:
            _add(tree, leaves + room[sequence], -1)
    starts = np.zeros(sequences + 1, np.int64)
    for i in range(count):
        starts[sequence_of[i] + 1] += 1
    starts = np.cumsum(starts)
    nexts = starts.copy()
    packed = np.empty((count, 3), np.uint32)
    for i in range(count):
        at = nexts[sequence_of[i]]
        nexts[sequence_of[i]] += 1
        packed[at] = pieces[i]
    return packed, starts


@njit(cache=True, nogil=True)
def _add(tree: Any, node: Any, change: Any) -> None:
    while node:
        tree[node] += change
        node >>= 1


@njit(cache=True, nogil=True)
def _smallest(tree: Any, leaves: Any, size: Any) -> Any:
    """The smallest room of at least `size` that an open sequence has; -1 for none."""
    node = leaves + size
    if tree[node]:
        return size
    while node > 1:
        if node % 2 == 0 and tree[node + 1]:
            node += 1
            while node < leaves:
                node = 2 * node if tree[2 * node] else 2 * node + 1
            return node - leaves
        node //= 2
    return -1
