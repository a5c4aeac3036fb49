"""A small, consistent build, written from generated documents by the public functions alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine.files import facts_of
from pipelines.lineage.ledger import ledger_path, write_ledger
from pipelines.lineage.report import render_report
from pipelines.tokens.shards import (
    is_validation,
    partition_of,
    write_dataset_files,
    write_shard,
)
from schemas.admission import RECEIPT_VERSION, Verdict
from schemas.content import content_root
from schemas.documents import LEDGER
from schemas.identity import document_ids
from schemas.manifest import (
    MANIFEST_VERSION,
    ContractFacts,
    DataSetFacts,
    DropFacts,
    Excluded,
    FileFacts,
    LedgerFacts,
    Manifest,
    Segment,
    ShardFacts,
    TokenizerFacts,
    manifest_bytes,
)
from schemas.merkle import root
from schemas.reasons import Reason, Stage
from schemas.receipt import (
    Receipt,
    ReceiptContract,
    ReceiptFaults,
    ReceiptFile,
    drop_of,
    file_leaf,
    receipt_bytes,
)
from schemas.shards import shard_name, shard_path
from tests.agreements import ALL_RIGHTS

END = 2
VALIDATION_SHARE = 0.2
SHARDS = {"train": 2, "validation": 1}
SETS = (("a_dot", "chat", "dialogue"), ("liner", "pages", "web"), ("liner", "help", "web"))
FILES = {
    partner: {f"{name}.jsonl": "2" * 64 for owner, name, _ in SETS if owner == partner}
    for partner in ("a_dot", "liner")
}
DROPS = {partner: drop_of(files) for partner, files in FILES.items()}
ENTRY = pa.schema([*LEDGER, pa.field("input_ids", pa.list_(pa.int32()))])


def documents(per_set: int = 40) -> list[dict]:
    """Ledger rows with their tokens: kept, dropped by two stages, duplicates and a repeated key."""
    rows = []
    for partner, data_set, kind in SETS:
        ids = document_ids(partner=partner, data_set=data_set, keys=[(str(n),) for n in range(per_set)])
        for number, doc_id in enumerate(ids):
            row = dict.fromkeys(ENTRY.names) | {
                "doc_id": doc_id,
                "partner": partner,
                "data_set": data_set,
                "kind": kind,
                "drop": DROPS[partner][:16],
                "file": f"{data_set}.jsonl",
                "row": number,
                "language": ("ko", "en", None)[number % 3],
                "kept": True,
                "quality": 0.5,
                "pii": [("PHONE_NUMBER", 2), ("EMAIL_ADDRESS", 1)] if number % 7 == 0 else [],
                "tokens": 0,
            }
            if number % 10 == 3:
                row |= {"kept": False, "stage": Stage.QUALITY.value, "reason": Reason.TOO_SHORT.value}
            elif number % 10 == 4:
                row |= {"kept": False, "stage": Stage.LANGUAGE.value, "reason": Reason.LANGUAGE_UNSURE.value}
            elif number % 10 == 5:
                row |= _lost(Reason.EXACT_DUPLICATE, ids[0], 1.0)
            elif number % 10 == 6:
                row |= _lost(Reason.NEAR_DUPLICATE, ids[1], 0.9)
            rows.append(row)
        again = rows[-per_set] | {"row": per_set} | _lost(Reason.REPEATED_KEY, ids[0], 1.0)
        rows.append(again)
    for index, row in enumerate(rows):
        if row["kept"]:
            row["input_ids"] = [1000 + (index * 7 + k) % 5000 for k in range(index % 9 + 1)] + [END]
            row["tokens"] = len(row["input_ids"])
    return rows


def _lost(reason: Reason, winner: bytes, similarity: float) -> dict:
    return {
        "kept": False,
        "stage": Stage.DEDUP.value,
        "reason": reason.value,
        "duplicate_of": winner,
        "similarity": similarity,
    }


def write_build(build: Path, rows: list[dict] | None = None) -> Manifest:
    """Write a whole build; returns its manifest."""
    entries = documents() if rows is None else rows
    sets = list(dict.fromkeys((row["partner"], row["data_set"], row["kind"]) for row in entries))
    partners = list(dict.fromkeys(partner for partner, *_ in sets))
    table = pa.Table.from_pylist(entries, ENTRY).sort_by([("doc_id", "ascending"), ("row", "ascending")])
    aside = is_validation(table["doc_id"], VALIDATION_SHARE)
    shards: dict[str, list[ShardFacts]] = {"train": [], "validation": []}
    ledger: list[LedgerFacts] = []
    others = []
    (build / "ledger").mkdir(parents=True)
    for split, count in SHARDS.items():
        side = table.filter(pa.array(aside == (split == "validation")))
        parts = partition_of(side["doc_id"], count)
        for index in range(count):
            part = side.filter(pa.array(parts == index))
            name = shard_name(epoch=0, split=split, index=index)
            path = shard_path(epoch=0, split=split, index=index, count=count)
            (build / path).parent.mkdir(parents=True, exist_ok=True)
            kept = part.filter(part["kept"])
            written = write_shard(build / path, kept.select(["input_ids", "doc_id", "partner", "language"]))
            shards[split].append(ShardFacts(name=name, path=path, **written._asdict()))
            places = pc.cast(pc.subtract(pc.cumulative_sum(pc.cast(part["kept"], pa.int32())), 1), pa.int32())
            part = part.drop_columns(["input_ids", "shard", "shard_row"])
            part = part.append_column("shard", pc.if_else(part["kept"], name, pa.scalar(None, pa.string())))
            part = part.append_column("shard_row", pc.if_else(part["kept"], places, None))
            piece = ledger_path(epoch=0, partition=len(ledger))
            ledger.append(LedgerFacts(piece, *write_ledger(build / piece, part)))
        directory = f"segments/0/{split}"
        names = [Path(shard.path).name for shard in shards[split]]
        write_dataset_files(build / directory, names, [shard.rows for shard in shards[split]])
        others += [f"{directory}/dataset_info.json", f"{directory}/state.json"]
    data_sets = tuple(_facts(entries, *names) for names in sets)
    for partner in partners:
        if partner in DROPS:
            files = {f"{one.data_set}.jsonl": one for one in data_sets if one.partner == partner}
            others.append(write_receipt(build, partner=partner, drop=DROPS[partner], files=files))
    segments = (Segment(0, tuple(shards["train"]), tuple(shards["validation"]), tuple(ledger)),)
    manifest = Manifest(
        version=MANIFEST_VERSION,
        recipe={
            "name": "작은 말뭉치",
            "purposes": ["pretraining"],
            "release": "open",
            "territory": ["KR"],
            "student_parameters": 0,
        },
        date="2026-11-24",
        identity="0" * 64,
        stage_versions={"language": 1},
        models={"lid.176.ftz": "1" * 64},
        runtime={"pyarrow": pa.__version__},
        contracts=tuple(_contract(partner) for partner in partners),
        excluded=(Excluded("krafton", "its contract does not allow distillation"),),
        warnings=(),
        drops=tuple(
            DropFacts(
                partner=partner,
                drop=DROPS.get(partner, "8" * 64)[:16],
                digest=DROPS.get(partner, "8" * 64),
                epoch=0,
                files=tuple(FileFacts(f"{s}.jsonl", 9, "2" * 64) for p, s, _ in sets if p == partner),
            )
            for partner in partners
        ),
        data_sets=data_sets,
        tokenizer=TokenizerFacts("tekken_240911", "3" * 64, 131072, END),
        segments=segments,
        other_files=tuple(facts_of(build, path) for path in sorted(others)),
        root=content_root(segments),
    )
    (build / "report.html").write_text(render_report(manifest, build), encoding="utf-8")
    manifest = replace(manifest, other_files=(*manifest.other_files, facts_of(build, "report.html")))
    publish(build, manifest)
    return manifest


def write_receipt(build: Path, *, partner: str, drop: str, files: dict[str, DataSetFacts]) -> str:
    """The receipt of a partner's drop, of which each file is a data set; its path."""
    files_of = tuple(
        ReceiptFile(
            path=path,
            data_set=facts.data_set,
            bytes=9,
            sha256="2" * 64,
            rows_sent=facts.rows_sent,
            rows_arrived=facts.rows_arrived,
            documents=facts.documents,
            uncompressed_bytes=facts.bytes,
            quarantined=facts.quarantined,
        )
        for path, facts in sorted(files.items())
    )
    quarantined = any(facts.quarantined for facts in files.values())
    receipt = Receipt(
        version=RECEIPT_VERSION,
        partner=partner,
        contract=ReceiptContract("1.0.0", "4" * 64, "5" * 64, "6" * 64),
        drop=drop,
        drop_json=True,
        period=None,
        verdict=Verdict.ADMITTED_WITH_QUARANTINE if quarantined else Verdict.ADMITTED,
        findings=(),
        merkle_root=root(map(file_leaf, files_of)).hex(),
        files=files_of,
        data_sets=(),
        not_named_by_contract=(),
        not_delivered=(),
        faults=ReceiptFaults(0, None),
        log=None,
    )
    path = f"receipts/{partner}/{drop[:16]}.json"
    (build / path).parent.mkdir(parents=True, exist_ok=True)
    (build / path).write_bytes(receipt_bytes(receipt))
    return path


def publish(build: Path, manifest: Manifest) -> None:
    """Write a manifest and its digest as they are, whatever they say."""
    content = manifest_bytes(manifest)
    (build / "manifest.json").write_bytes(content)
    (build / "manifest.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  manifest.json\n")


def republish(build: Path, manifest: Manifest, path: str) -> Manifest:
    """The manifest with the bytes and digest that the file at `path` has now."""
    now = facts_of(build, path)

    def renewed(facts):
        return replace(facts, bytes=now.bytes, sha256=now.sha256) if facts.path == path else facts

    manifest = replace(
        manifest,
        segments=tuple(
            replace(
                segment,
                train=tuple(map(renewed, segment.train)),
                validation=tuple(map(renewed, segment.validation)),
                ledger=tuple(map(renewed, segment.ledger)),
            )
            for segment in manifest.segments
        ),
        other_files=tuple(map(renewed, manifest.other_files)),
    )
    publish(build, manifest)
    return manifest


def _contract(partner: str) -> ContractFacts:
    return ContractFacts(
        partner=partner,
        version="1.0.0",
        digest="4" * 64,
        rights=replace(ALL_RIGHTS, attribution=f"{partner} <가상>"),
    )


def _facts(entries: list[dict], partner: str, data_set: str, kind: str) -> DataSetFacts:
    rows = [row for row in entries if (row["partner"], row["data_set"]) == (partner, data_set)]
    kept = [row for row in rows if row["kept"]]
    pii: Counter[str] = Counter()
    for row in kept:
        pii.update(dict(row["pii"]))
    return DataSetFacts(
        partner=partner,
        data_set=data_set,
        kind=kind,
        rows_sent=len(rows) + 2 if partner == "liner" else None,
        rows_arrived=len(rows) + 2,
        quarantined={"invalid_json": 2},
        documents=len(rows),
        kept=len(kept),
        dropped=dict(Counter(f"{row['stage']}/{row['reason']}" for row in rows if not row["kept"])),
        bytes=1000,
        tokens=sum(row["tokens"] for row in rows),
        pii=dict(pii),
    )
