"""What all cards are made of: the manifest, counts of the ledger, days of the receipts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.finished.shards import readable_build
from schemas.errors import BuildInconsistent, MalmoiError
from schemas.manifest import ContractFacts, Manifest
from schemas.receipt import read_receipt

UNKNOWN = {"en": "not known to this build", "ko": "이 빌드는 알지 못함"}


@dataclass(frozen=True)
class Portion:
    """Kept documents of one data set in one language, and their tokens."""

    partner: str
    data_set: str
    kind: str
    language: str  # "und" where none was recognised
    documents: int
    tokens: int


@dataclass(frozen=True)
class Amount:
    """Documents and tokens of anything."""

    name: str
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

    def by_source(self) -> tuple[Amount, ...]:
        """Amounts by where contracts say data comes from; contracts that name more than one count as both."""
        sources = {contract.partner: contract.rights.source for contract in self.manifest.contracts}
        return _amounts((" + ".join(sources[portion.partner]), portion) for portion in self.portions)

    def partners_of(self, *sources: str) -> tuple[str, ...]:
        """Partners whose contracts name one of these sources."""
        return tuple(c.partner for c in self.contracts if set(sources) & set(c.rights.source))

    def personal_data(self) -> dict[str, int]:
        """Replaced spans in kept documents by class."""
        found: Counter[str] = Counter()
        for facts in self.manifest.data_sets:
            found.update(facts.pii)
        return dict(sorted(found.items()))

    def dropped(self) -> dict[str, int]:
        """Documents that were not kept, by "stage/reason"; the most first."""
        found: Counter[str] = Counter()
        for facts in self.manifest.data_sets:
            found.update(facts.dropped)
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def card_facts(build: Path) -> CardFacts:
    """Read a build; BuildInconsistent where its ledger is not its manifest's."""
    manifest = readable_build(build)
    portions = tuple(_portions(build, manifest))
    facts = CardFacts(
        name=str(manifest.recipe.get("name", build.name)),
        digest=hashlib.sha256((build / "manifest.json").read_bytes()).hexdigest(),
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
    keys = ["partner", "data_set", "kind", "language"]
    counts = []
    for segment in manifest.segments:
        for file in segment.ledger:
            try:
                table = pq.read_table(build / file.path, columns=[*keys, "kept", "tokens"])
            except (OSError, pa.ArrowException) as error:
                raise BuildInconsistent(
                    f"{file.path}: cannot be read ({type(error).__name__}): run `malmoi verify {build.name}`"
                ) from None
            rows = pl.DataFrame(table).filter("kept").with_columns(pl.col("language").fill_null("und"))
            counts.append(_summed(rows.with_columns(documents=pl.lit(1, pl.Int64)), keys))
    if counts:
        for row in _summed(pl.concat(counts), keys).sort(keys).iter_rows(named=True):
            yield Portion(**row)


def _summed(rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    return rows.group_by(keys).agg(pl.col("documents", "tokens").cast(pl.Int64).sum())


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
