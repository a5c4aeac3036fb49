"""TEMPORARY: an admission that reads and checks nothing more, until pipelines.admit lands."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from pipelines.intake import merkle
from pipelines.intake.drops import discover
from pipelines.intake.readers import read_split
from pipelines.intake.splits import plan_file
from schemas.admission import FAULTS, Admission, DropFinding, Verdict
from schemas.contract import Contract, Severity
from schemas.receipt import Receipt, ReceiptContract, ReceiptFaults, ReceiptFile, drop_of, file_leaf


def read_only_admission(
    contract: Contract, path: Path, today: str, bare: bool, max_row_bytes: int
) -> Admission:
    drop = discover(path, contract)
    sent = dict(drop.rows_sent)
    faults, files, findings = [], [], []
    for lost, refusal in drop.refused:
        faults.append((lost, -1, -1, -1, None, "reader", refusal.value))
    for file in drop.files:
        data_set = contract.data_set(file.data_set)
        planned = plan_file(path, file, data_set, partner=contract.partner, split_bytes=1 << 40)
        counts: Counter[str] = Counter()
        by_reason: Counter[str] = Counter()
        for split in planned.splits:
            for read in read_split(path, split, data_set, max_row_bytes=max_row_bytes):
                counts.update(rows=read.rows, documents=len(read.documents), bytes=read.bytes)
                for entry in read.quarantine.to_pylist():
                    by_reason[entry["reason"]] += 1
                    where = (entry["row"], -1, entry["offset"], entry["field"])
                    faults.append((file.path, *where, "reader", entry["reason"]))
        expected, rows = sent.get(file.path), counts["rows"]
        if expected is not None and expected != rows:
            broken = [f[6] for f in faults if f[0] == file.path and f[1] < 0]
            if broken and rows < expected:
                by_reason[broken[0]] += expected - rows
                rows = expected
            else:
                message = f"drop.json announces {expected} rows, {rows} arrived: send the file again"
                findings.append(DropFinding(Severity.ERROR, "rows_sent", file.path, message, message))
        files.append(
            ReceiptFile(
                file.path,
                file.data_set,
                planned.bytes,
                planned.sha256,
                expected,
                rows,
                counts["documents"],
                counts["bytes"],
                dict(sorted(by_reason.items())),
            )
        )
    faults.sort(key=lambda f: (f[0], f[1], f[4] or "", f[5]))
    verdict = Verdict.ADMITTED_WITH_QUARANTINE if faults else Verdict.ADMITTED
    receipt = Receipt(
        version=2,
        partner=contract.partner,
        contract=ReceiptContract(contract.version, contract.digest, contract.content_digest),
        drop=drop_of(tuple(files)),
        drop_json=drop.sent is not None,
        period=drop.sent.period if drop.sent else None,
        verdict=Verdict.REFUSED if findings else verdict,
        findings=tuple(findings),
        merkle_root=merkle.root([file_leaf(file) for file in files]).hex(),
        files=tuple(files),
        data_sets=(),
        not_named_by_contract=drop.unnamed,
        not_delivered=drop.missing,
        faults=ReceiptFaults(len(faults), None),
        log=None,
    )
    names = FAULTS.names
    table = pa.Table.from_pylist([dict(zip(names, f, strict=True)) for f in faults], FAULTS)
    return Admission(asdict(receipt), receipt.verdict, tuple(findings), table)
