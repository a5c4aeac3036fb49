"""Quality rules: library metrics against a plain count, operators, and SQL behind its walls."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.intake.quality_rules import RuleMeter, RuleResult, holds, needs_copy, sql_results
from pipelines.intake.sql_rules import Spill, SqlLimits, SqlQuery, run_queries, with_names
from schemas.contract import (
    Column,
    DataSet,
    Delivery,
    Format,
    Kind,
    Markup,
    QualityRule,
    Role,
    Severity,
)

QUICK = SqlLimits(seconds=2.0, memory_mib=256, threads=1)


def rule(**changes: object) -> QualityRule:
    values = {
        "name": "r",
        "type": "library",
        "severity": Severity.ERROR,
        "column": "word",
        "metric": "nullValues",
        "query": None,
        "operator": "mustBe",
        "value": (0,),
        "unit": "rows",
        "arguments": (),
        "description": "",
    }
    return QualityRule(**{**values, **changes})


def data_set(*rules: QualityRule) -> DataSet:
    columns = (
        Column("word", Role.TEXT, "string", False, ("word",)),
        Column("n", Role.OTHER, "integer", False, ("n",)),
        Column("turns.text", Role.TEXT, "string", False, ("turns", "text")),
    )
    return DataSet(
        name="posts",
        kind=Kind.SHORT_POST,
        files=("*.jsonl",),
        format=Format.JSONL,
        encoding="utf-8",
        delimiter=",",
        markup=Markup.PLAIN,
        join="\n",
        delivery=Delivery.APPEND,
        languages=("ko",),
        columns=columns,
        quality=rules,
    )


def batch(words: list[str | None], numbers: list[int | None] | None = None) -> pa.RecordBatch:
    numbers = numbers or [None] * len(words)
    columns = {
        "row": pa.array(range(len(words)), pa.int64()),
        "word": pa.array(words, pa.string()),
        "n": pa.array(numbers, pa.int64()),
    }
    return pa.RecordBatch.from_pydict(columns)


def measured(wanted: QualityRule, tables: list[pa.RecordBatch], tmp_path: Path) -> RuleResult:
    own = data_set(wanted)
    spill = Spill(tmp_path, "t") if needs_copy(own, [own]) else None
    meter = RuleMeter(own, spill=spill)
    for table in tables:
        meter.add(table)
    return next(iter([*meter.results(), *sql_results([meter], QUICK)]))


WORDS = st.lists(st.none() | st.sampled_from(["가", "나", "", "N/A", "abc"]), max_size=30)


@settings(max_examples=60)
@given(words=WORDS, cut=st.integers(0, 30))
def test_library_metrics_count_what_a_plain_loop_counts(words, cut, tmp_path_factory):
    tables = [batch(words[:cut]), batch(words[cut:])]
    there = tmp_path_factory.getbasetemp()

    def count(**changes: object) -> float | int | bool | None:
        return measured(rule(**changes), tables, there).measured

    assert count(metric="rowCount", column=None) == len(words)
    assert count(metric="nullValues") == words.count(None)
    missing = (("missingValues", ("", "N/A")),)
    assert count(metric="missingValues", arguments=missing) == sum(w in (None, "", "N/A") for w in words)
    listed = (("validValues", ("가", "나")),)
    assert count(metric="invalidValues", arguments=listed) == sum(w not in (None, "가", "나") for w in words)
    shape = (("pattern", ("[a-z]*",)),)
    wrong = sum(w not in (None, "", "abc") for w in words)
    assert count(metric="invalidValues", arguments=shape) == wrong
    share = count(metric="invalidValues", arguments=shape, unit="percent")
    assert share == pytest.approx(100 * wrong / len(words) if words else 0)


@settings(max_examples=5)
@given(words=WORDS)
def test_duplicates_are_rows_that_repeat_an_earlier_value(words, tmp_path_factory):
    told = measured(rule(metric="duplicateValues"), [batch(words)], tmp_path_factory.mktemp("d"))
    counts = Counter(word for word in words if word is not None)
    assert told.measured == sum(count - 1 for count in counts.values())


def test_invalid_values_name_their_rows_through_lists_too():
    wanted = rule(metric="invalidValues", column="turns.text", arguments=(("validValues", ("a", "b")),))
    meter = RuleMeter(data_set(wanted), spill=None)
    turns = [[{"text": "a"}, {"text": "x"}], None, [{"text": "b"}], [{"text": "x"}, {"text": "y"}]]
    named = meter.add(pa.RecordBatch.from_pydict({"row": range(4), "turns": turns}))
    assert [one.positions.tolist() for one in named] == [[0, 3]]
    assert next(meter.results()).measured == 3


def test_a_warning_names_no_rows():
    wanted = rule(metric="invalidValues", severity=Severity.WARNING, arguments=(("validValues", ("a",)),))
    assert RuleMeter(data_set(wanted), spill=None).add(batch(["b"])) == []


@pytest.mark.parametrize(
    ("operator", "value", "passing", "failing"),
    [
        ("mustBe", (3,), [3, 3.0], [2, None]),
        ("mustNotBe", (3,), [2], [3, None]),
        ("mustBeGreaterThan", (3,), [3.1], [3, None]),
        ("mustBeGreaterOrEqualTo", (3,), [3, 4], [2.9]),
        ("mustBeLessThan", (3,), [2], [3]),
        ("mustBeLessOrEqualTo", (3,), [3], [3.1]),
        ("mustBeBetween", (1, 3), [1, 2, 3], [0.9, 3.1]),
        ("mustNotBeBetween", (1, 3), [0.9, 3.1], [1, 2, 3, None]),
    ],
)
def test_every_operator_compares_as_the_standard_says(operator, value, passing, failing):
    wanted = rule(operator=operator, value=value)
    assert all(holds(wanted, one) for one in passing)
    assert not any(holds(wanted, one) for one in failing)


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"\1"])
def test_a_pattern_that_cannot_be_read_is_told_and_not_skipped(pattern, tmp_path):
    told = measured(
        rule(metric="invalidValues", arguments=(("pattern", (pattern,)),)), [batch(["a"])], tmp_path
    )
    assert told.passed is False
    assert told.problem


def test_rules_of_a_type_that_is_not_run_are_told(tmp_path):
    told = measured(rule(type="custom", metric=None), [batch(["a"])], tmp_path)
    assert told.passed is False
    assert "custom" in told.problem


def sql(query: str, **changes: object) -> QualityRule:
    return rule(type="sql", metric=None, query=query, **changes)


def test_sql_sees_the_tables_by_name_and_placeholder(tmp_path):
    tables = [batch(["가", "나", None], [1, 2, 3]), batch(["나"], [4])]
    ours = "SELECT count(*) FROM ${table} WHERE ${column} IS NOT NULL"
    assert measured(sql(ours), tables, tmp_path).measured == 3
    assert measured(sql("SELECT max(n) - min(n) FROM posts"), tables, tmp_path).measured == 3
    assert measured(sql("SELECT count(turns) FROM (SELECT 1 AS turns)"), tables, tmp_path).measured == 1
    assert with_names("SELECT 1 FROM ${other}", table="posts", column=None) is None


def test_sql_over_a_data_set_without_rows_is_asked_all_the_same(tmp_path):
    assert measured(sql("SELECT count(word) FROM ${table}", operator="mustBe"), [], tmp_path).passed is True


def test_a_text_is_compared_and_never_told(tmp_path):
    told = measured(sql("SELECT max(word) FROM posts", value=("나",)), [batch(["가", "나"])], tmp_path)
    assert (told.passed, told.measured) == (True, None)
    other = measured(sql("SELECT max(word) FROM posts", value=("가",)), [batch(["가", "나"])], tmp_path)
    assert (other.passed, other.measured) == (False, None)


HOSTILE = [
    ("SELECT count(*) FROM read_csv('/etc/passwd')", "refused"),
    ("SELECT count(*) FROM read_text('/etc/hostname')", "refused"),
    ("SELECT count(*) FROM '/etc/hostname'", "refused"),
    ("SELECT count(*) FROM glob('/etc/*')", "refused"),
    ("COPY (SELECT 1) TO '{there}/stolen.csv'", "not one SELECT"),
    ("ATTACH '{there}/stolen.db' AS x", "not one SELECT"),
    ("CREATE TABLE x AS SELECT 1", "not one SELECT"),
    ("INSTALL httpfs", "not one SELECT"),
    ("SET memory_limit = '100GB'", "not one SELECT"),
    ("SELECT 1; SELECT 2", "not one SELECT"),
    ("SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b", "too long"),
    ("SELECT len(string_agg(repeat('x', 1000), '')) FROM range(10000000)", "memory"),
    ("SELECT len(repeat('x', 3000000000))", "memory"),
    ("SELECT word FROM posts", "one row of one column"),
    ("SELECT CAST(word AS INTEGER) FROM posts LIMIT 1", "ConversionException"),
    ("SELECT nonsense FROM posts", "refused"),
]


def test_sql_that_reads_writes_runs_for_ever_or_takes_all_memory_is_not_run(tmp_path):
    spill = Spill(tmp_path, "t")
    spill.add(batch(["비밀", "나"]).select(["word", "n"]))
    spill.close()
    queries = [SqlQuery(query.replace("{there}", str(tmp_path)), "") for query, _ in HOSTILE]
    answers = run_queries([*queries, SqlQuery("SELECT 7", "")], {"posts": spill.paths}, QUICK)
    for (query, why), answer in zip(HOSTILE, answers, strict=False):
        assert why in answer.problem, query
        assert "비밀" not in answer.problem
    assert answers[-1].value == 7  # the walls hold, and the others are answered
    assert not list(tmp_path.glob("stolen*"))


def test_a_rule_that_cannot_be_run_has_failed_and_says_why(tmp_path):
    told = measured(sql("SELECT nonsense FROM posts"), [batch(["가"])], tmp_path)
    assert told.passed is False
    assert "nonsense" in told.problem


def test_a_query_that_kills_its_process_costs_only_itself(tmp_path, monkeypatch):
    """The parent goes on with the rest; here the child is one that dies at a word."""
    child = tmp_path / "child.py"
    real = Path("pipelines/intake/sql_sandbox.py").read_text()
    dying = 'if "dies" in query: import os; os._exit(9)\n        '
    child.write_text(real.replace("sys.stdout.write(json", dying + "sys.stdout.write(json"))
    monkeypatch.setattr("pipelines.intake.sql_rules._SANDBOX", child)
    queries = [SqlQuery("SELECT 1", ""), SqlQuery("SELECT 'dies'", ""), SqlQuery("SELECT 3", "")]
    answers = run_queries(queries, {}, QUICK)
    assert [answer.value for answer in answers] == [1, None, 3]
    assert "ended the process" in answers[1].problem
