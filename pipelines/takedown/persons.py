"""The rows that persons stand in. Their pseudonyms are in no staged file: the drops are read for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipelines.engine.drops import look_at
from pipelines.intake.readers import read_split
from pipelines.takedown.house import House
from schemas.contract import Column, DataSet, Role
from schemas.errors import UsageError


def rows_of_persons(house: House, partner: str, keys: frozenset[str]) -> Iterator[tuple[str, str, int]]:
    """(drop, file, row) of a partner's rows that hold one of the pseudonyms, read as the build reads them."""
    contract = house.contracts.get(partner)
    if contract is None:
        raise UsageError("subjects: that partner has no contract: name one of the recipe's partners")
    if not any(data_set.of_role(Role.SUBJECT) for data_set in contract.data_sets):
        raise UsageError(
            f"subjects: no data set of {partner} has a column of role subject: name rows or documents"
        )
    names = {drop.drop for drop in house.manifest.drops if drop.partner == partner}
    for place in house.places(partner):
        drop = look_at(place, contract, split_bytes=house.recipe.split_mib << 20)
        if drop.name not in names:
            continue
        for file in drop.files:
            data_set = contract.data_set(file.data_set)
            for column in data_set.of_role(Role.SUBJECT):
                asked = _as_version(data_set, column)
                for split in file.splits:
                    for read in read_split(
                        drop.directory, split, asked, max_row_bytes=house.recipe.max_row_mib << 20
                    ):
                        rows = zip(
                            read.rights["row"].to_pylist(), read.rights["version"].to_pylist(), strict=True
                        )
                        for row, said in rows:
                            if said is not None and not keys.isdisjoint(said.split(data_set.join)):
                                yield drop.name, file.path, row


def _as_version(data_set: DataSet, subject: Column) -> DataSet:
    """The data set with the person's column in the place of the version, which readers hand on as it is."""
    columns = [
        replace(column, role=Role.VERSION) if column == subject else column
        for column in data_set.columns
        if column == subject or column.role not in {Role.VERSION, Role.SUBJECT}
    ]
    return replace(data_set, columns=tuple(columns))
