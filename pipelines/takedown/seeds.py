"""Texts made from others: their seed column names the documents, and what is made of one goes with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa

from pipelines.engine.made import MadeSplit
from pipelines.takedown.find import Answer, Found, by_places
from pipelines.takedown.house import House
from pipelines.takedown.staged_places import rows_by_split
from schemas.contract import Role
from schemas.errors import UsageError

_RIGHTS = "rights.arrow"


def with_what_was_made_of_them(house: House, found: Found) -> Found:
    """The documents found, and all whose seeds they are, and those made of these, and so on.

    Seeds name rows of the same partner by their keys, whatever the version. Raises UsageError where a
    partner has a column of seeds and what was staged of its rows is not known any more.
    """
    if not len(found.documents):
        return found
    partners = [name for name in found.documents["partner"].unique().sort() if _has_seeds(house, name)]
    parts, named = [found.documents], 0
    for partner in partners:
        own = found.documents.filter(pl.col("partner") == partner)
        keys, places = _made_of(house, partner, own)
        named += keys
        rows = by_places(house, places)
        parts.append(rows.join(own, on=["drop", "file", "row"], how="anti") if len(rows) else rows)
    more = [part for part in parts[1:] if len(part)]
    if not more:
        return found
    documents = pl.concat([found.documents, *more]).unique(["drop", "file", "row"], maintain_order=True)
    added = Answer("made of them", named, pl.concat(more)["doc_id"].n_unique())
    there = {doc_id.hex() for doc_id in documents["doc_id"]}
    unknown = tuple(one for one in found.unknown if one not in there)
    return replace(found, documents=documents, unknown=unknown, answers=(*found.answers, added))


def _has_seeds(house: House, partner: str) -> bool:
    """Whether staged rows of a partner name seeds; its contract is read only where these are not known."""
    try:
        directories = house.staged.directories
    except UsageError:
        contract = house.contracts.get(partner)
        if contract is not None and any(one.of_role(Role.SEED) for one in contract.data_sets):
            raise
        return False
    splits = house.made.splits if house.made else ()
    own = [directories[one.index] for one in splits if one.partner == partner and one.index in directories]
    return any(_names_seeds(path / _RIGHTS) for path in own)


def _names_seeds(path: Path) -> bool:
    with pa.memory_map(str(path)) as source:
        seeds = pa.ipc.open_file(source).read_all()["seeds"]
        return any(len(piece.flatten()) > 0 for piece in seeds.chunks)


def _made_of(house: House, partner: str, documents: pl.DataFrame) -> tuple[int, list[tuple[str, str, int]]]:
    """How many keys were followed, and (drop, file, row) of the partner's rows that name one of them."""
    staged = house.staged  # raises where it is not known
    splits = [one for one in (house.made.splits if house.made else ()) if one.partner == partner]
    rights = {split.index: _rights(house, split) for split in splits if split.index in staged.directories}
    wanted: set[bytes] = set()
    for split, rows in rows_by_split(splits, documents):
        own = rights[split.index].filter(pl.col("row").is_in(rows.tolist()))
        wanted |= set(own["key"].drop_nulls().to_list())
    followed: set[bytes] = set()
    places: list[tuple[str, str, int]] = []
    while wanted:
        followed |= wanted
        following: set[bytes] = set()
        for split in splits:
            edges = rights[split.index].filter(pl.col("seeds").list.len() > 0).explode("seeds")
            made = edges.filter(pl.col("seeds").is_in(list(wanted))).unique("row")
            places += [(split.drop, split.path, row) for row in made["row"].to_list()]
            following |= set(made["key"].drop_nulls().to_list())
        wanted = following - followed
    return len(followed), places


def _rights(house: House, split: MadeSplit) -> pl.DataFrame:
    path = house.staged.directories[split.index] / _RIGHTS
    with pa.memory_map(str(path)) as source:
        return pl.DataFrame(pa.ipc.open_file(source).read_all().select(["row", "key", "seeds"]))
