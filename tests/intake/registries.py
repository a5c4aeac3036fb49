"""Registries, drops and receipts for tests, and writers in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from pipelines.intake.registry import Registry, record_admission
from pipelines.intake.registry_check import check_registry
from pipelines.intake.registry_events import seal, withdraw
from schemas.admission import DataSetReceipt, Verdict
from schemas.identity import file_sha256
from schemas.merkle import root
from schemas.receipt import (
    Receipt,
    ReceiptContract,
    ReceiptFaults,
    ReceiptFile,
    drop_of,
    file_leaf,
    receipt_bytes,
)
from schemas.registry import AdmittedAs, DropAdmitted, Event, Head

AT = "2026-03-01T09:00:00Z"
CONTRACT = ReceiptContract(version="1.0.0", digest="b" * 64, content_digest="c" * 64, rules="e" * 64)


def admission(number: int, *, partner: str = "partner_a", receipt: str = "d" * 64) -> DropAdmitted:
    """The event of an invented drop."""
    return DropAdmitted(
        partner=partner,
        drop=f"{number:064x}",
        contract=CONTRACT.digest,
        content_digest=CONTRACT.content_digest,
        receipt=receipt,
        verdict=AdmittedAs.ADMITTED,
        data_sets={"pages": {"rows": 1, "documents": 1, "quarantined": 0}},
        notice_days=30,
    )


def small_drop(directory: Path, *, files: int = 3, salt: str = "") -> Path:
    """A drop of a few files."""
    for number in range(files):
        path = directory / "pages" / f"{number}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"id": {number}, "salt": "{salt}"}}\n' * (number + 1))
    return directory


def receipt_of(drop: Path, *, log: Head | None) -> Receipt:
    """The receipt of a small drop, all of it admitted."""
    files = tuple(
        ReceiptFile(
            path=path.relative_to(drop).as_posix(),
            data_set="pages",
            bytes=path.stat().st_size,
            sha256=file_sha256(path),
            rows_sent=None,
            rows_arrived=path.read_bytes().count(b"\n"),
            documents=path.read_bytes().count(b"\n"),
            uncompressed_bytes=path.stat().st_size,
            quarantined={},
        )
        for path in sorted(drop.rglob("*.jsonl"))
    )
    rows = sum(file.rows_arrived for file in files)
    counts = DataSetReceipt("pages", rows, rows, {}, {"ko": rows}, rows, {}, ({"name": "rows"},), ())
    return Receipt(
        version=3,
        partner="partner_a",
        contract=CONTRACT,
        drop=drop_of({file.path: file.sha256 for file in files}),
        drop_json=False,
        period=None,
        verdict=Verdict.ADMITTED,
        findings=(),
        merkle_root=root(map(file_leaf, files)).hex(),
        files=files,
        data_sets=(counts,),
        not_named_by_contract=(),
        not_delivered=(),
        faults=ReceiptFaults(0, None),
        log=log,
    )


def admit_small(registry: Registry, drop: Path, *, at: str = AT) -> tuple[Path, Event]:
    """Receipt first, event second, as `malmoi admit` does: (receipt.json in the registry, the event)."""
    receipt = receipt_of(drop, log=registry.head())
    directory = registry.drop_directory(partner=receipt.partner, drop=receipt.drop)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "receipt.json"
    path.write_bytes(receipt_bytes(receipt))
    body = DropAdmitted(
        partner=receipt.partner,
        drop=receipt.drop,
        contract=CONTRACT.digest,
        content_digest=CONTRACT.content_digest,
        receipt=sha256(path.read_bytes()).hexdigest(),
        verdict=AdmittedAs.ADMITTED,
        data_sets={"pages": {"rows": receipt.data_sets[0].rows}},
        notice_days=30,
    )
    return path, record_admission(registry, body, at=at)[0]


def new_registry(home: Path) -> Registry:
    """An empty registry, its keys beside it."""
    return Registry.open(home / "registry", create=True)


def filled_registry(home: Path) -> Registry:
    """One of five events: two drops with receipts, a seal, a third drop, a withdrawal."""
    registry = new_registry(home)
    for number in range(2):
        admit_small(registry, small_drop(home / f"drop{number}", salt=str(number)))
    seal(registry, at=AT)
    _, event = admit_small(registry, small_drop(home / "drop2", salt="2"))
    assert isinstance(event.body, DropAdmitted)
    withdraw(registry, partner="partner_a", drop=event.body.drop, on="2026-03-02", at=AT)
    assert check_registry(registry) == []
    return registry


def event_files(registry: Registry) -> list[Path]:
    return sorted((registry.directory / "events").glob("[0-9]*.json"))


def writer(directory: Path, *, first: int, count: int) -> subprocess.Popen[bytes]:
    """A process that admits the drops `first`, ... to a registry, and makes that where there is none."""
    words = [sys.executable, "-m", "tests.intake.registries", str(directory), str(first), str(count)]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _write(directory: str, first: str, count: str) -> None:
    registry = Registry.open(Path(directory), create=True)
    for number in range(int(first), int(first) + int(count)):
        record_admission(registry, admission(number), at=AT)


if __name__ == "__main__":
    _write(*sys.argv[1:])
