"""Contracts: ODCS 3.2 YAML read strictly, checked whole before a byte of a drop is read.

All faults are reported together: those of the official JSON Schema that `open_data_contract_standard`
ships, of schemas/malmoi-odcs.schema.json over the customProperties, and of the rules that no schema can say.
"""

from __future__ import annotations

from dataclasses import fields
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any

from pipelines.intake.approvals import broken_approvals
from pipelines.intake.contract_rules import broken_rules, too_large
from pipelines.intake.contract_values import contract_of
from pipelines.intake.house_rules import JUDGED_LATER, breach
from pipelines.intake.odcs import schema_problems
from pipelines.intake.quality_faults import broken_quality
from pipelines.intake.rights_rules import broken_rights
from pipelines.intake.service_level_faults import broken_service_levels
from pipelines.intake.yaml_source import Source, read_yaml
from schemas.contract import Contract, DataSet, Role
from schemas.documents import TURNS_VERSION
from schemas.errors import ContractRejected, InputUnreadable, Problem
from schemas.identity import fingerprint

MAX_FAULTS = 1_000  # that one look at a contract names: what is no contract at all has a fault a line
_SUFFIXES = (".yaml", ".yml")


def lint_contract(path: Path, *, today: str | None = None) -> tuple[Problem, ...]:
    """Every fault and warning of one contract file, sorted; empty where there is none.

    today: ISO date on which the term is judged; None judges no term.
    Raises InputUnreadable where the file cannot be read at all.
    """
    return _problems(read_yaml(path), today)


def load_contract(path: Path) -> Contract:
    """One contract, whatever its warnings.

    Raises ContractRejected with all faults that keep it from being read (`house_rules.JUDGED_LATER` do
    not), InputUnreadable where there is no file.
    """
    source = read_yaml(path)
    if problems := _unreadable(source):
        raise ContractRejected(problems)
    return contract_of(source.value)


def load_contracts(directory: Path) -> tuple[Contract, ...]:
    """All contracts (*.yaml, *.yml) of a directory, sorted by partner.

    Raises ContractRejected with the faults of all files, two contracts of one partner among them;
    InputUnreadable where there is no directory or no contract in it.
    """
    if not directory.is_dir():
        raise InputUnreadable(f"{directory.name}: no directory of contracts: check the path")
    paths = sorted(path for path in directory.iterdir() if path.suffix in _SUFFIXES)
    if not paths:
        raise InputUnreadable(f"{directory.name}: no contract (*.yaml) in it: check the path")
    problems: list[Problem] = []
    contracts: dict[str, Contract] = {}
    files: dict[str, str] = {}
    for path in paths:
        source = read_yaml(path)
        if found := _unreadable(source):
            problems += found
            continue
        contract = contract_of(source.value)
        if contract.partner in files:
            message = f"{files[contract.partner]} is this partner's contract already: keep one of the two"
            problems.append(breach(source, "partner-twice", ("tenant",), message))
        contracts[contract.partner] = contract
        files[contract.partner] = path.name
    if problems:
        raise ContractRejected(tuple(problems))
    return tuple(contracts[partner] for partner in sorted(contracts))


def data_sets_of(contract: Contract, name: str) -> tuple[DataSet, ...]:
    """The data sets a file belongs to: one, if the drop is as the contract says.

    `name` is the file's path inside the drop with slashes. A `*` never crosses a slash.
    """
    parts = name.split("/")
    return tuple(s for s in contract.data_sets if any(_fits(parts, glob.split("/")) for glob in s.files))


def _fits(parts: list[str], globs: list[str]) -> bool:
    return len(parts) == len(globs) and all(map(fnmatchcase, parts, globs))


def data_set_identity(data_set: DataSet) -> dict[str, Any]:
    """The literals that shape a data set's text, for the digest that names a staged file.

    Not its globs, its delivery, its limits or whether it may be absent: they decide which rows are read, and
    the same file read under another glob has the same text. Columns that are not read stay out.
    """
    turns: dict[str, Any] = {"turns": [TURNS_VERSION, data_set.speakers]} if data_set.has_turns else {}
    return turns | {
        "name": data_set.name,
        "kind": data_set.kind,
        "format": data_set.format,
        "encoding": data_set.encoding,
        "delimiter": data_set.delimiter,
        "markup": data_set.markup,
        "join": data_set.join,
        "languages": data_set.languages,
        "columns": tuple(
            (column.name, column.role, column.logical_type, column.required, column.path)
            for column in data_set.columns
            if column.role is not Role.OTHER
        ),
        "pii": [data_set.pii_policy, data_set.absent_identifiers],
    }


def admission_rules(contract: Contract) -> str:
    """Digest of what of a contract decides which rows of a drop are admitted.

    Shape, columns, limits, policies, quality rules and the share that may be refused. Where it differs from
    a receipt's, the receipt is stale: the drop is to be admitted again. Rights, term, contacts, prices,
    personal-data policies and service levels stay out: they are judged when a build selects, replaces or,
    on the day a drop comes, at its delivery.
    """
    judged_elsewhere = ("origin", "machine_terms", "rows_expected", "languages_expected", "pii_policy")
    sets = [
        {field.name: getattr(one, field.name) for field in fields(one) if field.name not in judged_elsewhere}
        for one in contract.data_sets
    ]
    return fingerprint([contract.partner, contract.delivered_as, sets])


def _unreadable(source: Source) -> tuple[Problem, ...]:
    return tuple(
        problem
        for problem in _problems(source, None)
        if problem.severity == "error" and problem.rule not in JUDGED_LATER
    )


def _problems(source: Source, today: str | None) -> tuple[Problem, ...]:
    problems = set(source.problems)
    if source.broken:
        return tuple(sorted(problems))
    if too_many := set(too_large(source)):
        return tuple(sorted(problems | too_many))
    passes = (
        schema_problems(source),
        broken_rules(source),
        broken_rights(source, today),
        broken_quality(source),
        broken_service_levels(source),
        broken_approvals(source),
    )
    for found in passes:
        problems.update(islice(found, MAX_FAULTS))
    if len(problems) > MAX_FAULTS:
        message = f"more than {MAX_FAULTS:,} faults: mend those that are named, the rest are named then"
        problems.add(breach(source, "yaml-size", (), message))
    return tuple(sorted(problems))
