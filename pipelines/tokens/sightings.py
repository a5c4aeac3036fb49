"""When a training saw a document: every piece of it, by stage, step and place in the batch.

Computed from the order, not searched for in it: the sequences that hold the document (concat: arithmetic over
the stream of its source; best fit: a look through the pieces of its source), then the places of these
sequences in the stage's laps, then the positions by the permutation's inverse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.tokens.loader import Loader
from pipelines.tokens.order import Stage
from pipelines.tokens.order_index import OrderIndex
from pipelines.tokens.packing import BestFit, Concat

_SLICE = 1 << 24  # pieces that are looked through at once


class Sighting(NamedTuple):
    """Tokens of the document in one sequence of one step."""

    step: int
    stage: str
    sequence: int  # of the whole batch, all ranks together
    tokens: int


class _Place(NamedTuple):
    """Where a document's tokens lie: in its shard, and in the stream of its source."""

    source: int
    shard: int
    begin: int
    end: int
    stream: int


def sightings(loader: Loader, shard: int, begin: int, end: int, *, first: int, last: int) -> list[Sighting]:
    """All sightings of the tokens begin to end of a shard (one document) in steps first to last, inclusive.

    In the order of the training. None for a document that the order leaves out, or that has no tokens.
    """
    found: list[Sighting] = []
    for stage in loader.order.stages:
        place = _place(stage.index, shard, begin, end)
        if place is None:
            continue
        numbers, tokens = _sequences(stage, place)
        for number, count in zip(numbers.tolist(), tokens.tolist(), strict=True):
            for position in stage.positions_of(place.source, number).tolist():
                step = stage.first_step + position // stage.batch
                if first <= step <= last and position < stage.steps * stage.batch:
                    found.append(Sighting(step, stage.name, position % stage.batch, count))
    return sorted(found)


def _place(index: OrderIndex, shard: int, begin: int, end: int) -> _Place | None:
    """The document whose tokens begin there, in the index; None where it is in none of its groups."""
    for group in np.flatnonzero(index.groups[:, 1] == shard).tolist():
        source, _, first, count, _, before = index.groups[group].tolist()
        begins = index.documents[first : first + count, 0]
        at = int(np.searchsorted(begins, begin))
        if end > begin and at < count and int(begins[at]) == begin:
            return _Place(source, shard, begin, end, before + int(index.documents[first + at, 1]))
    return None


def _sequences(stage: Stage, place: _Place) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the source's sequences that hold the document, rising, and how many of its tokens each."""
    match stage.packing:
        case Concat():
            last = place.stream + place.end - place.begin
            numbers = np.arange(place.stream // stage.length, -(-last // stage.length), dtype=np.int64)
            lows = np.maximum(numbers * stage.length, place.stream)
            return numbers, np.minimum((numbers + 1) * stage.length, last) - lows
        case BestFit() as packing:
            return _packed(packing, place)
    raise TypeError(type(stage.packing).__name__)


def _packed(packing: BestFit, place: _Place) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first, last = (int(packing.firsts[place.source + i]) for i in (0, 1))
    starts = packing.starts[first : last + 1]
    pieces = np.concatenate(
        [np.empty(0, np.int64), *_pieces(packing, place, int(starts[0]), int(starts[-1]))]
    )
    sequences = np.searchsorted(starts, pieces, side="right") - 1
    numbers, inverse = np.unique(sequences, return_inverse=True)
    tokens = np.zeros(len(numbers), np.int64)
    np.add.at(tokens, inverse, packing.table[pieces, 2].astype(np.int64))
    return numbers.astype(np.int64), tokens


def _pieces(packing: BestFit, place: _Place, first: int, last: int) -> Iterator[NDArray[np.int64]]:
    """Rows of the table that are pieces of the document."""
    for at in range(first, last, _SLICE):
        part = packing.table[at : min(last, at + _SLICE)]
        mine = (part[:, 0] == place.shard) & (part[:, 1] >= place.begin) & (part[:, 1] < place.end)
        yield np.flatnonzero(mine) + at
