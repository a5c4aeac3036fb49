"""A contract against the two JSON Schemas: the official one of ODCS 3.2, and ours for malmoi.* names.

Faults are worded here, by the schema's keyword: the library's own messages quote whole values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any, cast

from jsonschema import Draft201909Validator
from jsonschema.exceptions import ValidationError, best_match

from pipelines.intake.yaml_source import Address, Source, did_you_mean
from schemas.errors import Problem

PREFIX = "malmoi."
API_VERSION = "v3.2.0"  # of ODCS; older ones lack fields that are checked here
_LEVELS = {"contract": "a contract", "data_set": "a data set", "column": "a column"}
_JSON_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
_MAX_QUOTED = 40  # characters of a value that a message repeats


def custom(item: Any) -> dict[str, Any]:
    """The customProperties of a contract, data set or column as {property: value}; the first of a name."""
    found: dict[str, Any] = {}
    for entry in _entries(item):
        found.setdefault(entry["property"], entry.get("value"))
    return found


def custom_address(item: Any, name: str) -> Address:
    """Where a custom property's value stands inside its item; the list itself where there is none."""
    listed = item.get("customProperties") if isinstance(item, dict) else None
    for index, entry in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(entry, dict) and entry.get("property") == name:
            return ("customProperties", index, "value")
    return ("customProperties",)


def items_of(value: Any, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a list under a key, with their places; what is no object is passed over."""
    listed = value.get(key) if isinstance(value, dict) else None
    if isinstance(listed, list):
        yield from ((index, item) for index, item in enumerate(listed) if isinstance(item, dict))


def levels(document: Any) -> Iterator[tuple[str, Address, dict[str, Any]]]:
    """The contract, its data sets and its columns (of lists, those inside), each with its address."""
    if not isinstance(document, dict):
        return
    yield "contract", (), document
    for index, data_set in items_of(document, "schema"):
        yield "data_set", ("schema", index), data_set
        yield from _columns(("schema", index), data_set)


def _columns(address: Address, item: dict[str, Any]) -> Iterator[tuple[str, Address, dict[str, Any]]]:
    for index, column in items_of(item, "properties"):
        at: Address = (*address, "properties", index)
        yield "column", at, column
        yield from _columns(at, column)
        if isinstance(inner := column.get("items"), dict):
            yield from _columns((*at, "items"), inner)


def schema_problems(source: Source) -> Iterator[Problem]:
    """Every fault that one of the two schemas finds."""
    official = Draft201909Validator(_official())
    for error in official.iter_errors(source.value):
        yield from _worded(source, (), error, _official())
    for level, address, item in levels(source.value):
        yield from _custom_problems(source, level, address, item)


def _custom_problems(source: Source, level: str, address: Address, item: dict[str, Any]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, entry in items_of(item, "customProperties"):
        name = entry.get("property")
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            at = (*address, "customProperties", index, "property")
            yield source.problem(at, f"{name} stands twice: remove one")
    ours = {name: value for name, value in custom(item).items() if name.lower().startswith(PREFIX)}
    is_branch = level == "column" and not ours and is_container(item)
    if is_branch:  # the columns inside it have the roles
        return
    schema = {"$ref": f"#/$defs/{level}", "$defs": _ours()["$defs"]}
    known = _ours()["$defs"][level]["properties"]
    for error in Draft201909Validator(schema).iter_errors(ours):
        if error.validator == "additionalProperties":
            for name in sorted(ours.keys() - known.keys()):
                at = (*address, *custom_address(item, name)[:-1], "property")
                yield source.problem(
                    at, f"{name} is nothing {_LEVELS[level]} has: {did_you_mean(name, known)}"
                )
        elif error.validator == "required" and not error.absolute_path:
            for name in sorted(set(cast("list[str]", error.validator_value)) - ours.keys()):
                yield source.problem(address, f"{name} is missing: add it to customProperties")
        else:
            name, *inside = error.absolute_path
            at = (*address, *custom_address(item, str(name)), *inside)
            yield from _keyword(source, at, error, str(name))


def is_container(column: dict[str, Any]) -> bool:
    """Whether a column is a list of objects, whose own columns are described."""
    inner = column.get("items")
    return column.get("logicalType") == "array" and isinstance(inner, dict) and bool(inner.get("properties"))


def _worded(source: Source, base: Address, error: ValidationError, root: dict[str, Any]) -> Iterator[Problem]:
    if error.context and error.validator in {"anyOf", "oneOf"}:
        deepest = best_match([error])
        error = error if deepest is None else deepest
    address = (*base, *error.absolute_path)
    if error.validator in {"unevaluatedProperties", "additionalProperties"}:
        # Computed here: where a field inside is wrong, the library names all its neighbours as unknown.
        known = _known(cast("dict[str, Any]", error.schema), root)
        for name in sorted(set(cast("dict[str, Any]", error.instance)) - known):
            yield source.problem(
                (*address, name), f"ODCS has no field of this name here: {did_you_mean(name, known)}"
            )
    elif error.validator == "required":
        for name in sorted(set(cast("list[str]", error.validator_value)) - set(cast("Any", error.instance))):
            yield source.problem(address, f"{name} is missing: add it")
    else:
        yield from _keyword(source, address, error, str(address[-1]) if address else "the file")


def _keyword(source: Source, address: Address, error: ValidationError, name: str) -> Iterator[Problem]:
    value = error.validator_value
    match error.validator:
        case "type":
            wanted = value if isinstance(value, str) else " or ".join(cast("list[str]", value))
            message = f"is {_kind_of(error.instance)} and must be {wanted}: write it as {wanted}"
        case "enum":
            remedy = did_you_mean(error.instance, map(str, cast("list[Any]", value)))
            message = f"{_quoted(error.instance)} is not known: {remedy}"
        case "pattern":
            message = f"{_quoted(error.instance)} does not fit {value}: mend it"
        case "minItems" | "minLength":
            message = f"{name} is empty: fill it in"
        case "uniqueItems":
            message = f"{name} names something twice: remove one"
        case _:
            message = (
                f"breaks the rule {error.validator} of the schema for {name}: see the ODCS 3.2 reference"
            )
    yield source.problem(address, message)


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else _kind_of(value)
    return repr(text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "…")


def _kind_of(value: Any) -> str:
    return "empty" if value is None else _JSON_NAMES.get(type(value), type(value).__name__)


def _known(schema: dict[str, Any], root: dict[str, Any]) -> set[str]:
    """The field names a schema knows, through its references."""
    names = set(schema.get("properties", {}))
    if "$ref" in schema:
        names |= _known(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(keyword, ()):
            names |= _known(part, root)
    for keyword in ("if", "then", "else"):
        if isinstance(part := schema.get(keyword), dict):
            names |= _known(part, root)
    return names


def _entries(item: Any) -> Iterator[dict[str, Any]]:
    for _, entry in items_of(item, "customProperties"):
        if isinstance(entry.get("property"), str):
            yield entry


@lru_cache
def _official() -> dict[str, Any]:
    return _read("open_data_contract_standard", "schema.json")


@lru_cache
def _ours() -> dict[str, Any]:
    return _read("schemas", "malmoi-odcs.schema.json")


def purposes() -> tuple[str, ...]:
    """The purposes a contract can allow and a recipe can have."""
    return tuple(_ours()["$defs"]["contract"]["properties"]["malmoi.purposes"]["items"]["enum"])


def _read(package: str, name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(files(package).joinpath(name).read_text("utf-8")))
