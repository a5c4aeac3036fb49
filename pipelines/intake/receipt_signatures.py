"""The signatures beside a receipt: either side signs the bytes of receipt.json, in any order."""

from __future__ import annotations

from pathlib import Path

from pipelines.intake.new_files import replace_file
from pipelines.intake.signatures import SigningKey
from schemas.errors import UsageError
from schemas.identity import canonical_json
from schemas.receipt import ReceiptSignature, ReceiptSignatures, Side, read_receipt, read_signatures


def signatures_beside(receipt: Path) -> Path:
    """Where the signatures of a receipt lie: receipt.sig.json beside receipt.json."""
    return receipt.with_suffix(".sig.json")


def signatures_of(receipt: Path) -> ReceiptSignatures:
    """The signatures beside a receipt, if any. Raises InputUnreadable where the file holds something else."""
    path = signatures_beside(receipt)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ReceiptSignatures(signatures=())
    return read_signatures(content, name=path.name)


def sign_receipt(receipt: Path, key: SigningKey, *, role: Side) -> ReceiptSignatures:
    """Put a signature beside a receipt; the same key in the same role signs once.

    Raises InputUnreadable where it is no receipt, UsageError where another key has signed in that role.
    """
    content = receipt.read_bytes()
    read_receipt(content, name=receipt.name)
    signed = ReceiptSignature(role=role, key=key.public, signature=key.sign(content))
    others = [other for other in signatures_of(receipt).signatures if other != signed]
    if any(other.role == role for other in others):
        raise UsageError(
            f"{signatures_beside(receipt)}: another key has signed as {role}: "
            "remove that signature first, if it is wrong"
        )
    together = ReceiptSignatures(signatures=tuple(sorted((*others, signed), key=lambda one: one.role)))
    replace_file(signatures_beside(receipt), canonical_json(together) + b"\n")
    return together
