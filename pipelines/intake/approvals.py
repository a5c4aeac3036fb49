"""Approvals of a contract: which of them count, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.intake.contract_values import APPROVALS, approval_message, content_digest
from pipelines.intake.house_rules import breach
from pipelines.intake.odcs import custom, custom_address, items_of
from pipelines.intake.yaml_source import Source
from schemas.contract import Approval, Contract
from schemas.errors import Problem
from schemas.signatures import verify_signature


def valid_approvals(contract: Contract) -> tuple[Approval, ...]:
    """The approvals that are of the contract as it stands and whose signatures are those of their keys."""
    return tuple(
        approval
        for approval in contract.approvals
        if approval.digest == contract.content_digest
        and is_signed(contract.partner, contract.version, approval)
    )


def is_signed(partner: str, version: str, approval: Approval) -> bool:
    """Whether the signature of an approval is that of its key over what it says."""
    message = approval_message(partner, version, approval.digest, approval.by, approval.on)
    return verify_signature(key=approval.key, message=message, signature=approval.signature)


def broken_approvals(source: Source) -> Iterator[Problem]:
    """Approvals that are stale or not signed; a warning where there is none."""
    document = source.value
    listed = custom(document).get(APPROVALS) if isinstance(document, dict) else None
    if not listed:
        message = "nobody has approved the contract: malmoi contract approve, once it has no fault"
        yield breach(source, "approval-missing", ("customProperties",), message)
        return
    at = custom_address(document, APPROVALS)
    digest = content_digest(document) if _is_whole(document) else ""
    for index, entry in items_of({"approvals": listed}, "approvals"):
        if entry.keys() != {"by", "on", "digest", "key", "signature"} or not _is_text(entry):
            continue  # the schema says so
        if digest and entry["digest"] != digest:
            message = "the contract was changed after this approval: have it approved again"
            yield breach(source, "approval-stale", (*at, index, "digest"), message)
        elif not is_signed(str(document.get("tenant")), str(document.get("version")), Approval(**entry)):
            message = "is no signature of this key over this contract: have it approved again"
            yield breach(source, "approval-signature", (*at, index, "signature"), message)


def _is_text(entry: dict[str, Any]) -> bool:
    return all(isinstance(value, str) for value in entry.values())


def _is_whole(document: dict[str, Any]) -> bool:
    listed = document.get("customProperties")
    return isinstance(listed, list) and all(isinstance(entry, dict) for entry in listed)
