"""What an admission would do: every rule by name, and the files it would read. Reads no row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.intake.drops import discover
from pipelines.intake.standing import standing
from schemas.contract import Column, Contract, DataSet, Policy, Role
from schemas.drop import DROP_JSON


@dataclass(frozen=True)
class PlannedRule:
    """One rule that would be applied, and what it would read."""

    rule: str
    where: str  # data set, data set.column, or "" for the drop
    reads: str


def planned_rules(contract: Contract, drop: Path, *, today: str) -> list[PlannedRule]:
    """Every rule, in the order of the contract. Raises InputUnreadable as `discover`."""
    found = discover(drop, contract)
    rules = [
        PlannedRule(f"standing: {name}", "", "the contract")
        for name in ("status", "term", "approvals", "rights that must be stated")
    ]
    broken = [
        f"{finding.severity}: {finding.code}: {finding.message}" for finding in standing(contract, today)
    ]
    rules += [PlannedRule(f"would find {finding}", "", "the contract") for finding in broken]
    sent = f"{DROP_JSON} and every file" if found.sent else f"{DROP_JSON} (it is not there)"
    rules.append(PlannedRule("complete: bytes, rows and digests as announced", "", sent))
    if contract.service is not None:
        rules.append(PlannedRule("service level: lateness", "", "the registry"))
    for data_set in contract.data_sets:
        files = [file.path for file in found.files if file.data_set == data_set.name]
        reads = ", ".join(files) or "no file of the drop"
        rules += [PlannedRule(rule, where, reads) for rule, where in _of_data_set(data_set)]
    return rules


def _of_data_set(data_set: DataSet) -> Iterator[tuple[str, str]]:
    name = data_set.name
    yield f"readable: {data_set.format} in {data_set.encoding}", name
    for column in data_set.columns:
        for check in _of_column(column):
            yield check, f"{name}.{column.name}"
    if keys := data_set.of_role(Role.KEY):
        yield f"key: {', '.join(key.name for key in keys)} once, in this drop and all before", name
    if texts := data_set.of_role(Role.TEXT):
        listed = ", ".join(text.name for text in texts)
        yield f"personal data: classes in {listed}", name
        yield f"languages: of a sample of {listed}", name
    if data_set.absent_identifiers:
        yield f"absent: {', '.join(data_set.absent_identifiers)}", name
    if data_set.rows_expected is not None:
        yield "service level: rows", name
    for language, _ in data_set.languages_expected:
        yield f"service level: share of {language}", name
    yield f"maxQuarantined: {data_set.max_quarantined:.2%} of the rows", name
    for rule in data_set.quality:
        where = f"{name}.{rule.column}" if rule.column else name
        what = rule.metric or rule.query or "for people"
        yield f"quality rule {rule.name} ({rule.severity}): {what}", where


def _of_column(column: Column) -> Iterator[str]:
    if column.policy is Policy.DROP:
        yield "policy: drop (not read)"
        return
    yield f"type: {column.logical_type}"
    if column.required:
        yield "required"
    if column.policy is not Policy.KEEP:
        yield f"policy: {column.policy}"
    limits = column.limits
    told = {
        "unique": limits.unique,
        "pattern": limits.pattern is not None,
        "length": limits.min_length is not None or limits.max_length is not None,
        "range": any(
            bound is not None
            for bound in (
                limits.minimum,
                limits.maximum,
                limits.exclusive_minimum,
                limits.exclusive_maximum,
                limits.multiple_of,
            )
        ),
        "items": limits.min_items is not None or limits.max_items is not None,
        "format": limits.date_format is not None,
        "enum": bool(limits.enum),
    }
    yield from (name for name, said in told.items() if said)
