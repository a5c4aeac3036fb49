"""Contracts: ODCS 3.2 YAML read strictly, checked whole before a byte of a drop is read.

Three passes, all of whose faults are reported together: the official JSON Schema that
`open_data_contract_standard` ships, schemas/malmoi-odcs.schema.json over the customProperties, and
what no schema can say (`pipelines.intake.contract_rules`).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pipelines.intake.contract_rules import broken_rules, leaves
from pipelines.intake.odcs import custom, schema_problems
from pipelines.intake.yaml_source import Source, read_yaml
from schemas.contract import Column, Contract, DataSet, Delivery, Format, Kind, Markup, Role
from schemas.errors import ContractRejected, InputUnreadable, Problem
from schemas.identity import fingerprint

_SUFFIXES = (".yaml", ".yml")


def lint_contract(path: Path) -> tuple[Problem, ...]:
    """Every fault of one contract file, sorted; empty where there is none.

    Raises InputUnreadable where the file cannot be read at all.
    """
    return _problems(read_yaml(path))


def load_contract(path: Path) -> Contract:
    """One contract. Raises ContractRejected with all faults, InputUnreadable where there is no file."""
    source = read_yaml(path)
    if problems := _problems(source):
        raise ContractRejected(problems)
    return _contract(source)


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
        if found := _problems(source):
            problems += found
            continue
        contract = _contract(source)
        if contract.partner in files:
            message = f"{files[contract.partner]} is this partner's contract already: keep one of the two"
            problems.append(source.problem(("tenant",), message))
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

    Not its globs, its delivery, or whether it may be absent: they decide which rows are read, and
    the same file read under another glob has the same text. Columns that are not read stay out.
    """
    return {
        "name": data_set.name,
        "kind": data_set.kind,
        "format": data_set.format,
        "encoding": data_set.encoding,
        "delimiter": data_set.delimiter,
        "markup": data_set.markup,
        "join": data_set.join,
        "languages": data_set.languages,
        "columns": tuple(column for column in data_set.columns if column.role is not Role.DROP),
    }


def _problems(source: Source) -> tuple[Problem, ...]:
    problems = set(source.problems)
    if not source.broken:
        problems.update(schema_problems(source))
        problems.update(broken_rules(source))
    return tuple(sorted(problems))


def _contract(source: Source) -> Contract:
    """The contract of a source without faults."""
    document = source.value
    ours = custom(document)
    return Contract(
        partner=document["tenant"],
        version=document["version"],
        digest=fingerprint(document),
        data_sets=tuple(_data_set(item) for item in document["schema"]),
        licence=ours["malmoi.licence"],
        purposes=tuple(sorted(ours["malmoi.purposes"])),
        starts=ours["malmoi.starts"],
        expires=ours["malmoi.expires"],
        attribution=ours["malmoi.attribution"],
        contact=document["support"][0]["url"],
    )


def _data_set(item: dict[str, Any]) -> DataSet:
    ours = custom(item)
    file_format = Format(ours["malmoi.format"])
    return DataSet(
        name=item["name"],
        kind=Kind(ours["malmoi.kind"]),
        files=tuple(sorted(ours["malmoi.files"])),
        format=file_format,
        encoding=codecs.lookup(ours.get("malmoi.encoding", "utf-8")).name,
        delimiter=ours.get("malmoi.delimiter", ",") if file_format is Format.CSV else "",
        markup=Markup(ours.get("malmoi.markup", "plain")),
        join=ours.get("malmoi.join", "\n"),
        delivery=Delivery(ours["malmoi.delivery"]),
        languages=tuple(ours["malmoi.languages"]),
        columns=tuple(_columns(item)),
        optional=ours.get("malmoi.optional", False),
    )


def _columns(item: dict[str, Any]) -> Iterator[Column]:
    for leaf in leaves(item):
        yield Column(
            name=".".join(leaf.path),
            role=Role(custom(leaf.value)["malmoi.role"]),
            logical_type=leaf.value["logicalType"],
            required=leaf.value.get("required", False),
            path=leaf.path,
        )
