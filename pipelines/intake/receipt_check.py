"""Checks of a receipt without the registry: its form, signatures, files, and that the log only grew since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath

from pipelines.intake.receipt_signatures import signatures_beside, signatures_of
from pipelines.intake.registry import read_event
from pipelines.intake.registry_check import head_holds
from schemas.drop import DROP_JSON, PART
from schemas.errors import BuildInconsistent, InputUnreadable
from schemas.identity import file_sha256
from schemas.merkle import root, verify_consistency, verify_inclusion
from schemas.receipt import Proof, Receipt, drop_of, file_leaf, read_proof, read_receipt
from schemas.registry import DropAdmitted, Head, RecordFinding
from schemas.signatures import verify_signature


def check_receipt(
    path: Path, *, drop: Path | None = None, proof: Path | None = None, key: str | None = None
) -> list[RecordFinding]:
    """Everything that is wrong with a receipt; offline.

    drop: its files are compared with the receipt. proof: shows that the log only grew and that the drop is
    in it. key: the registry's public key, as known from elsewhere; without it a receipt can only be shown
    to agree with itself.
    """
    content = path.read_bytes()
    try:
        receipt = read_receipt(content, name=path.name)
    except InputUnreadable as error:
        return [RecordFinding("form", path.name, str(error))]
    findings = [*_counts(receipt), *_names(receipt), *_signatures(path, content, key), *_log(receipt, key)]
    findings.extend(_faults(path.parent, receipt))
    if drop is not None:
        findings.extend(_drop(drop, receipt))
    if proof is not None:
        try:
            shown = read_proof(proof.read_bytes(), name=proof.name)
        except InputUnreadable as error:
            findings.append(RecordFinding("form", proof.name, str(error)))
        else:
            findings.extend(_proof(shown, receipt, content))
    return sorted(findings)


def _counts(receipt: Receipt) -> Iterator[RecordFinding]:
    """Rows arrived = admitted + refused, file by file, and a data set is the sum of its files."""
    for file in receipt.files:
        if file.documents + sum(file.quarantined.values()) != file.rows_arrived:
            yield RecordFinding("counts", file.path, "rows arrived are not those admitted and refused")
    for data_set in receipt.data_sets:
        own = [file for file in receipt.files if file.data_set == data_set.name]
        refused: Counter[str] = Counter()
        for file in own:
            refused.update(file.quarantined)
        summed = (sum(file.rows_arrived for file in own), sum(file.documents for file in own), dict(refused))
        if summed != (data_set.rows, data_set.documents, dict(data_set.quarantined)):
            yield RecordFinding("counts", data_set.name, "is not the sum of its files")
    described = {data_set.name for data_set in receipt.data_sets}
    for name in sorted({file.data_set for file in receipt.files} - described):
        yield RecordFinding("counts", name, "has files and no counts")


def _names(receipt: Receipt) -> Iterator[RecordFinding]:
    """What is made from the list of files."""
    if receipt.drop != drop_of({file.path: file.sha256 for file in receipt.files}):
        yield RecordFinding("merkle", "drop", "is not the fingerprint of the files")
    if receipt.merkle_root != root(map(file_leaf, receipt.files)).hex():
        yield RecordFinding("merkle", "merkle_root", "is not the root over the files")


def _signatures(path: Path, content: bytes, key: str | None) -> Iterator[RecordFinding]:
    where = signatures_beside(path).name
    try:
        signatures = signatures_of(path).signatures
    except InputUnreadable as error:
        yield RecordFinding("form", where, str(error))
        return
    for one in signatures:
        if not verify_signature(key=one.key, message=content, signature=one.signature):
            yield RecordFinding("signatures", where, f"the {one.role}'s is not of its key over this receipt")
        elif one.role == "consortium" and key is not None and one.key != key:
            yield RecordFinding("signatures", where, "the consortium's is of another key")


def _log(receipt: Receipt, key: str | None) -> Iterator[RecordFinding]:
    if receipt.log is None:
        if key is not None:
            yield RecordFinding("log", "log", "the receipt was made without a registry")
    elif not head_holds(receipt.log):
        yield RecordFinding("log", "log", "the head is not signed by the key that it names")
    elif key is not None and receipt.log.key != key:
        yield RecordFinding("log", "log", "the head is of another key")


def _faults(directory: Path, receipt: Receipt) -> Iterator[RecordFinding]:
    path = directory / "faults.parquet"
    if path.is_file() and receipt.faults.sha256 != file_sha256(path):
        yield RecordFinding("faults", path.name, "beside the receipt is not what it names")


def _drop(drop: Path, receipt: Receipt) -> Iterator[RecordFinding]:
    """The files as they lie there now, against the receipt."""
    for file in receipt.files:
        steps = PurePosixPath(file.path)
        path = drop / steps
        if steps.is_absolute() or ".." in steps.parts:
            yield RecordFinding("drop", file.path, "is a path out of the drop")
        elif not path.is_file():
            yield RecordFinding("drop", file.path, "is missing")
        elif path.stat().st_size != file.bytes:
            yield RecordFinding("drop", file.path, f"has {path.stat().st_size} bytes, not {file.bytes}")
        elif file_sha256(path) != file.sha256:
            yield RecordFinding("drop", file.path, "has other bytes")
    named = {file.path for file in receipt.files} | set(receipt.not_named_by_contract)
    named |= {finding.where for finding in receipt.findings}
    for path in sorted(drop.rglob("*")):
        relative = path.relative_to(drop).as_posix()
        sent = path.is_file() and relative != DROP_JSON and not relative.endswith(PART)
        if sent and relative not in named:
            yield RecordFinding("drop", relative, "lies in the drop, and the receipt does not name it")


def _proof(proof: Proof, receipt: Receipt, content: bytes) -> Iterator[RecordFinding]:
    first, second = proof.first, proof.second
    if receipt.log is None or first != receipt.log:
        yield RecordFinding("proof", "first", "is not the head that the receipt names")
    if second.key != first.key or not head_holds(second):
        yield RecordFinding("proof", "second", "the later head is not signed by the key of the first")
    if not verify_consistency(
        first=first.size,
        second=second.size,
        first_root=bytes.fromhex(first.root),
        second_root=bytes.fromhex(second.root),
        proof=[bytes.fromhex(node) for node in proof.consistency],
    ):
        yield RecordFinding("proof", "consistency", "the log is not what the receipt saw with events added")
    yield from _inclusion(proof, second, receipt, content)


def _inclusion(proof: Proof, head: Head, receipt: Receipt, content: bytes) -> Iterator[RecordFinding]:
    """Whether the event is the drop's and in the log, whose signed head speaks for all of its bytes."""
    try:
        event = read_event(proof.event.encode(), name="event")
    except BuildInconsistent:
        yield RecordFinding("proof", "event", "is not an event as it was written")
        return
    body = event.body
    if not isinstance(body, DropAdmitted) or (
        (body.partner, body.drop, body.contract, str(body.verdict))
        != (receipt.partner, receipt.drop, receipt.contract.digest, str(receipt.verdict))
    ):
        yield RecordFinding("proof", "event", "is not the admission of the receipt's drop")
    elif body.receipt != sha256(content).hexdigest():
        yield RecordFinding("proof", "event", "names another receipt of the drop")
    if not verify_inclusion(
        leaf=bytes.fromhex(event.digest),
        index=event.sequence,
        size=head.size,
        proof=[bytes.fromhex(node) for node in proof.inclusion],
        root=bytes.fromhex(head.root),
    ):
        yield RecordFinding("proof", "inclusion", "the event is not in the log at its place")
