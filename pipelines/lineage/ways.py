"""How the texts of each data set came to their fingerprints: what a question about a text has to repeat.

Writes and reads BUILD/index/ways.json. Stages see a data set by its kind, its markup, whether its texts are
joined of several columns, and the classes of personal data that are looked for; the recipe has the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from schemas.contract import Contract, DataSet, Kind, Markup, Role
from schemas.errors import BuildInconsistent
from schemas.identity import canonical_json

WAYS_JSON = "index/ways.json"


@dataclass(frozen=True, config=ConfigDict(extra="forbid", defer_build=True))
class Way:
    """What shapes the canonical text of one data set's documents, besides the recipe."""

    partner: str
    data_set: str
    kind: Kind
    markup: Markup
    joined: str | None  # what stands between joined columns; null where there is one
    classes: tuple[str, ...]  # of personal data that the contract speaks of, sorted

    @property
    def name(self) -> str:
        """partner/data set."""
        return f"{self.partner}/{self.data_set}"

    @property
    def shape(self) -> tuple[Kind, Markup, str | None, tuple[str, ...]]:
        """What decides: two data sets of one shape make one text of a text."""
        return self.kind, self.markup, self.joined, self.classes


def ways_of(contracts: Iterable[Contract], built: Collection[tuple[str, str]]) -> tuple[Way, ...]:
    """The ways of the data sets that a build has documents of: (partner, data set)."""
    found = [
        _way(contract.partner, data_set)
        for contract in contracts
        for data_set in contract.data_sets
        if (contract.partner, data_set.name) in built
    ]
    return tuple(sorted(found, key=lambda way: (way.partner, way.data_set)))


def ways_bytes(ways: tuple[Way, ...]) -> bytes:
    """The file's bytes."""
    return canonical_json(ways) + b"\n"


def read_ways(build: Path) -> tuple[Way, ...]:
    """The ways of a build's data sets; BuildInconsistent where there is no such file."""
    try:
        return _reader().validate_json((build / WAYS_JSON).read_bytes())
    except (OSError, ValueError) as error:
        raise BuildInconsistent(
            f"{WAYS_JSON} cannot be read ({type(error).__name__}): run `malmoi verify {build.name}`, or "
            "build it again where it is of an earlier version"
        ) from None


@cache
def _reader() -> TypeAdapter[tuple[Way, ...]]:
    return TypeAdapter(tuple[Way, ...])


def _way(partner: str, data_set: DataSet) -> Way:
    joined = data_set.join if len(data_set.of_role(Role.TEXT)) > 1 else None
    spoken_of = {*dict(data_set.pii_policy), *data_set.absent_identifiers}
    return Way(partner, data_set.name, data_set.kind, data_set.markup, joined, tuple(sorted(spoken_of)))
