"""Service levels of a contract before a drop is there: each is known, and its range holds something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipelines.intake.column_rules import leaves, role_of
from pipelines.intake.contract_values import DAYS, FREQUENCY, LANGUAGE_SHARE, LATENCY, ROWS
from pipelines.intake.house_rules import breach
from pipelines.intake.odcs import PREFIX, TODO, custom, custom_address, items_of
from pipelines.intake.yaml_source import Address, Source, did_you_mean
from schemas.errors import Problem

# Of ODCS 3.2 (docs/service-level-agreement.md); those other than frequency and latency are for people.
_ODCS = {
    *("availability", "throughput", "errorRate", "generalAvailability", "endOfSupport", "endOfLife"),
    *("retention", FREQUENCY, LATENCY, "timeToDetect", "timeToNotify", "timeToRepair"),
}
_LANGUAGE = re.compile(r"[a-z]{2}")


def broken_service_levels(source: Source) -> Iterator[Problem]:
    """Every fault of slaProperties, and of text whose languages nobody expects."""
    if not isinstance(source.value, dict):
        return
    names = [item.get("name") for _, item in items_of(source.value, "schema")]
    known = [name for name in names if isinstance(name, str)]
    seen: set[tuple[Any, Any]] = set()
    for index, level in items_of(source.value, "slaProperties"):
        at: Address = ("slaProperties", index)
        name = level.get("property")
        if not isinstance(name, str):
            continue
        if (name, str(level.get("element"))) in seen:
            yield breach(source, "service-level", (*at, "property"), f"{name} stands twice: remove one")
        seen.add((name, str(level.get("element"))))
        if name in (FREQUENCY, LATENCY):
            yield from _days(source, at, level, least=1 if name == FREQUENCY else 0)
        elif name == ROWS or name.startswith(LANGUAGE_SHARE):
            yield from _range(source, at, level, name, known)
        elif name not in _ODCS:
            ours = {ROWS, LANGUAGE_SHARE + "ko"}
            remedy = did_you_mean(name, ours if name.startswith(PREFIX) else _ODCS | ours)
            yield breach(source, "service-level", (*at, "property"), f"is no service level: {remedy}")
    yield from _expectations(source, source.value, seen)


def _days(source: Source, at: Address, level: dict[str, Any], *, least: int) -> Iterator[Problem]:
    value, unit = level.get("value"), level.get("unit", "d")
    if isinstance(value, str) and TODO.match(value):
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        message = f"is a whole number, {least} or more: write one"
        yield breach(source, "service-level", (*at, "value"), message)
    if not isinstance(unit, str) or unit not in DAYS:
        yield breach(source, "service-level", (*at, "unit"), "is no unit that is counted: use d, w or m")


def _range(
    source: Source, at: Address, level: dict[str, Any], name: str, known: list[str]
) -> Iterator[Problem]:
    element = level.get("element")
    if element not in known:
        remedy = did_you_mean(element, known) if isinstance(element, str) else "add element: and a data set"
        message = f"{name} is of a data set of this contract: {remedy}"
        yield breach(source, "service-level", (*at, "element") if "element" in level else at, message)
    is_share = name != ROWS
    if is_share and not _LANGUAGE.fullmatch(name.removeprefix(LANGUAGE_SHARE)):
        message = "names no language: two small letters of ISO 639-1 after the last dot"
        yield breach(source, "service-level", (*at, "property"), message)
    ends: list[Any] = [level.get("value"), level.get("valueExt")]
    top = 1 if is_share else float("inf")
    for end, field in zip(ends, ("value", "valueExt"), strict=True):
        is_number = isinstance(end, (int, float)) and not isinstance(end, bool)
        if isinstance(end, str) and TODO.match(end):
            return
        if not (is_number and 0 <= end <= top) and not (end is None and field == "valueExt"):
            remedy = "a share from 0 to 1" if is_share else "a number of rows"
            yield breach(source, "service-level", (*at, field), f"is no {remedy[2:]}: write {remedy}")
            return
    if ends[1] is not None and ends[0] > ends[1]:
        message = "is less than value: value is the least, valueExt the most"
        yield breach(source, "service-level", (*at, "valueExt"), message)


def _expectations(source: Source, document: dict[str, Any], seen: set[tuple[Any, Any]]) -> Iterator[Problem]:
    for index, data_set in items_of(document, "schema"):
        roles = {role_of(leaf.value) for leaf in leaves(data_set)}
        languages = custom(data_set).get("malmoi.languages")
        listed = [code for code in languages if isinstance(code, str)] if isinstance(languages, list) else []
        name = str(data_set.get("name"))
        lacking = [
            code for code in listed if code != "code" and (f"{LANGUAGE_SHARE}{code}", name) not in seen
        ]
        if "text" in roles and lacking:
            at = ("schema", index, *custom_address(data_set, "malmoi.languages"))
            message = (
                f"no share is expected of {', '.join(lacking)}: "
                f"add malmoi.languageShare.{lacking[0]} (element {name}) to slaProperties"
            )
            yield breach(source, "language-expectation", at, message)
