"""A contract against the two JSON Schemas: the official one of ODCS 3.2, and ours for malmoi.* names.

Faults are worded here, by the schema's keyword: the library's own messages quote whole values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any, cast

from jsonschema import Draft201909Validator
from jsonschema.exceptions import ValidationError, best_match

from pipelines.intake.house_rules import breach
from pipelines.intake.yaml_source import Address, Source, did_you_mean
from schemas.errors import Problem

PREFIX = "malmoi."
API_VERSION = "v3.2.0"  # of ODCS; older ones lack fields that are checked here
_LEVELS = {"contract": "a contract", "data_set": "a data set", "column": "a column"}
_JSON_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
_BOUNDS = {
    "minItems": "has too few entries: give at least {}",
    "minLength": "is too short: give at least {} characters",
    "maxItems": "has too many entries: give at most {}",
    "maxLength": "is too long: give at most {} characters",
    "minimum": "is too small: give {} or more",
    "maximum": "is too large: give {} or less",
    "exclusiveMinimum": "is too small: give more than {}",
    "exclusiveMaximum": "is too large: give less than {}",
    "multipleOf": "is no multiple of {}: give one",
}
_MAX_QUOTED = 40  # characters of a value that a message repeats
TODO = re.compile(r"TODO\b")  # what contract init leaves for a person to decide
_DAY, _SHA256 = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "^sha256:[0-9a-f]{64}$"
EXAMPLES = {_DAY: "2026-12-31", _SHA256: "sha256: and 64 hexadecimal digits", "\\S": "a sentence"}


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
    for error in _official_validator().iter_errors(source.value):
        yield from _worded(source, (), error, _official())
    for level, address, item in levels(source.value):
        yield from _custom_problems(source, level, address, item)


def _custom_problems(source: Source, level: str, address: Address, item: dict[str, Any]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, entry in items_of(item, "customProperties"):
        name = entry.get("property")
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            at = (*address, "customProperties", index, "property")
            yield breach(source, "property-twice", at, f"{name} stands twice: remove one")
    ours = {name: value for name, value in custom(item).items() if name.lower().startswith(PREFIX)}
    is_branch = level == "column" and not ours and is_container(item)
    if is_branch:  # the columns inside it have the roles
        return
    known = malmoi_schema()["$defs"][level]["properties"]
    for error in _validator(level).iter_errors(ours):
        if error.absolute_path:
            name, *inside = error.absolute_path
            at = (*address, *custom_address(item, str(name)), *inside)
            yield from _keyword(source, at, error, str(at[-1]) if inside else str(name))
        elif error.validator == "additionalProperties":
            for name in sorted(ours.keys() - known.keys()):
                at = (*address, *custom_address(item, name)[:-1], "property")
                message = f"{name} is nothing {_LEVELS[level]} has: {did_you_mean(name, known)}"
                yield breach(source, "unknown-field", at, message)
        elif error.validator == "required":
            for name in sorted(set(cast("list[str]", error.validator_value)) - ours.keys()):
                message = f"{name} is missing: add it to customProperties"
                yield breach(source, "missing-field", address, message)
        else:  # the one anyOf: a column without role and policy
            message = (
                "malmoi.role is missing, and so is malmoi.policy: say what the column is for, or its policy"
            )
            yield breach(source, "missing-field", address, message)


@lru_cache
def _validator(level: str) -> Draft201909Validator:
    return Draft201909Validator({"$ref": f"#/$defs/{level}", "$defs": malmoi_schema()["$defs"]})


def is_container(column: dict[str, Any]) -> bool:
    """Whether a column is a list of objects, whose own columns are described."""
    inner = column.get("items")
    return column.get("logicalType") == "array" and isinstance(inner, dict) and bool(inner.get("properties"))


def _worded(source: Source, base: Address, error: ValidationError, root: dict[str, Any]) -> Iterator[Problem]:
    if error.context and error.validator in {"anyOf", "oneOf"} and not _lacks_operator(error):
        deepest = best_match([error])
        error = error if deepest is None else deepest
    address = (*base, *error.absolute_path)
    if error.validator in {"unevaluatedProperties", "additionalProperties"}:
        # Computed here: where a field inside is wrong, the library names all its neighbours as unknown.
        known = _known(cast("dict[str, Any]", error.schema), root)
        for name in sorted(set(cast("dict[str, Any]", error.instance)) - known):
            message = f"ODCS has no field of this name here: {did_you_mean(name, known)}"
            yield breach(source, "unknown-field", (*address, name), message)
    elif error.validator == "required":
        for name in sorted(set(cast("list[str]", error.validator_value)) - set(cast("Any", error.instance))):
            yield breach(source, "missing-field", address, f"{name} is missing: add it")
    else:
        yield from _keyword(source, address, error, str(address[-1]) if address else "the file")


def _keyword(source: Source, address: Address, error: ValidationError, name: str) -> Iterator[Problem]:
    value: Any = error.validator_value
    if isinstance(error.instance, str) and TODO.match(error.instance):
        return  # the rule todo says so
    if "propertyNames" in error.absolute_schema_path:
        address = (*address, str(error.instance))
    match error.validator:
        case "type":
            wanted = value if isinstance(value, str) else " or ".join(value)
            message = f"is {_kind_of(error.instance)} and must be {wanted}: write it as {wanted}"
            yield breach(source, "wrong-type", address, message)
        case "enum" | "const":
            known = [str(word) for word in (value if isinstance(value, list) else [value])]
            message = f"{_quoted(error.instance)} is not known: {did_you_mean(error.instance, known)}"
            yield breach(source, "unknown-value", address, message)
        case "pattern":
            example = EXAMPLES.get(str(value))
            remedy = f"write it like {example}" if example else "mend it"
            message = f"{_quoted(error.instance)} does not fit {value}: {remedy}"
            yield breach(source, "wrong-form", address, message)
        case "additionalProperties":
            known = sorted(cast("dict[str, Any]", error.schema).get("properties", {}))
            for unknown in sorted(set(cast("dict[str, Any]", error.instance)) - set(known)):
                message = f"{name} has no field of this name: {did_you_mean(unknown, known)}"
                yield breach(source, "unknown-field", (*address, unknown), message)
        case "required":
            for missing in sorted(set(value) - set(cast("dict[str, Any]", error.instance))):
                yield breach(source, "missing-field", address, f"{name} says no {missing}: add it")
        case "uniqueItems":
            yield breach(source, "repeated-item", address, f"{name} names something twice: remove one")
        case "anyOf" | "oneOf":
            yield breach(source, "no-such-form", address, _forms(name, value, bool(error.context)))
        case _:
            yield breach(source, "out-of-bounds", address, _bounds(str(error.validator), value, name))


def _bounds(keyword: str, value: Any, name: str) -> str:
    """A number, text or list that is too small, too large, too short or too long."""
    if value == 1 and keyword in {"minItems", "minLength"}:
        return f"{name} is empty: fill it in"
    words = _BOUNDS.get(keyword, f"breaks the schema's rule {keyword}: see the ODCS 3.2 reference")
    return f"{name} {words.format(value)}"


def _forms(name: str, alternatives: list[dict[str, Any]], is_none: bool) -> str:
    """A value that has none of its field's forms, or several at once."""
    names = [" and ".join(form.get("required", ())) or str(form.get("type", "")) for form in alternatives]
    listed = ", ".join(dict.fromkeys(filter(None, names))) or "those of the ODCS 3.2 reference"
    if is_none:
        return f"{name} has none of the forms it may have: write one of {listed}"
    return f"{name} has more than one of the forms it may have: keep one of {listed}"


def _lacks_operator(error: ValidationError) -> bool:
    """Whether a quality rule compares with nothing: its eight alternatives would each be named as missing."""
    return any("mustBe" in form.get("required", ()) for form in cast("Any", error.validator_value))


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
def _official_validator() -> Draft201909Validator:
    return Draft201909Validator(_official())


@lru_cache
def malmoi_schema() -> dict[str, Any]:
    """Our JSON Schema of the customProperties: $defs contract, data_set, column."""
    return _read("schemas", "malmoi-odcs.schema.json")


def purposes() -> tuple[str, ...]:
    """The purposes a contract can allow and a recipe can have."""
    return tuple(malmoi_schema()["$defs"]["contract"]["properties"]["malmoi.purposes"]["items"]["enum"])


def _read(package: str, name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(files(package).joinpath(name).read_text("utf-8")))
