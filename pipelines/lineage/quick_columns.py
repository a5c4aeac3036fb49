"""Ledger columns as arrays of numbers: names as codes, ids as words, what cannot be there as a number too.

Reads a ledger piece whose names were read as dictionaries (`read_dictionary`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.lineage.balance import COUNTS
from schemas.id_columns import id_bytes, words_of

Ids = NDArray[np.uint64]  # (rows, 2): `words_of`, in the machine's byte order
Coded = NDArray[np.int64]
Flags = NDArray[np.bool_]
NO_IDS: Ids = np.empty((0, 2), np.uint64)


def coded(names: pa.ChunkedArray, of: Callable[[str], int]) -> Coded:
    """The code of each name; -1 of null."""
    found = [np.empty(0, np.int64)]
    for chunk in names.chunks:
        table = np.array([*map(of, chunk.dictionary.to_pylist()), -1], np.int64)
        found.append(table[pc.fill_null(chunk.indices, len(table) - 1).to_numpy(zero_copy_only=False)])
    return np.concatenate(found)


def flags(column: pa.ChunkedArray) -> Flags:
    """A column of truths without nulls."""
    return np.asarray(column.to_numpy(), np.bool_)


def numbers_or(column: pa.ChunkedArray, missing: float) -> NDArray[Any]:
    """A column of numbers, `missing` where there is none."""
    return np.asarray(pc.fill_null(column, missing).to_numpy())


def words_in(ids: pa.ChunkedArray | pa.Array) -> Ids:
    """A column of ids, of null whatever lies there."""
    if not len(ids):
        return NO_IDS
    return words_of(id_bytes(ids)).astype(np.uint64)


def equal(left: Ids, right: Ids) -> Flags:
    """Row by row, whether two columns of ids are the same."""
    same: Flags = (left[:, 0] == right[:, 0]) & (left[:, 1] == right[:, 1])
    return same


def those(ids: Ids, rows: Flags) -> Ids:
    """The ids of some rows."""
    return ids.take(np.flatnonzero(rows), axis=0)


def order_of(ids: Ids) -> NDArray[np.int64]:
    """The rows in the order of their ids; where two begin with the same 8 bytes, in any.

    One sort of numbers: as much of an id as leaves room for its row, then the row.
    """
    bits = np.uint64(max(1, len(ids)).bit_length())
    packed = np.sort(ids[:, 0] >> bits << bits | np.arange(len(ids), dtype=np.uint64))
    order = (packed & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    first = ids[order, 0]
    return order if (first[:-1] <= first[1:]).all() else np.argsort(ids[:, 0], kind="stable")


class Known:
    """Ids to be looked up, of which no two begin with the same 8 bytes; ValueError where two do."""

    def __init__(self, ids: Ids) -> None:
        self._order = order_of(ids)
        self._ids = ids.take(self._order, axis=0)
        if (self._ids[1:, 0] == self._ids[:-1, 0]).any():
            raise ValueError("ids that begin alike")

    def has(self, wanted: Ids) -> Flags:
        """Whether each wanted id is among them."""
        if not len(self._ids):
            return np.zeros(len(wanted), np.bool_)
        at = np.minimum(np.searchsorted(self._ids[:, 0], wanted[:, 0]), len(self._ids) - 1)
        return equal(self._ids.take(at, axis=0), wanted)

    def places(self, wanted: Ids) -> NDArray[np.int64]:
        """In which row each wanted id stands; ValueError where one stands in none."""
        if not len(wanted):
            return np.empty(0, np.int64)
        order = order_of(wanted)  # neighbours are looked up one after the other
        at = np.searchsorted(self._ids[:, 0], wanted[order, 0])
        if (
            not len(self._ids)
            or at[-1] == len(self._ids)
            or not equal(self._ids.take(at, axis=0), wanted.take(order, axis=0)).all()
        ):
            raise ValueError("an id that is not there")
        found = np.empty(len(wanted), np.int64)
        found[order] = self._order[at]
        return found


class Origins(NamedTuple):
    """Whose rows are: partner and data set as a number a row, and with the drop as another."""

    of_set: Coded
    of_drop: Coded
    partners: list[str]
    sets: list[str]
    drops: list[str]

    def names(self, rows: Flags) -> set[tuple[str, str, str]]:
        """Partner, drop and data set of some rows, each once."""
        drops, sets = len(self.drops), len(self.sets)
        return {
            (self.partners[at // drops // sets], self.drops[at % drops], self.sets[at // drops % sets])
            for at in np.flatnonzero(np.bincount(self.of_drop[rows])).tolist()
        }


def origins(table: pa.Table) -> Origins:
    """Whose the rows of a ledger piece are."""
    partners: list[str] = []
    sets: list[str] = []
    drops: list[str] = []
    partner = coded(table["partner"], numbered(partners))
    of_set = coded(table["data_set"], numbered(sets)) + partner * len(sets)
    of_drop = coded(table["drop"], numbered(drops)) + of_set * len(drops)
    return Origins(of_set, of_drop, partners, sets, drops)


def measures(
    whose: Origins, tokens: Coded, pii: pa.ChunkedArray, kept: Flags, dropped: Sequence[tuple[Flags, str]]
) -> pa.RecordBatch:
    """COUNTS of ledger rows, as `pipelines.lineage.balance.count_rows` has them.

    `dropped`: for each pair of stage and reason that is there, its rows and "stage/reason".
    """
    of, partners, sets = whose.of_set, whose.partners, whose.sets
    count = len(partners) * len(sets)
    found: list[tuple[int, str, int]] = []
    documents = np.bincount(of, minlength=count)
    here = np.flatnonzero(documents)
    for measure, values in (
        ("documents", documents),
        ("kept", np.bincount(of[kept], minlength=count)),
        ("tokens", np.bincount(of, weights=tokens, minlength=count).astype(np.int64)),
    ):
        found += [(group, measure, int(values[group])) for group in here.tolist()]
    for those, name in dropped:
        by_set = np.bincount(of[those], minlength=count)
        found += [(group, f"dropped/{name}", int(by_set[group])) for group in np.flatnonzero(by_set).tolist()]
    found += _entities(pii, of, kept)
    rows = [
        (partners[group // len(sets)], sets[group % len(sets)], measure, value)
        for group, measure, value in found
    ]
    return pa.RecordBatch.from_pylist([dict(zip(COUNTS.names, row, strict=True)) for row in rows], COUNTS)


def _entities(pii: pa.ChunkedArray, of: Coded, kept: Flags) -> list[tuple[int, str, int]]:
    """(group, "pii/class", spans) of kept documents."""
    totals: dict[tuple[int, str], int] = {}
    start = 0
    for maps in pii.chunks:
        offsets = maps.offsets.to_numpy()
        rows = np.repeat(np.arange(start, start + len(maps)), np.diff(offsets))
        start += len(maps)
        first, last = int(offsets[0]), int(offsets[-1])
        keys = maps.keys[first:last].dictionary_encode()
        values = pc.fill_null(maps.items[first:last], 0).to_numpy()
        words = keys.dictionary.to_pylist()
        own = kept[rows]
        code = of[rows[own]] * len(words) + keys.indices.to_numpy()[own]
        times, spans = np.bincount(code), np.bincount(code, weights=values[own])
        for at in np.flatnonzero(times).tolist():
            key = at // len(words), f"pii/{words[at % len(words)]}"
            totals[key] = totals.get(key, 0) + int(spans[at])
    return [(group, measure, value) for (group, measure), value in totals.items()]


def numbered(names: list[str]) -> Callable[[str], int]:
    """The place of a name in a list that grows by those it has not."""
    places = {name: number for number, name in enumerate(names)}

    def of(name: str) -> int:
        if name not in places:
            places[name] = len(names)
            names.append(name)
        return places[name]

    return of
