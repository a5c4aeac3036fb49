"""A sql rule before it is run: one SELECT over the contract's own data sets that DuckDB can bind.

The text is parsed by DuckDB, its tree is searched for tables and table functions, and it is bound (never run)
against empty tables of the contract's columns, without access to files. The walls that it runs behind are in
`pipelines.intake.sql_sandbox`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipelines.intake.odcs import is_container, items_of
from pipelines.intake.sql_rules import identifier, with_names
from pipelines.intake.yaml_source import did_you_mean

if TYPE_CHECKING:
    import duckdb  # at run time where a contract has a rule in SQL: most have none to pay for

MAX_QUERY = 10_000  # characters
_TYPES = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
_FUNCTIONS = {"unnest", "range", "generate_series"}  # table functions that read nothing
_LIMITS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "256MiB",
    "threads": "1",
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class SqlTables:
    """The data sets of one contract as empty tables; made when the first rule asks."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def fault(self, query: str, table: str, column: str | None) -> str:
        """What is wrong with a rule's query, with the remedy; "" where it can be run."""
        if len(query) > MAX_QUERY:
            return f"has {len(query):,} characters, of {MAX_QUERY:,} that are allowed: shorten it"
        named = with_names(query, table=table, column=column)
        if named is None:
            return "uses a placeholder other than ${table}, and ${column} of a column's rule: name it"
        import duckdb

        try:
            return self._not_one_select(named) or self._reads_elsewhere(named) or self._not_one_value(named)
        except duckdb.Error as error:
            return f"cannot be run by DuckDB ({_first_line(error)}): mend it"

    def _not_one_select(self, query: str) -> str:
        import duckdb

        statements = self._connection.extract_statements(query)
        if len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT:
            return ""
        return "is not exactly one SELECT: a rule reads one number and changes nothing"

    def _not_one_value(self, query: str) -> str:
        statement = self._connection.extract_statements(query)[0]
        shape = self._connection.execute(f"DESCRIBE {statement.query}").fetchall()
        return "" if len(shape) == 1 else f"gives {len(shape)} columns: select one number"

    def _reads_elsewhere(self, query: str) -> str:
        row = self._connection.execute("SELECT json_serialize_sql(?)", [query]).fetchone()
        tree = json.loads(row[0]) if row else {}
        if tree.get("error"):
            return "is not exactly one SELECT: a rule reads one number and changes nothing"
        nodes = list(_nodes(tree))
        within = {name for node in nodes for name in _with_names(node)}
        for node in nodes:
            if node.get("type") == "BASE_TABLE":
                name = str(node.get("table_name", ""))
                elsewhere = node.get("schema_name") or node.get("catalog_name")
                if elsewhere or (name not in self._names and name not in within):
                    return f"reads {name[:40]!r}, which is no data set: {did_you_mean(name, self._names)}"
            if node.get("type") == "TABLE_FUNCTION":
                function = node.get("function", {}).get("function_name", "")
                if function not in _FUNCTIONS:
                    return f"calls the table function {function}: a rule reads its data set and nothing else"
        return ""

    @cached_property
    def _names(self) -> set[str]:
        return {item["name"] for _, item in items_of(self._document, "schema") if _is_named(item)}

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        connection = duckdb.connect(":memory:", config=_LIMITS)
        connection.execute("SET python_enable_replacements = false")
        for _, item in items_of(self._document, "schema"):
            columns = list(dict(_columns(item)).items())
            if _is_named(item) and columns:
                listed = ", ".join(f"{identifier(name)} {kind}" for name, kind in columns)
                connection.execute(f"CREATE OR REPLACE TABLE {identifier(item['name'])} ({listed})")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection


def _columns(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The columns of one level and their types in DuckDB; dates are the text they are delivered as."""
    for _, column in items_of(item, "properties"):
        if not _is_named(column):
            continue
        logical = column.get("logicalType")
        kind = _TYPES.get(logical, "VARCHAR") if isinstance(logical, str) else "VARCHAR"
        if logical == "array":
            inner = column.get("items")
            element = inner.get("logicalType") if isinstance(inner, dict) else None
            kind = _TYPES.get(element, "VARCHAR") if isinstance(element, str) else "VARCHAR"
            if is_container(column):
                fields = [
                    f"{identifier(name)} {part}" for name, part in dict(_columns(column["items"])).items()
                ]
                kind = f"STRUCT({', '.join(fields)})" if fields else "VARCHAR"
            kind += "[]"
        yield column["name"], kind


def _is_named(item: dict[str, Any]) -> bool:
    return isinstance(item.get("name"), str) and bool(item["name"])


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def _with_names(node: dict[str, Any]) -> Iterator[str]:
    """The names that WITH gives in a query node."""
    listed = node.get("cte_map", {})
    for entry in listed.get("map", ()) if isinstance(listed, dict) else ():
        yield str(entry.get("key"))


def _first_line(error: duckdb.Error) -> str:
    return str(error).split("\n")[0][:200]
