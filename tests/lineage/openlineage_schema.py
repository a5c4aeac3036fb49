"""JSON Schemas of OpenLineage events, derived from the classes that the project generates from its own.

The official package ships no JSON Schema, but `openlineage.client.generated`, made from them: fields,
types, what is required, enumerations and each facet's schema URL. Derived here strictly: no unknown property.
"""

from __future__ import annotations

import enum
import importlib
import json
import pkgutil
import types
import typing
from functools import cache
from pathlib import Path
from typing import Any

import attr
import openlineage.client.generated as generated
from jsonschema import Draft202012Validator, FormatChecker
from openlineage.client.generated import base

OURS = Path(__file__).parents[2] / "schemas" / "malmoi-openlineage.schema.json"
_FORMATS = {"eventTime": "date-time", "runId": "uuid", "_producer": "uri", "producer": "uri"}


def faults(event: dict[str, Any]) -> list[str]:
    """Everything in which an event is not as the specification says; [] for a valid one."""
    found = _check(_schema_of(base.RunEvent), event, "event")
    if event.get("schemaURL") != base.RunEvent._get_schema():
        found.append("schemaURL is not of a RunEvent")
    found += _facets(event["run"].get("facets", {}), base.RunFacet, "run")
    found += _facets(event["job"].get("facets", {}), base.JobFacet, "job")
    for name, special, kind in (
        ("inputs", "inputFacets", base.InputDatasetFacet),
        ("outputs", "outputFacets", base.OutputDatasetFacet),
    ):
        for place, data_set in enumerate(event.get(name, [])):
            found += _facets(data_set.get("facets", {}), base.DatasetFacet, f"{name}[{place}]")
            found += _facets(data_set.get(special, {}), kind, f"{name}[{place}]")
    return found


def _facets(facets: dict[str, Any], kind: type, where: str) -> list[str]:
    found = []
    for name, facet in facets.items():
        url = facet.get("_schemaURL", "")
        if url.startswith("urn:malmoi:openlineage:1#"):
            schema = {**json.loads(OURS.read_bytes()), "$ref": "#" + url.partition("#")[2]}
            schema.pop("$id")
            found += _check(schema, facet, f"{where}.{name}")
        elif (cls := _by_url().get(url)) is None or not issubclass(cls, kind):
            found.append(f"{where}.{name}: no {kind.__name__} has the schema {url!r}")
        else:
            found += _check(_schema_of(cls), facet, f"{where}.{name}")
    return found


def _check(schema: dict[str, Any], value: Any, where: str) -> list[str]:
    checker = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{where}{error.json_path[1:]}: {error.message[:200]}" for error in checker.iter_errors(value)]


@cache
def _by_url() -> dict[str, type]:
    classes = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for cls in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).values():
            if isinstance(cls, type) and issubclass(cls, base.BaseFacet):
                classes[cls._get_schema()] = cls
    return classes


@cache
def _schema_of(cls: Any) -> dict[str, Any]:
    """The JSON Schema of a class."""
    definitions: dict[str, Any] = {}
    return {**_type(cls, definitions), "$defs": definitions}


def _define(cls: Any, definitions: dict[str, Any]) -> None:
    name = _name(cls)
    if name in definitions:
        return
    definitions[name] = {}  # classes may hold themselves
    hints = typing.get_type_hints(cls)
    properties = {}
    for field in attr.fields(cls):
        properties[field.name] = _type(hints[field.name], definitions)
        if field.name in _FORMATS:
            properties[field.name]["format"] = _FORMATS[field.name]
    required = [field.name for field in attr.fields(cls) if field.default is attr.NOTHING]
    if issubclass(cls, base.BaseFacet):
        required += ["_producer", "_schemaURL"]
    if issubclass(cls, base.BaseEvent):
        required += ["producer", "schemaURL", "eventType"]
    definitions[name] = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _name(cls: Any) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _type(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_type(one, definitions) for one in inner if one is not type(None)]}
    if origin is list:
        return {"type": "array", "items": _type(inner[0], definitions)}
    if origin is dict:
        facet = isinstance(inner[1], type) and issubclass(inner[1], base.BaseFacet)
        return {"type": "object", "additionalProperties": True if facet else _type(inner[1], definitions)}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if attr.has(hint):
        _define(hint, definitions)
        return {"$ref": f"#/$defs/{_name(hint)}"}
    plain = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return {"type": plain[hint]} if hint in plain else {}
