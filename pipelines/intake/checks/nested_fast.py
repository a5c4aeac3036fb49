"""Lists of objects by pyarrow's JSON reader, for blocks in which it says the same as the careful way.

Text that reaches it was found to be JSON. It refuses a value of another type, a key that stands twice and an
object where a list belongs; it does not tell a field that is null from one that is not there. In all these
cases, and where a null stands among the objects, nothing is returned and the careful way is gone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from numpy.typing import NDArray

from pipelines.intake.checks import json_kernels as kernels
from pipelines.intake.checks.cells import Cells, arrow_type
from pipelines.intake.checks.nested import Leaf, NestedCells, item_type
from schemas.contract import Column

_SCALARS = frozenset({"string", "integer", "number", "boolean", "date", "timestamp", "time"})


def nested_from_json(
    lists: pa.Array, kinds: NDArray[np.uint8], columns: Sequence[Column]
) -> NestedCells | None:
    """One column of lists of objects: `lists` has the JSON of the rows whose kind is ARRAY, and nulls."""
    one_deep = all(len(column.path) == 2 and column.logical_type in _SCALARS for column in columns)
    shown_type = item_type(columns)
    if not one_deep or (kinds == kernels.OBJECT).any() or shown_type.value_type.num_fields == 0:
        return None
    inner = pa.struct([pa.field(column.path[1], arrow_type(column)) for column in columns])
    rows = np.flatnonzero(kinds == kernels.ARRAY)
    found = _parsed(lists.drop_null(), pa.list_(inner))
    if found is None:
        return None
    items, owners = found.flatten(), rows[pc.list_parent_indices(found).to_numpy()]
    if items.null_count:
        return None
    leaves = []
    for place, column in enumerate(columns):
        values = items.field(place)
        if column.required and values.null_count:
            return None
        leaves.append(Leaf(column, Cells(values), owners))
    at = np.full(len(kinds), -1, np.int64)
    at[rows] = np.arange(len(rows))
    places = pa.array(at, mask=at < 0)
    shown = found if shown_type == found.type else _shown(found, shown_type)
    return NestedCells(
        values=shown.take(places),
        absent=kinds == kernels.ABSENT,
        null=kinds == kernels.NULL,
        wrong=~np.isin(kinds, (kernels.ABSENT, kernels.NULL, kernels.ARRAY)),
        leaves=tuple(leaves),
    )


def _parsed(texts: pa.Array, kind: pa.DataType) -> pa.Array | None:
    if len(texts) == 0:
        return pa.array([], kind)
    lines = pc.binary_join_element_wise(pa.scalar('{"v":'), texts, pa.scalar("}\n"), "")
    _, offsets, data = lines.buffers()
    ends = np.frombuffer(offsets, np.int32)
    body = data.slice(int(ends[lines.offset]), int(ends[lines.offset + len(lines)] - ends[lines.offset]))
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(body),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=body.size + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema([("v", kind)]), unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid:
        return None
    found = table["v"].combine_chunks()
    return found if len(found) == len(texts) else None


def _shown(found: pa.Array, kind: pa.DataType) -> pa.Array:
    """The lists without the columns that are not shown."""
    items = found.values
    names = [field.name for field in kind.value_type]
    fields = [items.field(items.type.get_field_index(name)) for name in names]
    inner = pa.StructArray.from_arrays(fields, fields=list(kind.value_type))
    return pa.ListArray.from_arrays(found.offsets, inner)
