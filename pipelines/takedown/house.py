"""A build with all that it was made of: recipe, contracts, staged splits, drops, registry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl
import pyarrow.compute as pc

from pipelines.dedup.component import StagedFiles
from pipelines.engine.drops import DropPlace
from pipelines.engine.made import Made, Origin
from pipelines.engine.registered import registered_drops
from pipelines.intake.contracts import load_contracts
from pipelines.intake.recipes import load_recipe
from pipelines.intake.registry import Registry
from pipelines.lineage.ledger import read_ledger
from pipelines.takedown.ledger_parts import COLUMNS, LedgerParts
from schemas.contract import Contract
from schemas.errors import UsageError
from schemas.manifest import Manifest
from schemas.recipe import Recipe


@dataclass(frozen=True)
class House:
    """A build and where the things lie that it was made of."""

    build: Path
    manifest: Manifest
    origin: Origin
    made: Made | None

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe as it stands now."""
        return load_recipe(Path(self.origin.recipe))

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """The contracts as they stand now, by partner."""
        found = load_contracts(Path(self.origin.recipe).parent / self.recipe.contracts)
        return {contract.partner: contract for contract in found}

    @cached_property
    def staged(self) -> StagedFiles:
        """The staged splits; UsageError where they are not known or not there (any more)."""
        if self.made is None:
            raise UsageError(
                f"{self.build.name}.runs does not say what the build was made of, so its rows' keys and "
                "hosts cannot be looked up: name documents by their ids, or build it again"
            )
        home = Path(self.origin.staging) / "splits"
        found = {split.index: home / split.digest for split in self.made.splits}
        if any(not (path / "counts.json").is_file() for path in found.values()):
            raise UsageError("staged splits are gone: give --staging, or name documents by their ids")
        return StagedFiles(found)

    @property
    def drops(self) -> Path:
        """Where the drops lie."""
        home = Path(self.origin.recipe).parent
        return Path(self.origin.drops) if self.origin.drops else home / str(self.recipe.drops)

    def ledger(self, where: pc.Expression | None = None) -> pl.DataFrame:
        """Rows of the ledger."""
        return pl.DataFrame(read_ledger(self.build, COLUMNS, where, manifest=self.manifest))

    @cached_property
    def parts(self) -> LedgerParts:
        """The ledger by its parts, each read once."""
        return LedgerParts(self.build, self.manifest, self.recipe.tokens.validation_share)

    @cached_property
    def registry(self) -> Registry | None:
        """The registry that the build was made from; None where its drops were admitted on the fly."""
        return None if self.origin.registry is None else Registry.open(Path(self.origin.registry))

    def places(self, partner: str) -> tuple[DropPlace, ...]:
        """The drops of a partner that the build may have been made from."""
        if self.registry is None:
            return (DropPlace(partner, self.drops),)
        day = self.manifest.date
        return registered_drops(self.registry, root=self.drops, partners=(partner,), day=day)
