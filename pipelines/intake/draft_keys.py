"""What names a row: a column whose values differ, or one together with what tells its revisions apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipelines.intake.draft_columns import id_pattern
from pipelines.intake.draft_set import DraftColumn
from schemas.contract import Role

ID_WORDS = {"id", "no", "num", "number", "key", "guid", "uuid", "pk", "idx", "item", "seq", "번호", "식별자"}
_PLACE_OF_ID = {"url", "uri", "path", "slug", "link", "file", "filename"}  # second choice
_VERSION_WORDS = {
    *("version", "rev", "revision", "revised", "updated", "modified", "crawl", "edition", "버전", "수정일"),
}
_FEW_TWINS = 0.05  # share of repeated values that an id may still have: they are refused, and told


def choose_key(columns: list[DraftColumn], *, rows: int) -> int:
    """Give the roles key and version; how many rows repeat a key all the same."""
    able = [column for column in columns if _may_be_key(column)]
    ranked = sorted(able, key=_rank)
    for column in ranked:
        if _twins(column) == 0 and _rank(column) < 2:
            return _make_key(column, twins=0)
    for column in ranked:
        for versions in _versions(columns):
            if _rank(column) < 2 and _twins(column, versions) == 0:
                for version in versions:
                    version.role = Role.VERSION
                return _make_key(column, twins=-1)
    for column in ranked:
        if _rank(column) < 2 and _twins(column) <= _FEW_TWINS * rows:
            return _make_key(column, twins=_twins(column))
    for column in ranked:
        if _twins(column) == 0 and column.logical_type == "string":
            return _make_key(column, twins=0)
    return 0


def _may_be_key(column: DraftColumn) -> bool:
    profile = column.profile
    return (
        len(profile.path) == 1
        and column.role is Role.OTHER
        and column.logical_type in ("string", "integer")
        and column.required
        and not profile.empty
        and not column.personal
        and profile.longest <= 200
    )


def _rank(column: DraftColumn) -> int:
    """0 for what is named like an id, 1 for what is named like a place, 2 for the rest."""
    words = column.words
    ends = any(word.endswith(("id", "no")) and len(word) <= 8 for word in words)
    return 0 if words & ID_WORDS or ends else 1 if words & _PLACE_OF_ID else 2


def _versions(columns: list[DraftColumn]) -> Iterator[list[DraftColumn]]:
    """Columns that may tell revisions apart: one, or several that a drifted schema spread them over."""
    able = [
        column
        for column in columns
        if len(column.profile.path) == 1
        and column.role is Role.OTHER
        and column.logical_type in ("string", "integer", "number", "date", "timestamp")
        and (column.words & _VERSION_WORDS or column.logical_type in ("date", "timestamp"))
    ]
    yield from ([column] for column in able)
    named = [column for column in able if column.words & _VERSION_WORDS]
    if len(named) > 1:
        yield named


def _twins(column: DraftColumn, versions: list[DraftColumn] | None = None) -> int:
    """How many rows repeat the value (and version) of an earlier one."""
    keys = column.profile.hash_rows()
    parts = [keys]
    if versions:
        first = np.zeros_like(keys)
        for version in versions:
            values = version.profile.hash_rows()
            first = np.where(first == 0, values, first)
        parts.append(first)
    return len(keys) - len(np.unique(np.stack(parts, axis=1), axis=0))


def _make_key(column: DraftColumn, *, twins: int) -> int:
    column.role = Role.KEY
    column.unique = twins == 0
    if (pattern := id_pattern(column.profile)) is not None:
        column.options["pattern"] = f"^{pattern}$"
    return max(0, twins)
