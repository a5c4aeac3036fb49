"""AdmitDrops: the receipts into the build, and the first stop of the law of loudness."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import apache_beam as beam

from pipelines.engine.clean import StagedSplit
from pipelines.engine.files import whole_file
from pipelines.engine.plan import Plan, Site
from pipelines.engine.runner import under_one_key
from pipelines.engine.runs import task
from pipelines.intake.quarantine import FAULTS_FILE
from pipelines.lineage.loss import Balance, check_losses
from schemas.errors import BuildInconsistent
from schemas.reasons import Refusal, Stage
from schemas.receipt import RECEIPT_JSON


class AdmitDrops(beam.PTransform):
    """StagedSplit in, the same out once every drop is accounted for and none lost too much."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

    def expand(self, staged: beam.PCollection) -> beam.PCollection:
        """Wait for all splits; nothing behind this step runs for a build that breaks a limit."""
        return (
            staged
            | "Collect" >> beam.Map(under_one_key).with_output_types(tuple[int, StagedSplit])
            | "All" >> beam.GroupByKey()
            | "Admit" >> beam.FlatMap(_admit, self.plan)
        )


def receipt_files(plan: Plan) -> Iterator[str]:
    """Where the receipts and the faults of the drops lie in the build."""
    for _, target in _receipts(plan):
        yield target


def _receipts(plan: Plan) -> Iterator[tuple[Path, str]]:
    """Each file of an admission that the build holds, and where."""
    for drop in plan.drops:
        admitted, home = plan.admissions[drop.partner, drop.name], f"receipts/{drop.partner}/{drop.name}"
        yield admitted.directory / RECEIPT_JSON, f"{home}.json"
        if admitted.receipt.faults.count:
            yield admitted.directory / FAULTS_FILE, f"{home}.faults.parquet"


def _admit(keyed: tuple[int, Iterable[StagedSplit]], plan: Plan) -> Iterator[StagedSplit]:
    splits = sorted(keyed[1], key=lambda split: split.index)
    with task(plan.site.log, "AdmitDrops", "all"):
        for source, target in _receipts(plan):
            with whole_file(plan.site.build / target) as temporary:
                shutil.copyfile(source, temporary)
        _check_read(plan, splits)
        check_losses(balances(plan.site, splits), plan.site.recipe, stages=tuple(Stage))
    yield from splits


def _check_read(plan: Plan, splits: Sequence[StagedSplit]) -> None:
    """What was read is what was admitted, file by file."""
    read: Counter[tuple[str, str, str]] = Counter()
    for split in splits:
        read[split.partner, split.drop, split.path] += split.counts["documents"]
    for (partner, name), admitted in plan.admissions.items():
        for file in admitted.receipt.files:
            if (documents := read[partner, name, file.path]) != file.documents:
                raise BuildInconsistent(
                    f"{partner}/{file.path}: {file.documents} documents were admitted, {documents} read: "
                    "remove the staging directory, see that nobody changes the drop, and build again"
                )


def balances(site: Site, splits: Sequence[StagedSplit]) -> list[Balance]:
    """The balance of every data set after the stages, in the order of the contracts."""
    sums: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    dropped: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for split in splits:
        key = (split.partner, split.data_set)
        sums[key]["rows"] += split.counts["rows"]
        sums[key]["documents"] += split.counts["documents"]
        refused = split.counts["quarantined"]
        # What was taken down is no fault of the drop, nor of what reads it.
        sums[key]["quarantined"] += sum(refused.values()) - refused.get(Refusal.SUPPRESSED.value, 0)
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
