"""PublishManifest: the balance from the ledger, the report, the manifest last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipelines.engine.admit import receipt_files
from pipelines.engine.duplicates import KeptWithout
from pipelines.engine.files import facts_of, write_index, write_whole
from pipelines.engine.finish import publish
from pipelines.engine.plan import Plan, lock_digest, runtime
from pipelines.engine.runner import under_one_key
from pipelines.engine.runs import task
from pipelines.engine.shards import WrittenPartition
from pipelines.lineage.balance import count_part
from pipelines.lineage.duplicates import DEDUP_JSON, DedupFacts, copies_path, count_copies, dedup_facts_bytes
from pipelines.lineage.ledger import DataSetBalance, balance_of
from pipelines.lineage.loss import check_balance
from pipelines.lineage.report import render_report
from pipelines.lineage.ways import WAYS_JSON, ways_bytes, ways_of
from pipelines.tokens.shards import write_dataset_files
from pipelines.tokens.tokenizer import load_tokenizer
from schemas.content import content_root
from schemas.errors import BuildInconsistent
from schemas.manifest import (
    MANIFEST_VERSION,
    ContractFacts,
    DataSetFacts,
    DropFacts,
    FileFacts,
    Manifest,
    Segment,
)


class BalanceLedger(beam.PTransform):
    """WrittenPartition in, one Arrow batch of counts (partner, data_set, measure, value) out."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

    def expand(self, written: beam.PCollection) -> beam.PCollection:
        """Count each part of the ledger from its file, not from what its writer believed."""
        return written | "Count" >> beam.Map(_count, self.plan).with_output_types(pa.RecordBatch)


class PublishManifest(beam.PTransform):
    """Written partitions, their counts and what copies cost whom in, the published manifest's digest out."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

    def expand(self, inputs: Mapping[str, beam.PCollection]) -> beam.PCollection:
        """One task: everything is there, so check it, write the report, publish."""
        written = inputs["written"] | "Key" >> beam.Map(under_one_key).with_output_types(
            tuple[int, WrittenPartition]
        )
        counts = inputs["counts"] | "KeyCounts" >> beam.Map(under_one_key).with_output_types(
            tuple[int, pa.RecordBatch]
        )
        without = inputs["without"] | "KeyWithout" >> beam.Map(under_one_key).with_output_types(
            tuple[int, KeptWithout]
        )
        return (
            {"written": written, "counts": counts, "without": without}
            | "All" >> beam.CoGroupByKey()
            | "Publish" >> beam.Map(_publish, self.plan)
        )


def _count(written: WrittenPartition, plan: Plan) -> pa.RecordBatch:
    with task(plan.site.log, "BalanceLedger", written.ledger.path):
        return count_part(plan.site.build / written.ledger.path)


def _publish(keyed: tuple[int, Mapping[str, Iterable[Any]]], plan: Plan) -> str:
    site = plan.site
    with task(site.log, "PublishManifest", "manifest"):
        written = sorted(keyed[1]["written"], key=lambda part: (part.epoch, part.part, part.index))
        data_sets = _data_sets(plan, balance_of(keyed[1]["counts"]))
        check_balance(data_sets, plan.site.recipe)
        index = _write_index(site.build, written, keyed[1]["without"])
        built = {(facts.partner, facts.data_set) for facts in data_sets}
        write_whole(site.build / WAYS_JSON, ways_bytes(ways_of(site.contracts, built)))
        index.append(facts_of(site.build, WAYS_JSON))
        manifest = _manifest(plan, written, data_sets, index)
        write_whole(site.build / "report.html", render_report(manifest, site.build).encode())
        manifest = replace(manifest, other_files=(*manifest.other_files, facts_of(site.build, "report.html")))
        return publish(site.build, manifest)


def _data_sets(plan: Plan, balances: Iterable[DataSetBalance]) -> tuple[DataSetFacts, ...]:
    """Receipts and ledger side by side; they must agree on the number of documents."""
    of_ledger = {(one.partner, one.data_set): one for one in balances}
    found = []
    for contract in plan.site.contracts:
        receipts = [
            plan.admissions[d.partner, d.name].receipt for d in plan.drops if d.partner == contract.partner
        ]
        for data_set in contract.data_sets:
            files = [f for receipt in receipts for f in receipt.files if f.data_set == data_set.name]
            if not files:
                continue
            name = contract.partner, data_set.name
            rows = of_ledger.get(name, DataSetBalance(*name))
            documents = sum(file.documents for file in files)
            if documents != rows.documents:
                raise BuildInconsistent(
                    f"{contract.partner}/{data_set.name}: {documents} documents were admitted, the "
                    f"ledger has {rows.documents}: remove the staging directory and build again"
                )
            quarantined: Counter[str] = Counter()
            for file in files:
                quarantined.update(file.quarantined)
            sent = [file.rows_sent for file in files if file.rows_sent is not None]
            found.append(
                DataSetFacts(
                    partner=contract.partner,
                    data_set=data_set.name,
                    kind=data_set.kind.value,
                    rows_sent=sum(sent) if len(sent) == len(files) else None,
                    rows_arrived=sum(file.rows_arrived for file in files),
                    quarantined=dict(sorted(quarantined.items())),
                    documents=documents,
                    kept=rows.kept,
                    dropped=rows.dropped,
                    bytes=sum(file.uncompressed_bytes for file in files),
                    tokens=rows.tokens,
                    pii=rows.pii,
                )
            )
    return tuple(found)


def _write_index(
    build: Path, written: Sequence[WrittenPartition], without: Iterable[KeptWithout]
) -> list[FileFacts]:
    """The side tables of the build: some are there already, copies are counted from the ledger."""
    found = [facts for item in written for facts in (item.edges, item.fingerprints)]
    for epoch in sorted({item.epoch for item in written}):
        parts = [build / item.ledger.path for item in written if item.epoch == epoch]
        path = copies_path(epoch)
        write_index(build / path, count_copies(parts))
        found.append(facts_of(build, path))
    counted = sorted(without, key=lambda one: one.partner)
    facts = DedupFacts(
        # How much was compared depends on what was resolved before; what came of it does not.
        resolved={k: n for k, n in counted[0].resolved.items() if k not in {"documents", "comparisons"}},
        kept_without={one.partner: one.documents for one in counted if one.documents},
    )
    write_whole(build / DEDUP_JSON, dedup_facts_bytes(facts))
    return [*found, facts_of(build, DEDUP_JSON)]


def _manifest(
    plan: Plan,
    written: Sequence[WrittenPartition],
    data_sets: tuple[DataSetFacts, ...],
    index: Sequence[FileFacts],
) -> Manifest:
    site = plan.site
    tokenizer = load_tokenizer(site.recipe.tokens, directory=site.home)
    others = list(receipt_files(plan))
    for directory in sorted({item.directory for item in written}):
        shards = [item for item in written if item.directory == directory]
        write_dataset_files(
            site.build / directory,
            [Path(item.file).name for item in shards],
            [item.shard.rows for item in shards],
        )
        others += [f"{directory}/dataset_info.json", f"{directory}/state.json"]
    segments = tuple(_segment(epoch, written) for epoch in sorted({item.epoch for item in written}))
    return Manifest(
        version=MANIFEST_VERSION,
        recipe=dict(site.recipe.identity),
        date=site.date,
        identity=site.identity,
        stage_versions=dict(site.pipeline.versions),
        models={
            **site.pipeline.models,
            **{
                path.name: digest
                for path, digest in zip(site.benchmarks, site.benchmark_digests, strict=True)
            },
        },
        runtime={**runtime(), "requirements.lock": lock_digest()},
        contracts=tuple(
            ContractFacts(partner=c.partner, version=c.version, digest=c.digest, rights=c.rights)
            for c in site.contracts
        ),
        excluded=plan.excluded,
        warnings=plan.warnings,
        drops=tuple(
            DropFacts(
                partner=drop.partner,
                drop=drop.name,
                digest=drop.digest,
                epoch=drop.epoch,
                files=tuple(FileFacts(file.path, file.bytes, file.sha256) for file in drop.files),
            )
            for drop in plan.drops
        ),
        data_sets=data_sets,
        tokenizer=tokenizer.facts,
        segments=segments,
        other_files=tuple(
            sorted([*(facts_of(site.build, path) for path in others), *index], key=lambda file: file.path)
        ),
        root=content_root(segments),
        parent=site.parent,
    )


def _segment(epoch: int, written: Sequence[WrittenPartition]) -> Segment:
    mine = [item for item in written if item.epoch == epoch]
    return Segment(
        epoch=epoch,
        train=tuple(item.shard for item in mine if item.part == "train"),
        validation=tuple(item.shard for item in mine if item.part == "validation"),
        ledger=tuple(item.ledger for item in mine),
    )
