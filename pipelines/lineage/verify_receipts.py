"""Receipts against the manifest: what came in every drop, counted anew.

Reads BUILD/receipts/<partner>/<drop>.json of every drop that the manifest names.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

from pipelines.lineage.finding import Finding
from schemas.admission import Verdict
from schemas.errors import InputUnreadable
from schemas.manifest import DropFacts, Manifest
from schemas.merkle import root
from schemas.receipt import Receipt, ReceiptFile, drop_of, file_leaf, read_receipt


def check_receipts(build: Path, manifest: Manifest, damaged: Collection[str]) -> Iterator[Finding]:
    """Every drop has its receipt, and rows, documents and bytes of its data sets are the receipts' sums."""
    listed = {file.path for file in manifest.other_files}
    files: dict[tuple[str, str], list[ReceiptFile]] = defaultdict(list)
    for drop in manifest.drops:
        path = f"receipts/{drop.partner}/{drop.drop}.json"
        if path not in listed:
            yield Finding("receipts", path, "is not in the manifest, and its drop is")
            return
        if path in damaged:
            return
        try:
            receipt = read_receipt((build / path).read_bytes(), name=path)
        except (InputUnreadable, OSError) as error:
            yield Finding(
                "receipts", path, str(error) if isinstance(error, InputUnreadable) else "is missing"
            )
            return
        for message in _against(receipt, drop):
            yield Finding("receipts", path, message)
        for file in receipt.files:
            files[receipt.partner, file.data_set].append(file)
    yield from _sums(manifest, files)


def _against(receipt: Receipt, drop: DropFacts) -> Iterator[str]:
    if (receipt.partner, receipt.drop) != (drop.partner, drop.digest) or drop.drop != drop.digest[:16]:
        yield "is of another drop"
    if receipt.verdict is Verdict.REFUSED:
        yield "refuses the drop"
    if drop_of({file.path: file.sha256 for file in receipt.files}) != receipt.drop:
        yield "names other files than its drop's digest is over"
    if root(map(file_leaf, receipt.files)).hex() != receipt.merkle_root:
        yield "names other files than its Merkle root is over"
    said = sorted((file.path, file.bytes, file.sha256) for file in drop.files)
    if sorted((file.path, file.bytes, file.sha256) for file in receipt.files) != said:
        yield "names other files than the manifest"


def _sums(manifest: Manifest, files: dict[tuple[str, str], list[ReceiptFile]]) -> Iterator[Finding]:
    for facts in manifest.data_sets:
        of_set = files.get((facts.partner, facts.data_set), [])
        quarantined: Counter[str] = Counter()
        for file in of_set:
            quarantined.update(file.quarantined)
        sent = [file.rows_sent for file in of_set if file.rows_sent is not None]
        for name, said, counted in (
            ("rows sent", facts.rows_sent, sum(sent) if len(sent) == len(of_set) else None),
            ("rows arrived", facts.rows_arrived, sum(file.rows_arrived for file in of_set)),
            ("rows in quarantine", facts.quarantined, dict(quarantined)),
            ("documents", facts.documents, sum(file.documents for file in of_set)),
            ("bytes", facts.bytes, sum(file.uncompressed_bytes for file in of_set)),
        ):
            if said != counted:
                message = f"{name}: the manifest says {said}, the receipts {counted}"
                yield Finding("conservation", f"{facts.partner}/{facts.data_set}", message)
