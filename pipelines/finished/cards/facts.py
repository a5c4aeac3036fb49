"""What all cards are made of: the manifest, counts of the ledger, days of the receipts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from pipelines.finished.shards import readable_build
from pipelines.lineage.fates import count_fates
from schemas.errors import BuildInconsistent, MalmoiError
from schemas.manifest import ContractFacts, Manifest, manifest_digest
from schemas.receipt import read_receipt

UNKNOWN = {"en": "not known to this build", "ko": "이 빌드는 알지 못함"}


@dataclass(frozen=True)
class Portion:
    """Kept documents of one data set in one language, and their tokens."""

    partner: str
    data_set: str
    kind: str
    language: str  # schemas.shards.NO_LANGUAGE where none was recognised
    documents: int
    tokens: int


@dataclass(frozen=True)
class Amount:
    """Documents and tokens of anything."""

    name: str
    documents: int
    tokens: int


class DataSetAmount(NamedTuple):
    """Kept documents of one data set, and their tokens."""

    partner: str
    data_set: str
    kind: str
    documents: int
    tokens: int


@dataclass(frozen=True)
class CardFacts:
    """A build as its cards see it."""

    name: str
    digest: str  # SHA-256 of manifest.json
    manifest: Manifest
    portions: tuple[Portion, ...]  # by partner, data set and language
    last_day: str  # the latest day that data is of; "" where no drop says

    @property
    def documents(self) -> int:
        """Kept documents."""
        return sum(portion.documents for portion in self.portions)

    @property
    def tokens(self) -> int:
        """Tokens in the shards."""
        return sum(portion.tokens for portion in self.portions)

    @property
    def contracts(self) -> tuple[ContractFacts, ...]:
        """The contracts of the partners that have documents in the build, by partner."""
        with_documents = {portion.partner for portion in self.portions}
        mine = [contract for contract in self.manifest.contracts if contract.partner in with_documents]
        return tuple(sorted(mine, key=lambda contract: contract.partner))

    def by(self, field: str) -> tuple[Amount, ...]:
        """Amounts by partner, data_set, kind or language; the most tokens first."""
        return _amounts((str(getattr(portion, field)), portion) for portion in self.portions)

    def by_licence(self) -> tuple[Amount, ...]:
        """Amounts by the licence expression of the contract they stand under."""
        licences = {contract.partner: contract.rights.licence for contract in self.manifest.contracts}
        return _amounts((licences[portion.partner], portion) for portion in self.portions)

    def by_data_set(self) -> tuple[DataSetAmount, ...]:
        """Amounts by data set, by partner and name."""
        found: dict[tuple[str, str, str], tuple[int, int]] = {}
        for one in self.portions:
            name = (one.partner, one.data_set, one.kind)
            documents, tokens = found.get(name, (0, 0))
            found[name] = documents + one.documents, tokens + one.tokens
        return tuple(DataSetAmount(*name, *amount) for name, amount in sorted(found.items()))

    def partners_of(self, *sources: str) -> tuple[str, ...]:
        """Partners whose contracts name one of these sources."""
        return tuple(c.partner for c in self.contracts if set(sources) & set(c.rights.source))

    def personal_data(self) -> dict[str, int]:
        """Replaced spans in kept documents by class."""
        return dict(sorted(_added(one.pii for one in self.manifest.data_sets).items()))

    def refused(self) -> dict[str, int]:
        """Rows refused at admission, by reason; the most first."""
        return _most_first(_added(one.quarantined for one in self.manifest.data_sets))

    def dropped(self) -> dict[str, int]:
        """Documents that were not kept, by "stage/reason"; the most first."""
        return _most_first(_added(one.dropped for one in self.manifest.data_sets))


def card_facts(build: Path) -> CardFacts:
    """Read a build; BuildInconsistent where its ledger is not its manifest's."""
    manifest = readable_build(build)
    portions = tuple(_portions(build, manifest))
    facts = CardFacts(
        name=str(manifest.recipe.get("name", build.name)),
        digest=manifest_digest(build),
        manifest=manifest,
        portions=portions,
        last_day=_last_day(build, manifest),
    )
    said = sum(shard.rows for shard in manifest.shards), sum(shard.tokens for shard in manifest.shards)
    if said != (facts.documents, facts.tokens):
        raise BuildInconsistent(
            f"{build.name}: the ledger has {facts.documents} kept documents of {facts.tokens} tokens, the "
            f"shards {said[0]} of {said[1]}: run `malmoi verify {build.name}`"
        )
    return facts


def _portions(build: Path, manifest: Manifest) -> Iterable[Portion]:
    kinds = {(one.partner, one.data_set): one.kind for one in manifest.data_sets}
    keys = ["partner", "data_set", "language"]
    counted = count_fates(build, manifest).kept.group_by(keys).agg(pl.col("documents", "tokens").sum())
    for partner, data_set, language, documents, tokens in counted.sort(keys).iter_rows():
        kind = kinds.get((partner, data_set))
        if kind is None:
            raise BuildInconsistent(
                f"{build.name}: the ledger has a data set that its manifest has not: run `malmoi verify "
                f"{build.name}`"
            )
        yield Portion(partner, data_set, kind, language, documents, tokens)


def _added(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in counts:
        found.update(one)
    return found


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _amounts(named: Iterable[tuple[str, Portion]]) -> tuple[Amount, ...]:
    found: dict[str, list[int]] = {}
    for name, portion in named:
        amount = found.setdefault(name, [0, 0])
        amount[0] += portion.documents
        amount[1] += portion.tokens
    ordered = sorted(found.items(), key=lambda item: (-item[1][1], item[0]))
    return tuple(Amount(name, documents, tokens) for name, (documents, tokens) in ordered)


def _last_day(build: Path, manifest: Manifest) -> str:
    days = []
    for drop in manifest.drops:
        path = build / "receipts" / drop.partner / f"{drop.drop}.json"
        try:
            receipt = read_receipt(path.read_bytes(), name=path.name)
        except (OSError, MalmoiError):
            return ""  # one that does not say could be the latest
        if receipt.period is None:
            return ""
        days.append(receipt.period.last)
    return max(days, default="")
