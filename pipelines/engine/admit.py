"""AdmitDrops: the receipts, and the first stop of the law of loudness."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipelines.engine.clean import StagedSplit
from pipelines.engine.files import write_whole
from pipelines.engine.plan import Plan, Site
from pipelines.engine.runs import task
from pipelines.intake.receipts import receipt
from pipelines.lineage.loss import Balance, check_losses
from schemas.identity import canonical_json
from schemas.reasons import Stage


class AdmitDrops(beam.PTransform):
    """StagedSplit in, the same out once every drop is accounted for and none lost too much."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

    def expand(self, staged: beam.PCollection) -> beam.PCollection:
        """Wait for all splits; nothing behind this step runs for a build that breaks a limit."""
        return (
            staged
            | "Collect" >> beam.Map(_under_one_key).with_output_types(tuple[int, StagedSplit])
            | "All" >> beam.GroupByKey()
            | "Admit" >> beam.FlatMap(_admit, self.plan)
        )


def _under_one_key(split: StagedSplit) -> tuple[int, StagedSplit]:
    return 0, split


def _admit(keyed: tuple[int, Iterable[StagedSplit]], plan: Plan) -> Iterator[StagedSplit]:
    splits = sorted(keyed[1], key=lambda split: split.index)
    with task(plan.site.log, "AdmitDrops", "all"):
        for partner, content in receipts(plan, splits).items():
            write_whole(plan.site.build / "receipts" / f"{partner}.json", canonical_json(content) + b"\n")
        check_losses(balances(plan.site, splits), plan.site.recipe, stages=tuple(Stage))
    yield from splits


def receipts(plan: Plan, splits: Sequence[StagedSplit]) -> dict[str, dict[str, Any]]:
    """The receipt of each partner's drop."""
    counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    quarantine: dict[str, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for split in splits:
        facts = split.counts
        counts[split.partner][split.path].update({key: facts[key] for key in ("rows", "documents", "bytes")})
        if facts["quarantined"]:
            path = plan.site.staging / "splits" / split.digest / "quarantine.arrow"
            with pa.memory_map(str(path)) as file:
                quarantine[split.partner][split.path].extend(pa.ipc.open_file(file).read_all().to_pylist())
    return {
        contract.partner: receipt(
            contract,
            plan.drops[contract.partner],
            plan.files[contract.partner],
            counts=counts[contract.partner],
            quarantine=quarantine[contract.partner],
        )
        for contract in plan.site.contracts
    }


def balances(site: Site, splits: Sequence[StagedSplit]) -> list[Balance]:
    """The balance of every data set after the stages, in the order of the contracts."""
    sums: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    dropped: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for split in splits:
        key = (split.partner, split.data_set)
        sums[key]["rows"] += split.counts["rows"]
        sums[key]["documents"] += split.counts["documents"]
        sums[key]["quarantined"] += sum(split.counts["quarantined"].values())
        dropped[key].update(split.counts["dropped"])
    found = []
    for contract in site.contracts:
        for data_set in contract.data_sets:
            key = (contract.partner, data_set.name)
            if key in sums:
                found.append(
                    Balance(
                        partner=contract.partner,
                        data_set=data_set.name,
                        kind=data_set.kind,
                        rows=sums[key]["rows"],
                        quarantined=sums[key]["quarantined"],
                        documents=sums[key]["documents"],
                        dropped=dict(dropped[key]),
                    )
                )
    return found
