"""Quality rules of a contract before a drop is there: whether each of them can be run, and could fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.intake.column_limits import pattern_fault
from pipelines.intake.column_rules import leaves
from pipelines.intake.house_rules import breach
from pipelines.intake.odcs import TODO, items_of
from pipelines.intake.sql_faults import SqlTables
from pipelines.intake.yaml_source import Address, Source, did_you_mean
from schemas.errors import Problem

_SEVERITIES = ("error", "warning")
# The arguments of each library metric, and where it is measured.
_ARGUMENTS: dict[str, set[str]] = {
    "rowCount": set(),
    "nullValues": set(),
    "missingValues": {"missingValues"},
    "invalidValues": {"validValues", "pattern"},
    "duplicateValues": {"properties"},
}


def broken_quality(source: Source) -> Iterator[Problem]:
    """Every fault of every quality rule."""
    if not isinstance(source.value, dict):
        return
    names: set[str] = set()
    tables = SqlTables(source.value)
    for index, data_set in items_of(source.value, "schema"):
        at: Address = ("schema", index)
        columns = {".".join(leaf.path) for leaf in leaves(data_set)}
        owners = [(at, data_set, "")]
        owners += [(leaf.address, leaf.value, ".".join(leaf.path)) for leaf in leaves(data_set, at)]
        for address, owner, column in owners:
            for place, rule in items_of(owner, "quality"):
                here = (*address, "quality", place)
                name = rule.get("id") or rule.get("name")
                if isinstance(name, str) and name in names:
                    message = f"a second rule {name}: give each its own id"
                    yield breach(source, "quality-name", (*here, "id" if "id" in rule else "name"), message)
                names.add(str(name))
                yield from _rule(source, here, rule, column, columns)
                if rule.get("type") == "sql" and isinstance(query := rule.get("query"), str):
                    table = data_set.get("name")
                    fault = tables.fault(query, table if isinstance(table, str) else "", column or None)
                    if fault and not TODO.match(query):
                        yield breach(source, "sql", (*here, "query"), fault)


def _rule(
    source: Source, here: Address, rule: dict[str, Any], column: str, columns: set[str]
) -> Iterator[Problem]:
    kind = rule.get("type", "library")
    severity, metric = rule.get("severity", "error"), rule.get("metric")
    if kind == "custom":
        message = "custom rules are not run: say it as library or sql, or for people as text"
        yield breach(source, "quality-type", (*here, "type"), message)
        return
    if isinstance(severity, str) and severity not in _SEVERITIES and not TODO.match(severity):
        message = f"{did_you_mean(severity, _SEVERITIES)} (error refuses the drop, warning is reported)"
        yield breach(source, "quality-severity", (*here, "severity"), message)
    if kind in ("text", "sql") and metric is not None:
        message = f"a rule of type {kind} has no metric: remove it, or say type: library"
        yield breach(source, "quality-metric", (*here, "metric"), message)
        return
    if kind == "text":
        if not rule.get("description"):
            message = "a rule for people without description: say it in words"
            yield breach(source, "missing-field", here, message)
        return
    if kind == "library" and metric is None:
        yield breach(source, "missing-field", here, "metric is missing: name one, or say the rule's type")
    yield from _operator(source, here, rule)
    unit = rule.get("unit", "rows")
    if unit not in ("rows", "percent") or (unit == "percent" and (metric == "rowCount" or kind == "sql")):
        message = "the unit is rows or percent; rowCount and sql have rows only: mend it"
        yield breach(source, "quality-metric", (*here, "unit"), message)
    if kind == "library" and isinstance(metric, str) and metric in _ARGUMENTS:
        yield from _metric(source, here, rule, metric, column, columns)


def _operator(source: Source, here: Address, rule: dict[str, Any]) -> Iterator[Problem]:
    given = [name for name in rule if name.startswith(("mustBe", "mustNotBe"))]
    if len(given) != 1:
        message = (
            "compares with nothing: add one of mustBe, mustBeLessThan, mustBeGreaterThan, mustBeBetween, ..."
        )
        if given:
            message = f"compares with {len(given)} operators: keep one, or write two rules"
        yield breach(source, "quality-operator", here, message)
        return
    value = rule[given[0]]
    numbers = value if isinstance(value, list) else [value]
    is_text = rule.get("type") == "sql" and isinstance(value, (str, bool))  # of mustBe and mustNotBe
    if not is_text and not all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in numbers):
        message = "is compared with a count: write a number"
        yield breach(source, "quality-operator", (*here, given[0]), message)
    elif isinstance(value, list) and len(value) == 2 and value[0] > value[1]:
        message = "no number lies between them: the smaller comes first"
        yield breach(source, "quality-operator", (*here, given[0]), message)


def _metric(
    source: Source, here: Address, rule: dict[str, Any], metric: str, column: str, columns: set[str]
) -> Iterator[Problem]:
    arguments = rule.get("arguments", {})
    arguments = arguments if isinstance(arguments, dict) else {}
    if metric == "rowCount" and column:
        message = "rowCount is of a data set: move it there"
        yield breach(source, "quality-metric", (*here, "metric"), message)
    if metric in ("nullValues", "missingValues", "invalidValues") and not column:
        message = f"{metric} is of a column: move it to one"
        yield breach(source, "quality-metric", (*here, "metric"), message)
    known = _ARGUMENTS[metric]
    for name in sorted(arguments.keys() - known):
        remedy = did_you_mean(name, known) if known else "remove it"
        message = f"{metric} has no argument of this name: {remedy}"
        yield breach(source, "quality-metric", (*here, "arguments", name), message)
    for name in sorted(arguments.keys() & known - {"pattern"}):
        listed = arguments[name]
        plain = isinstance(listed, list) and all(isinstance(x, (str, int, float)) for x in listed)
        if not plain or not listed:
            message = f"{name} is a list of values: write [...]"
            yield breach(source, "quality-metric", (*here, "arguments", name), message)
    if "pattern" in arguments.keys() & known:
        pattern = arguments["pattern"]
        fault = pattern_fault(pattern) if isinstance(pattern, str) else "is no text: write a pattern"
        if fault:
            yield breach(source, "pattern", (*here, "arguments", "pattern"), fault)
    if metric == "invalidValues" and not arguments.keys() & known:
        message = "invalidValues without validValues or pattern: add one to arguments"
        yield breach(source, "quality-metric", here, message)
    if metric == "duplicateValues":
        yield from _duplicates(source, here, arguments.get("properties"), column, columns)


def _duplicates(
    source: Source, here: Address, named: Any, column: str, columns: set[str]
) -> Iterator[Problem]:
    if not column and not named:
        message = "duplicateValues of a data set names its columns: add arguments: {properties: [...]}"
        yield breach(source, "quality-metric", here, message)
    for place, name in enumerate(named if isinstance(named, list) else []):
        if str(name) not in columns:
            message = f"is no column of the data set: {did_you_mean(name, columns)}"
            yield breach(source, "quality-metric", (*here, "arguments", "properties", place), message)
