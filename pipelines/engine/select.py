"""SelectDocuments: what must not be used, by its row's rights or taken back since, is taken out.

Not in a text's identity: a longer term or a new opt-out re-runs no stage. STAGING/selections/<digest>/ holds
<split>.arrow (LOST: position, reason, detail) of the splits of one partner that lost a document, and
splits.json, which names them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import apache_beam as beam
import orjson
import polars as pl
import pyarrow as pa

from pipelines.dedup.resolve import DEDUP_VERSION
from pipelines.engine.base import check_base_documents
from pipelines.engine.clean import StagedSplit
from pipelines.engine.files import whole_directory
from pipelines.engine.plan import Site
from pipelines.engine.runner import under_one_key
from pipelines.engine.runs import task
from pipelines.engine.suppression import suppressed_rows
from pipelines.intake.selection import LOST as LOST_ROWS
from pipelines.intake.selection import TAKEDOWN, dated, lost_rows, needs_looking, selection_identity
from pipelines.stages.fingerprint import shingle_sets
from schemas.contract import Role
from schemas.identity import fingerprint
from schemas.reasons import Reason

LOST = pa.schema(
    [
        pa.field("position", pa.int32(), nullable=False),  # row in the split's staged file, ascending
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string()),
    ]
)


class SelectDocuments(beam.PTransform):
    """StagedSplit in, the same out with what its documents lost to rights."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def expand(self, admitted: beam.PCollection) -> beam.PCollection:
        """One task a partner: versions, snapshots and seeds go over all its drops."""
        return (
            admitted
            | "ByPartner" >> beam.Map(_by_partner).with_output_types(tuple[str, StagedSplit])
            | "OfPartner" >> beam.GroupByKey()
            | "Select" >> beam.FlatMap(_select, self.site)
            | "Collect" >> beam.Map(under_one_key).with_output_types(tuple[int, StagedSplit])
            | "All" >> beam.GroupByKey()
            | "Name" >> beam.FlatMap(_named, self.site)
        )


def read_lost(split: StagedSplit, site: Site) -> pa.Table:
    """LOST of a split."""
    if not split.lost:
        return LOST.empty_table()
    with pa.memory_map(str(site.staging / split.lost)) as source:
        return pa.ipc.open_file(source).read_all()


def _by_partner(split: StagedSplit) -> tuple[str, StagedSplit]:
    return split.partner, split


def _named(keyed: tuple[int, Iterable[StagedSplit]], site: Site) -> Iterator[StagedSplit]:
    """The splits with the name of what is deduplicated together: of what is left, not of why."""
    splits = sorted(keyed[1], key=lambda split: split.index)
    with task(site.log, "SelectDocuments", "name"):
        last = max(split.epoch for split in splits)
        corpus = _corpus(splits, site)
        before = [split for split in splits if split.epoch < last]
        base = _corpus(before, site) if before else ""
        if not (site.staging / "dedup" / base / "decisions" / "facts.json").is_file():
            base = ""
        if site.base is not None:
            check_base_documents(site.base, _lost_ids(splits, site), site.date)
    for split in splits:
        yield replace(split, corpus=corpus, base=base, settled=bool(base) and split.epoch < last)


def _corpus(splits: Sequence[StagedSplit], site: Site) -> str:
    """The name of what is deduplicated together: of what is left, not of why."""
    left = [
        [split.index, split.name, split.digest, split.epoch, read_lost(split, site)["position"].to_pylist()]
        for split in splits
    ]
    return fingerprint([DEDUP_VERSION, site.recipe.partners, site.recipe.dedup, left])


def _lost_ids(splits: Sequence[StagedSplit], site: Site) -> Iterator[bytes]:
    for split in splits:
        if split.lost:
            with pa.memory_map(str(site.staging / "splits" / split.digest / "documents.arrow")) as source:
                ids = pa.ipc.open_file(source).read_all()["doc_id"]
            yield from ids.take(read_lost(split, site)["position"]).to_pylist()


def _select(keyed: tuple[str, Iterable[StagedSplit]], site: Site) -> Iterator[StagedSplit]:
    partner, splits = keyed[0], sorted(keyed[1], key=lambda split: split.index)
    contract = site.contract(partner)
    name = fingerprint(
        [
            selection_identity(contract),
            [[split.index, split.digest, split.drop, split.epoch, split.period] for split in splits],
            [out for out in contract.rights.opt_outs if out.since <= site.date],
            site.date if dated(contract) else "",
            sorted(site.taken_down),
            *([[site.suppressed.digests, site.recipe.dedup.threshold]] if site.suppressed else []),
        ]
    )
    directory = site.staging / "selections" / name
    with task(site.log, "SelectDocuments", partner) as progress:
        if not (directory / "splits.json").is_file():
            with whole_directory(directory) as temporary:
                _write_selection(partner, splits, site, temporary)
        lost = set(orjson.loads((directory / "splits.json").read_bytes()))
        progress.facts.update(splits=len(splits), splits_with_losses=len(lost))
    for split in splits:
        path = f"selections/{name}/{split.index}.arrow" if split.index in lost else ""
        yield replace(split, lost=path)


def _write_selection(partner: str, splits: Sequence[StagedSplit], site: Site, directory: Path) -> None:
    rows = _rows(partner, splits, site)
    contract = site.contract(partner)
    gone = _taken_down(splits, site) if any(one.of_role(Role.SEED) for one in contract.data_sets) else None
    lost = lost_rows(rows, contract, site.date, gone) if len(rows) else pl.DataFrame(schema=LOST_ROWS)
    by_split = {int(key[0]): part for key, part in lost.partition_by("split", as_dict=True).items()}
    named = []
    for split in splits:
        positions = _positions(split, site, by_split.get(split.index))
        if len(positions):
            named.append(split.index)
            with pa.ipc.new_file(str(directory / f"{split.index}.arrow"), LOST) as writer:
                writer.write_table(positions.to_arrow().cast(LOST))
    (directory / "splits.json").write_bytes(orjson.dumps(named))


def _rows(partner: str, splits: Sequence[StagedSplit], site: Site) -> pl.DataFrame:
    """ROW_RIGHTS of the partner's rows that have to be looked at, with where they came from."""
    contract = site.contract(partner)
    looked = {data_set.name for data_set in contract.data_sets if needs_looking(data_set, contract)}
    if any(data_set.of_role(Role.SEED) for data_set in contract.data_sets):
        looked = {data_set.name for data_set in contract.data_sets}
    parts = []
    for split in splits:
        if split.data_set not in looked:
            continue
        with pa.memory_map(str(site.staging / "splits" / split.digest / "rights.arrow")) as source:
            table = pa.ipc.open_file(source).read_all()
        if len(table):
            parts.append(
                pl.DataFrame(table).with_columns(
                    split=pl.lit(split.index, pl.Int32),
                    data_set=pl.lit(split.data_set),
                    drop=pl.lit(split.drop),
                    epoch=pl.lit(split.epoch, pl.Int64),
                    period=pl.lit(split.period),
                )
            )
    return pl.concat(parts) if parts else pl.DataFrame()


def _taken_down(splits: Sequence[StagedSplit], site: Site) -> pl.DataFrame:
    """Split and row of the documents that a takedown names, those too that a stage dropped."""
    found = [pl.DataFrame(schema={"split": pl.Int32, "row": pl.Int64})]
    named = [bytes.fromhex(doc_id) for doc_id in sorted(site.taken_down)]
    for split in splits if named else ():
        for name in ("documents.arrow", "dropped.arrow"):
            with pa.memory_map(str(site.staging / "splits" / split.digest / name)) as source:
                table = pl.DataFrame(pa.ipc.open_file(source).read_all().select(["doc_id", "row"]))
            rows = table.filter(pl.col("doc_id").is_in(named))["row"]
            found.append(
                pl.DataFrame({"split": pl.Series([split.index] * len(rows), dtype=pl.Int32), "row": rows})
            )
    return pl.concat(found)


def _positions(split: StagedSplit, site: Site, lost: pl.DataFrame | None) -> pl.DataFrame:
    """LOST of the staged documents; those that a stage dropped have their reason already."""
    found: dict[str, list[object]] = defaultdict(list)
    if lost is None and not site.taken_down and not site.suppressed:
        return pl.DataFrame(found)
    reasons = {} if lost is None else {row: (reason, detail) for _, row, reason, detail in lost.iter_rows()}
    shingles = partial(shingle_sets, settings=site.recipe.fingerprint)
    position = 0
    with pa.memory_map(str(site.staging / "splits" / split.digest / "documents.arrow")) as source:
        reader = pa.ipc.open_file(source)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            ids = batch["doc_id"].to_pylist() if site.taken_down else [b""] * len(batch)
            again = suppressed_rows(
                batch, site.suppressed, shingles=shingles, threshold=site.recipe.dedup.threshold
            )
            for row, doc_id, known in zip(batch["row"].to_pylist(), ids, again.tolist(), strict=True):
                why = reasons.get(row)
                made_of_one = why == (Reason.SEED_WITHDRAWN.value, TAKEDOWN)
                if (why is None or made_of_one) and doc_id.hex() in site.taken_down:
                    why = (Reason.TAKEN_BACK.value, TAKEDOWN)
                if why is None and known:
                    why = (Reason.SUPPRESSED.value, None)
                if why is not None:
                    found["position"].append(position)
                    found["reason"].append(why[0])
                    found["detail"].append(why[1])
                position += 1
    return pl.DataFrame(found, schema={"position": pl.Int32, "reason": pl.String, "detail": pl.String})
