"""Approving a contract: a signature over its digest, written into the file, which is else unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.intake.approvals import is_signed
from pipelines.intake.contract_values import APPROVALS, approval_message, content_digest
from pipelines.intake.contracts import lint_contract
from pipelines.intake.new_files import replace_file
from pipelines.intake.odcs import custom
from pipelines.intake.signatures import SigningKey
from pipelines.intake.yaml_source import Source, read_yaml
from schemas.contract import Approval
from schemas.errors import ContractRejected, UsageError

_REPLACED = frozenset({"approval-stale", "approval-signature"})  # by the new approval


def approve(path: Path, *, by: str, on: str, key: SigningKey) -> tuple[Approval, ...]:
    """Sign the contract in `path` and write the approval into it; the approvals it then has.

    Approvals of an earlier content, and those not signed by their key, are taken out. Approving again with
    the same key, name and day changes nothing. Raises ContractRejected while the contract has errors (an
    expired term is one on the day `on`), UsageError where nobody is named, the contract is not active (saying
    so later would make the approval stale) or the file cannot be written.
    """
    if not by.strip() or any(character < " " for character in by):
        raise UsageError("--by is empty or has a control character: name who approves, and their office")
    problems = lint_contract(path, today=on)
    if errors := tuple(p for p in problems if p.severity == "error" and p.rule not in _REPLACED):
        raise ContractRejected(errors)
    if any(problem.rule == "not-active" for problem in problems):
        raise UsageError(f"{path.name}: its status is not active: say status: active, then have it approved")
    source = read_yaml(path)
    document = source.value
    digest = content_digest(document)
    partner, version = document["tenant"], document["version"]
    signature = key.sign(approval_message(partner, version, digest, by, on))
    new = Approval(by, on, digest, key.public, signature)
    held = [Approval(**entry) for entry in custom(document).get(APPROVALS, ())]
    valid = [a for a in held if a.digest == digest and is_signed(partner, version, a) and a != new]
    approvals = (*valid, new)
    content = path.read_bytes()
    text = _with_approvals(content.decode("utf-8"), source, approvals)
    _replace(path, text.encode("utf-8"))
    after = read_yaml(path)
    expected = [vars(approval) for approval in approvals]
    same = not after.broken and content_digest(after.value) == digest
    if not same or custom(after.value).get(APPROVALS) != expected:
        _replace(path, content)
        raise UsageError(
            f"{path.name}: the approval cannot be written without changing the contract: "
            "write customProperties as a list of lines that begin with '- '"
        )
    return approvals


def _with_approvals(text: str, source: Source, approvals: tuple[Approval, ...]) -> str:
    """The text with its approvals exchanged; everything outside that entry keeps its bytes."""
    lines = text.splitlines(keepends=True)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    listed = source.value["customProperties"]
    places = [source.places[("customProperties", index)] for index in range(len(listed))]
    indent = _indent(lines, places[0][0])
    entry = [
        f"{indent}- property: {APPROVALS} # written by malmoi contract approve",
        f"{indent}  value:",
        *(f"{indent}    - {_flow(approval)}" for approval in approvals),
    ]
    new = [line + end for line in entry]
    for index, item in enumerate(listed):
        if item["property"] == APPROVALS:
            first = places[index][0] - 1
            return "".join([*lines[:first], *new, *lines[_last(lines, first, len(indent)) :]])
    after = _last(lines, places[-1][0] - 1, len(indent))
    if not lines[after - 1].endswith(("\n", "\r")):
        lines[after - 1] += end
    return "".join([*lines[:after], *new, *lines[after:]])


def _indent(lines: list[str], line: int) -> str:
    """The white space before the list's dashes."""
    first = lines[line - 1]
    bare = first.lstrip(" ")
    if not bare.startswith("- "):
        raise UsageError(
            "customProperties is written in one line or in brackets: "
            "write it as a list of lines that begin with '- ', so that an approval can be added"
        )
    return first[: len(first) - len(bare)]


def _last(lines: list[str], first: int, indent: int) -> int:
    """One behind the last line of an entry: blank lines and comments behind it are not its own."""
    last = first + 1
    for number in range(first + 1, len(lines)):
        bare = lines[number].lstrip(" ")
        if not bare.strip():
            continue
        inner = len(lines[number]) - len(bare)
        if inner <= indent:
            break
        if not bare.startswith("#"):
            last = number + 1
    return last


def _flow(approval: Approval) -> str:
    by = approval.by.replace("\\", "\\\\").replace('"', '\\"')
    rest = ", ".join(f'{name}: "{getattr(approval, name)}"' for name in ("on", "digest", "key", "signature"))
    return f'{{by: "{by}", {rest}}}'


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, with the mode it had."""
    try:
        replace_file(path, content, mode=path.stat().st_mode & 0o777)
    except OSError as error:
        raise UsageError(
            f"{path.name}: cannot be written (errno {error.errno}): check its rights and the disk"
        ) from None


def registry_body(path: Path, approval: Approval) -> dict[str, Any]:
    """What the registry keeps of an approval: the fields of `schemas.registry.ContractApproved`."""
    document = read_yaml(path).value
    return {
        "partner": document["tenant"],
        "version": document["version"],
        "content_digest": approval.digest,
        "by": approval.by,
        "on": approval.on,
        "key": approval.key,
    }
