"""The reference of the malmoi.* fields as Markdown, made from schemas/malmoi-odcs.schema.json."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.intake.odcs import malmoi_schema

_LEVELS = {
    "contract": ("On the contract", "계약"),
    "data_set": ("On a data set (schema object)", "데이터 세트(schema 객체)"),
    "column": ("On a column (property)", "열(property)"),
}
_HEAD = """# Fields

What stands in `customProperties` of a contract, beside ODCS 3.2. Made from `schemas/malmoi-odcs.schema.json`;
do not edit: `malmoi contract fields > data_contracts/FIELDS.md`.

ODCS 3.2 외에 계약의 `customProperties`에 적는 필드다. 스키마에서 생성하므로 직접 고치지 않는다.
"""


def field_reference() -> str:
    """The whole page."""
    parts = [_HEAD]
    for level, (english, korean) in _LEVELS.items():
        parts.append(f"\n## {english} / {korean}\n\n| field | value | meaning | 뜻 |\n|---|---|---|---|\n")
        parts += [
            f"| `{name}`{' *' if required else ''} | {values} | {meaning} | {korean_meaning} |\n"
            for name, required, values, meaning, korean_meaning in _rows(malmoi_schema()["$defs"][level])
        ]
    parts.append("\n\\* required / 필수\n")
    return "".join(parts)


def described_fields() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of every level with its schema, those inside values too, by a dotted name."""
    for level in _LEVELS:
        yield from _fields(malmoi_schema()["$defs"][level], "")


def _rows(schema: dict[str, Any]) -> Iterator[tuple[str, bool, str, str, str]]:
    required = set(schema.get("required", ()))
    for name, field in _fields(schema, ""):
        yield (
            name,
            name in required,
            _escaped(_values(field)),
            _escaped(field.get("description", "")),
            _escaped(field.get("x-ko", "")),
        )


def _fields(schema: dict[str, Any], above: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        here = f"{above}{name}"
        yield here, field
        yield from _inside(field, here)


def _inside(field: dict[str, Any], here: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from _fields(field, f"{here} › ")
    for form in field.get("oneOf", ()):
        yield from _fields(form, f"{here} › ")
    if isinstance(entries := field.get("items"), dict):
        yield from _fields(entries, f"{here}[] › ")
    if isinstance(others := field.get("additionalProperties"), dict):
        yield from _fields(others, f"{here} › CLASS › ")


def _values(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return "day, YYYY-MM-DD"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array" and isinstance(entries := field.get("items"), dict):
        return f"list of {_values(entries)}"
    if "propertyNames" in field:
        return "by class: " + _values(field["propertyNames"])
    if "oneOf" in field:
        return "one of its forms"
    bounds = [
        f"{word} {field[keyword]}"
        for keyword, word in (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"))
        if keyword in field
    ]
    return " ".join(
        [{"object": "fields", "string": "text"}.get(field.get("type", ""), field.get("type", "")), *bounds]
    )


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("\n", " ")
