"""The columns of a data set as they are delivered: those the contract lets out, each by its policy.

Columns that are dropped, forbidden or not named stay behind, inside lists of objects too. Values of kept
columns are untouched. Texts are handed to whoever replaces personal data, all texts of a row together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pyarrow as pa

from pipelines.intake.checks.policies import is_forbidden, is_keyed
from pipelines.intake.column_policy import keyed, on_clock, on_grid, purpose_of
from pipelines.intake.raw_rows import RawRows
from pipelines.intake.readers.rows import ABSENT, field_name
from schemas.contract import Column, DataSet, Policy, Role
from schemas.identity import document_ids
from schemas.reasons import Refusal

Tree: TypeAlias = "Column | dict[str, Tree]"
# Texts of each row and an id of each row in; the texts to be delivered out, None for a row that may not be.
TextChange: TypeAlias = Callable[[list[list[str]], list[bytes]], list[list[str] | None]]


@dataclass
class Fault:
    """A row that cannot be delivered: its place in the batch, and why."""

    at: int
    field: str | None  # None: the row as a whole
    rule: str
    refusal: Refusal


@dataclass
class _Leaves:
    """The values of one column, lists and objects laid flat, and the row each is of."""

    values: list[Any] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


class DeliveredColumns:
    """What is delivered of one data set's rows.

    `secret` keys columns; None where no column is keyed. `texts` replaces personal data; None for a raw
    delivery, whose columns are delivered as they are.
    """

    def __init__(
        self, data_set: DataSet, *, partner: str, secret: bytes | None, texts: TextChange | None
    ) -> None:
        self._data_set = data_set
        self._partner = partner
        self._secret = secret
        self._texts = texts
        self._columns = delivered(data_set)
        self._trees: dict[str, Tree] = {}
        for column in self._columns:
            _plant(self._trees, column)
        self.names = tuple(self._trees)

    def change(self, raw: RawRows, *, path: str) -> tuple[dict[str, list[Any] | pa.Array], list[Fault]]:
        """The columns as they are delivered; the rows with a fault are to be left out. path: of the file."""
        if self._texts is None:
            return raw.columns, []
        changed = dict(raw.columns)
        faults: list[Fault] = []
        flattened: dict[str, Tree] = {}
        leaves: dict[str, _Leaves] = {}
        for name, tree in self._trees.items():
            cells = changed.get(name)
            if cells is None or not (isinstance(tree, dict) or _is_changed(tree)):
                continue
            if not isinstance(tree, dict) and _is_flat(cells, tree):
                changed[name] = self._by_policy(tree, cells)
                faults += _lost(tree, range(len(cells)), cells, changed[name])
            else:
                flattened[name] = tree
                changed[name] = _flatten(_cells(cells), tree, leaves)
        for column in self._columns:
            found = leaves.get(column.name)
            if found is not None and column.role is not Role.TEXT and _is_changed(column):
                before, found.values = found.values, self._by_type(column, found.values)
                faults += _lost(column, found.rows, before, found.values)
        faults += self._replace_texts(raw, changed, leaves, path)
        for name, tree in flattened.items():
            flat = {column: iter(found.values) for column, found in leaves.items()}
            cells = [_walk(cell, tree, _next(flat)) for cell in changed[name]]
            before = raw.columns[name]
            changed[name] = (
                cells if isinstance(before, list) else pa.array(cells, _type_of(before.type, tree))
            )
        return changed, faults

    def _by_policy(self, column: Column, values: pa.Array) -> pa.Array:
        """Values of one type by the policy of their column."""
        if is_keyed(column):
            assert self._secret is not None  # noqa: S101 - the command asks for it
            purpose = purpose_of(column, self._data_set.name)
            return keyed(values, secret=self._secret, partner=self._partner, purpose=purpose)
        if column.grid is not None:
            return on_grid(values, column.grid)
        return on_clock(
            values,
            column.clock or "hour",
            logical_type="timestamp" if column.logical_type == "string" else column.logical_type,
            date_format=column.limits.date_format,
        )

    def _by_type(self, column: Column, values: list[Any]) -> list[Any]:
        """Each type of value by itself, so that what else is in the batch changes nothing."""
        done: list[Any] = [None] * len(values)
        for kind in dict.fromkeys(map(type, values)):
            places = [i for i, value in enumerate(values) if type(value) is kind]
            changed = self._by_policy(column, pa.array([values[i] for i in places])).to_pylist()
            for place, value in zip(places, changed, strict=True):
                done[place] = value
        return done

    def _replace_texts(
        self, raw: RawRows, changed: Mapping[str, Any], leaves: dict[str, _Leaves], path: str
    ) -> list[Fault]:
        texts = [leaves[c.name] for c in self._columns if c.role is Role.TEXT and c.name in leaves]
        if self._texts is None or not texts:
            return []
        count = len(raw.rows)
        pieces: list[list[str]] = [[] for _ in range(count)]
        for found in texts:
            for at, value in zip(found.rows, found.values, strict=True):
                pieces[at].append(value if isinstance(value, str) else "")
        new = self._texts(pieces, self._ids(raw, changed, leaves, path))
        parts = [iter(row) if row is not None else iter(pieces[at]) for at, row in enumerate(new)]
        for found in texts:
            piece = [next(parts[at]) for at in found.rows]
            found.values = [
                new_value if isinstance(old, str) else old
                for old, new_value in zip(found.values, piece, strict=True)
            ]
        names = ", ".join(field_name(c) for c in self._columns if c.role is Role.TEXT)
        return [
            Fault(at, names, "uniqueIdentifiers", Refusal.UNIQUE_IDENTIFIER)
            for at, row in enumerate(new)
            if row is None
        ]

    def _ids(
        self, raw: RawRows, delivered: Mapping[str, Any], leaves: dict[str, _Leaves], path: str
    ) -> list[bytes]:
        """What surrogates are drawn from: keys as they are delivered, which tell nothing of the others."""
        keys = []
        for column in (*self._data_set.of_role(Role.KEY), *self._data_set.of_role(Role.VERSION)):
            texts = [""] * len(raw.rows)
            found = leaves.get(column.name) or _Leaves(*_numbered(delivered.get(column.path[0])))
            for at, value in zip(found.rows, found.values, strict=True):
                texts[at] = _text(value)
            keys.append(texts)
        if not keys:
            keys = [[path] * len(raw.rows), [str(row) for row in raw.rows]]
        return document_ids(partner=self._partner, data_set=self._data_set.name, keys=zip(*keys, strict=True))


def delivered(data_set: DataSet) -> tuple[Column, ...]:
    """The columns that leave the partner, in the contract's order."""
    return tuple(c for c in data_set.columns if not is_forbidden(c, pseudonymised=True))


def needs_secret(data_set: DataSet) -> bool:
    """Whether a column of the data set is delivered keyed."""
    return any(is_keyed(column) for column in delivered(data_set))


def picked(raw: RawRows, places: Sequence[int]) -> RawRows:
    """Some rows of a batch, by their places; nothing of the others is held."""
    indices = pa.array(places, pa.int64())
    columns = {
        name: [cells[i] for i in places] if isinstance(cells, list) else _plain(cells).take(indices)
        for name, cells in raw.columns.items()
    }
    rows, lines, offsets = ([numbers[i] for i in places] for numbers in (raw.rows, raw.lines, raw.offsets))
    return RawRows(rows, lines, offsets, columns)


def _is_changed(column: Column) -> bool:
    return is_keyed(column) or column.policy is Policy.GENERALISE or column.role is Role.TEXT


def _plain(array: pa.Array) -> pa.Array:
    """Without a dictionary: it would hold the values of rows that are left out."""
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _plant(trees: dict[str, Tree], column: Column) -> None:
    *above, last = column.path
    inside = trees
    for name in above:
        branch = inside.setdefault(name, {})
        if not isinstance(branch, dict):
            return  # the whole is a column already
        inside = branch
    inside[last] = column


def _cells(values: list[Any] | pa.Array) -> list[Any]:
    if isinstance(values, list):
        return values
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        values = values.cast(pa.string())
    cells: list[Any] = values.to_pylist()
    return cells


def _flatten(cells: list[Any], tree: Tree, leaves: dict[str, _Leaves]) -> list[Any]:
    """Gather the leaves of every cell; the cells come back with what the contract names of them."""
    for at, cell in enumerate(cells):
        _walk(cell, tree, _gather(leaves, at))
    return cells


def _gather(leaves: dict[str, _Leaves], at: int) -> Callable[[Column, Any], Any]:
    def take(column: Column, value: Any) -> Any:
        found = leaves.setdefault(column.name, _Leaves())
        found.values.append(value)
        found.rows.append(at)
        return value

    return take


def _next(flat: dict[str, Iterator[Any]]) -> Callable[[Column, Any], Any]:
    return lambda column, _: next(flat[column.name])


def _walk(value: Any, tree: Tree, take: Callable[[Column, Any], Any]) -> Any:
    """A cell rebuilt of its leaves; `take` is given each leaf, and gives what stands there."""
    if value is None or value is ABSENT:
        return value
    if isinstance(value, list):
        return [_walk(item, tree, take) for item in value]
    if not isinstance(tree, dict):
        return take(tree, value)
    return {name: _walk(value[name], branch, take) for name, branch in tree.items() if name in value}


def _type_of(kind: pa.DataType, tree: Tree) -> pa.DataType:
    """The Arrow type of a changed column."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(_type_of(kind.value_type, tree))
    if isinstance(tree, dict):
        inner = [kind.field(i) for i in range(kind.num_fields)]
        return pa.struct([pa.field(f.name, _type_of(f.type, tree[f.name])) for f in inner if f.name in tree])
    if is_keyed(tree):
        return pa.string()
    if pa.types.is_dictionary(kind):
        return _type_of(kind.value_type, tree)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.string()
    return kind


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None or value is ABSENT else str(value)


def _is_flat(cells: list[Any] | pa.Array, column: Column) -> bool:
    """Whether a column is an Arrow array of single values, with no text to be looked through."""
    return not (isinstance(cells, list) or column.role is Role.TEXT or pa.types.is_nested(cells.type))


def _numbered(cells: list[Any] | pa.Array | None) -> tuple[list[Any], list[int]]:
    values = [] if cells is None else _cells(cells)
    return values, list(range(len(values)))


def _lost(
    column: Column, rows: Sequence[int], before: list[Any] | pa.Array, after: list[Any] | pa.Array
) -> list[Fault]:
    """The rows whose value could not be generalised."""
    if is_keyed(column):
        return []
    old = before if isinstance(before, list) else before.to_pylist()
    new = after if isinstance(after, list) else after.to_pylist()
    return [
        Fault(at, field_name(column), "policy", Refusal.NOT_GENERALISED)
        for at, value, cut in zip(rows, old, new, strict=True)
        if cut is None and value is not None and value != ""
    ]
