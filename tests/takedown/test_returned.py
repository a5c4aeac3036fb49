"""Documents that come back: whose tokens are those of another; copies counted anew for changed rows alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lineage.duplicates import copies_among, copies_changed
from pipelines.takedown.direct import Changed, Parent
from pipelines.takedown.returned import alike
from schemas.documents import DOC_ID
from schemas.recipe import DialogueTemplate

_ROWS = pa.schema([("duplicate_of", DOC_ID), ("partner", pa.string()), ("reason", pa.string())])
_REASONS = st.sampled_from(["exact_duplicate", "near_duplicate", "repeated_key", None])


def parent(*templates: str) -> Parent:
    """As much of a parent as is asked: its recipe's templates."""
    of = tuple(DialogueTemplate(data_set=name, turn=("{text}",)) for name in templates)
    return cast(Parent, SimpleNamespace(recipe=SimpleNamespace(tokens=SimpleNamespace(templates=of))))


def of(partner: str, data_set: str) -> Changed:
    split: Any = SimpleNamespace(partner=partner, data_set=data_set)
    return cast(Changed, SimpleNamespace(split=split))


@pytest.mark.parametrize(
    ("templates", "expected"),
    [((), True), (("a/chat",), False), (("b/chat",), False), (("c/chat",), True)],
)
def test_equal_texts_have_equal_tokens_unless_a_template_names_one_data_set(templates, expected):
    assert alike(parent(*templates), of("a", "chat"), of("b", "chat")) is expected
    assert alike(parent("a/chat"), of("a", "chat"), of("a", "chat"))


_row = st.tuples(st.integers(0, 3), st.sampled_from(["a", "b"]), _REASONS)


def table(rows: list[tuple[int, str, str | None]]) -> pa.Table:
    named = [
        {"duplicate_of": bytes([winner] * 16) if reason else None, "partner": partner, "reason": reason}
        for winner, partner, reason in rows
    ]
    return pa.Table.from_pylist(named, _ROWS)


@given(st.lists(st.tuples(_row, _row), max_size=12), st.lists(_row, max_size=12))
def test_copies_of_changed_rows_alone_are_those_of_all(changed, others):
    before, after = table([one for one, _ in changed]), table([one for _, one in changed])
    whole_before, whole_after = (pa.concat_tables([table(others), one]) for one in (before, after))
    known = copies_among(pl.DataFrame(whole_before))
    assert copies_changed(known, before, after).equals(copies_among(pl.DataFrame(whole_after)))
