"""Columns inside lists of objects, ("turns", "text"): their leaves laid flat, each with the row it is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.intake.checks.batch import Mask, Positions
from pipelines.intake.checks.cells import Cells, arrow_type, cells_of
from pipelines.intake.readers.rows import ABSENT
from schemas.contract import Column, Policy


@dataclass(frozen=True)
class Leaf:
    """All values of one column, and the row of each."""

    column: Column
    cells: Cells
    rows: Positions


@dataclass(frozen=True)
class NestedCells:
    """One top-level column whose inside the contract describes; masks have one entry a row."""

    values: pa.Array  # list<struct<leaves>>
    absent: Mask
    null: Mask
    wrong: Mask  # neither an object nor a list of objects
    leaves: tuple[Leaf, ...]


def item_type(columns: Sequence[Column]) -> pa.DataType:
    """What the table holds of them: a list of objects with the leaves one level down."""
    inner = [pa.field(column.path[1], arrow_type(column)) for column in _shown_columns(columns)]
    return pa.list_(pa.struct(inner))


def _shown_columns(columns: Sequence[Column]) -> list[Column]:
    hidden = (Policy.DROP, Policy.FORBID)
    return [column for column in columns if len(column.path) == 2 and column.policy not in hidden]


def nested_cells(values: Sequence[Any], columns: Sequence[Column]) -> NestedCells:
    """From Python values as JSON gives them, ABSENT where there is no field."""
    count = len(values)
    absent, null, wrong = (np.zeros(count, np.bool_) for _ in range(3))
    found: list[list[Any]] = [[] for _ in columns]
    owners: list[list[int]] = [[] for _ in columns]
    shown = [column.path[1] for column in _shown_columns(columns)]
    rows: list[list[dict[str, Any]] | None] = []
    for i, value in enumerate(values):
        rows.append(None)
        if value is ABSENT or value is None:
            (absent if value is ABSENT else null)[i] = True
            continue
        items: list[dict[str, Any]] = []
        if not _objects(value, items):
            wrong[i] = True
            continue
        for column, leaves, owner in zip(columns, found, owners, strict=True):
            before = len(leaves)
            for item in items:
                _leaves(item, column.path[1:], leaves)
            owner.extend([i] * (len(leaves) - before))
        rows[i] = [{name: item.get(name) for name in shown} for item in items]
    laid_flat = tuple(
        Leaf(column, cells_of(flat, column), np.array(owner, np.int64))
        for column, flat, owner in zip(columns, found, owners, strict=True)
    )
    faulty = {
        int(row) for leaf in laid_flat if leaf.cells.wrong is not None for row in leaf.rows[leaf.cells.wrong]
    }
    kept = [None if i in faulty else row for i, row in enumerate(rows)]
    return NestedCells(_listed(kept, columns), absent, null, wrong, laid_flat)


def _objects(value: Any, items: list[dict[str, Any]]) -> bool:
    """The objects of a list, lists in it opened, nulls passed over; False where something is neither."""
    if isinstance(value, dict):
        items.append(value)
        return True
    return value is None or (isinstance(value, list) and all(_objects(item, items) for item in value))


def _leaves(item: dict[str, Any], path: tuple[str, ...], leaves: list[Any]) -> None:
    """Append what stands at the path; what stands in its way is left for its type to be refused."""
    value = item.get(path[0], ABSENT)
    if isinstance(value, list) and len(path) == 1:
        _flatten(value, leaves)
    elif len(path) == 1 or value is ABSENT or value is None:
        leaves.append(value)
    elif isinstance(value, dict):
        _leaves(value, path[1:], leaves)
    elif isinstance(value, list) and all(isinstance(inner, dict) for inner in value):
        for inner in value:
            _leaves(inner, path[1:], leaves)
    else:
        leaves.append(_Wrong())


class _Wrong:
    """Stands where the contract has an object and the row has none: of no type that fits."""


def _flatten(value: list[Any], leaves: list[Any]) -> None:
    for item in value:
        if isinstance(item, list):
            _flatten(item, leaves)
        else:
            leaves.append(item)


def _listed(rows: list[list[dict[str, Any]] | None], columns: Sequence[Column]) -> pa.Array:
    kind = item_type(columns)
    try:
        return pa.array(rows, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # a leaf that is a list: its row cannot be shown as it is
        return pa.array([_shown(row, kind) for row in rows], kind)


def _shown(row: Any, kind: pa.DataType) -> Any:
    try:
        pa.array([row], kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
    return row
