"""The ODCS quality rules of a data set, measured while its rows stream by.

Rules see the rows that passed the checks of shape and type. Library metrics count values: `nullValues`
(null), `missingValues` (null, or one of the argument), `invalidValues` (not null and not one of
`validValues`, or not matching `pattern` as a whole), `duplicateValues` (rows that repeat an earlier row's
value), `rowCount`. The unit `percent` is of the rows seen (of the items, for a column inside a list). Rules
that count duplicates and `sql` rules are run by DuckDB over a copy on disk. Rules for people (`text`) are
passed on.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.intake.sql_rules import (
    Spill,
    SqlAnswer,
    SqlLimits,
    SqlQuery,
    identifier,
    run_queries,
    with_names,
)
from schemas.contract import DataSet, QualityRule, Severity

Measured = float | int | bool | None


@dataclass(frozen=True)
class RuleResult:
    """What became of one rule. `passed` is None for people's rules; `problem`: why one could not be run."""

    data_set: str
    rule: QualityRule
    measured: Measured
    of: int  # rows (or items) that it is a part of
    passed: bool | None
    problem: str = ""


@dataclass(frozen=True)
class InvalidRows:
    """Rows (positions in the batch) that a rule of severity error on single values names."""

    rule: QualityRule
    positions: NDArray[np.int64]


class RuleMeter:
    """Counts for the rules of one data set. spill: the copy on disk, where SQL asks for one."""

    def __init__(self, data_set: DataSet, *, spill: Spill | None, delivered: bool = True) -> None:
        self.data_set = data_set
        self.delivered = delivered
        self.rows = 0
        self.spill = spill
        self._metrics = [
            _Metric(rule) for rule in data_set.quality if rule.type == "library" and not _by_sql(rule)
        ]

    def add(self, table: pa.RecordBatch) -> list[InvalidRows]:
        """Measure rows: their number in `row`, then columns of their logical types; those that rules name."""
        self.rows += len(table)
        if self.spill is not None:
            self.spill.add(table.select(list(range(1, table.num_columns))))
        named = []
        for metric in self._metrics:
            positions = metric.add(table)
            if len(positions) and metric.rule.severity is Severity.ERROR:
                named.append(InvalidRows(metric.rule, positions))
        return named

    def results(self) -> Iterator[RuleResult]:
        """The rules that were counted, and those for people."""
        for metric in self._metrics:
            yield metric.result(self.data_set.name, self.rows)
        for rule in self.data_set.quality:
            if rule.type == "text":
                yield RuleResult(self.data_set.name, rule, None, self.rows, None)
            elif rule.type not in ("library", "sql"):
                problem = f"rules of type {rule.type} are not run: write it as library or sql"
                yield RuleResult(self.data_set.name, rule, None, self.rows, False, problem)


def needs_copy(data_set: DataSet, all_sets: Sequence[DataSet]) -> bool:
    """Whether rules read the data set by SQL: its own, or another's that names it."""
    return any(
        _by_sql(rule) and (own.name == data_set.name or (rule.query and data_set.name in rule.query))
        for own in all_sets
        for rule in own.quality
    )


def sql_results(meters: Sequence[RuleMeter], limits: SqlLimits) -> Iterator[RuleResult]:
    """The rules that DuckDB runs, of the data sets that were delivered; each may name every table."""
    asked = [(m, rule) for m in meters if m.delivered for rule in m.data_set.quality if _by_sql(rule)]
    if not asked:
        return
    tables: dict[str, Sequence[Path]] = {}
    for meter in meters:
        if meter.spill is not None:
            meter.spill.add(_no_rows(meter.data_set))
            meter.spill.close()
            tables[meter.data_set.name] = meter.spill.paths
    queries = [_query(meter.data_set, rule) for meter, rule in asked]
    for (meter, rule), answer in zip(asked, run_queries(queries, tables, limits), strict=True):
        yield _sql_result(meter, rule, answer)


def _no_rows(data_set: DataSet) -> pa.RecordBatch:
    """An empty batch with every column, so that one that no row has can be asked for."""
    types = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    columns = {
        c.path[0]: types.get(c.logical_type, pa.string()) for c in data_set.columns if len(c.path) == 1
    }
    return pa.RecordBatch.from_pylist([], schema=pa.schema(list(columns.items())))


def _sql_result(meter: RuleMeter, rule: QualityRule, answer: SqlAnswer) -> RuleResult:
    name = meter.data_set.name
    if answer.problem:
        return RuleResult(name, rule, None, meter.rows, passed=False, problem=answer.problem)
    if answer.equal is not None:
        if rule.operator not in ("mustBe", "mustNotBe"):
            problem = "gives a text where a number is compared"
            return RuleResult(name, rule, None, meter.rows, passed=False, problem=problem)
        return RuleResult(name, rule, None, meter.rows, answer.equal is (rule.operator == "mustBe"))
    measured = answer.value
    if rule.type == "library" and isinstance(measured, int):
        measured = _in_unit(rule, measured, meter.rows)
    return RuleResult(name, rule, measured, meter.rows, holds(rule, measured))


_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "mustBeGreaterThan": operator.gt,
    "mustBeGreaterOrEqualTo": operator.ge,
    "mustBeLessThan": operator.lt,
    "mustBeLessOrEqualTo": operator.le,
}


def holds(rule: QualityRule, measured: Measured) -> bool:
    """Whether a measurement is what the rule's operator asks for; null is not."""
    if measured is None or rule.operator is None:
        return False
    if rule.operator in ("mustBe", "mustNotBe"):
        return _same(measured, rule.value[0]) is (rule.operator == "mustBe")
    first, last = float(rule.value[0]), float(rule.value[-1])
    if rule.operator in ("mustBeBetween", "mustNotBeBetween"):
        return (first <= measured <= last) is (rule.operator == "mustBeBetween")
    return _COMPARED[rule.operator](float(measured), first)


def _same(measured: float | int | bool, wanted: float | int | str | bool) -> bool:
    if isinstance(wanted, str):
        return str(measured) == wanted
    return float(measured) == float(wanted)


def _by_sql(rule: QualityRule) -> bool:
    return rule.type == "sql" or (rule.type == "library" and rule.metric == "duplicateValues")


def _query(data_set: DataSet, rule: QualityRule) -> SqlQuery | None:
    expected = str(rule.value[0]) if rule.value else ""
    if rule.type == "sql":
        text = with_names(rule.query or "", table=data_set.name, column=rule.column)
        return None if text is None else SqlQuery(text, expected)
    table = identifier(data_set.name)
    columns = dict(rule.arguments).get("properties", ()) or ((rule.column,) if rule.column else ())
    listed = ", ".join(identifier(column) for column in columns) or "*"
    known = " OR ".join(f"{identifier(column)} IS NOT NULL" for column in columns) or "true"
    rows = f"SELECT {listed} FROM {table} WHERE {known}"  # noqa: S608 - quoted names, inside the sandbox
    return SqlQuery(
        f"SELECT (SELECT count(*) FROM ({rows})) - (SELECT count(*) FROM (SELECT DISTINCT * FROM ({rows})))",  # noqa: S608
        expected,
    )


def _in_unit(rule: QualityRule, count: int, of: int) -> float | int:
    if rule.unit == "percent":
        return 100.0 * count / of if of else 0.0
    return count


class _Metric:
    """One library rule's count."""

    def __init__(self, rule: QualityRule) -> None:
        self.rule = rule
        self.count = 0
        self.of = 0
        arguments = dict(rule.arguments)
        self._path = tuple((rule.column or "").split("."))
        self._missing = pa.array(arguments.get("missingValues", ()), pa.string())
        valid = arguments.get("validValues")
        # Python writes its booleans with a capital, Arrow without.
        words = {"True": "true", "False": "false"}
        self._valid = None if valid is None else pa.array([words.get(v, v) for v in valid], pa.string())
        pattern = arguments.get("pattern")
        self._pattern = None if pattern is None else rf"\A(?:{pattern[0]})\z"
        self._problem = self._why_not()

    def _why_not(self) -> str:
        if self.rule.metric != "invalidValues":
            return ""
        if self._valid is None and self._pattern is None:
            return "invalidValues has neither validValues nor pattern: add one to its arguments"
        try:
            pc.match_substring_regex(pa.array([""]), self._pattern or "")
        except pa.ArrowException:
            self._pattern = None
            return "its pattern is no regular expression of RE2: mend the pattern"
        return ""

    def add(self, table: pa.RecordBatch) -> NDArray[np.int64]:
        """Count; positions of the rows that hold an invalid value, ascending, each once."""
        nothing = np.zeros(0, np.int64)
        if self.rule.metric == "rowCount":
            self.count += len(table)
            self.of += len(table)
            return nothing
        values, parents = values_at(table, self._path)
        self.of += len(values)
        if self.rule.metric == "nullValues":
            self.count += values.null_count
            return nothing
        texts = as_text(values)
        if self.rule.metric == "missingValues":
            listed = pc.sum(pc.is_in(texts.drop_null(), value_set=self._missing)).as_py() or 0
            self.count += values.null_count + listed
            return nothing
        valid = pc.is_null(texts)
        if self._valid is not None or self._pattern is not None:
            fits = pa.array(np.ones(len(texts), np.bool_))
            if self._valid is not None:
                fits = pc.and_(fits, pc.is_in(texts, value_set=self._valid))
            if self._pattern is not None:
                fits = pc.and_(fits, pc.fill_null(pc.match_substring_regex(texts, self._pattern), False))
            valid = pc.or_(valid, fits)
        wrong = np.flatnonzero(~valid.to_numpy(zero_copy_only=False))
        self.count += len(wrong)
        return wrong if parents is None else np.unique(parents[wrong])

    def result(self, data_set: str, rows: int) -> RuleResult:
        """The rule's result over everything counted."""
        if self._problem:
            return RuleResult(data_set, self.rule, None, rows, passed=False, problem=self._problem)
        measured = _in_unit(self.rule, self.count, self.of)
        return RuleResult(data_set, self.rule, measured, self.of, holds(self.rule, measured))


def values_at(table: pa.RecordBatch, path: Sequence[str]) -> tuple[pa.Array, NDArray[np.int64] | None]:
    """The values of a column, through lists and objects, and the row each is of (None: one a row).

    A column that is not there is null in every row.
    """
    if path[0] not in table.schema.names:
        return pa.nulls(len(table), pa.string()), None
    values, parents = table[path[0]], None
    rest = list(path[1:])
    while True:
        if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            within = pc.list_parent_indices(values).to_numpy().astype(np.int64)
            parents = within if parents is None else parents[within]
            values = pc.list_flatten(values)
        elif rest and pa.types.is_struct(values.type) and values.type.get_field_index(rest[0]) >= 0:
            values = pc.struct_field(values, rest.pop(0))
        elif rest:
            return pa.nulls(len(values), pa.string()), parents
        else:
            return values, parents


def as_text(values: pa.Array) -> pa.Array:
    """Values as text; what has no text (objects) as null."""
    if pa.types.is_string(values.type):
        return values
    try:
        return pc.cast(values, pa.string())
    except pa.ArrowException:
        return pa.nulls(len(values), pa.string())
